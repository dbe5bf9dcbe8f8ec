// Metadata V14 of a chain that exists nowhere, a few hundred bytes: one type of every kind,
// recursive and empty ones among them, and three pallets with events. For tests and fuzz targets
// that must run without recorded data.
#pragma once

#include <cstdint>
#include <vector>

namespace tests {

std::vector<std::uint8_t> tiny_metadata();

// Indexes of types in it.
enum Tiny : std::uint32_t {
    tiny_u8,
    tiny_u32,
    tiny_u128,
    tiny_bool,
    tiny_str,
    tiny_hash,
    tiny_account,
    tiny_bytes,
    tiny_compact,
    tiny_phase,
    tiny_event,
    tiny_record,
    tiny_records,
    tiny_topics,
    tiny_balances,
    tiny_tree,
    tiny_trees,
    tiny_bits,
    tiny_lsb0,
    tiny_unit,
    tiny_units,
    tiny_char,
    tiny_i128,
    tiny_pair,
    tiny_option,
    tiny_address,
    tiny_empty,
    tiny_tokens,
    tiny_odd,
    tiny_end
};

} // namespace tests
