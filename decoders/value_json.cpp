#include "decoders/value_json.hpp"

#include "decoders/hex.hpp"
#include "decoders/json_buffer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <simdjson.h>

namespace decoders {
namespace {

// Decimal digits of a little-endian integer: a byte-wise long division by ten for each.
void append_decimal(Bytes little_endian, std::string& out) {
    std::vector<std::uint8_t> number(little_endian.begin(), little_endian.end());
    std::string digits;
    do {
        unsigned rest = 0;
        for (auto byte = number.rbegin(); byte != number.rend(); ++byte) {
            rest = rest << 8 | *byte;
            *byte = static_cast<std::uint8_t>(rest / 10);
            rest %= 10;
        }
        digits += static_cast<char>('0' + rest);
        while (!number.empty() && number.back() == 0) number.pop_back();
    } while (!number.empty());
    out.append(digits.rbegin(), digits.rend());
}

std::size_t integer_bytes(Primitive kind) {
    switch (kind) {
    case Primitive::u8:
    case Primitive::i8: return 1;
    case Primitive::u16:
    case Primitive::i16: return 2;
    case Primitive::u32:
    case Primitive::i32: return 4;
    case Primitive::u64:
    case Primitive::i64: return 8;
    case Primitive::u128:
    case Primitive::i128: return 16;
    default: return 32;
    }
}

// primitive_types::U128, U256, U512: arrays of u64 in the registry, numbers for everyone else.
bool is_wide_integer(std::span<std::string_view const> path) {
    return path.size() == 2 && path[0] == "primitive_types" &&
           (path[1] == "U256" || path[1] == "U128" || path[1] == "U512");
}

} // namespace

void append_json_text(std::string_view text, std::string& out) {
    auto const before = out.size();
    out.resize(before + 6 * text.size() + 2);
    auto const* end = write_json_text(text, out.data() + before);
    out.resize(static_cast<std::size_t>(end - out.data()));
}

void JsonWriter::value(TypeId id, std::size_t depth) {
    if (!in_.ok()) return;
    if (out_.size() > limit_) {
        in_.fail(Code::too_much_work, in_.position());
        return failed(id);
    }
    auto const& type = metadata_.types[id];
    switch (type.kind) {
    case TypeKind::composite: composite(type, id, depth); break;
    case TypeKind::variant: variant(type, id, depth); break;
    case TypeKind::sequence: sequence(type, id, depth); break;
    case TypeKind::array:
        if (is_u8(type.element)) {
            bytes_as_hex(type.length);
        } else {
            elements(type.element, type.length, depth);
        }
        break;
    case TypeKind::tuple:
        if (type.count == 0) {
            out_ += "null";
        } else {
            out_ += '[';
            for (std::size_t i = 0; i < type.count; ++i) {
                if (i != 0) out_ += ',';
                value(metadata_.fields_of(type)[i].type, depth);
            }
            out_ += ']';
        }
        break;
    case TypeKind::primitive: primitive(type.primitive); break;
    case TypeKind::compact: compact(id); break;
    case TypeKind::bit_sequence: bits(type); break;
    }
    failed(id);
}

bool JsonWriter::is_u8(TypeId id) const {
    auto const& type = metadata_.types[id];
    return type.kind == TypeKind::primitive && type.primitive == Primitive::u8;
}

void JsonWriter::composite(Type const& type, TypeId id, std::size_t depth) {
    if (is_wide_integer(metadata_.path_of(type)) && plans_.types[id].size <= 64) {
        out_ += '"';
        auto const number = in_.bytes(plans_.types[id].size);
        append_decimal(number, out_);
        out_ += '"';
        return;
    }
    fields(metadata_.fields_of(type), depth);
}

void JsonWriter::fields(std::span<Field const> fields, std::size_t depth) {
    if (fields.empty()) {
        out_ += "null";
        return;
    }
    bool const named = !fields[0].name.empty();
    if (!named && fields.size() == 1) return value(fields[0].type, depth);
    out_ += named ? '{' : '[';
    for (std::size_t i = 0; i < fields.size() && in_.ok(); ++i) {
        if (i != 0) out_ += ',';
        if (named) {
            quoted(fields[i].name);
            out_ += ':';
        }
        value(fields[i].type, depth);
    }
    out_ += named ? '}' : ']';
}

void JsonWriter::variant(Type const& type, TypeId id, std::size_t depth) {
    auto const start = in_.position();
    if (type.count == 0) return in_.fail(Code::no_values, start);
    auto const tag = in_.u8();
    if (!in_.ok()) return;
    auto const variants = metadata_.variants_of(type);
    // Indexes nearly always are places.
    auto found = variants.begin() + std::min<std::size_t>(tag, variants.size() - 1);
    if (found->index != tag) found = std::ranges::find(variants, tag, &Variant::index);
    if (found == variants.end()) return in_.fail(Code::bad_variant, start, tag);
    bool const nests = plans_.steps[plans_.types[id].first].op == Op::variant;
    if (nests && depth >= max_value_depth) return in_.fail(Code::too_deep, start);
    if (found->field_count == 0) return quoted(found->name);
    out_ += '{';
    quoted(found->name);
    out_ += ':';
    fields(metadata_.fields_of(*found), depth + 1);
    out_ += '}';
}

void JsonWriter::sequence(Type const& type, TypeId, std::size_t depth) {
    auto const size = plans_.types[type.element].size;
    auto const start = in_.position();
    if (size == variable_size && depth >= max_value_depth) return in_.fail(Code::too_deep, start);
    auto const count = in_.count(size == variable_size ? 1 : size);
    if (size == 0 && count > max_empty_elements) return in_.fail(Code::too_much_work, start);
    if (!in_.ok()) return;
    if (is_u8(type.element)) return bytes_as_hex(count);
    elements(type.element, count, size == variable_size ? depth + 1 : depth);
}

void JsonWriter::elements(TypeId element, std::uint64_t count, std::size_t depth) {
    out_ += '[';
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
        if (i != 0) out_ += ',';
        value(element, depth);
    }
    out_ += ']';
}

void JsonWriter::bytes_as_hex(std::size_t size) {
    auto const bytes = in_.bytes(size);
    if (!in_.ok()) return;
    out_ += "\"0x";
    hex_encode(bytes, out_);
    out_ += '"';
}

void JsonWriter::primitive(Primitive kind) {
    auto const start = in_.position();
    switch (kind) {
    case Primitive::boolean: {
        auto const byte = in_.u8();
        if (byte > 1) in_.fail(Code::bad_bool, start);
        out_ += byte == 1 ? "true" : "false";
        return;
    }
    case Primitive::character: return character();
    case Primitive::string: {
        auto const text = in_.text();
        if (!simdjson::validate_utf8(text.data(), text.size())) {
            auto const before = static_cast<std::size_t>(in_.position() - text.size());
            return in_.fail(Code::bad_utf8, before);
        }
        return quoted(text);
    }
    default: {
        auto const size = integer_bytes(kind);
        auto const number = in_.bytes(size);
        if (!in_.ok()) return;
        if (size > 4) out_ += '"';
        integer(number, kind >= Primitive::i8);
        if (size > 4) out_ += '"';
    }
    }
}

void JsonWriter::integer(Bytes little_endian, bool negative_allowed) {
    if (negative_allowed && (little_endian.back() & 0x80) != 0) {
        std::array<std::uint8_t, 32> magnitude{};
        unsigned carry = 1; // two's complement
        for (std::size_t i = 0; i < little_endian.size(); ++i) {
            carry += static_cast<std::uint8_t>(~little_endian[i]);
            magnitude[i] = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        out_ += '-';
        return append_decimal({magnitude.data(), little_endian.size()}, out_);
    }
    append_decimal(little_endian, out_);
}

void JsonWriter::character() {
    auto const start = in_.position();
    auto const code = in_.u32();
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        return in_.fail(Code::bad_char, start);
    }
    char text[4];
    quoted({text, static_cast<std::size_t>(write_utf8(code, text) - text)});
}

void JsonWriter::compact(TypeId id) {
    auto const element = metadata_.types[id].element;
    if (plans_.types[id].size == 0) return value(element);
    auto const& step = plans_.steps[plans_.types[id].first];
    auto const start = in_.position();
    if (step.op != Op::compact) return in_.fail(Code::no_values, start);
    std::uint8_t storage[largest_integer];
    auto const digits = in_.compact_big(storage);
    if (digits.size() > step.width) return in_.fail(Code::compact_too_wide, start);
    if (in_.ok()) compact_as(element, digits, start);
}

// The integer in the clothes of its type: newtypes vanish, structs of one named field stay objects.
void JsonWriter::compact_as(TypeId id, Bytes digits, std::size_t start) {
    auto const& type = metadata_.types[id];
    if (type.kind == TypeKind::composite) {
        auto const& field = metadata_.fields_of(type)[0];
        if (field.name.empty()) return compact_as(field.type, digits, start);
        out_ += '{';
        quoted(field.name);
        out_ += ':';
        compact_as(field.type, digits, start);
        out_ += '}';
        return;
    }
    bool const wide = integer_bytes(type.primitive) > 4;
    if (wide) out_ += '"';
    append_decimal(digits, out_);
    if (wide) out_ += '"';
}

// The order type's name says whether a store's lowest or highest bit comes first.
void JsonWriter::bits(Type const& type) {
    auto const& store = metadata_.types[type.element];
    auto const start = in_.position();
    bool const integer = store.kind == TypeKind::primitive && store.primitive >= Primitive::u8 &&
                         store.primitive <= Primitive::u64;
    if (!integer) return in_.fail(Code::no_values, start);
    std::size_t const store_bytes = integer_bytes(store.primitive);
    std::size_t const store_bits = 8 * store_bytes;
    std::size_t const count = in_.compact_u32();
    auto const bytes = (count + store_bits - 1) / store_bits * store_bytes;
    if (bytes > in_.remaining()) in_.fail(Code::too_many_elements, start, count);
    auto const data = in_.bytes(bytes);
    if (!in_.ok()) return;
    bool const highest_first = metadata_.last_segment(metadata_.types[type.order]) == "Msb0";
    out_ += "\"0b";
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t const in_store =
            highest_first ? store_bits - 1 - i % store_bits : i % store_bits;
        std::size_t const byte = i / store_bits * store_bytes + in_store / 8;
        out_ += static_cast<char>('0' + ((data[byte] >> in_store % 8) & 1));
    }
    out_ += '"';
}

} // namespace decoders
