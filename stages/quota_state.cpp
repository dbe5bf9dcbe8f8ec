// What a Quota keeps over a restart, as text:
//
//   quota 1
//   paused UNIX_MS            until then nothing is sent; 0: no pause
//   pace PERMILLE
//   sent FIRST_MS LAST_MS ALERTING CRITICAL REST      a group of the day, unix time, oldest first
#include "stages/quota.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace stages {
namespace {

using pipeline::millisecond;
using pipeline::second;

constexpr std::string_view first_line = "quota 1\n";
constexpr std::uint64_t unix_ms_max = 10'000'000'000'000; // the year 2286
constexpr std::int64_t bucket_ms = 2 * 3'600 * 1'000;     // in which an empty bucket fills

// The numbers of "word 1 2 3", each at most `most`; empty where the line is anything else.
template <std::size_t N>
std::optional<std::array<std::uint64_t, N>> numbers(std::string_view line, std::string_view word,
                                                    std::uint64_t most) {
    std::array<std::uint64_t, N> values{};
    if (!line.starts_with(word)) return std::nullopt;
    line.remove_prefix(word.size());
    for (std::uint64_t& value : values) {
        if (!line.starts_with(' ')) return std::nullopt;
        auto const* const end = line.data() + line.size();
        auto const [stop, failure] = std::from_chars(line.data() + 1, end, value);
        if (failure != std::errc{} || value > most) return std::nullopt;
        line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
    }
    if (!line.empty()) return std::nullopt;
    return values;
}

} // namespace

struct Quota::Restored {
    std::uint64_t paused_unix_ms = 0;
    unsigned pace = 1'000;
    std::vector<QuotaDay::Group> groups; // in unix milliseconds

    bool take(std::string_view line);
};

bool Quota::Restored::take(std::string_view line) {
    if (auto const value = numbers<1>(line, "paused", unix_ms_max)) {
        paused_unix_ms = (*value)[0];
        return true;
    }
    if (auto const value = numbers<1>(line, "pace", 1'000)) {
        pace = static_cast<unsigned>((*value)[0]);
        return pace > 0;
    }
    auto const value = numbers<5>(line, "sent", unix_ms_max);
    if (!value || groups.size() == QuotaDay::groups_max) return false;
    QuotaDay::Group group{.first_ms = static_cast<std::int64_t>((*value)[0]),
                          .last_ms = static_cast<std::int64_t>((*value)[1])};
    for (std::size_t i = 0; i < quota_classes; ++i) {
        if ((*value)[2 + i] > QuotaOptions::per_day_max) return false;
        group.sent[i] = static_cast<std::uint32_t>((*value)[2 + i]);
    }
    bool const ordered = group.first_ms <= group.last_ms &&
                         (groups.empty() || groups.back().last_ms <= group.first_ms);
    groups.push_back(group);
    return ordered;
}

std::string Quota::exported(Nanoseconds now, std::uint64_t unix_ms) const {
    auto const now_ms = static_cast<std::int64_t>(now / millisecond);
    std::int64_t const to_unix = static_cast<std::int64_t>(unix_ms) - now_ms;
    std::uint64_t const paused =
        paused_until_ <= now ? 0 : unix_ms + (paused_until_ - now) / millisecond;
    std::string text = fmt::format("{}paused {}\npace {}\n", first_line, paused, pace_);
    for (std::size_t i = 0; i < day_.size(); ++i) {
        QuotaDay::Group const& group = day_.group(i);
        fmt::format_to(std::back_inserter(text), "sent {} {} {} {} {}\n",
                       std::max<std::int64_t>(0, group.first_ms + to_unix),
                       std::max<std::int64_t>(0, group.last_ms + to_unix), group.sent[0],
                       group.sent[1], group.sent[2]);
    }
    return text;
}

std::expected<void, std::string> Quota::restore(std::string_view state, Nanoseconds now,
                                                std::uint64_t unix_ms) {
    silent_until_ = now + second + options_.second_guard;
    if (state.size() > state_bytes_max)
        return std::unexpected(
            fmt::format("it is {} bytes long, and may be {}", state.size(), state_bytes_max));
    if (!state.starts_with(first_line)) return std::unexpected("its first line is not \"quota 1\"");
    Restored found;
    std::size_t line_number = 1;
    for (std::string_view text = state.substr(first_line.size()); !text.empty();) {
        ++line_number;
        std::size_t const end = text.find('\n');
        if (end == text.npos || !found.take(text.substr(0, end)))
            return std::unexpected(fmt::format("line {} cannot be read", line_number));
        text.remove_prefix(end + 1);
    }
    auto const now_ms = static_cast<std::int64_t>(now / millisecond);
    std::int64_t const to_mono = now_ms - static_cast<std::int64_t>(unix_ms);
    for (QuotaDay::Group group : found.groups) {
        // What the wall clock puts into the future was sent by now.
        group.first_ms = std::min(now_ms, group.first_ms + to_mono);
        group.last_ms = std::min(now_ms, group.last_ms + to_mono);
        if (group.last_ms + QuotaDay::expires_ms > now_ms) day_.add_group(group);
    }
    pace_ = found.pace;
    if (found.paused_unix_ms > unix_ms)
        pause(now + std::min((found.paused_unix_ms - unix_ms) * millisecond,
                             io::limits::retry_after_s_max * second),
              now);
    // As if the buckets had been full two hours ago.
    fill(now);
    auto const drain = [&](Bucket& bucket, std::size_t lowest) {
        std::uint64_t const used = day_.used_since(lowest, now_ms - bucket_ms);
        constexpr std::uint64_t request = 24ULL * 3'600 * 1'000;
        bucket.level -= std::min(bucket.level / request, used) * request;
    };
    drain(enrichment_, 1);
    drain(rest_, 2);
    return {};
}

} // namespace stages
