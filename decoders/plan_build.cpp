#include "decoders/plan.hpp"

#include <algorithm>
#include <optional>
#include <span>

// Structs, tuples and arrays are laid out in line; enums and lists refer to other runs by index,
// which is where recursive types close their circle. A struct of many steps is called instead of
// copied, so the plans grow with the metadata, not with its nesting.
namespace decoders {
namespace {

constexpr std::uint32_t most_inlined_steps = 8;

std::uint32_t primitive_size(Primitive primitive) {
    switch (primitive) {
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
    case Primitive::u256:
    case Primitive::i256: return 32;
    case Primitive::boolean:
    case Primitive::character:
    case Primitive::string: break; // not every byte pattern is a value
    }
    return variable_size;
}

class Builder {
  public:
    explicit Builder(Metadata const& metadata)
        : metadata_(metadata)
        , sizes_(metadata.types.size(), no_such)
        , counts_(metadata.types.size(), 0)
        , tables_(metadata.types.size(), no_such) {}

    std::expected<Plans, Error> build() {
        auto const types = static_cast<TypeId>(metadata_.types.size());
        out_.types.resize(types);
        for (TypeId id = 0; id < types; ++id) {
            auto const first = static_cast<std::uint32_t>(out_.steps.size());
            emit(id, first);
            add({.op = Op::end, .type = id});
            out_.types[id] = {size_of(id), first};
        }
        for (TypeId id = 0; id < types; ++id) {
            if (metadata_.types[id].kind == TypeKind::variant) emit_branches(id);
        }
        for (auto const at : calls_) {
            auto& step = out_.steps[at];
            step.a = out_.types[step.a].first;
        }
        if (!bad_) {
            if (!find_record()) bad_ = Error{Code::no_events};
        }
        if (bad_) return std::unexpected(*bad_);
        page_events();
        return std::move(out_);
    }

  private:
    // Fixed size in bytes, or variable_size. Recursion is bounded: check_types() saw to the
    // nesting.
    std::uint32_t size_of(TypeId id) {
        if (sizes_[id] != no_such) return sizes_[id];
        auto const& type = metadata_.types[id];
        std::uint64_t size = variable_size;
        switch (type.kind) {
        case TypeKind::composite:
        case TypeKind::tuple: size = size_of(metadata_.fields_of(type)); break;
        case TypeKind::array:
            size = type.length == 0 ? 0 : size_of(type.element);
            if (size != variable_size) size *= type.length;
            break;
        case TypeKind::primitive: size = primitive_size(type.primitive); break;
        case TypeKind::compact:
            if (size_of(type.element) == 0) size = 0; // Compact<()> has no bytes
            break;
        case TypeKind::variant:
        case TypeKind::sequence:
        case TypeKind::bit_sequence: break;
        }
        if (size != variable_size) size = std::min<std::uint64_t>(size, huge_size - 1);
        return sizes_[id] = static_cast<std::uint32_t>(size);
    }
    std::uint32_t size_of(std::span<Field const> fields) {
        std::uint64_t size = 0;
        for (auto const& field : fields) {
            auto const one = size_of(field.type);
            if (one == variable_size) return variable_size;
            size += one;
        }
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(size, huge_size - 1));
    }

    // Steps a value takes in line; structs above most_inlined_steps count as the one call they
    // become.
    std::uint32_t count_of(TypeId id) {
        if (counts_[id] != 0) return counts_[id];
        auto const& type = metadata_.types[id];
        std::uint32_t count = 1;
        bool const direct = type.kind == TypeKind::composite || type.kind == TypeKind::tuple;
        if (direct && size_of(id) == variable_size) {
            count = 0;
            for (auto const& field : metadata_.fields_of(type)) {
                auto const one = count_of(field.type);
                count += one > most_inlined_steps ? 1 : one;
            }
        }
        return counts_[id] = count;
    }

    std::uint32_t add(Step step) {
        out_.steps.push_back(step);
        return static_cast<std::uint32_t>(out_.steps.size() - 1);
    }
    // Neighbouring skips of one run become one; a run starts at `first`.
    void add_skip(std::uint32_t size, TypeId type, std::uint32_t first) {
        if (size == 0) return;
        if (out_.steps.size() > first && out_.steps.back().op == Op::skip) {
            auto& before = out_.steps.back();
            before.a = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(std::uint64_t{before.a} + size, huge_size - 1));
            return;
        }
        add({.op = Op::skip, .type = type, .a = size});
    }
    void add_call(Op op, TypeId to, std::uint32_t times, TypeId type) {
        calls_.push_back(add({.op = op, .type = type, .a = to, .b = times}));
    }

    void emit_fields(std::span<Field const> fields, std::uint32_t first) {
        for (auto const& field : fields) {
            if (count_of(field.type) > most_inlined_steps) {
                add_call(Op::call, field.type, 0, field.type);
            } else {
                emit(field.type, first);
            }
        }
    }

    void emit(TypeId id, std::uint32_t first) {
        auto const& type = metadata_.types[id];
        auto const size = size_of(id);
        if (size != variable_size) {
            add_skip(size, id, first);
            return;
        }
        switch (type.kind) {
        case TypeKind::composite:
        case TypeKind::tuple: emit_fields(metadata_.fields_of(type), first); break;
        case TypeKind::array: add_call(Op::repeat, type.element, type.length, id); break;
        case TypeKind::sequence: emit_sequence(type, id); break;
        case TypeKind::primitive: emit_primitive(type, id); break;
        case TypeKind::compact: emit_compact(type, id); break;
        case TypeKind::bit_sequence: emit_bits(type, id); break;
        case TypeKind::variant: emit_variant(type, id); break;
        }
    }

    void emit_sequence(Type const& type, TypeId id) {
        auto const size = size_of(type.element);
        if (size == variable_size) {
            add_call(Op::sequence, type.element, variable_size, id);
        } else {
            add({.op = Op::sequence, .type = id, .b = size});
        }
    }
    void emit_primitive(Type const& type, TypeId id) {
        auto const op = type.primitive == Primitive::boolean   ? Op::boolean
                      : type.primitive == Primitive::character ? Op::character
                                                               : Op::text;
        add({.op = op, .type = id});
    }
    // A compact of anything but an unsigned integer (perhaps in structs of one field) cannot be
    // decoded; such a type only fails where a value of it turns up.
    void emit_compact(Type const& type, TypeId id) {
        auto const* inner = &metadata_.types[type.element];
        while (inner->kind == TypeKind::composite && inner->count == 1) {
            inner = &metadata_.types[metadata_.fields_of(*inner)[0].type];
        }
        bool const integer = inner->kind == TypeKind::primitive &&
                             inner->primitive >= Primitive::u8 &&
                             inner->primitive <= Primitive::u256;
        if (!integer) {
            add({.op = Op::never, .type = id});
            return;
        }
        auto const width = static_cast<std::uint8_t>(primitive_size(inner->primitive));
        add({.op = Op::compact, .width = width, .type = id});
    }
    void emit_bits(Type const& type, TypeId id) {
        auto const& store = metadata_.types[type.element];
        bool const integer = store.kind == TypeKind::primitive &&
                             store.primitive >= Primitive::u8 && store.primitive <= Primitive::u64;
        if (integer) {
            add({.op = Op::bits, .type = id, .a = primitive_size(store.primitive)});
        } else {
            add({.op = Op::never, .type = id});
        }
    }
    void emit_variant(Type const& type, TypeId id) {
        auto const variants = metadata_.variants_of(type);
        if (variants.empty()) {
            add({.op = Op::never, .type = id});
            return;
        }
        bool bare = true;
        std::uint32_t bound = 0;
        for (auto const& variant : variants) {
            bare = bare && variant.field_count == 0;
            bound = std::max(bound, variant.index + 1u);
        }
        if (bare && bound == variants.size()) { // indexes are distinct, so they are 0, 1, 2, ...
            add({.op = Op::tag, .type = id, .a = bound});
            return;
        }
        add({.op = Op::variant, .type = id, .a = table_of(id), .b = bound});
    }

    // Where the branches of an enum start; reserved at first sight, filled by emit_branches().
    std::uint32_t table_of(TypeId id) {
        if (tables_[id] != no_such) return tables_[id];
        std::size_t bound = 0;
        for (auto const& variant : metadata_.variants_of(metadata_.types[id])) {
            bound = std::max<std::size_t>(bound, variant.index + 1u);
        }
        tables_[id] = static_cast<std::uint32_t>(out_.branches.size());
        out_.branches.resize(out_.branches.size() + bound);
        return tables_[id];
    }
    void emit_branches(TypeId id) {
        auto const table = table_of(id);
        for (auto const& variant : metadata_.variants_of(metadata_.types[id])) {
            auto const fields = metadata_.fields_of(variant);
            Run run{size_of(fields), static_cast<std::uint32_t>(out_.steps.size())};
            emit_fields(fields, run.first);
            add({.op = Op::end, .type = id});
            out_.branches[table + variant.index] = run;
        }
    }

    bool find_record();
    void page_events();

    Metadata const& metadata_;
    std::vector<std::uint32_t> sizes_;  // by type id; no_such: not known yet
    std::vector<std::uint32_t> counts_; // by type id; 0: not known yet
    std::vector<std::uint32_t> tables_; // by type id
    std::vector<std::uint32_t> calls_;  // steps whose `a` is a type id until the end
    Plans out_;
    std::optional<Error> bad_;
};

// Vec<EventRecord { phase, event, topics: Vec<hash> }>, where phase is ApplyExtrinsic(u32) | two
// bare variants.
bool Builder::find_record() {
    auto const* entry = metadata_.find_storage("System", "Events");
    if (entry == nullptr || metadata_.outer_event == no_type) return false;
    auto const* list = &metadata_.types[entry->value];
    if (list->kind == TypeKind::composite && list->count == 1) {
        list = &metadata_.types[metadata_.fields_of(*list)[0].type];
    }
    if (list->kind != TypeKind::sequence) return false;
    out_.record = list->element;
    auto const& record = metadata_.types[out_.record];
    if (record.kind != TypeKind::composite || record.count != 3) return false;
    auto const fields = metadata_.fields_of(record);
    auto const& phase = metadata_.types[fields[0].type];
    auto const& topics = metadata_.types[fields[2].type];
    if (phase.kind != TypeKind::variant || topics.kind != TypeKind::sequence) return false;
    for (auto const& variant : metadata_.variants_of(phase)) {
        std::uint32_t const expected = variant.index == 0 ? 4 : 0;
        if (variant.index > 2 || size_of(metadata_.fields_of(variant)) != expected) return false;
    }
    out_.topic_size = size_of(topics.element);
    return phase.count == 3 && fields[1].type == metadata_.outer_event && out_.topic_size > 0 &&
           out_.topic_size < huge_size &&
           metadata_.types[metadata_.outer_event].kind == TypeKind::variant;
}

void Builder::page_events() {
    out_.events.resize(256); // page 0: events of pallets that do not exist
    for (auto const& pallet : metadata_.variants_of(metadata_.types[metadata_.outer_event])) {
        auto const fields = metadata_.fields_of(pallet);
        if (fields.size() != 1) continue;
        auto const& events = metadata_.types[fields[0].type];
        if (events.kind != TypeKind::variant) continue;
        auto const page = out_.events.size();
        out_.pages[pallet.index] = static_cast<std::uint16_t>(page / 256);
        out_.events.resize(page + 256);
        for (auto const& event : metadata_.variants_of(events)) {
            out_.events[page + event.index].run =
                out_.branches[tables_[fields[0].type] + event.index];
        }
    }
}

} // namespace

std::expected<Plans, Error> build_plans(Metadata const& metadata) {
    return Builder(metadata).build();
}

} // namespace decoders
