#include "stages/duration.hpp"

#include <gtest/gtest.h>

using stages::parse_duration;

TEST(Duration, whole_numbers_with_a_unit) {
    using namespace pipeline;
    EXPECT_EQ(parse_duration("250ms"), 250 * millisecond);
    EXPECT_EQ(parse_duration("30s"), 30 * second);
    EXPECT_EQ(parse_duration("5m"), 300 * second);
    EXPECT_EQ(parse_duration("24h"), 86'400 * second);
    EXPECT_EQ(parse_duration("2d"), 172'800 * second);
    EXPECT_EQ(parse_duration("7us"), 7 * microsecond);
    EXPECT_EQ(parse_duration("0s"), 0u);
    EXPECT_EQ(parse_duration("007s"), 7 * second);
}

TEST(Duration, anything_else_is_refused) {
    for (std::string_view bad : {"", "s", "5", "5 s", " 5s", "-5s", "+5s", "1.5s", "5S", "5sec",
                                 "1h30m", "1234567890123s", "5s\n"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Duration, at_most_ten_years) {
    EXPECT_TRUE(parse_duration("3650d"));
    EXPECT_EQ(parse_duration("3651d").error(), "longer than ten years");
    EXPECT_EQ(parse_duration("999999999999d").error(), "longer than ten years");
    EXPECT_EQ(parse_duration("999999999999h").error(), "longer than ten years");
}
