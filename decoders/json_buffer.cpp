#include "decoders/json_buffer.hpp"

#include "decoders/hex.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace decoders {

using pipeline::Bytes;
using pipeline::u128;

char* write_decimal(std::uint64_t value, char* out) {
    return std::to_chars(out, out + decimal_room(sizeof value), value).ptr;
}

char* write_decimal(u128 value, char* out) {
    constexpr std::uint64_t chunk = 10'000'000'000'000'000'000u; // 19 digits
    constexpr std::size_t chunk_digits = 19;
    if (value >> 64 == 0) [[likely]]
        return write_decimal(static_cast<std::uint64_t>(value), out);
    out = write_decimal(value / chunk, out);
    auto const low = static_cast<std::uint64_t>(value % chunk);
    std::array<char, decimal_room(sizeof low)> digits;
    auto const size = static_cast<std::size_t>(write_decimal(low, digits.data()) - digits.data());
    std::memset(out, '0', chunk_digits - size);
    std::memcpy(out + chunk_digits - size, digits.data(), size);
    return out + chunk_digits;
}

// By dividing by 10^9 through 32-bit limbs, the highest first.
char* write_decimal(Bytes little_endian, char* out) {
    constexpr std::uint64_t chunk = 1'000'000'000;
    std::array<std::uint32_t, (largest_integer + 3) / 4> limbs{};
    std::memcpy(limbs.data(), little_endian.data(), little_endian.size());
    std::size_t used = limbs.size();
    std::array<char, decimal_room(largest_integer)> text;
    std::size_t at = text.size();
    while (used > 0 && limbs[used - 1] == 0) --used;
    do {
        std::uint64_t rest = 0;
        for (std::size_t i = used; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = static_cast<std::uint32_t>(rest / chunk);
            rest %= chunk;
        }
        while (used > 0 && limbs[used - 1] == 0) --used;
        for (int i = 0; i < 9 && (used > 0 || rest > 0 || at == text.size()); ++i) {
            text[--at] = static_cast<char>('0' + rest % 10);
            rest /= 10;
        }
    } while (used > 0);
    return std::copy(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), out);
}

char* write_signed(Bytes little_endian, char* out) {
    if ((little_endian.back() & 0x80) == 0) return write_decimal(little_endian, out);
    std::array<std::uint8_t, 32> magnitude{};
    unsigned carry = 1;
    for (std::size_t i = 0; i < little_endian.size(); ++i) {
        carry += static_cast<std::uint8_t>(~little_endian[i]);
        magnitude[i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    *out++ = '-';
    return write_decimal(Bytes(magnitude).first(little_endian.size()), out);
}

char* write_json_text(std::string_view text, char* out) {
    auto const put = [&](std::string_view escaped) {
        std::memcpy(out, escaped.data(), escaped.size());
        out += escaped.size();
    };
    *out++ = '"';
    for (char const c : text) {
        auto const byte = static_cast<std::uint8_t>(c);
        switch (c) {
        case '"': put("\\\""); break;
        case '\\': put("\\\\"); break;
        case '\b': put("\\b"); break;
        case '\f': put("\\f"); break;
        case '\n': put("\\n"); break;
        case '\r': put("\\r"); break;
        case '\t': put("\\t"); break;
        default:
            if (byte < 0x20) {
                put("\\u00");
                hex_encode({&byte, 1}, out);
                out += 2;
            } else {
                *out++ = c;
            }
        }
    }
    *out++ = '"';
    return out;
}

char* write_utf8(std::uint32_t code, char* out) {
    auto const tail = [&](int shift) {
        *out++ = static_cast<char>(0x80 | ((code >> shift) & 0x3f));
    };
    if (code < 0x80) {
        *out++ = static_cast<char>(code);
    } else if (code < 0x800) {
        *out++ = static_cast<char>(0xc0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        *out++ = static_cast<char>(0xe0 | code >> 12);
        tail(6), tail(0);
    } else {
        *out++ = static_cast<char>(0xf0 | code >> 18);
        tail(12), tail(6), tail(0);
    }
    return out;
}

} // namespace decoders
