#include "io/utf8.hpp"

namespace io {

namespace {

bool is_continuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

// Bytes of the well-formed sequence at the start of text, 0 if there is none: Unicode, table 3-7.
std::size_t sequence_size(pipeline::Bytes text) {
    std::uint8_t const first = text[0];
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    std::size_t const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if (!is_continuation(text[i])) return 0;
    std::uint8_t const second = text[1];
    if (first == 0xe0 && second < 0xa0) return 0; // overlong
    if (first == 0xed && second > 0x9f) return 0; // surrogates
    if (first == 0xf0 && second < 0x90) return 0; // overlong
    if (first == 0xf4 && second > 0x8f) return 0; // above U+10FFFF
    return size;
}

} // namespace

bool valid_utf8(pipeline::Bytes text) {
    constexpr std::size_t ascii_run = 64;
    constexpr std::uint64_t high_bits = 0x8080808080808080;
    std::size_t at = 0;
    while (at < text.size()) {
        // JSON and hex are ASCII: 64 bytes at a time, then eight.
        while (text.size() - at >= ascii_run) {
            std::uint64_t words[ascii_run / sizeof(std::uint64_t)];
            std::memcpy(words, text.data() + at, sizeof words);
            std::uint64_t any = 0;
            for (std::uint64_t const word : words) any |= word;
            if ((any & high_bits) != 0) break;
            at += ascii_run;
        }
        while (text.size() - at >= sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, text.data() + at, sizeof word);
            if ((word & high_bits) != 0) break;
            at += sizeof word;
        }
        if (at == text.size()) break;
        std::size_t const size = sequence_size(text.subspan(at));
        if (size == 0) return false;
        at += size;
    }
    return true;
}

} // namespace io
