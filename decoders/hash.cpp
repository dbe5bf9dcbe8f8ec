#include "decoders/hash.hpp"

#include "pipeline/check.hpp"

#include <array>
#include <cstring>
#include <sodium/core.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_shorthash.h>
#include <xxhash.h>

namespace decoders {
namespace {

// Without it libsodium computes what any processor can; with it, what this one can.
bool sodium_is_ready() {
    static bool const ready = sodium_init() >= 0;
    return ready;
}

template <std::size_t size>
std::array<std::uint8_t, size> blake2b(pipeline::Bytes bytes) {
    CHECK(sodium_is_ready());
    std::array<std::uint8_t, size> out;
    int const failed =
        crypto_generichash_blake2b(out.data(), size, bytes.data(), bytes.size(), nullptr, 0);
    CHECK(failed == 0); // it only fails on sizes, and ours are constants
    return out;
}

// twox128 is two 64-bit hashes with seeds 0 and 1, little-endian.
template <std::size_t words>
std::array<std::uint8_t, 8 * words> twox(pipeline::Bytes bytes) {
    std::array<std::uint8_t, 8 * words> out;
    for (std::size_t seed = 0; seed < words; ++seed) {
        std::uint64_t const word = XXH64(bytes.data(), bytes.size(), seed);
        std::memcpy(out.data() + 8 * seed, &word, sizeof word);
    }
    return out;
}

} // namespace

pipeline::Hash blake2b_256(pipeline::Bytes bytes) { return blake2b<32>(bytes); }
std::array<std::uint8_t, 16> blake2b_128(pipeline::Bytes bytes) { return blake2b<16>(bytes); }
std::array<std::uint8_t, 64> blake2b_512(pipeline::Bytes bytes) { return blake2b<64>(bytes); }
std::array<std::uint8_t, 8> twox_64(pipeline::Bytes bytes) { return twox<1>(bytes); }
std::array<std::uint8_t, 16> twox_128(pipeline::Bytes bytes) { return twox<2>(bytes); }
std::array<std::uint8_t, 32> twox_256(pipeline::Bytes bytes) { return twox<4>(bytes); }

std::array<std::uint8_t, 16> xxh3_128(pipeline::Bytes bytes) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    return std::to_array(canonical.digest);
}

std::uint64_t siphash_2_4(pipeline::Bytes bytes, std::array<std::uint8_t, 16> const& key) {
    static_assert(crypto_shorthash_KEYBYTES == sizeof key);
    std::uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, bytes.data(), bytes.size(), key.data());
    std::uint64_t value = 0;
    for (std::size_t i = sizeof out; i-- > 0;) value = value << 8 | out[i];
    return value;
}

} // namespace decoders
