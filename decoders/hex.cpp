#include "decoders/hex.hpp"

#include "pipeline/check.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#    include <immintrin.h>
#elif defined(__aarch64__)
#    include <arm_neon.h>
#endif

// Every vector path decodes whole blocks and stops in front of the first block that holds a bad
// digit; the plain loop finishes, so there is one place that names the offset.
namespace decoders {
namespace {

constexpr auto digit_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(0xff);
    for (int i = 0; i < 10; ++i) values['0' + i] = static_cast<std::uint8_t>(i);
    for (int i = 0; i < 6; ++i) {
        values['a' + i] = static_cast<std::uint8_t>(10 + i);
        values['A' + i] = static_cast<std::uint8_t>(10 + i);
    }
    return values;
}();

// Both digits of every byte.
constexpr auto pairs = [] {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, 512> text{};
    for (std::size_t i = 0; i < 256; ++i) {
        text[2 * i] = digits[i >> 4];
        text[2 * i + 1] = digits[i & 15];
    }
    return text;
}();

// From character `at` on; returns size, or the offset of the first bad digit.
std::size_t decode_scalar(char const* text, std::size_t at, std::size_t size, std::uint8_t* out) {
    for (; at < size; at += 2) {
        auto const high = digit_values[static_cast<std::uint8_t>(text[at])];
        auto const low = digit_values[static_cast<std::uint8_t>(text[at + 1])];
        if (((high | low) & 0xf0) != 0) return high > 15 ? at : at + 1;
        out[at / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return size;
}

#if defined(__x86_64__)

// A digit's value is its low nibble, plus 9 for letters. Valid are '0'..'9' and, folded to lower
// case, 'a'..'f'.
__attribute__((target("avx2"))) std::size_t decode_avx2(char const* text, std::size_t size,
                                                        std::uint8_t* out) {
    __m256i const fold = _mm256_set1_epi8(0x20);
    __m256i const nibble = _mm256_set1_epi8(0x0f);
    __m256i const weights = _mm256_set1_epi16(0x0110); // high digit * 16 + low digit
    auto const values = [&](__m256i in, __m256i& bad) __attribute__((target("avx2"))) {
        auto const digit = _mm256_sub_epi8(in, _mm256_set1_epi8('0'));
        auto const letter = _mm256_sub_epi8(_mm256_or_si256(in, fold), _mm256_set1_epi8('a'));
        auto const is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
        auto const is_letter =
            _mm256_cmpeq_epi8(_mm256_min_epu8(letter, _mm256_set1_epi8(5)), letter);
        bad = _mm256_or_si256(
            bad, _mm256_cmpeq_epi8(_mm256_or_si256(is_digit, is_letter), _mm256_setzero_si256()));
        auto const low = _mm256_and_si256(in, nibble);
        auto const value = _mm256_add_epi8(low, _mm256_and_si256(is_letter, _mm256_set1_epi8(9)));
        return _mm256_maddubs_epi16(value, weights);
    };
    std::size_t at = 0;
    for (; at + 64 <= size; at += 64) {
        auto const* from = reinterpret_cast<__m256i const*>(text + at);
        __m256i bad = _mm256_setzero_si256();
        auto const first = values(_mm256_loadu_si256(from), bad);
        auto const second = values(_mm256_loadu_si256(from + 1), bad);
        if (_mm256_testz_si256(bad, bad) == 0) break;
        auto const packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xd8);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at / 2), packed);
    }
    return at;
}

__attribute__((target("ssse3"))) std::size_t decode_ssse3(char const* text, std::size_t size,
                                                          std::uint8_t* out) {
    __m128i const weights = _mm_set1_epi16(0x0110);
    auto const values = [&](__m128i in, __m128i& bad) __attribute__((target("ssse3"))) {
        auto const digit = _mm_sub_epi8(in, _mm_set1_epi8('0'));
        auto const letter = _mm_sub_epi8(_mm_or_si128(in, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        auto const is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        auto const is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
        bad = _mm_or_si128(bad,
                           _mm_cmpeq_epi8(_mm_or_si128(is_digit, is_letter), _mm_setzero_si128()));
        auto const low = _mm_and_si128(in, _mm_set1_epi8(0x0f));
        auto const value = _mm_add_epi8(low, _mm_and_si128(is_letter, _mm_set1_epi8(9)));
        return _mm_maddubs_epi16(value, weights);
    };
    std::size_t at = 0;
    for (; at + 32 <= size; at += 32) {
        auto const* from = reinterpret_cast<__m128i const*>(text + at);
        __m128i bad = _mm_setzero_si128();
        auto const first = values(_mm_loadu_si128(from), bad);
        auto const second = values(_mm_loadu_si128(from + 1), bad);
        if (_mm_movemask_epi8(bad) != 0) break;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at / 2), _mm_packus_epi16(first, second));
    }
    return at;
}

#elif defined(__aarch64__)

std::size_t decode_neon(char const* text, std::size_t size, std::uint8_t* out) {
    auto const values = [](uint8x16_t in, uint8x16_t& bad) {
        auto const digit = vsubq_u8(in, vdupq_n_u8('0'));
        auto const letter = vsubq_u8(vorrq_u8(in, vdupq_n_u8(0x20)), vdupq_n_u8('a'));
        auto const is_digit = vcltq_u8(digit, vdupq_n_u8(10));
        auto const is_letter = vcltq_u8(letter, vdupq_n_u8(6));
        bad = vorrq_u8(bad, vmvnq_u8(vorrq_u8(is_digit, is_letter)));
        return vaddq_u8(vandq_u8(in, vdupq_n_u8(0x0f)), vandq_u8(is_letter, vdupq_n_u8(9)));
    };
    std::size_t at = 0;
    for (; at + 32 <= size; at += 32) {
        auto const pairs = vld2q_u8(reinterpret_cast<std::uint8_t const*>(text + at));
        uint8x16_t bad = vdupq_n_u8(0);
        auto const high = values(pairs.val[0], bad);
        auto const low = values(pairs.val[1], bad);
        if (vmaxvq_u8(bad) != 0) break;
        vst1q_u8(out + at / 2, vorrq_u8(vshlq_n_u8(high, 4), low));
    }
    return at;
}

#endif

std::size_t decode_blocks(char const* text, std::size_t size, std::uint8_t* out) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return decode_avx2(text, size, out);
    if (__builtin_cpu_supports("ssse3")) return decode_ssse3(text, size, out);
    return 0;
#elif defined(__aarch64__)
    return decode_neon(text, size, out);
#else
    static_cast<void>(text), static_cast<void>(size), static_cast<void>(out);
    return 0;
#endif
}

} // namespace

std::expected<std::size_t, Error> hex_decode(std::string_view text, MutableBytes out) {
    std::size_t const before = text.starts_with("0x") || text.starts_with("0X") ? 2 : 0;
    auto const* digits = text.data() + before;
    auto const size = text.size() - before;
    if (size % 2 != 0) {
        // A bad character says more than the odd count it may have caused.
        for (std::size_t i = 0; i < size; ++i) {
            if (digit_values[static_cast<std::uint8_t>(digits[i])] > 15) {
                return std::unexpected(Error{Code::bad_hex_digit, before + i});
            }
        }
        return std::unexpected(Error{Code::odd_hex, text.size() - 1});
    }
    if (size / 2 > out.size()) return std::unexpected(Error{Code::buffer_too_small, before});
    auto const done = decode_blocks(digits, size, out.data());
    auto const end = decode_scalar(digits, done, size, out.data());
    if (end != size) return std::unexpected(Error{Code::bad_hex_digit, before + end});
    return size / 2;
}

void hex_encode(Bytes bytes, char* out) {
    for (auto const byte : bytes) {
        std::memcpy(out, &pairs[std::size_t{2} * byte], 2);
        out += 2;
    }
}

void hex_encode(Bytes bytes, std::string& out) {
    auto const before = out.size();
    out.resize(before + 2 * bytes.size());
    hex_encode(bytes, out.data() + before);
}

std::string hex_text(Bytes bytes) {
    std::string out = "0x";
    hex_encode(bytes, out);
    return out;
}

namespace hex_paths {

bool available(std::string_view path) {
    if (path == "scalar") return true;
#if defined(__x86_64__)
    if (path == "avx2") return __builtin_cpu_supports("avx2");
    if (path == "ssse3") return __builtin_cpu_supports("ssse3");
#elif defined(__aarch64__)
    if (path == "neon") return true;
#endif
    return false;
}

std::size_t decode(std::string_view path, std::string_view text, std::uint8_t* out) {
    CHECK(text.size() % 2 == 0);
    std::size_t done = 0;
    if (available(path)) {
#if defined(__x86_64__)
        if (path == "avx2") done = decode_avx2(text.data(), text.size(), out);
        if (path == "ssse3") done = decode_ssse3(text.data(), text.size(), out);
#elif defined(__aarch64__)
        if (path == "neon") done = decode_neon(text.data(), text.size(), out);
#endif
    }
    return decode_scalar(text.data(), done, text.size(), out);
}

} // namespace hex_paths
} // namespace decoders
