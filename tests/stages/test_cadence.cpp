#include "stages/cadence.hpp"

#include <gtest/gtest.h>

using namespace pipeline;
using stages::Cadence;

namespace {

// `count` blocks every `interval` from `now` on.
Nanoseconds beat(Cadence& cadence, Nanoseconds now, Nanoseconds interval, int count) {
    for (int i = 0; i < count; ++i) cadence.beat(now += interval);
    return now;
}

} // namespace

TEST(Cadence, is_patient_until_it_has_learned) {
    Cadence cadence;
    cadence.start(second);
    EXPECT_EQ(cadence.interval(), 0u);
    EXPECT_EQ(cadence.suspicious_at(), second + Cadence::patience_first);
}

TEST(Cadence, learns_every_chains_own_interval) {
    for (Nanoseconds const interval : {500 * millisecond, 2 * second, 6 * second, 12 * second}) {
        Cadence cadence;
        cadence.start(second);
        beat(cadence, second, interval, 50);
        EXPECT_NEAR(static_cast<double>(cadence.interval()), static_cast<double>(interval), 100.0);
        EXPECT_NEAR(static_cast<double>(cadence.patience()),
                    static_cast<double>(std::max(Cadence::patience_min, 10 * interval)), 1000.0);
    }
}

TEST(Cadence, blocks_that_come_at_once_count_as_one) {
    Cadence cadence;
    cadence.start(second);
    Nanoseconds now = beat(cadence, second, 6 * second, 20);
    for (int i = 0; i < 1'000; ++i) cadence.beat(now += millisecond);
    EXPECT_GE(cadence.interval(), 5 * second);
}

TEST(Cadence, one_long_pause_does_not_teach_patience) {
    Cadence cadence;
    cadence.start(second);
    Nanoseconds now = beat(cadence, second, 6 * second, 50);
    cadence.beat(now += 3'600 * second);
    EXPECT_LE(cadence.interval(), 9 * second);
    beat(cadence, now, 6 * second, 50);
    EXPECT_LE(cadence.interval(), 6'100 * millisecond);
}

TEST(Cadence, a_new_connection_starts_the_clock_and_keeps_what_was_learned) {
    Cadence cadence;
    cadence.start(second);
    Nanoseconds const now = beat(cadence, second, 6 * second, 50);
    cadence.start(now + 600 * second);
    EXPECT_NEAR(static_cast<double>(cadence.suspicious_at()),
                static_cast<double>(now + 660 * second), 1000.0);
}
