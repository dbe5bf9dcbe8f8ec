// What a cache holds: a key and a value of fixed size, copied freely, without a pointer.
//
// Any thread. Both also lie in a file (see cache_cold.hpp), so the numbers of the enums and the
// order of the key's fields must not change; a change needs a new name of the table there.
#pragma once

#include "decoders/account.hpp"
#include "pipeline/types.hpp"

#include <algorithm>
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

    friend bool operator==(CacheKey const& a, CacheKey const& b) {
        return std::memcmp(&a, &b, sizeof a) == 0;
    }
};
static_assert(std::has_unique_object_representations_v<CacheKey> && sizeof(CacheKey) == 56);

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
