#include "decoders/subscan.hpp"

#include <optional>

namespace decoders {
namespace {

void append_utf8(std::uint32_t point, std::string& out) {
    auto const put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xc0 | point >> 6);
        put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        put(0xe0 | point >> 12);
        put(0x80 | (point >> 6 & 0x3f));
        put(0x80 | (point & 0x3f));
    } else {
        put(0xf0 | point >> 18);
        put(0x80 | (point >> 12 & 0x3f));
        put(0x80 | (point >> 6 & 0x3f));
        put(0x80 | (point & 0x3f));
    }
}

// The four digits behind "\u" at `at`.
std::optional<std::uint32_t> unit_at(std::string_view text, std::size_t at) {
    if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return {};
    std::uint32_t unit = 0;
    for (auto const c : text.substr(at + 2, 4)) {
        std::uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<std::uint32_t>(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
        } else {
            return {};
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

constexpr std::uint32_t replacement = 0xfffd;

// Reads "\uXXXX", or a pair of them, at `at`; the number of characters read, 0 if it is none.
std::size_t undo_unit(std::string_view text, std::size_t at, std::string& out) {
    auto const first = unit_at(text, at);
    if (!first) return 0;
    if (*first < 0xd800 || *first > 0xdfff) {
        append_utf8(*first, out);
        return 6;
    }
    auto const second = *first < 0xdc00 ? unit_at(text, at + 6) : std::nullopt;
    if (second && *second >= 0xdc00 && *second <= 0xdfff) {
        append_utf8(0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00), out);
        return 12;
    }
    append_utf8(replacement, out); // half a pair is no character
    return 6;
}

} // namespace

std::string json_unescaped(std::string_view as_written) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    std::string out;
    out.reserve(as_written.size());
    for (std::size_t at = 0; at < as_written.size();) {
        auto const c = as_written[at];
        if (c != '\\' || at + 1 == as_written.size()) {
            out += c;
            ++at;
            continue;
        }
        auto const letter = letters.find(as_written[at + 1]);
        if (letter != letters.npos) {
            out += meant[letter];
            at += 2;
        } else if (auto const read = undo_unit(as_written, at, out); read != 0) {
            at += read;
        } else {
            out += c; // not an escape JSON knows: left as it stands
            ++at;
        }
    }
    return out;
}

} // namespace decoders
