#include "stages/assets.hpp"

#include "decoders/amount.hpp"
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "decoders/value.hpp"

#include <algorithm>

namespace stages {

std::uint64_t AssetBook::key_of(std::string_view family, pipeline::Bytes id) const {
    std::uint64_t first = 0, second = 0;
    auto const a = decoders::twox_64(id);
    auto const b = decoders::twox_64(pipeline::as_bytes(family));
    std::memcpy(&first, a.data(), sizeof first);
    std::memcpy(&second, b.data(), sizeof second);
    return first ^ (second << 1);
}

// Ids come from the chain, so equal hashes may be made on purpose: entries are compared, and a
// clash moves on to the next key.
std::optional<std::uint32_t> AssetBook::find(std::string_view family, pipeline::Bytes id) const {
    for (std::uint64_t key = key_of(family, id);; ++key) {
        auto const found = by_hash_.find(key);
        if (found == by_hash_.end()) return std::nullopt;
        Entry const& entry = entries_[found->second];
        if (entry.family == family && std::ranges::equal(entry.id, id)) return found->second + 1;
    }
}

std::optional<std::uint32_t> AssetBook::add(std::string_view family, pipeline::Bytes id) {
    if (entries_.size() >= assets_max) return std::nullopt;
    std::uint64_t key = key_of(family, id);
    while (by_hash_.contains(key)) ++key;
    by_hash_.emplace(key, static_cast<std::uint32_t>(entries_.size()));
    entries_.push_back({family, {id.begin(), id.end()}});
    return static_cast<std::uint32_t>(entries_.size());
}

std::optional<AssetDescription> describe_asset(decoders::Runtime const& runtime,
                                               pipeline::Bytes key, pipeline::Bytes value) {
    for (AssetMap const& map : asset_maps) {
        auto const prefix = decoders::storage_prefix(map.pallet, map.entry);
        if (key.size() <= prefix.size() || !std::equal(prefix.begin(), prefix.end(), key.begin()))
            continue;
        auto const* const entry = runtime.metadata().find_storage(map.pallet, map.entry);
        if (!entry || entry->hashers.size() != 1) return std::nullopt;
        auto const id = decoders::map_key_suffix(key, entry->hashers[0]);
        auto const token = decoders::token_info(runtime, entry->value, value);
        if (!id || !token) return std::nullopt;
        AssetDescription described{map.family, *id, {}};
        described.facts.id = asset_id_text(runtime, entry->key, *id);
        described.facts.symbol.assign(token->symbol.value_or(""));
        bool const sane = token->decimals && *token->decimals <= decoders::max_decimals;
        described.facts.decimals_known = sane;
        described.facts.decimals = sane ? *token->decimals : 0;
        return described;
    }
    return std::nullopt;
}

FixedText<200> asset_id_text(decoders::Runtime const& runtime, decoders::TypeId type,
                             pipeline::Bytes id) {
    FixedText<200> text;
    std::string json;
    if (decoders::value_to_json(runtime, type, id, json) && json.size() < sizeof text.text) {
        // A plain number or name is shown without the quotes JSON puts around wide integers.
        std::string_view shown = json;
        if (shown.size() >= 2 && shown.front() == '"') shown = shown.substr(1, shown.size() - 2);
        text.assign(shown);
    } else {
        text.assign("blake2b-256:" + decoders::hex_text(decoders::blake2b_256(id)));
    }
    return text;
}

} // namespace stages
