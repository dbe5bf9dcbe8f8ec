#include "decoders/json_plan.hpp"

#include "decoders/json_buffer.hpp"

#include <algorithm>

// As in plan_build.cpp, structs are laid out in line up to a size and called above it, so that the
// plans grow with the metadata and not with its nesting; enums and lists refer to other runs.
namespace decoders {
namespace {

constexpr std::uint32_t most_inlined_steps = 8;
constexpr std::size_t most_inlined_text = 128;

bool is_wide_integer(std::span<std::string_view const> path) {
    return path.size() == 2 && path[0] == "primitive_types" &&
           (path[1] == "U256" || path[1] == "U128" || path[1] == "U512");
}

std::uint8_t bytes_of(Primitive kind) {
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

// JSON numbers are exact up to 32 bits here; what is wider is a string.
constexpr bool quoted(std::size_t bytes) { return bytes > 4; }

class JsonBuilder {
  public:
    explicit JsonBuilder(Runtime const& runtime)
        : metadata_(runtime.metadata())
        , plans_(runtime.plans())
        , counts_(metadata_.types.size())
        , tables_(metadata_.types.size(), no_such) {}

    JsonPlans build() {
        auto const types = static_cast<TypeId>(metadata_.types.size());
        for (TypeId id = 0; id < types; ++id) {
            out_.types.push_back(begin());
            emit(id);
            finish(id);
        }
        for (TypeId id = 0; id < types; ++id) emit_branches(id);
        emit_events();
        for (auto const at : calls_) out_.steps[at].a = out_.types[out_.steps[at].a];
        return std::move(out_);
    }

  private:
    // What a struct takes in line.
    struct Size {
        std::uint32_t steps = 0; // 0: not known yet
        std::size_t text = 0;
        bool small() const { return steps <= most_inlined_steps && text <= most_inlined_text; }
    };

    // ---- steps and the text between them --------------------------------------------------------

    std::uint32_t begin() const { return static_cast<std::uint32_t>(out_.steps.size()); }
    void say(std::string_view text) { pending_ += text; }
    void say_quoted(std::string_view text) { pending_ += quoted_text(text); }
    static std::string quoted_text(std::string_view text) {
        std::string out(6 * text.size() + 2, '\0');
        out.resize(static_cast<std::size_t>(write_json_text(text, out.data()) - out.data()));
        return out;
    }
    JsonText keep(std::string_view text) {
        JsonText const kept{static_cast<std::uint32_t>(out_.texts.size()),
                            static_cast<std::uint32_t>(text.size())};
        out_.texts += text;
        return kept;
    }
    std::uint32_t add(JsonStep step) {
        step.before = keep(pending_);
        pending_.clear();
        out_.steps.push_back(step);
        return static_cast<std::uint32_t>(out_.steps.size() - 1);
    }
    void add_call(JsonOp op, TypeId to, std::uint32_t b, TypeId type) {
        calls_.push_back(add({.op = op, .type = type, .before = {}, .a = to, .b = b}));
    }
    void finish(TypeId id) { add({.op = JsonOp::end, .type = id, .before = {}}); }

    // ---- types ----------------------------------------------------------------------------------

    bool is_u8(TypeId id) const {
        auto const& type = metadata_.types[id];
        return type.kind == TypeKind::primitive && type.primitive == Primitive::u8;
    }
    bool is_number(TypeId id) const { // a struct of limbs that people read as one number
        auto const& type = metadata_.types[id];
        return type.kind == TypeKind::composite && is_wide_integer(metadata_.path_of(type)) &&
               plans_.types[id].size <= 64;
    }
    bool is_struct(TypeId id) const {
        auto const kind = metadata_.types[id].kind;
        return (kind == TypeKind::composite || kind == TypeKind::tuple) && !is_number(id);
    }
    // Recursion is bounded by max_nested_composites.
    Size const& size_of(TypeId id) {
        Size& known = counts_[id];
        if (known.steps != 0) return known;
        Size size{1, 8};
        if (is_struct(id)) {
            for (auto const& field : metadata_.fields_of(metadata_.types[id])) {
                auto const& inner = size_of(field.type);
                size.steps += inner.small() ? inner.steps : 1;
                size.text += field.name.size() + 4 + (inner.small() ? inner.text : 0);
            }
        }
        return known = size;
    }

    void emit_fields(std::span<Field const> fields, bool tuple) {
        if (fields.empty()) return say("null");
        bool const named = !fields[0].name.empty();
        bool const bare = !named && !tuple && fields.size() == 1;
        char const* comma = "";
        if (!bare) say(named ? "{" : "[");
        for (auto const& field : fields) {
            say(comma);
            comma = ",";
            if (named) {
                say_quoted(field.name);
                say(":");
            }
            if (size_of(field.type).small()) {
                emit(field.type);
            } else {
                add_call(JsonOp::call, field.type, 0, field.type);
            }
        }
        if (!bare) say(named ? "}" : "]");
    }

    void emit(TypeId id) {
        auto const& type = metadata_.types[id];
        switch (type.kind) {
        case TypeKind::composite:
            if (is_number(id)) return emit_integer(plans_.types[id].size, false, true, id);
            return emit_fields(metadata_.fields_of(type), false);
        case TypeKind::tuple: return emit_fields(metadata_.fields_of(type), true);
        case TypeKind::array: return emit_array(type, id);
        case TypeKind::sequence: return emit_sequence(type, id);
        case TypeKind::primitive: return emit_primitive(type.primitive, id);
        case TypeKind::compact: return emit_compact(type, id);
        case TypeKind::bit_sequence: return emit_bits(type, id);
        case TypeKind::variant: return emit_variant(id);
        }
    }

    void emit_array(Type const& type, TypeId id) {
        if (!is_u8(type.element)) return add_call(JsonOp::array, type.element, type.length, id);
        say("\"0x");
        add({.op = JsonOp::hex, .type = id, .before = {}, .a = type.length});
        say("\"");
    }
    void emit_sequence(Type const& type, TypeId id) {
        if (!is_u8(type.element)) {
            return add_call(JsonOp::list, type.element, plans_.types[type.element].size, id);
        }
        say("\"0x");
        add({.op = JsonOp::hex_list, .type = id, .before = {}});
        say("\"");
    }
    void emit_integer(std::uint32_t bytes, bool negative, bool string, TypeId id) {
        auto const op = negative    ? JsonOp::negative
                      : bytes <= 8  ? JsonOp::number
                      : bytes == 16 ? JsonOp::wide
                                    : JsonOp::big;
        if (string) say("\"");
        add({.op = op, .width = static_cast<std::uint8_t>(bytes), .type = id, .before = {}});
        if (string) say("\"");
    }
    void emit_primitive(Primitive kind, TypeId id) {
        auto const alone = [&](JsonOp op) { add({.op = op, .type = id, .before = {}}); };
        if (kind == Primitive::boolean) return alone(JsonOp::boolean);
        if (kind == Primitive::character) return alone(JsonOp::character);
        if (kind == Primitive::string) return alone(JsonOp::string);
        auto const bytes = bytes_of(kind);
        emit_integer(bytes, kind >= Primitive::i8, quoted(bytes), id);
    }
    // The integer in the clothes of its type: newtypes vanish, structs of one named field stay.
    void emit_compact(Type const& type, TypeId id) {
        if (plans_.types[id].size == 0) return emit(type.element); // Compact<()>
        auto const& plan = plans_.steps[plans_.types[id].first];
        if (plan.op != Op::compact) {
            add({.op = JsonOp::never, .type = id, .before = {}});
            return;
        }
        std::string behind;
        auto const* inner = &metadata_.types[type.element];
        for (; inner->kind == TypeKind::composite;) {
            auto const& field = metadata_.fields_of(*inner)[0];
            if (!field.name.empty()) {
                say("{");
                say_quoted(field.name);
                say(":");
                behind += '}';
            }
            inner = &metadata_.types[field.type];
        }
        if (quoted(plan.width)) say("\"");
        add({.op = JsonOp::compact, .width = plan.width, .type = id, .before = {}});
        if (quoted(plan.width)) say("\"");
        say(behind);
    }
    void emit_bits(Type const& type, TypeId id) {
        auto const& plan = plans_.steps[plans_.types[id].first];
        bool const known = plan.op == Op::bits;
        bool const highest_first = metadata_.last_segment(metadata_.types[type.order]) == "Msb0";
        if (known) say("\"0b");
        add({.op = known ? JsonOp::bits : JsonOp::never,
             .width = highest_first,
             .type = id,
             .before = {},
             .a = plan.a});
        if (known) say("\"");
    }
    void emit_variant(TypeId id) {
        auto const& plan = plans_.steps[plans_.types[id].first];
        switch (plan.op) {
        case Op::tag:
            add({.op = JsonOp::tag, .type = id, .before = {}, .a = table_of(id), .b = plan.a});
            break;
        case Op::variant:
            add({.op = JsonOp::variant, .type = id, .before = {}, .a = table_of(id), .b = plan.b});
            break;
        default: add({.op = JsonOp::never, .type = id, .before = {}});
        }
    }

    // ---- enums ----------------------------------------------------------------------------------

    bool is_bare(TypeId id) const { return plans_.steps[plans_.types[id].first].op == Op::tag; }
    // Where an enum's names or branches start; reserved at first sight.
    std::uint32_t table_of(TypeId id) {
        if (tables_[id] != no_such) return tables_[id];
        std::size_t bound = 0;
        for (auto const& variant : metadata_.variants_of(metadata_.types[id])) {
            bound = std::max<std::size_t>(bound, variant.index + 1u);
        }
        if (is_bare(id)) {
            tables_[id] = static_cast<std::uint32_t>(out_.names.size());
            out_.names.resize(out_.names.size() + bound);
        } else {
            tables_[id] = static_cast<std::uint32_t>(out_.branches.size());
            out_.branches.resize(out_.branches.size() + bound);
        }
        return tables_[id];
    }
    void emit_branches(TypeId id) {
        auto const& type = metadata_.types[id];
        if (type.kind != TypeKind::variant || type.count == 0) return;
        auto const table = table_of(id);
        for (auto const& variant : metadata_.variants_of(type)) {
            if (is_bare(id)) {
                out_.names[table + variant.index] = keep(quoted_text(variant.name));
                continue;
            }
            out_.branches[table + variant.index] = {variable_size, begin()};
            auto const fields = metadata_.fields_of(variant);
            if (!fields.empty()) say("{");
            say_quoted(variant.name);
            if (!fields.empty()) {
                say(":");
                emit_fields(fields, false);
                say("}");
            }
            finish(id);
        }
    }

    // ---- events ---------------------------------------------------------------------------------

    void emit_events() {
        out_.events.resize(plans_.events.size(), no_such);
        for (auto const& pallet : metadata_.variants_of(metadata_.types[metadata_.outer_event])) {
            auto const page = std::size_t{plans_.pages[pallet.index]} * 256;
            if (page == 0) continue;
            auto const type = metadata_.fields_of(pallet)[0].type;
            for (auto const& event : metadata_.variants_of(metadata_.types[type])) {
                out_.events[page + event.index] = begin();
                say(",\"pallet\":");
                say_quoted(pallet.name);
                say(",\"event\":");
                say_quoted(event.name);
                say(",\"fields\":");
                emit_fields(metadata_.fields_of(event), false);
                finish(type);
            }
        }
    }

    Metadata const& metadata_;
    Plans const& plans_;
    std::vector<Size> counts_;
    std::vector<std::uint32_t> tables_;
    std::vector<std::uint32_t> calls_; // steps whose `a` is a type id until the end
    std::string pending_;              // text for the next step
    JsonPlans out_;
};

} // namespace

JsonPlans build_json_plans(Runtime const& runtime) { return JsonBuilder(runtime).build(); }

} // namespace decoders
