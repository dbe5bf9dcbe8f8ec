// How often one API key may be used, over everything the service asks with it: so many requests in
// any rolling second and so many in any rolling 24 hours, and who goes first when there are few.
//
//   alerting   up to both limits; waits for nothing else
//   critical   what the day leaves after reserve() and 5 % of the day, but 5 % at least (the plan
//              is stretched for it), spread over the day (a token bucket that holds 1/12 of a day's
//              share); leaves one place of each second alone
//   rest       at most 80 % of that; leaves two places of each second alone
//
// The pace slows before the server says so: a 429 pauses everything and halves the pace, which each
// good answer raises again by 2 % of the whole; when ratelimit-remaining falls below a quarter of
// the limit `rest` waits for the reset, below a tenth `critical` too, at 0 everybody.
//
// Counts at the time of sending, and errs towards too few: a request may leave at any time up to
// its answer (or `leaves_within`), and counts to the end of that; the day is counted in minutes and
// a minute longer than it is. Pure, one thread; times are monotonic nanoseconds that never go back,
// unless named unix. Memory: the groups of a day and the requests of one second.
// Source of the limits and headers: subscan-OpenAPI (2026), "Rate limiting".
#pragma once

#include "io/http.hpp"
#include "pipeline/types.hpp"
#include "stages/quota_day.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

enum class QuotaClass : std::uint8_t { alerting, critical, rest };
inline constexpr std::size_t quota_classes = QuotaDay::classes;
std::string_view to_text(QuotaClass priority); // "alerting", "critical", "rest"

struct QuotaOptions {
    static constexpr std::uint32_t per_second_max = 1'000;
    static constexpr std::uint32_t per_day_max = 100'000'000;

    std::uint32_t requests_per_second = 5;    // 1 to per_second_max
    std::uint32_t requests_per_day = 100'000; // 1 to per_day_max
    // Between two requests that are said to be a second apart the network may lose this much.
    Nanoseconds second_guard = 50 * pipeline::millisecond;
    Nanoseconds leaves_within = 2 * pipeline::second; // of sent(), where there is no answer before
};

// What a response says about the limit. Absent: not said, or not a number.
struct QuotaHints {
    std::optional<std::uint64_t> limit{}, remaining{}, reset_s{}, retry_after_s{};
};
QuotaHints quota_hints(io::HttpHeaders const& headers);

class Quota {
  public:
    using Ticket = std::uint64_t;

    Quota(QuotaOptions options, Nanoseconds now);

    // The earliest time at which a request of this class may be sent, as far as is known now: at
    // most `now` where it may; `never` where the class has no share of the day at all.
    Nanoseconds next_time(QuotaClass priority, Nanoseconds now) const;
    bool may_send(QuotaClass priority, Nanoseconds now) const {
        return next_time(priority, now) <= now;
    }
    // One is sent now; it counts, whether may_send() or not. Owed one answered() or ended().
    Ticket sent(QuotaClass priority, Nanoseconds now);
    // It got a response with these hints. limited: a 429, or its body under another status.
    void answered(Ticket ticket, QuotaHints const& hints, bool limited, Nanoseconds now);
    void ended(Ticket ticket, Nanoseconds now); // without any response

    // Requests of the class `alerting` that are planned for a day.
    void reserve(std::uint64_t calls_per_day, Nanoseconds now);
    // By which factor the plan has to slow down to fit into 90 % of a day; 1 where it does.
    double stretch() const;

    std::uint64_t used_today(Nanoseconds now) const; // in the last 24 hours
    std::uint64_t used_today(QuotaClass priority, Nanoseconds now) const;
    std::uint64_t left_today(Nanoseconds now) const;
    std::uint32_t left_this_second(Nanoseconds now) const;
    std::uint64_t enrichment_per_day() const; // the share of critical and rest together
    // When the day's limit will be met if the pace of the last hour goes on. `never`: it will not.
    Nanoseconds runs_out_at(Nanoseconds now) const;
    Nanoseconds paused_until() const { return paused_until_; } // everybody; 0: there was no pause
    Nanoseconds paused_total() const { return paused_total_; } // all pauses, to their ends
    unsigned pace_permille() const { return pace_; }           // 1000: unhindered

    // To be kept over a restart: text of at most state_bytes_max bytes. What was sent after the
    // last export is forgotten with a crash, so export about once a minute.
    static constexpr std::size_t state_bytes_max = 128UL * 1024;
    std::string exported(Nanoseconds now, std::uint64_t unix_ms) const;
    // Into a Quota that has sent nothing, after reserve(). Keeps silent for a second, in which the
    // run before may have sent. On failure (a sentence) nothing else has changed.
    std::expected<void, std::string> restore(std::string_view state, Nanoseconds now,
                                             std::uint64_t unix_ms);

  private:
    struct Recent {
        Ticket ticket = 0;
        Nanoseconds leaves = 0; // at the latest
    };
    struct Restored;
    // How full a bucket is, in requests times the milliseconds of a day.
    struct Bucket {
        std::uint64_t share = 0; // of a day, in requests
        std::uint64_t level = 0;
        std::uint64_t depth() const;
        void fill(std::int64_t from_ms, std::int64_t to_ms);
        std::int64_t ready_ms(std::int64_t filled_ms, std::int64_t now_ms) const;
    };

    std::uint32_t places(QuotaClass priority) const;
    Nanoseconds second_free_at(QuotaClass priority) const;
    std::int64_t enrichment_at(QuotaClass priority, std::int64_t now_ms) const;
    std::uint64_t usable() const;      // of a day, without the margin
    std::uint64_t least_share() const; // of enrichment, however much polling is planned
    void fill(Nanoseconds now);
    void heed(QuotaHints const& hints, Nanoseconds now);
    void refused(QuotaHints const& hints, Nanoseconds now);
    void pause(Nanoseconds until, Nanoseconds now);

    QuotaOptions const options_;
    QuotaDay day_;
    std::vector<Recent> recent_; // by `leaves`, at most a second's worth
    Ticket next_ticket_ = 1;
    Nanoseconds last_sent_ = 0;
    bool sent_any_ = false;

    std::uint64_t planned_ = 0; // alerting calls a day
    Bucket enrichment_, rest_;  // critical takes from the first, rest from both
    std::int64_t filled_ms_;

    Nanoseconds silent_until_ = 0; // after restore()
    Nanoseconds paused_until_ = 0;
    Nanoseconds paused_total_ = 0;
    Nanoseconds limited_until_ = 0;                      // by a 429: those before it are one
    std::array<Nanoseconds, quota_classes> low_until_{}; // little is left: these classes wait
    std::uint32_t told_per_second_ = QuotaOptions::per_second_max; // no window is shorter than 1 s
    unsigned refusals_ = 0;                                        // in a row
    unsigned pace_ = 1'000;
};

} // namespace stages
