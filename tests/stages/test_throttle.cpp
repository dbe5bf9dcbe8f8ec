#include "stages/throttle.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::millisecond;
using pipeline::second;

TEST(Throttle, asks_freely_until_refused) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    EXPECT_TRUE(throttle.may_ask(0, Throttle::window_max - 1));
    EXPECT_FALSE(throttle.may_ask(0, Throttle::window_max));
}

TEST(Throttle, pauses_double_with_chance_up_to_a_cap) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    pipeline::Nanoseconds now = 1'000 * second;
    pipeline::Nanoseconds ceiling = Throttle::pause_first;
    for (int i = 0; i < 12; ++i) {
        throttle.refused(now, 0);
        EXPECT_FALSE(throttle.may_ask(now, 0));
        pipeline::Nanoseconds const pause = throttle.until() - now;
        EXPECT_GE(pause, ceiling / 2) << i;
        EXPECT_LE(pause, ceiling) << i;
        ceiling = std::min(2 * ceiling, Throttle::pause_max);
        now = throttle.until();
        EXPECT_TRUE(throttle.may_ask(now, 0));
    }
}

TEST(Throttle, a_burst_that_was_on_its_way_counts_once) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    EXPECT_TRUE(throttle.refused(second, 0));
    auto const until = throttle.until();
    for (int i = 0; i < 31; ++i) EXPECT_FALSE(throttle.refused(second + millisecond, 0));
    EXPECT_EQ(throttle.until(), until);
    EXPECT_TRUE(throttle.may_ask(until, Throttle::window_max / 2 - 1));
    EXPECT_FALSE(throttle.may_ask(until, Throttle::window_max / 2));
}

TEST(Throttle, waits_as_long_as_it_was_asked_to) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    throttle.refused(second, 40 * second);
    EXPECT_EQ(throttle.until(), 41 * second);
    throttle.refused(2 * second, 60 * second); // a later one may ask for more
    EXPECT_EQ(throttle.until(), 62 * second);
}

TEST(Throttle, answers_open_the_window_again_one_by_one) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    for (int i = 0; i < 6; ++i) throttle.refused(throttle.until() + second, 0);
    pipeline::Nanoseconds const now = throttle.until();
    EXPECT_TRUE(throttle.may_ask(now, 0));
    EXPECT_FALSE(throttle.may_ask(now, 1));
    throttle.answered(now - 1); // asked before the pause: says nothing
    EXPECT_FALSE(throttle.may_ask(now, 1));
    throttle.answered(now);
    EXPECT_TRUE(throttle.may_ask(now, 1));
    EXPECT_FALSE(throttle.may_ask(now, 2));
    EXPECT_TRUE(throttle.refused(now + second, 0)); // and the next refusal is the first again
}

TEST(Throttle, a_node_that_only_refuses_is_hopeless) {
    io::SeededRandom random(1);
    Throttle throttle(random);
    for (unsigned i = 0; i < Throttle::refusals_max; ++i) throttle.refused(throttle.until(), 0);
    EXPECT_FALSE(throttle.hopeless());
    throttle.refused(throttle.until(), 0);
    EXPECT_TRUE(throttle.hopeless());
    throttle.start_over();
    EXPECT_FALSE(throttle.hopeless());
    EXPECT_TRUE(throttle.may_ask(0, 31));
}
