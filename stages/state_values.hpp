// What is read of a block's state, or answered by the Metadata runtime API, without knowing the
// runtime: a handful of fixed encodings. Shared by the source at the head and the one behind it.
//
// Pure; any thread. Input is hostile: every length is bounded, what cannot be read is nothing.
// Source: polkadot-sdk (frame_system, pallet_timestamp, sp_api::Metadata).
#pragma once

#include "pipeline/types.hpp"

#include <optional>
#include <string_view>

namespace stages {

// Little-endian unsigned integers of up to eight bytes, as hex text; absent or odd ones: nothing.
std::optional<std::uint64_t> read_integer(std::string_view hex);

// Timestamp.Now in milliseconds; one beyond the year 9999 is none, and 0 says so.
std::uint64_t read_timestamp(std::string_view hex);

// System.LastRuntimeUpgrade: the spec version of {spec_version: Compact<u32>, spec_name: str}.
std::optional<std::uint32_t> read_upgrade(std::string_view hex);

// The spec version of a RuntimeVersion, as Core_version returns it.
std::optional<std::uint32_t> read_core_version(std::string_view hex);

// The metadata version to ask for, of those the runtime offers (Vec<u32>); 0: none we can read.
std::uint32_t choose_metadata_version(pipeline::Bytes list);

// Option<Vec<u8>> or Vec<u8> around the bytes that begin with "meta": where they begin. The size of
// `bytes` where they do not.
std::size_t metadata_offset(pipeline::Bytes bytes);

} // namespace stages
