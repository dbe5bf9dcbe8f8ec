// Metadata V14 of a chain that exists nowhere, a few hundred bytes: one type of every kind,
// recursive and empty ones among them, and three pallets with events. For tests and fuzz targets
// that must run without recorded data.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tests {

// More pallets for it: their events have the indexes 0, 1, 2, ... A pallet of a name that it has
// already takes its place.
struct TinyField {
    std::string_view name; // empty: unnamed
    std::uint32_t type;    // Tiny
};
struct TinyEvent {
    std::string_view name;
    std::vector<TinyField> fields;
};
struct TinyPallet {
    std::string_view name;
    std::vector<TinyEvent> events;
};
inline constexpr std::uint8_t tiny_first_more = 210; // index of the first one, the others follow

std::vector<std::uint8_t> tiny_metadata(std::vector<TinyPallet> const& more = {});

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
    tiny_u16,
    tiny_u64,
    tiny_end
};

} // namespace tests
