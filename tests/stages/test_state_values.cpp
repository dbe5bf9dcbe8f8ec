// Small values of a state as hex text: what is there, and what is refused.
#include "stages/history_progress.hpp"
#include "stages/state_values.hpp"
#include "stages/stretches.hpp"

#include <gtest/gtest.h>

using namespace stages;

// The encodings by hand, from the SCALE specification.
TEST(StateValues, integers_are_little_endian_and_bounded) {
    EXPECT_EQ(read_integer("0x01020000"), 513u);
    EXPECT_EQ(read_integer("0xffffffffffffffff"), ~std::uint64_t{0});
    for (auto const bad : {"", "0x", "0x0", "0xzz", "0x000000000000000000"})
        EXPECT_EQ(read_integer(bad), std::nullopt) << bad;
}

TEST(StateValues, a_timestamp_beyond_the_year_9999_is_none) {
    EXPECT_EQ(read_timestamp("0x0068e5cf8b010000"), 1'700'000'000'000u);
    EXPECT_EQ(read_timestamp("0xffffffffffffffff"), 0u);
    EXPECT_EQ(read_timestamp(""), 0u);
}

TEST(StateValues, the_last_upgrade_is_a_compact_number_and_a_name) {
    EXPECT_EQ(read_upgrade("0x02127a0020706f6c6b61646f74"), 2'000'000u); // mode 2, then the name
    EXPECT_EQ(read_upgrade("0x04"), 1u);
    EXPECT_EQ(read_upgrade("0x"), std::nullopt);
    EXPECT_EQ(read_upgrade("0x" + std::string(600, '0')), std::nullopt);
}

TEST(StateValues, core_version_holds_the_spec_version_behind_two_names) {
    EXPECT_EQ(read_core_version("0x04610862620100000039300000"), 12'345u); // "a", "bb", 1, 12345
    EXPECT_EQ(read_core_version("0x04610862620100000039"), std::nullopt);
    EXPECT_EQ(read_core_version("0x" + std::string(10'000, '0')), std::nullopt);
}

TEST(Stretches, are_sorted_joined_and_taken_away) {
    std::vector<Stretch> const given{{10, 12}, {1, 3}, {4, 4}, {9, 7}, {11, 20}};
    auto stretches = tidied(given);
    ASSERT_EQ(stretches.size(), 2u);
    EXPECT_EQ(stretches[0].to, 4u);
    EXPECT_EQ(stretches[1].to, 20u);
    EXPECT_EQ(blocks_in(stretches), 15u);
    subtract(stretches, {3, 11});
    EXPECT_EQ(blocks_in(stretches), 11u); // 1, 2, 12 to 20
    EXPECT_TRUE(contains(stretches, 12));
    EXPECT_FALSE(contains(stretches, 11));
    subtract(stretches, {0, ~std::uint32_t{0}});
    EXPECT_TRUE(stretches.empty());
}

TEST(Stretches, reach_up_to_the_highest_number) {
    std::uint32_t const top = ~std::uint32_t{0};
    auto stretches = tidied(std::vector<Stretch>{{top - 1, top}, {top, top}, {0, 0}});
    ASSERT_EQ(stretches.size(), 2u);
    EXPECT_EQ(blocks_in(stretches), 3u);
    EXPECT_EQ(blocks_in(tidied(std::vector<Stretch>{{0, top}})), std::uint64_t{1} << 32);
}

TEST(HistoryProgress, speaks_every_ten_seconds_of_what_is_left) {
    using pipeline::second;
    HistoryProgress progress;
    EXPECT_EQ(progress.begin(12'345, 1'000, 13'344, 5 * second),
              "catching up 12,345 blocks, 1,000 to 13,344");
    for (int i = 0; i < 20'000; ++i) progress.told();
    EXPECT_EQ(progress.line(8'000, 14 * second), std::nullopt);
    EXPECT_EQ(progress.line(8'000, 15 * second), "8,000 blocks left, 2,000 blocks/s, 4 s to go");
    EXPECT_EQ(progress.line(8'000, 16 * second), std::nullopt);
    EXPECT_EQ(progress.end(0, 25 * second), "caught up: 20,000 blocks in 20.0 s, 1,000 blocks/s");
    EXPECT_FALSE(progress.running());
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1'000), "1,000");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
}
