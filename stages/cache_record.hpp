// What a cache holds: a key and a value of fixed size, copied freely, without a pointer.
//
// Any thread. Both also lie in a file (see cache_cold.hpp), so the numbers of the enums and the
// order of the key's fields must not change; a change needs a new name of the table there.
#pragma once

#include "decoders/account.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <type_traits>

namespace stages {

using pipeline::Nanoseconds;

enum class CacheKind : std::uint8_t { identity, balance, price, metadata, token };
inline constexpr std::size_t cache_kinds = 5;

enum class CacheSource : std::uint8_t { none, user_file, watch, subscan, node };
inline constexpr std::size_t cache_sources = 5;

std::string_view to_text(CacheKind kind);
std::string_view to_text(CacheSource source);

// No padding: keys are compared and hashed as bytes.
struct CacheKey {
    std::uint64_t chain = 0;       // the first 8 bytes of the genesis hash, see chain_word()
    std::uint64_t number = 0;      // of the kind's own choice: a bucket of time, a block; or 0
    std::uint8_t account[32] = {}; // a public key, or a hash of an asset's id; or zero
    std::uint8_t account_size = 0; // 0, 20 or 32
    CacheKind kind{};
    std::uint8_t unused[6] = {};

    using Words = std::array<std::uint64_t, 7>;
    Words words() const { return std::bit_cast<Words>(*this); }

    friend bool operator==(CacheKey const& a, CacheKey const& b) {
        auto const x = a.words(), y = b.words();
        std::uint64_t differences = 0;
        for (std::size_t i = 0; i < x.size(); ++i) differences |= x[i] ^ y[i];
        return differences == 0;
    }
};
static_assert(std::has_unique_object_representations_v<CacheKey> && sizeof(CacheKey) == 56);

// Multiply and fold, as in the wyhash family (Wang Yi, 2019).
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    auto const product = static_cast<pipeline::u128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Keys come from chains, where anybody may make accounts by the million: the seed keeps it unknown
// which of them share a set. The numbers are the first bits of pi after the point.
inline std::uint64_t hash_of(CacheKey const& key, std::uint64_t seed) {
    auto const w = key.words();
    std::uint64_t const a = fold(w[0] ^ seed, w[1] ^ 0x243f6a8885a308d3);
    std::uint64_t const b = fold(w[2] ^ seed ^ 0x13198a2e03707345, w[3] ^ 0xa4093822299f31d1);
    std::uint64_t const c = fold(w[4] ^ seed ^ 0x082efa98ec4e6c89, w[5] ^ 0x452821e638d01377);
    return fold(a ^ b ^ w[6], (b + c) ^ seed ^ 0xbe5466cf34e90c6d);
}

inline std::uint64_t chain_word(pipeline::Hash const& genesis) {
    std::uint64_t word = 0;
    std::memcpy(&word, genesis.data(), sizeof word);
    return word;
}

inline CacheKey account_key(CacheKind kind, std::uint64_t chain, decoders::Account const& account,
                            std::uint64_t number = 0) {
    CacheKey key{.chain = chain, .number = number, .account_size = account.size, .kind = kind};
    std::memcpy(key.account, account.key, sizeof key.account);
    return key;
}
inline CacheKey number_key(CacheKind kind, std::uint64_t chain, std::uint64_t number) {
    return {.chain = chain, .number = number, .kind = kind};
}

struct CacheValue {
    static constexpr std::size_t bytes_max = 256;

    std::uint64_t written_unix_ms =
        0;                  // when it was learnt; put() of the cache sets it where it is 0
    std::uint16_t size = 0; // of `data`
    CacheSource source{};
    bool absent = false; // asked for, and there is none; `size` is 0
    std::uint8_t data[bytes_max] = {};

    pipeline::Bytes bytes() const { return {data, size}; }
    std::string_view text() const { return pipeline::as_text(bytes()); }
    // Only what counts: the bytes behind `size` stay as they are.
    void copy_from(CacheValue const& other) {
        std::memcpy(static_cast<void*>(this), &other, offsetof(CacheValue, data) + other.size);
    }
    // False: longer than bytes_max, and nothing was changed.
    [[nodiscard]] bool assign(pipeline::Bytes from) {
        if (from.size() > bytes_max) return false;
        std::copy(from.begin(), from.end(), data);
        size = static_cast<std::uint16_t>(from.size());
        return true;
    }
    [[nodiscard]] bool assign(std::string_view from) { return assign(pipeline::as_bytes(from)); }
};
static_assert(std::is_trivially_copyable_v<CacheKey> && std::is_trivially_copyable_v<CacheValue>);

} // namespace stages
