// Storage keys: twox128(pallet prefix) ++ twox128(entry) ++ hashed map keys.
#pragma once

#include "decoders/error.hpp"
#include "decoders/metadata.hpp"

#include <array>
#include <expected>
#include <string_view>

namespace decoders {

using StorageKey = std::array<std::uint8_t, 32>;

StorageKey storage_prefix(std::string_view pallet, std::string_view entry);

// The keys a monitor subscribes to: 0x26aa394e... and so on.
StorageKey system_events_key();
StorageKey system_number_key();
StorageKey system_parent_hash_key();
StorageKey timestamp_now_key();
StorageKey last_runtime_upgrade_key();
StorageKey system_account_key(); // prefix of the map

// Appends one hashed map key (its SCALE bytes) to `out`.
void append_map_key(Hasher hasher, Bytes key, std::vector<std::uint8_t>& out);

// The SCALE bytes of the last map key: what follows the 32-byte prefix and the hash of a *_concat
// or identity hasher. unknown_name for hashers that cannot be turned back.
[[nodiscard]] std::expected<Bytes, Error> map_key_suffix(Bytes full_key, Hasher hasher);

} // namespace decoders
