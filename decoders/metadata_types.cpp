#include "decoders/metadata_parse.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace decoders {
namespace {

TypeId type_id(Cursor& in) { return in.compact_u32(); }

bool option(Cursor& in) {
    auto const at = in.position();
    auto const tag = in.u8();
    if (tag > 1) in.fail(Code::metadata_enum, at, tag);
    return tag == 1;
}

std::uint32_t parse_fields(Cursor& in, Metadata& out) {
    auto const count = in.count(4);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Field field;
        if (option(in)) field.name = in.text();
        field.type = type_id(in);
        if (option(in)) field.type_name = in.text();
        skip_texts(in);
        out.fields.push_back(field);
    }
    return count;
}

void parse_variants(Cursor& in, Metadata& out, Type& type) {
    auto const at = in.position();
    type.count = in.count(4);
    type.first = static_cast<std::uint32_t>(out.variants.size());
    std::array<bool, 256> seen{};
    for (std::uint32_t i = 0; i < type.count && in.ok(); ++i) {
        Variant variant;
        variant.name = in.text();
        variant.first_field = static_cast<std::uint32_t>(out.fields.size());
        variant.field_count = parse_fields(in, out);
        variant.index = in.u8();
        skip_texts(in);
        if (std::exchange(seen[variant.index], true)) {
            in.fail(Code::metadata_enum, at, variant.index); // two variants of one index
        }
        out.variants.push_back(variant);
    }
}

void parse_tuple(Cursor& in, Metadata& out, Type& type) {
    type.count = in.count(1);
    type.first = static_cast<std::uint32_t>(out.fields.size());
    for (std::uint32_t i = 0; i < type.count && in.ok(); ++i) {
        Field field;
        field.type = type_id(in);
        out.fields.push_back(field);
    }
}

void parse_primitive(Cursor& in, Type& type) {
    auto const at = in.position();
    auto const tag = in.u8();
    if (tag > static_cast<std::uint8_t>(Primitive::i256)) in.fail(Code::metadata_enum, at, tag);
    type.primitive = static_cast<Primitive>(tag);
}

void parse_definition(Cursor& in, Metadata& out, Type& type) {
    auto const at = in.position();
    auto const tag = in.u8();
    if (tag > static_cast<std::uint8_t>(TypeKind::bit_sequence)) {
        in.fail(Code::metadata_enum, at, tag);
        return;
    }
    // scale-info's order: composite, variant, sequence, array, tuple, primitive, compact, bits.
    type.kind = static_cast<TypeKind>(tag);
    switch (type.kind) {
    case TypeKind::composite:
        type.first = static_cast<std::uint32_t>(out.fields.size());
        type.count = parse_fields(in, out);
        break;
    case TypeKind::variant: parse_variants(in, out, type); break;
    case TypeKind::array: type.length = in.u32(); [[fallthrough]];
    case TypeKind::sequence:
    case TypeKind::compact: type.element = type_id(in); break;
    case TypeKind::tuple: parse_tuple(in, out, type); break;
    case TypeKind::primitive: parse_primitive(in, type); break;
    case TypeKind::bit_sequence:
        type.element = type_id(in);
        type.order = type_id(in);
        break;
    }
}

void parse_type(Cursor& in, Metadata& out) {
    Type type;
    type.segment_count = in.count(1);
    type.first_segment = static_cast<std::uint32_t>(out.segments.size());
    for (std::uint32_t i = 0; i < type.segment_count && in.ok(); ++i) {
        out.segments.push_back(in.text());
    }
    type.parameter_count = in.count(2);
    type.first_parameter = static_cast<std::uint32_t>(out.parameters.size());
    for (std::uint32_t i = 0; i < type.parameter_count && in.ok(); ++i) {
        TypeParameter parameter;
        parameter.name = in.text();
        if (option(in)) parameter.type = type_id(in);
        out.parameters.push_back(parameter);
    }
    parse_definition(in, out, type);
    skip_texts(in);
    out.types.push_back(type);
}

// How deep structs, tuples and arrays nest before an enum or a list; 0: not known yet.
class NestingCheck {
  public:
    explicit NestingCheck(Metadata const& metadata)
        : metadata_(metadata)
        , depth_(metadata.types.size(), unknown) {}

    // False: contains itself, or deeper than allowed. Recursion ends at max_nested_composites.
    bool check(TypeId id, std::size_t level = 0) {
        if (level > max_nested_composites) return false;
        if (depth_[id] != unknown) return depth_[id] + level <= max_nested_composites;
        auto const& type = metadata_.types[id];
        std::size_t deepest = 0;
        auto const inner = [&](TypeId of) {
            if (!check(of, level + 1)) return false;
            deepest = std::max<std::size_t>(deepest, depth_[of] + 1u);
            return true;
        };
        bool good = true;
        if (type.kind == TypeKind::composite || type.kind == TypeKind::tuple) {
            for (auto const& field : metadata_.fields_of(type)) good = good && inner(field.type);
        } else if (type.kind == TypeKind::array || type.kind == TypeKind::compact) {
            good = inner(type.element);
        }
        if (good) depth_[id] = static_cast<std::uint8_t>(deepest);
        return good;
    }

  private:
    static constexpr std::uint8_t unknown = 0xff;
    static_assert(max_nested_composites < unknown);
    Metadata const& metadata_;
    std::vector<std::uint8_t> depth_;
};

} // namespace

void skip_texts(Cursor& in) {
    auto const count = in.count(1);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) static_cast<void>(in.text());
}

void parse_types(Cursor& in, Metadata& out) {
    auto const at = in.position();
    auto const count = in.count(5);
    if (count > max_types) in.fail(Code::metadata_too_large, at, count);
    out.types.reserve(in.ok() ? count : 0);
    out.fields.reserve(in.ok() ? std::size_t{count} * 4 : 0);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        auto const here = in.position();
        auto const id = type_id(in);
        if (id != i) in.fail(Code::metadata_type_order, here, id);
        parse_type(in, out);
    }
}

std::expected<void, Error> check_types(Metadata const& metadata) {
    auto const size = metadata.types.size();
    for (auto const& field : metadata.fields) {
        if (field.type >= size) {
            return std::unexpected(Error{Code::metadata_type_id, 0, field.type});
        }
    }
    for (auto const& parameter : metadata.parameters) {
        if (parameter.type != no_type && parameter.type >= size) {
            return std::unexpected(Error{Code::metadata_type_id, 0, parameter.type});
        }
    }
    for (auto const& type : metadata.types) {
        for (auto const id : {type.element, type.order}) {
            if (id != no_type && id >= size) {
                return std::unexpected(Error{Code::metadata_type_id, 0, id});
            }
        }
    }
    NestingCheck nesting(metadata);
    for (TypeId id = 0; id < size; ++id) {
        if (!nesting.check(id)) return std::unexpected(Error{Code::metadata_cyclic, 0, id});
    }
    return {};
}

} // namespace decoders
