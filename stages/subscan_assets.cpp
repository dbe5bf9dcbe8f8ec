#include "stages/subscan_assets.hpp"

#include "decoders/amount.hpp"
#include "decoders/movements.hpp"

#include <algorithm>

namespace stages {

namespace {

struct Module {
    std::string_view module; // as Subscan writes it: lower case, with or without an underscore
    std::string_view family; // how the asset's unique id begins
    std::string_view pallet, event;
};
constexpr Module modules[] = {
    {"balances", "", "Balances", "Transfer"},
    {"assets", "standard_assets/", "Assets", "Transferred"},
    {"foreignassets", "foreign_assets/", "ForeignAssets", "Transferred"},
    {"foreign_assets", "foreign_assets/", "ForeignAssets", "Transferred"},
    {"poolassets", "pool_assets/", "PoolAssets", "Transferred"},
    {"localassets", "local_assets/", "LocalAssets", "Transferred"},
    {"tokens", "tokens/", "Tokens", "Transfer"},
    {"currencies", "currencies/", "Currencies", "Transferred"},
};

std::uint16_t row_of(std::string_view pallet, std::string_view event) {
    auto const rows = decoders::movement_rows();
    auto const found = std::find_if(rows.begin(), rows.end(), [&](auto const& row) {
        return row.pallet == pallet && row.event == event;
    });
    CHECK(found != rows.end());
    return static_cast<std::uint16_t>(found - rows.begin());
}

// The id as the node's path writes it: "standard_assets/1984" is asset 1984.
std::string_view plain_id(std::string_view unique_id) {
    std::size_t const slash = unique_id.find('/');
    return slash == std::string_view::npos ? unique_id : unique_id.substr(slash + 1);
}

// Both ways of writing one amount tell the decimals, unless it is zero.
std::optional<std::uint8_t> decimals_between(std::string_view tokens, std::string_view smallest) {
    auto const raw = decoders::parse_u128(smallest);
    if (!raw || *raw == 0) return std::nullopt;
    for (std::uint8_t decimals = 0; decimals <= 38; ++decimals) {
        auto const same = decoders::parse_tokens(tokens, decimals);
        if (same && *same == *raw) return decimals;
    }
    return std::nullopt;
}

} // namespace

std::uint16_t movement_of(std::string_view module, std::string_view unique_id, bool native) {
    for (Module const& one : modules)
        if (one.module == module) return row_of(one.pallet, one.event);
    if (!native)
        for (Module const& one : modules)
            if (!one.family.empty() && unique_id.starts_with(one.family))
                return row_of(one.pallet, one.event);
    return native ? row_of("Balances", "Transfer") : row_of("Assets", "Transferred");
}

void SubscanAssets::learn(decoders::SubscanToken const& token) {
    bool const native = token.asset_type.empty() || token.asset_type == "native";
    if (native && native_symbol_.empty()) {
        native_symbol_ = token.symbol;
        native_id_ = token.unique_id;
        native_known_ = token.decimals.has_value();
        native_decimals_ = token.decimals.value_or(0);
        return;
    }
    if (native || token.unique_id.empty() || assets_.size() >= assets_max) return;
    Asset* asset = find(token.unique_id);
    if (asset == nullptr) {
        asset = &assets_.emplace_back();
        asset->unique_id = token.unique_id;
        asset->facts.slot = static_cast<std::uint32_t>(assets_.size());
        asset->facts.id.assign(plain_id(token.unique_id));
    }
    asset->facts.symbol.assign(token.symbol);
    asset->facts.decimals_known = token.decimals.has_value();
    asset->facts.decimals = token.decimals.value_or(0);
    to_tell_.push_back(asset->facts.slot);
}

SubscanAssets::Asset* SubscanAssets::find(std::string_view unique_id) {
    auto const found = std::find_if(assets_.begin(), assets_.end(), [&](Asset const& asset) {
        return asset.unique_id == unique_id;
    });
    return found == assets_.end() ? nullptr : &*found;
}

bool SubscanAssets::is_native(decoders::SubscanTransfer const& row) const {
    if (!row.asset_type.empty() && row.asset_type != "native") return false;
    if (row.asset_unique_id.empty()) return true;
    if (row.asset_unique_id == native_id_ || row.asset_unique_id == native_symbol_) return true;
    return native_symbol_.empty() && row.asset_unique_id == row.asset_symbol;
}

// 0 where the book is full: an asset nobody knows.
std::uint32_t SubscanAssets::slot_of(decoders::SubscanTransfer const& row) {
    if (Asset const* known = find(row.asset_unique_id)) return known->facts.slot;
    if (assets_.size() >= assets_max) return 0;
    Asset& made = assets_.emplace_back();
    made.unique_id = row.asset_unique_id;
    made.facts.slot = static_cast<std::uint32_t>(assets_.size());
    made.facts.id.assign(plain_id(row.asset_unique_id));
    made.facts.symbol.assign(row.asset_symbol);
    if (auto const decimals = decimals_between(row.amount, row.amount_v2)) {
        made.facts.decimals_known = true;
        made.facts.decimals = *decimals;
    }
    to_tell_.push_back(made.facts.slot);
    return made.facts.slot;
}

std::optional<u128> SubscanAssets::amount_of(decoders::SubscanTransfer const& row,
                                             std::uint8_t decimals) {
    auto const tokens = decoders::parse_tokens(row.amount, decimals);
    auto const smallest = decoders::parse_u128(row.amount_v2);
    bool const both = tokens && smallest && *smallest != 0;
    if (both && *tokens != *smallest) ++inconsistent_;
    if (tokens) return *tokens;
    ++inconsistent_;
    if (smallest && *smallest != 0) return *smallest; // an amount only this member can hold
    return std::nullopt;
}

SubscanAssets::Reading SubscanAssets::convert(decoders::SubscanTransfer const& row, Transfer& out) {
    if (!row.success || row.is_item || (!row.from && !row.to)) return Reading::skipped;
    out = {};
    bool const native = is_native(row);
    bool known = native_known_;
    std::uint8_t decimals = native_decimals_;
    if (native && !native_known_) {
        auto const told = decimals_between(row.amount, row.amount_v2);
        if (!told) return Reading::unknown;
        native_known_ = known = true;
        native_decimals_ = decimals = *told;
        if (native_symbol_.empty()) native_symbol_ = row.asset_symbol;
    } else if (!native) {
        out.asset = slot_of(row);
        if (out.asset == 0) return Reading::unknown;
        AssetFacts const& facts = assets_[out.asset - 1].facts;
        known = facts.decimals_known;
        decimals = facts.decimals;
    }
    auto const smallest = decoders::parse_u128(row.amount_v2);
    auto const amount = known
                          ? amount_of(row, decimals)
                          : (smallest && *smallest != 0 ? std::optional(*smallest) : std::nullopt);
    if (!amount) return known ? Reading::malformed : Reading::unknown;
    out.amount = *amount;
    out.from = row.from;
    out.to = row.to;
    out.block.number = row.block;
    out.block.timestamp_ms = row.timestamp_s * 1'000;
    out.event_index = row.event_index;
    out.phase_known = false;
    out.movement = movement_of(row.module, row.asset_unique_id, native);
    if (row.extrinsic_index && row.extrinsic_hash) {
        out.attributed = true;
        out.extrinsic_index = *row.extrinsic_index;
        out.extrinsic_hash = *row.extrinsic_hash;
    }
    return Reading::transfer;
}

std::optional<AssetFacts> SubscanAssets::introduce() {
    if (to_tell_.empty()) return std::nullopt;
    std::uint32_t const slot = to_tell_.back();
    to_tell_.pop_back();
    return assets_[slot - 1].facts;
}

} // namespace stages
