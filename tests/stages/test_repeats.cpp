#include "stages/repeats.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::second;

TEST(Repeats, says_the_first_and_counts_the_others) {
    Repeats repeats;
    EXPECT_TRUE(repeats.first("a", 0));
    EXPECT_TRUE(repeats.first("b", 0));
    for (int i = 0; i < 7; ++i) EXPECT_FALSE(repeats.first("a", 10 * second));
    EXPECT_EQ(repeats.next_deadline(), 60 * second);
    EXPECT_FALSE(repeats.over(60 * second - 1));
    auto const told = repeats.over(60 * second);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, "a");
    EXPECT_EQ(told->count, 7u);
    EXPECT_FALSE(repeats.over(60 * second)); // b happened once, and that was said
    EXPECT_EQ(repeats.next_deadline(), pipeline::never);
}

TEST(Repeats, one_line_a_minute_as_long_as_it_goes_on) {
    Repeats repeats;
    std::size_t lines = 0;
    for (Nanoseconds now = 0; now < 600 * second; now += second) {
        while (repeats.over(now)) ++lines;
        lines += repeats.first("a", now);
    }
    EXPECT_EQ(lines, 10u);
}

TEST(Repeats, what_was_quiet_for_a_minute_is_said_again) {
    Repeats repeats;
    EXPECT_TRUE(repeats.first("a", 0));
    EXPECT_FALSE(repeats.over(60 * second));
    EXPECT_TRUE(repeats.first("a", 61 * second));
}

TEST(Repeats, too_many_kinds_share_one) {
    Repeats repeats;
    std::size_t said = 0;
    for (int i = 0; i < 10'000; ++i) said += repeats.first(std::to_string(i), 0);
    EXPECT_EQ(said, Repeats::kinds_max);
    std::size_t lines = 0;
    while (auto const told = repeats.over(60 * second)) {
        EXPECT_EQ(told->kind, Repeats::other);
        EXPECT_EQ(told->count, 10'000 - Repeats::kinds_max);
        ++lines;
    }
    EXPECT_EQ(lines, 1u);
}
