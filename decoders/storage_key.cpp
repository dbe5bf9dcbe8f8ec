#include "decoders/storage_key.hpp"

#include "decoders/hash.hpp"

#include <algorithm>

namespace decoders {
namespace {

// How many bytes of hash stand in front of the key; the key itself is there only if `reversible`.
struct HashSize {
    std::size_t size;
    bool reversible;
};
constexpr HashSize hash_sizes[] = {{16, false}, {32, false}, {16, true}, {16, false},
                                   {32, false}, {8, true},   {0, true}};

} // namespace

StorageKey storage_prefix(std::string_view pallet, std::string_view entry) {
    StorageKey key;
    auto const first = twox_128(pipeline::as_bytes(pallet));
    auto const second = twox_128(pipeline::as_bytes(entry));
    std::ranges::copy(first, key.begin());
    std::ranges::copy(second, key.begin() + 16);
    return key;
}

StorageKey system_events_key() { return storage_prefix("System", "Events"); }
StorageKey system_number_key() { return storage_prefix("System", "Number"); }
StorageKey system_parent_hash_key() { return storage_prefix("System", "ParentHash"); }
StorageKey timestamp_now_key() { return storage_prefix("Timestamp", "Now"); }
StorageKey last_runtime_upgrade_key() { return storage_prefix("System", "LastRuntimeUpgrade"); }
StorageKey system_account_key() { return storage_prefix("System", "Account"); }

void append_map_key(Hasher hasher, Bytes key, std::vector<std::uint8_t>& out) {
    auto const append = [&](auto const& bytes) {
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    switch (hasher) {
    case Hasher::blake2_128:
    case Hasher::blake2_128_concat: append(blake2b_128(key)); break;
    case Hasher::blake2_256: append(blake2b_256(key)); break;
    case Hasher::twox_128: append(twox_128(key)); break;
    case Hasher::twox_256: append(twox_256(key)); break;
    case Hasher::twox_64_concat: append(twox_64(key)); break;
    case Hasher::identity: break;
    }
    if (hash_sizes[static_cast<std::size_t>(hasher)].reversible) append(key);
}

std::expected<Bytes, Error> map_key_suffix(Bytes full_key, Hasher hasher) {
    auto const hash = hash_sizes[static_cast<std::size_t>(hasher)];
    if (!hash.reversible) return std::unexpected(Error{Code::unknown_name});
    std::size_t const before = sizeof(StorageKey) + hash.size;
    if (full_key.size() < before) {
        return std::unexpected(Error{Code::end_of_input, full_key.size()});
    }
    return full_key.subspan(before);
}

} // namespace decoders
