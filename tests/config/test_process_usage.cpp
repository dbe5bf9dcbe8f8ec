// What a process uses: lines as in proc(5), and our own.
#include "config/process_usage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

using namespace config;

TEST(ProcessUsage, processor_time_is_read_behind_whatever_the_name_is) {
    // Fields 14 and 15 (utime, stime) are 30 and 12.
    std::string const rest = " S 1 2 3 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 5 0 77 1000 200";
    EXPECT_EQ(cpu_ticks_in("42 (spyhop: hybrid)" + rest), 42U);
    EXPECT_EQ(cpu_ticks_in("42 (a) b (c)" + rest), 42U);
    for (char const* bad : {"", "42", "42 (x)", "42 (x) ", "42 (x) S 1 2 3", "42 (x) S a b c"})
        EXPECT_EQ(cpu_ticks_in(bad), std::nullopt) << bad;
}

TEST(ProcessUsage, memory_of_its_own_is_what_is_resident_and_not_shared) {
    EXPECT_EQ(own_pages_in("1000 300 120 5 0 200 0\n"), 180U);
    for (char const* bad : {"", "1000", "1000 300", "1000 100 120 5", "x y z"})
        EXPECT_EQ(own_pages_in(bad), std::nullopt) << bad;
}

TEST(ProcessUsage, of_this_process_there_is_some_and_of_nobody_none) {
    auto const mine = usage_of(getpid());
    ASSERT_TRUE(mine);
    EXPECT_GT(mine->resident_bytes, 0U);
    EXPECT_FALSE(usage_of(0));
    EXPECT_FALSE(usage_of(-1));
}
