#include "decoders/movements.hpp"

#include "decoders/resolve.hpp"

#include <algorithm>

namespace decoders {

namespace {

constexpr std::string_view from_names = "from|sender|source|who";
constexpr std::string_view to_names = "to|recipient|receiver|dest|destination";
constexpr std::string_view amount_names = "amount|value|balance|transferred";
constexpr std::string_view asset_names = "asset_id|currency_id|asset|id";

constexpr MovementRow table[] = {
    {"Balances", "Transfer", from_names, to_names, amount_names, ""},
    {"Assets", "Transferred", from_names, to_names, amount_names, asset_names},
    {"LocalAssets", "Transferred", from_names, to_names, amount_names, asset_names},
    {"ForeignAssets", "Transferred", from_names, to_names, amount_names, asset_names},
    {"PoolAssets", "Transferred", from_names, to_names, amount_names, asset_names},
    {"Tokens", "Transfer", from_names, to_names, amount_names, asset_names},
    // ORML's currencies pallet repeats what Tokens and Balances have said.
    {"Currencies", "Transferred", from_names, to_names, amount_names, asset_names, true},
};

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

bool plan_asset(Metadata const&, TypeId, RolePlan& plan) {
    plan.read = Read::whole;
    return true;
}

using PlanRole = bool (*)(Metadata const&, TypeId, RolePlan&);

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
        if (fields_.size() > max_movement_fields) return "from";
        plan.fields = static_cast<std::uint8_t>(fields_.size());
        plan.has_asset = !row_.asset.empty();
        bool const named = !fields_.empty() && !fields_[0].name.empty();
        if (!find(plan.from, named, row_.from, 0, plan_account)) return "from";
        if (!find(plan.to, named, row_.to, plan.from.field + 1u, plan_account)) return "to";
        if (!find(plan.amount, named, row_.amount, plan.to.field + 1u, plan_amount))
            return "amount";
        if (plan.has_asset && !find(plan.asset, named, row_.asset, 0, plan_asset)) return "asset";
        lay_out(plan);
        return "";
    }

  private:
    bool find(RolePlan& role, bool named, std::string_view names, std::size_t start,
              PlanRole plan) {
        if (!named) { // by type and place: the first fit from `start` on
            for (std::size_t i = start; i < fields_.size(); ++i) {
                role.field = static_cast<std::uint8_t>(i);
                if (plan(metadata_, fields_[i].type, role)) return true;
            }
            return false;
        }
        while (!names.empty()) {
            auto const bar = std::min(names.find('|'), names.size());
            auto const at = std::ranges::find(fields_, names.substr(0, bar), &Field::name);
            if (at != fields_.end()) {
                role.field = static_cast<std::uint8_t>(at - fields_.begin());
                return plan(metadata_, at->type, role);
            }
            names.remove_prefix(std::min(bar + 1, names.size()));
        }
        return false;
    }

    void lay_out(MovementPlan& plan) {
        std::uint32_t offset = 0;
        std::array<std::uint32_t, max_movement_fields> offsets{};
        plan.fixed = true;
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            plan.runs[i] = plans_.types[fields_[i].type];
            offsets[i] = offset;
            plan.fixed = plan.fixed && plan.runs[i].size < 1u << 16;
            if (plan.fixed) offset += plan.runs[i].size;
        }
        for (auto* role : {&plan.from, &plan.to, &plan.amount, &plan.asset}) {
            role->offset = offsets[role->field];
            role->size = plan.runs[role->field].size;
        }
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

} // namespace

std::span<MovementRow const> movement_rows() { return table; }

void resolve_movements(Metadata const& metadata, Plans& plans, std::vector<Movement>& movements,
                       std::vector<Blind>& blind) {
    for (auto const& row : table) {
        if (row.doubles) continue;
        auto const* pallet = find_variant(metadata, metadata.outer_event, row.pallet);
        if (pallet == nullptr || plans.pages[pallet->index] == 0) continue;
        auto const events = metadata.fields_of(*pallet)[0].type;
        auto const* event = find_variant(metadata, events, row.event);
        if (event == nullptr) continue;
        MovementPlan plan;
        auto const fields = metadata.fields_of(*event);
        auto const missing = Resolver(metadata, plans, row, fields).resolve(plan);
        if (!missing.empty()) {
            blind.push_back({row.pallet, row.event, missing});
            continue;
        }
        auto const index = static_cast<std::uint16_t>(movements.size());
        auto const slot = std::size_t{plans.pages[pallet->index]} * 256 + event->index;
        plans.events[slot].movement = index;
        plans.movements.push_back(plan);
        movements.push_back({.pallet = row.pallet,
                             .event = row.event,
                             .asset = plan.has_asset ? AssetKind::by_id : AssetKind::native,
                             .asset_type = plan.has_asset ? fields[plan.asset.field].type : no_type,
                             .pallet_index = pallet->index,
                             .event_index = event->index});
    }
}

} // namespace decoders
