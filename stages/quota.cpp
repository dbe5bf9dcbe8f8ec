#include "stages/quota.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <charconv>

namespace stages {
namespace {

using pipeline::millisecond;
using pipeline::never;
using pipeline::second;

constexpr std::uint64_t day_ms = 24ULL * 3'600 * 1'000;
constexpr std::int64_t hour_ms = 3'600 * 1'000;
constexpr std::int64_t forecast_least_ms = 10 * QuotaDay::minute_ms;
constexpr std::uint64_t margin_part = 20;    // of the day's limit
constexpr std::uint64_t least_part = 20;     // of the day's limit: enrichment's in any case
constexpr std::uint64_t bucket_part = 12;    // of a day's share
constexpr std::uint64_t rest_permille = 800; // of the share of enrichment
constexpr std::uint64_t critical_low = 10;   // it waits below a tenth of what the server allows
constexpr std::uint64_t rest_low = 4;        // below a quarter
constexpr unsigned pace_full = 1'000;
constexpr unsigned pace_least = 62; // a sixteenth
constexpr unsigned pace_step = 20;
constexpr unsigned refusals_max = 6; // 64 s
constexpr Nanoseconds refused_pause_max = 60 * second;
// Larger ones are not a number of seconds but a date.
constexpr std::uint64_t reset_s_max = 1'000'000'000;

constexpr std::size_t alerting = 0, critical = 1, rest = 2;

std::size_t index_of(QuotaClass priority) { return static_cast<std::size_t>(priority); }

std::int64_t to_ms(Nanoseconds time) { return static_cast<std::int64_t>(time / millisecond); }

// Of a time in milliseconds that lies before (0), or nowhere (never).
Nanoseconds to_ns(std::int64_t time_ms) {
    if (time_ms <= 0) return 0;
    if (time_ms == QuotaDay::unlimited_ms) return never;
    return static_cast<Nanoseconds>(time_ms) * millisecond;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

Nanoseconds bounded_wait(std::uint64_t seconds) {
    return std::clamp<std::uint64_t>(seconds, 1, io::limits::retry_after_s_max) * second;
}

} // namespace

std::string_view to_text(QuotaClass priority) {
    constexpr std::string_view names[] = {"alerting", "critical", "rest"};
    return names[index_of(priority)];
}

QuotaHints quota_hints(io::HttpHeaders const& headers) {
    QuotaHints hints{.limit = number(io::find_header(headers, "ratelimit-limit")),
                     .remaining = number(io::find_header(headers, "ratelimit-remaining")),
                     .reset_s = number(io::find_header(headers, "ratelimit-reset")),
                     .retry_after_s = number(io::find_header(headers, "retry-after"))};
    if (hints.reset_s >= reset_s_max) hints.reset_s.reset();
    if (hints.retry_after_s >= reset_s_max) hints.retry_after_s.reset();
    return hints;
}

Quota::Quota(QuotaOptions options, Nanoseconds now)
    : options_(options)
    , filled_ms_(to_ms(now)) {
    CHECK(options.requests_per_second >= 1 &&
          options.requests_per_second <= QuotaOptions::per_second_max);
    CHECK(options.requests_per_day >= 1 && options.requests_per_day <= QuotaOptions::per_day_max);
    recent_.reserve(options.requests_per_second + 1);
    reserve(0, now);
    enrichment_.level = enrichment_.depth();
    rest_.level = rest_.depth();
}

// ---- the share of enrichment

// At least one request, or it could never be sent.
std::uint64_t Quota::Bucket::depth() const {
    return share == 0 ? 0 : std::max<std::uint64_t>(share * day_ms / bucket_part, day_ms);
}

void Quota::Bucket::fill(std::int64_t from_ms, std::int64_t to_ms) {
    auto const passed =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(to_ms - from_ms), day_ms);
    level = std::min(depth(), level + share * passed);
}

std::int64_t Quota::Bucket::ready_ms(std::int64_t filled_ms, std::int64_t now_ms) const {
    if (share == 0) return QuotaDay::unlimited_ms;
    Bucket filled = *this;
    filled.fill(filled_ms, now_ms);
    if (filled.level >= day_ms) return INT64_MIN;
    return now_ms + static_cast<std::int64_t>((day_ms - filled.level + share - 1) / share);
}

void Quota::fill(Nanoseconds now) {
    std::int64_t const now_ms = to_ms(now);
    enrichment_.fill(filled_ms_, now_ms);
    rest_.fill(filled_ms_, now_ms);
    filled_ms_ = now_ms;
}

std::uint64_t Quota::usable() const {
    return options_.requests_per_day - options_.requests_per_day / margin_part;
}

std::uint64_t Quota::least_share() const { return options_.requests_per_day / least_part; }

void Quota::reserve(std::uint64_t calls_per_day, Nanoseconds now) {
    fill(now);
    planned_ = calls_per_day;
    enrichment_.share = std::max(usable() - std::min(usable(), planned_), least_share());
    rest_.share = enrichment_.share * rest_permille / 1'000;
    enrichment_.level = std::min(enrichment_.level, enrichment_.depth());
    rest_.level = std::min(rest_.level, rest_.depth());
}

double Quota::stretch() const {
    std::uint64_t const room = usable() - least_share();
    return planned_ <= room ? 1 : static_cast<double>(planned_) / static_cast<double>(room);
}

std::int64_t Quota::enrichment_at(QuotaClass priority, std::int64_t now_ms) const {
    // Alerts may have taken more than was planned: what is left of the day is theirs.
    std::int64_t at = day_.free_at(alerting, usable(), now_ms);
    at = std::max(at, day_.free_at(critical, enrichment_.share, now_ms));
    at = std::max(at, enrichment_.ready_ms(filled_ms_, now_ms));
    if (priority == QuotaClass::critical) return at;
    at = std::max(at, day_.free_at(rest, rest_.share, now_ms));
    return std::max(at, rest_.ready_ms(filled_ms_, now_ms));
}

// ---- the second

// Of a second, what this class may fill.
std::uint32_t Quota::places(QuotaClass priority) const {
    std::uint32_t const all = std::min(options_.requests_per_second, told_per_second_);
    auto const above = static_cast<std::uint32_t>(index_of(priority));
    return all > above ? all - above : 1;
}

Nanoseconds Quota::second_free_at(QuotaClass priority) const {
    std::uint32_t const most = places(priority);
    if (recent_.size() < most) return 0;
    return recent_[recent_.size() - most].leaves + second + options_.second_guard;
}

std::uint32_t Quota::left_this_second(Nanoseconds now) const {
    if (now < std::max(paused_until_, silent_until_)) return 0;
    std::uint32_t const most = places(QuotaClass::alerting);
    auto const counting = static_cast<std::uint32_t>(
        std::count_if(recent_.begin(), recent_.end(), [&](Recent const& one) {
            return one.leaves + second + options_.second_guard > now;
        }));
    return most - std::min(most, counting);
}

// ---- sending

Nanoseconds Quota::next_time(QuotaClass priority, Nanoseconds now) const {
    Nanoseconds at = std::max({paused_until_, silent_until_, second_free_at(priority)});
    if (pace_ < pace_full && sent_any_) {
        Nanoseconds const apart = (second + options_.second_guard) * pace_full /
                                  (pace_ * std::uint64_t{places(QuotaClass::alerting)});
        at = std::max(at, last_sent_ + apart);
    }
    std::int64_t const now_ms = to_ms(now);
    at = std::max(at, to_ns(day_.free_at(alerting, options_.requests_per_day, now_ms)));
    if (priority == QuotaClass::alerting) return at;
    at = std::max(at, low_until_[index_of(priority)]);
    return std::max(at, to_ns(enrichment_at(priority, now_ms)));
}

Quota::Ticket Quota::sent(QuotaClass priority, Nanoseconds now) {
    fill(now);
    day_.add(index_of(priority), to_ms(now));
    if (priority != QuotaClass::alerting) enrichment_.level -= std::min(enrichment_.level, day_ms);
    if (priority == QuotaClass::rest) rest_.level -= std::min(rest_.level, day_ms);
    if (recent_.size() == options_.requests_per_second) recent_.erase(recent_.begin());
    recent_.push_back({next_ticket_, now + options_.leaves_within});
    last_sent_ = now;
    sent_any_ = true;
    return next_ticket_++;
}

void Quota::ended(Ticket ticket, Nanoseconds now) {
    auto const at = std::find_if(recent_.begin(), recent_.end(),
                                 [&](Recent const& one) { return one.ticket == ticket; });
    if (at == recent_.end() || at->leaves <= now) return;
    at->leaves = now;
    std::sort(recent_.begin(), recent_.end(), [](Recent const& a, Recent const& b) {
        return std::pair(a.leaves, a.ticket) < std::pair(b.leaves, b.ticket);
    });
}

// ---- what the server says

void Quota::answered(Ticket ticket, QuotaHints const& hints, bool limited, Nanoseconds now) {
    ended(ticket, now);
    heed(hints, now);
    if (limited) {
        refused(hints, now);
    } else if (now >= limited_until_) {
        refusals_ = 0;
        pace_ = std::min(pace_full, pace_ + pace_step);
    }
}

void Quota::heed(QuotaHints const& hints, Nanoseconds now) {
    if (hints.limit && *hints.limit > 0)
        told_per_second_ = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(*hints.limit, QuotaOptions::per_second_max));
    if (!hints.remaining) return;
    Nanoseconds const reset = now + bounded_wait(hints.reset_s.value_or(1));
    if (*hints.remaining == 0) pause(reset, now);
    if (!hints.limit) return;
    auto const below = [&](std::uint64_t part) {
        return *hints.remaining < *hints.limit / part ||
               (*hints.remaining == *hints.limit / part && *hints.limit % part != 0);
    };
    low_until_[critical] = below(critical_low) ? reset : 0;
    low_until_[rest] = below(rest_low) ? reset : 0;
}

void Quota::refused(QuotaHints const& hints, Nanoseconds now) {
    if (now >= limited_until_) { // the first of its kind, not one sent along with it
        pace_ = std::max(pace_least, pace_ / 2);
        refusals_ = std::min(refusals_ + 1, refusals_max + 1);
    }
    Nanoseconds wait = std::min(refused_pause_max, second << (refusals_ - 1));
    if (hints.reset_s) wait = bounded_wait(*hints.reset_s);
    if (hints.retry_after_s) wait = bounded_wait(*hints.retry_after_s);
    limited_until_ = std::max(limited_until_, now + wait);
    pause(limited_until_, now);
}

void Quota::pause(Nanoseconds until, Nanoseconds now) {
    if (until <= paused_until_) return;
    paused_total_ += until - std::max(paused_until_, now);
    paused_until_ = until;
}

// ---- views

std::uint64_t Quota::used_today(Nanoseconds now) const { return day_.used(alerting, to_ms(now)); }

std::uint64_t Quota::used_today(QuotaClass priority, Nanoseconds now) const {
    std::size_t const lowest = index_of(priority);
    std::uint64_t const below = lowest == rest ? 0 : day_.used(lowest + 1, to_ms(now));
    return day_.used(lowest, to_ms(now)) - below;
}

std::uint64_t Quota::left_today(Nanoseconds now) const {
    std::uint64_t const used = used_today(now);
    return options_.requests_per_day - std::min<std::uint64_t>(options_.requests_per_day, used);
}

std::uint64_t Quota::enrichment_per_day() const { return enrichment_.share; }

Nanoseconds Quota::runs_out_at(Nanoseconds now) const {
    std::int64_t const now_ms = to_ms(now);
    std::uint64_t const hour = day_.used_since(alerting, now_ms - hour_ms);
    std::int64_t const known = day_.size() == 0 ? 0 : now_ms - day_.group(0).first_ms;
    auto const span = static_cast<double>(std::clamp(known, forecast_least_ms, hour_ms));
    std::int64_t const at =
        day_.full_at(options_.requests_per_day, static_cast<double>(hour) / span, now_ms);
    return at == QuotaDay::unlimited_ms ? never : std::max(now, to_ns(at));
}

} // namespace stages
