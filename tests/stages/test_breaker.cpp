#include "stages/breaker.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::millisecond;
using pipeline::never;
using pipeline::second;

namespace {

constexpr Nanoseconds start = 1'000 * second;

void call(Breaker& breaker, bool good, Nanoseconds now) {
    ASSERT_TRUE(breaker.may_send(now));
    auto const one = breaker.sent(now);
    good ? breaker.succeeded(one, now) : breaker.failed(one, now);
}

// Opened at `now` by five failures.
Breaker opened(Nanoseconds now) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 5; ++i) call(breaker, false, now);
    return breaker;
}

} // namespace

TEST(Breaker, opens_at_the_fifth_failure_in_a_row) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 4; ++i) call(breaker, false, start);
    EXPECT_EQ(breaker.state(start), BreakerState::closed);
    call(breaker, false, start);
    EXPECT_EQ(breaker.state(start), BreakerState::open);
    EXPECT_EQ(breaker.opens(), 1u);
    EXPECT_FALSE(breaker.may_send(start));
    EXPECT_EQ(breaker.next_time(start), start + 30 * second);
}

TEST(Breaker, a_success_begins_the_row_again) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 4; ++i) call(breaker, false, start);
    call(breaker, true, start); // 4 of 5 failed, but five calls say nothing about the share
    for (int i = 0; i < 4; ++i) call(breaker, false, start);
    EXPECT_EQ(breaker.state(start), BreakerState::closed); // 8 of 9
    call(breaker, true, start);                            // 8 of 10, and it ended well
    EXPECT_EQ(breaker.state(start), BreakerState::closed);
    call(breaker, false, start); // 9 of 11
    EXPECT_EQ(breaker.state(start), BreakerState::open);
}

TEST(Breaker, opens_when_half_of_ten_calls_fail) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 4; ++i) {
        call(breaker, true, start);
        call(breaker, false, start);
    }
    call(breaker, true, start);
    EXPECT_EQ(breaker.state(start), BreakerState::closed); // 4 of 9
    call(breaker, false, start);                           // 5 of 10
    EXPECT_EQ(breaker.state(start), BreakerState::open);
}

TEST(Breaker, stays_closed_below_half) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 1'000; ++i) {
        auto const now = start + static_cast<Nanoseconds>(i) * second;
        call(breaker, true, now);
        call(breaker, true, now);
        call(breaker, false, now);
    }
    EXPECT_EQ(breaker.state(start + 1'000 * second), BreakerState::closed);
    EXPECT_EQ(breaker.opens(), 0u);
}

TEST(Breaker, forgets_what_is_older_than_five_minutes) {
    Breaker breaker{BreakerOptions{}};
    for (int i = 0; i < 4; ++i) {
        call(breaker, false, start);
        call(breaker, true, start);
    }
    call(breaker, true, start); // 4 of 9
    call(breaker, false, start + 300 * second);
    EXPECT_EQ(breaker.state(start + 300 * second), BreakerState::closed);

    Breaker other{BreakerOptions{}};
    for (int i = 0; i < 4; ++i) {
        call(other, false, start);
        call(other, true, start);
    }
    call(other, true, start);
    call(other, false, start + 280 * second); // within
    EXPECT_EQ(other.state(start + 280 * second), BreakerState::open);
}

TEST(Breaker, lets_one_probe_at_a_time_through_after_thirty_seconds) {
    Breaker breaker = opened(start);
    EXPECT_FALSE(breaker.may_send(start + 30 * second - 1));
    auto const later = start + 30 * second;
    EXPECT_EQ(breaker.state(later), BreakerState::half_open);
    ASSERT_TRUE(breaker.may_send(later));
    auto const probe = breaker.sent(later);
    EXPECT_FALSE(breaker.may_send(later));
    EXPECT_EQ(breaker.next_time(later), never);
    breaker.succeeded(probe, later);
    EXPECT_EQ(breaker.state(later), BreakerState::half_open);
    EXPECT_TRUE(breaker.may_send(later));
}

TEST(Breaker, closes_after_three_good_probes_in_a_row) {
    Breaker breaker = opened(start);
    auto const later = start + 30 * second;
    call(breaker, true, later);
    call(breaker, true, later);
    EXPECT_EQ(breaker.state(later), BreakerState::half_open);
    call(breaker, true, later);
    EXPECT_EQ(breaker.state(later), BreakerState::closed);
    // And starts with nothing held against the host.
    for (int i = 0; i < 4; ++i) call(breaker, false, later);
    EXPECT_EQ(breaker.state(later), BreakerState::closed);
}

TEST(Breaker, a_bad_probe_opens_again_for_the_whole_time) {
    Breaker breaker = opened(start);
    auto const later = start + 40 * second;
    call(breaker, true, later);
    call(breaker, true, later);
    call(breaker, false, later);
    EXPECT_EQ(breaker.state(later), BreakerState::open);
    EXPECT_EQ(breaker.opens(), 2u);
    EXPECT_EQ(breaker.next_time(later), later + 30 * second);
    auto const again = later + 30 * second;
    call(breaker, true, again); // the two good ones before count no more
    EXPECT_EQ(breaker.state(again), BreakerState::half_open);
}

TEST(Breaker, a_probe_that_says_nothing_makes_room_for_the_next) {
    Breaker breaker = opened(start);
    auto const later = start + 30 * second;
    auto const probe = breaker.sent(later);
    breaker.undecided(probe);
    EXPECT_EQ(breaker.state(later), BreakerState::half_open);
    EXPECT_TRUE(breaker.may_send(later));
}

TEST(Breaker, results_from_an_earlier_state_are_ignored) {
    Breaker breaker{BreakerOptions{}};
    auto const slow_good = breaker.sent(start);
    auto const slow_bad = breaker.sent(start);
    for (int i = 0; i < 5; ++i) call(breaker, false, start);
    auto const later = start + 30 * second;
    auto const probe = breaker.sent(later);
    breaker.failed(slow_bad, later);
    EXPECT_EQ(breaker.state(later), BreakerState::half_open);
    breaker.succeeded(slow_good, later);
    EXPECT_FALSE(breaker.may_send(later)); // the probe is still out
    breaker.succeeded(probe, later);
    call(breaker, true, later);
    EXPECT_EQ(breaker.state(later), BreakerState::half_open); // two good ones, not three
}
