// A block header and its hash: BLAKE2b-256 of the SCALE encoding (parent, compact number, state
// root, extrinsics root, digest logs as they are). Any thread; no allocation after warm-up.
#pragma once

#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <string_view>
#include <vector>

namespace decoders {

using pipeline::Hash;

inline constexpr std::size_t max_header_bytes = 64u << 10; // encoded; digest logs included

struct Header {
    Hash hash{}; // computed here, never taken from the node
    Hash parent{};
    Hash state_root{};
    Hash extrinsics_root{};
    std::uint32_t number = 0;
};

// Digest logs in their order, each as its SCALE bytes.
struct HeaderParts {
    Hash parent{};
    Hash state_root{};
    Hash extrinsics_root{};
    std::uint32_t number = 0;
    std::vector<std::vector<std::uint8_t>> logs;
};
// The fields of an encoded header, and its hash; digest logs are hashed, not read.
[[nodiscard]] std::expected<Header, Error> decode_header(pipeline::Bytes header);
std::vector<std::uint8_t> encode_header(HeaderParts const& parts);
Hash header_hash(HeaderParts const& parts);
// {"parentHash":"0x…","number":"0x1a","stateRoot":…,"extrinsicsRoot":…,"digest":{"logs":["0x…"]}}
std::string header_json(HeaderParts const& parts);

} // namespace decoders
