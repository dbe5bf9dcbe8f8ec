// The few value types every room shares. No chain, no JSON, no socket: only sizes and bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace pipeline {

__extension__ typedef unsigned __int128 u128; // exact token amounts; planck, never rounded

using Bytes = std::span<std::uint8_t const>;
using MutableBytes = std::span<std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>; // a block hash, a genesis hash
// XXH3, 128 bits: tells apart what two readers were given. No protection from forgers.
using Checksum = std::array<std::uint8_t, 16>;

using Nanoseconds = std::uint64_t; // since boot (monotonic) unless a name says unix
inline constexpr Nanoseconds never = ~Nanoseconds{0};

inline constexpr Nanoseconds microsecond = 1'000;
inline constexpr Nanoseconds millisecond = 1'000'000;
inline constexpr Nanoseconds second = 1'000'000'000;

// simdjson reads past the end of a text; every buffer that may hold JSON keeps this much behind it.
inline constexpr std::size_t json_padding = 64;

// Text of at most N - 1 bytes inside a trivially copyable record; longer text is cut.
template <std::size_t N>
struct FixedText {
    static_assert(N >= 2 && N <= 256);
    std::uint8_t size = 0;
    char text[N - 1] = {};

    constexpr FixedText() = default;
    constexpr FixedText(std::string_view from) { assign(from); }
    constexpr void assign(std::string_view from) {
        size = static_cast<std::uint8_t>(from.size() < N - 1 ? from.size() : N - 1);
        for (std::size_t i = 0; i < N - 1; ++i) text[i] = i < size ? from[i] : '\0';
    }
    constexpr std::string_view view() const { return {text, size}; }
};

inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()};
}

} // namespace pipeline
