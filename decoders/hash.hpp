// The chains' hash functions. Pure; any thread; no allocation.
#pragma once

#include "pipeline/types.hpp"

#include <array>

namespace decoders {

pipeline::Hash blake2b_256(pipeline::Bytes bytes);
std::array<std::uint8_t, 16> blake2b_128(pipeline::Bytes bytes);
std::array<std::uint8_t, 64> blake2b_512(pipeline::Bytes bytes);
std::array<std::uint8_t, 8> twox_64(pipeline::Bytes bytes);
std::array<std::uint8_t, 16> twox_128(pipeline::Bytes bytes);
std::array<std::uint8_t, 32> twox_256(pipeline::Bytes bytes);

// XXH3, 128 bits, seed 0, in its canonical order of bytes: no hash of any chain's. 20 times as fast
// as BLAKE2b, and no protection from forgers.
std::array<std::uint8_t, 16> xxh3_128(pipeline::Bytes bytes);

// SipHash-2-4 (Aumasson, Bernstein 2012), whose key is 16 bytes.
std::uint64_t siphash_2_4(pipeline::Bytes bytes, std::array<std::uint8_t, 16> const& key);

} // namespace decoders
