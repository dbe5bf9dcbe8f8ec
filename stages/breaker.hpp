// Keeps away from a host that fails, and finds out gently whether it has recovered.
//
//             5 failures in a row, or half of
//             at least 10 calls in 5 minutes              30 s later
//     closed ────────────────────────────────▶ open ───────────────────▶ half_open
//       ▲                                       ▲                         │  │  one probe at a time
//       │                                       └────── a bad probe ──────┘  │
//       └───────────────────────── 3 good probes in a row ──────────────────┘
//
// Results of calls that were sent in an earlier state say nothing about this one and are ignored.
// What a failure is, its owner says. Pure, one thread, no allocation; times are monotonic
// nanoseconds that never go back. The 5 minutes move in steps of a thirtieth (10 s).
#pragma once

#include "pipeline/types.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace stages {

using pipeline::Nanoseconds;

enum class BreakerState : std::uint8_t { closed, open, half_open };
std::string_view to_text(BreakerState state); // "closed", "open", "half open"

struct BreakerOptions {
    unsigned failures_in_row = 5;
    unsigned calls_min = 10; // within `window`, before the share of failures means anything
    unsigned failed_percent = 50;
    Nanoseconds window = 300 * pipeline::second;
    Nanoseconds open = 30 * pipeline::second;
    unsigned good_probes = 3;
};

class Breaker {
  public:
    // Which state a call was sent in; handed back with its result.
    using Call = std::uint64_t;

    explicit Breaker(BreakerOptions const& options)
        : options_(options) {}

    bool may_send(Nanoseconds now) const { return next_time(now) <= now; }
    // When may_send() becomes true as far as time decides; `never`: a probe has to end first.
    Nanoseconds next_time(Nanoseconds now) const;
    // Only after may_send(). Owed exactly one of the three below.
    Call sent(Nanoseconds now);
    void succeeded(Call call, Nanoseconds now);
    void failed(Call call, Nanoseconds now);
    void undecided(Call call); // it ended and says nothing about the host

    BreakerState state(Nanoseconds now) const;
    std::uint64_t opens() const { return opens_; }

  private:
    static constexpr std::uint64_t steps = 30;
    struct Step { // results of a thirtieth of the window, while closed
        std::uint64_t number = 0;
        std::uint32_t good = 0, bad = 0;
    };

    void enter(BreakerState state);
    Step& step_at(Nanoseconds now);
    bool mostly_bad() const;

    BreakerOptions const options_;
    BreakerState state_ = BreakerState::closed;
    Call era_ = 1; // each state is one
    Nanoseconds open_until_ = 0;
    unsigned failures_ = 0; // in a row
    unsigned good_probes_ = 0;
    bool probing_ = false;
    std::array<Step, steps> counted_{};
    std::uint64_t opens_ = 0; // so far
};

} // namespace stages
