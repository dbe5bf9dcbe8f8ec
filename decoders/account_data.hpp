// What System.Account says an account holds. Source: frame_system::AccountInfo, of which `data` is
// the chain's own type, in practice pallet_balances::AccountData: `free` and `reserved` have stood
// in it under these names ever since, as u128, or u64 on chains with few decimals.
#pragma once

#include "decoders/runtime.hpp"

#include <optional>
#include <vector>

namespace decoders {

// free + reserved in a value of System.Account. Nothing: the runtime has no such entry, or no such
// fields in it, or the bytes are not one value of it, or the sum has no u128.
std::optional<pipeline::u128> held_in(Runtime const& runtime, Bytes value);

// Where the value stands: the map's key for that account (Blake2_128Concat on every chain).
std::vector<std::uint8_t> account_storage_key(Bytes account);

} // namespace decoders
