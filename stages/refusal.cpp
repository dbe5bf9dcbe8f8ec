#include "stages/refusal.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace stages {

namespace {

using Kind = Refusal::Kind;

struct CodeRow {
    std::int64_t code;
    Kind kind;
};
constexpr std::array code_rows{
    CodeRow{-32029, Kind::limit},  CodeRow{-32005, Kind::limit},
    CodeRow{-32999, Kind::limit},  CodeRow{429, Kind::limit},
    CodeRow{-32429, Kind::limit},  CodeRow{-32601, Kind::unknown_method},
    CodeRow{-32801, Kind::pruned}, // chainHead_v1: not pinned
};

struct WordRow {
    std::string_view word; // in lower case, anywhere in the message
    Kind kind;
};
constexpr std::array word_rows{
    WordRow{"rate limit", Kind::limit},
    WordRow{"ratelimit", Kind::limit},
    WordRow{"rate-limit", Kind::limit},
    WordRow{"too many requests", Kind::limit},
    WordRow{"limit exceeded", Kind::limit},
    WordRow{"throttled", Kind::limit},
    WordRow{"already discarded", Kind::pruned},
    WordRow{"state discarded", Kind::pruned},
    WordRow{"pruned", Kind::pruned},
    WordRow{"method not found", Kind::unknown_method},
};

constexpr std::size_t text_read_max = 512; // what matters stands at the beginning

std::string lower(std::string_view text) {
    std::string made(text.substr(0, text_read_max));
    for (char& c : made)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return made;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// The unit of a number: the word behind it, or the end of the name in front of it.
pipeline::Nanoseconds unit_of(std::string_view before, std::string_view behind) {
    while (!behind.empty() && behind.front() == ' ') behind.remove_prefix(1);
    while (!before.empty() && !is_letter(before.back())) before.remove_suffix(1);
    std::string_view const word = behind.substr(
        0, static_cast<std::size_t>(std::ranges::find_if_not(behind, is_letter) - behind.begin()));
    if (word == "ms" || word.starts_with("milli")) return pipeline::millisecond;
    if (word == "m" || word.starts_with("min")) return 60 * pipeline::second;
    if (word.empty() && (before.ends_with("ms") || before.ends_with("millis")))
        return pipeline::millisecond;
    return pipeline::second;
}

} // namespace

pipeline::Nanoseconds retry_time(std::string_view message) {
    constexpr std::size_t reach = 32; // from the word to its number
    std::string const text = lower(message);
    for (std::string_view word : {"retry", "try again", "backoff", "back off"}) {
        std::size_t const at = text.find(word);
        if (at == std::string::npos) continue;
        std::size_t const begin = at + word.size();
        auto const digit =
            std::find_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), is_digit);
        auto const number_at = static_cast<std::size_t>(digit - text.begin());
        if (digit == text.end() || number_at > begin + reach) continue;
        std::uint64_t number = 0;
        char const* const end = text.data() + text.size();
        auto const [rest, error] = std::from_chars(text.data() + number_at, end, number);
        if (error != std::errc{}) return Refusal::wait_max; // more than fits is long enough
        std::string_view behind(rest, static_cast<std::size_t>(end - rest));
        if (behind.starts_with('.')) { // a fraction is rounded up
            ++number;
            behind.remove_prefix(1);
            while (!behind.empty() && is_digit(behind.front())) behind.remove_prefix(1);
        }
        auto const unit = unit_of(std::string_view(text).substr(at, number_at - at), behind);
        return std::min<std::uint64_t>(number, Refusal::wait_max / unit) * unit;
    }
    return 0;
}

std::string printable(std::string_view text) {
    std::string shown(text);
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return shown;
}

Refusal read_refusal(decoders::Envelope const& reply) {
    std::string const message = lower(reply.error_message);
    Refusal refusal;
    for (WordRow const& row : word_rows)
        if (refusal.kind == Kind::other && message.find(row.word) != std::string::npos)
            refusal.kind = row.kind;
    for (CodeRow const& row : code_rows)
        if (refusal.kind == Kind::other && reply.error_code == row.code) refusal.kind = row.kind;
    // 4003 is said of every trouble with a state. That of a block the node has not met yet, as
    // behind a load balancer, will be there in a moment.
    if (refusal.kind == Kind::other && reply.error_code == 4003 &&
        message.find("unknown") == std::string::npos &&
        message.find("not found") == std::string::npos)
        refusal.kind = Kind::pruned;
    if (refusal.kind == Kind::limit) {
        refusal.wait = retry_time(reply.error_message);
        if (refusal.wait == 0) refusal.wait = retry_time(reply.error_data);
    }
    return refusal;
}

} // namespace stages
