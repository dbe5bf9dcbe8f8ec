// The assets of one chain besides its own token: which storage maps describe them, and a book that
// gives each a slot. Ids are compared by their SCALE bytes and by the family of pallets they belong
// to, because the number 5 means one thing to Assets and another to PoolAssets.
//
// One thread. Bounded by `assets_max`; looking up a known asset allocates nothing.
#pragma once

#include "stages/messages.hpp"

#include "decoders/runtime.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace stages {

struct AssetMap {
    std::string_view pallet;
    std::string_view entry;
    std::string_view family; // the pallet whose transfers carry these ids
};

inline constexpr std::array asset_maps{
    AssetMap{"Assets", "Metadata", "Assets"},
    AssetMap{"ForeignAssets", "Metadata", "ForeignAssets"},
    AssetMap{"PoolAssets", "Metadata", "PoolAssets"},
    AssetMap{"AssetRegistry", "Metadata", "Tokens"},       // ORML's asset-registry
    AssetMap{"AssetRegistry", "AssetMetadatas", "Tokens"}, // Acala
    AssetMap{"AssetRegistry", "Assets", "Tokens"},         // Hydration
};

class AssetBook {
  public:
    static constexpr std::uint32_t assets_max = 65'536;

    // The slot of an asset, if it has one.
    std::optional<std::uint32_t> find(std::string_view family, pipeline::Bytes id) const;

    // Gives it the next slot (1, 2, ...); nothing when the book is full.
    std::optional<std::uint32_t> add(std::string_view family, pipeline::Bytes id);

  private:
    struct Entry {
        std::string_view family;
        std::vector<std::uint8_t> id;
    };
    std::uint64_t key_of(std::string_view family, pipeline::Bytes id) const;

    boost::unordered_flat_map<std::uint64_t, std::uint32_t> by_hash_; // to an index of entries_
    std::vector<Entry> entries_;
};

// A described asset: which family and id, and what its map says of it.
struct AssetDescription {
    std::string_view family;
    pipeline::Bytes id; // inside `key`
    AssetFacts facts;   // all but the slot
};

// Reads a storage key and its value; nothing if this runtime cannot make sense of them.
std::optional<AssetDescription> describe_asset(decoders::Runtime const& runtime,
                                               pipeline::Bytes key, pipeline::Bytes value);

// The canonical JSON of an asset id as an alert shows it; a hash of the bytes if it is too long.
FixedText<200> asset_id_text(decoders::Runtime const& runtime, decoders::TypeId type,
                             pipeline::Bytes id);

} // namespace stages
