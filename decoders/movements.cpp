#include "decoders/movements.hpp"

#include "decoders/resolve.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace decoders {

namespace {

// Roles this far behind an event's first field are found step by step.
constexpr std::uint64_t fixed_bytes_max = 1u << 16;

// Structs of one field stand for that field: AccountId32([u8; 32]), Balance(u128).
TypeId peel(Metadata const& metadata, TypeId id) {
    for (std::size_t i = 0; i <= max_nested_composites; ++i) {
        auto const& type = metadata.types[id];
        if (type.kind != TypeKind::composite || type.count != 1) break;
        id = metadata.fields_of(type)[0].type;
    }
    return id;
}

// 20 or 32 if the type is such a byte array, else 0.
std::uint8_t key_size(Metadata const& metadata, TypeId id) {
    auto const& type = metadata.types[peel(metadata, id)];
    if (type.kind != TypeKind::array || (type.length != 20 && type.length != 32)) return 0;
    auto const& element = metadata.types[type.element];
    bool const bytes = element.kind == TypeKind::primitive && element.primitive == Primitive::u8;
    return bytes ? static_cast<std::uint8_t>(type.length) : 0;
}

// Accounts: a key, or an enum (MultiAddress, Option) of which some variants hold one.
bool plan_account(Metadata const& metadata, TypeId id, RolePlan& plan) {
    plan.width = key_size(metadata, id);
    plan.read = Read::account;
    if (plan.width != 0) return true;
    auto const& type = metadata.types[peel(metadata, id)];
    auto const name = metadata.last_segment(type);
    if (type.kind != TypeKind::variant || (name != "MultiAddress" && name != "Option"))
        return false;
    plan.read = Read::address;
    bool any = false;
    for (auto const& variant : metadata.variants_of(type)) {
        if (variant.field_count != 1 || variant.index >= plan.tag_sizes.size()) continue;
        auto const size = key_size(metadata, metadata.fields_of(variant)[0].type);
        plan.tag_sizes[variant.index] = size;
        any = any || size != 0;
    }
    return any;
}

std::uint8_t integer_width(Type const& type) {
    if (type.kind != TypeKind::primitive) return 0;
    switch (type.primitive) {
    case Primitive::u8: return 1;
    case Primitive::u16: return 2;
    case Primitive::u32: return 4;
    case Primitive::u64: return 8;
    case Primitive::u128: return 16;
    case Primitive::u256: return 32;
    default: return 0;
    }
}

bool plan_amount(Metadata const& metadata, TypeId id, RolePlan& plan) {
    auto const path = metadata.path_of(metadata.types[id]);
    plan.read = Read::little_endian;
    if (path.size() >= 2 && path[path.size() - 2] == "primitive_types") {
        plan.width = path.back() == "U256" ? 32 : path.back() == "U128" ? 16 : 0;
        if (plan.width != 0) return true;
    }
    auto const& type = metadata.types[peel(metadata, id)];
    if (type.kind == TypeKind::compact) {
        plan.read = Read::compact;
        plan.width = integer_width(metadata.types[peel(metadata, type.element)]);
    } else {
        plan.width = integer_width(type);
    }
    return plan.width != 0;
}

// Enums, whatever their variants hold: the tag is all that is read.
bool plan_tag(Metadata const& metadata, TypeId id, RolePlan& plan) {
    plan.read = Read::little_endian;
    plan.width = 1;
    return metadata.types[peel(metadata, id)].kind == TypeKind::variant;
}

bool plan_asset(Metadata const&, TypeId, RolePlan& plan) {
    plan.read = Read::whole;
    return true;
}

using PlanRole = bool (*)(Metadata const&, TypeId, RolePlan&);

// The text before the next `separator`, which is taken off `rest` too.
std::string_view take_until(char separator, std::string_view& rest) {
    auto const end = std::min(rest.find(separator), rest.size());
    auto const head = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return head;
}

std::size_t number(std::string_view text) {
    std::size_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    CHECK(error == std::errc() && end == text.data() + text.size()); // the table is ours
    return value;
}

// One event of one runtime against one row.
class Resolver {
  public:
    Resolver(Metadata const& metadata, Plans const& plans, MovementRow const& row,
             std::span<Field const> fields)
        : metadata_(metadata)
        , plans_(plans)
        , row_(row)
        , fields_(fields) {}

    // "" if every role was found, else the first one that was not.
    std::string_view resolve(MovementPlan& plan) {
        if (!find(plan.from, row_.from, plan_account)) return "from";
        if (!find(plan.to, row_.to, plan_account)) return "to";
        if (!find_amount(plan)) return "amount";
        if (!find(plan.asset, row_.asset, plan_asset)) return "asset";
        if (!find_only(plan)) return "only";
        return lay_out(plan) ? "" : "fields";
    }

  private:
    // The field of that name ("#1/3": of that place); none if there is no such field.
    std::optional<std::size_t> place(std::string_view name) const {
        if (!name.starts_with('#')) {
            auto const at = std::ranges::find(fields_, name, &Field::name);
            if (at == fields_.end()) return {};
            return static_cast<std::size_t>(at - fields_.begin());
        }
        name.remove_prefix(1);
        auto const index = number(take_until('/', name));
        bool const unnamed = std::ranges::all_of(fields_, &std::string_view::empty, &Field::name);
        if (!unnamed || fields_.size() != number(name)) return {};
        return index;
    }

    bool find(RolePlan& role, std::string_view names, PlanRole plan) const {
        bool missing_is_good = names.empty();
        while (!names.empty()) {
            auto const name = take_until('|', names);
            if (name == "-") missing_is_good = true;
            auto const at = place(name);
            if (!at || *at >= no_field) continue;
            role.field = static_cast<std::uint8_t>(*at);
            return plan(metadata_, fields_[*at].type, role);
        }
        return missing_is_good;
    }

    // A sum has its second part in `more`.
    bool find_amount(MovementPlan& plan) const {
        auto names = row_.amount;
        auto second = take_until('|', names);
        auto const first = take_until('+', second);
        if (second.empty()) return find(plan.amount, row_.amount, plan_amount);
        if (place(first) && place(second)) {
            return find(plan.amount, first, plan_amount) && find(plan.more, second, plan_amount);
        }
        return find(plan.amount, names, plan_amount);
    }

    bool find_only(MovementPlan& plan) const {
        if (row_.only.empty()) return true;
        auto value = row_.only;
        auto const names = take_until('=', value);
        if (!find(plan.only, names, plan_tag) || plan.only.field == no_field) return false;
        auto const type = peel(metadata_, fields_[plan.only.field].type);
        auto const variants = metadata_.variants_of(metadata_.types[type]);
        auto const at = std::ranges::find(variants, value, &Variant::name);
        // A runtime without that value never says it.
        plan.only_tag = at == variants.end() ? std::uint8_t{0xff} : at->index;
        return true;
    }

    // Where every role has its place, or there are none, the event is passed over as a whole.
    bool lay_out(MovementPlan& plan) const {
        std::uint64_t offset = 0; // of the field, as long as everything before it is fixed
        plan.fixed = true;
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            auto const run = plans_.types[fields_[i].type];
            if (i < max_movement_fields) plan.runs[i] = run;
            for (auto* role :
                 {&plan.from, &plan.to, &plan.amount, &plan.more, &plan.asset, &plan.only}) {
                if (role->field != i) continue;
                role->offset = static_cast<std::uint32_t>(offset);
                role->size = run.size;
                plan.fixed = plan.fixed && offset + run.size < fixed_bytes_max;
            }
            offset += run.size; // far beyond fixed_bytes_max, once one is not fixed
        }
        plan.fields = static_cast<std::uint8_t>(std::min(fields_.size(), max_movement_fields));
        return plan.fixed || fields_.size() <= max_movement_fields;
    }

    Metadata const& metadata_;
    Plans const& plans_;
    MovementRow const& row_;
    std::span<Field const> fields_;
};

// The outer event enum's variant of that name, or the event's variant of a pallet.
Variant const* find_variant(Metadata const& metadata, TypeId id, std::string_view name) {
    auto const variants = metadata.variants_of(metadata.types[id]);
    auto const at = std::ranges::find(variants, name, &Variant::name);
    return at == variants.end() ? nullptr : &*at;
}

MovementEvent event_of(MovementRow const& row, MovementPlan const& plan,
                       std::span<Field const> fields) {
    MovementEvent event;
    event.pallet = row.pallet;
    event.event = row.event;
    event.family = row.family;
    event.kind = row.kind;
    event.repeats = row.repeats;
    event.row = static_cast<std::uint16_t>(&row - movement_rows().data());
    event.has_from = plan.from.read != Read::nothing;
    event.has_to = plan.to.read != Read::nothing;
    event.has_amount = plan.amount.read != Read::nothing;
    bool const by_id = plan.asset.read != Read::nothing;
    event.asset = by_id ? AssetKind::by_id : event.has_amount ? AssetKind::native : AssetKind::none;
    if (by_id) event.asset_type = fields[plan.asset.field].type;
    return event;
}

} // namespace

void resolve_movements(Metadata const& metadata, Plans& plans,
                       std::vector<MovementEvent>& movements, std::vector<Blind>& blind) {
    for (auto const& row : movement_rows()) {
        auto const* pallet = find_variant(metadata, metadata.outer_event, row.pallet);
        if (pallet == nullptr || plans.pages[pallet->index] == 0) continue;
        auto const* variant =
            find_variant(metadata, metadata.fields_of(*pallet)[0].type, row.event);
        if (variant == nullptr) continue;
        MovementPlan plan;
        auto const fields = metadata.fields_of(*variant);
        auto const missing = Resolver(metadata, plans, row, fields).resolve(plan);
        if (!missing.empty()) {
            blind.push_back({row.pallet, row.event, missing, row.kind});
            continue;
        }
        auto event = event_of(row, plan, fields);
        event.pallet_index = pallet->index;
        event.event_index = variant->index;
        auto& slot = plans.events[std::size_t{plans.pages[pallet->index]} * 256 + variant->index];
        slot.movement = static_cast<std::uint16_t>(movements.size());
        slot.kind = static_cast<std::uint8_t>(row.kind);
        if (!row.repeats.empty()) {
            plans.repeats |= MovementKinds(row.kind).bits;
            plans.repeated |= row.repeats.bits;
        }
        plans.movements.push_back(plan);
        movements.push_back(event);
    }
}

} // namespace decoders
