// What the benchmarks print, and how they read /proc.
#include "config/bench_text.hpp"
#include "config/bench_usage.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

namespace {

using config::BenchTable;

TEST(BenchTable, numbers_stand_to_the_right) {
    BenchTable table({"what", "p50"});
    table.add({"hybrid", "37.2 us"});
    table.add({"floor µ", "9 us"});
    EXPECT_EQ(table.text(), "what         p50\n"
                            "hybrid   37.2 us\n"
                            "floor µ     9 us\n");
}

TEST(BenchText, times_have_three_digits) {
    EXPECT_EQ(config::time_text(0), "0.00 ns");
    EXPECT_EQ(config::time_text(412), "412 ns");
    EXPECT_EQ(config::time_text(999.96), "1000 ns");
    EXPECT_EQ(config::time_text(37'210), "37.2 us");
    EXPECT_EQ(config::time_text(4.117e6), "4.12 ms");
    EXPECT_EQ(config::time_text(30.1e9), "30.1 s");
    EXPECT_EQ(config::time_text(-4.117e6), "-4.12 ms");
}

TEST(BenchText, counts_and_bytes) {
    EXPECT_EQ(config::count_text(0), "0");
    EXPECT_EQ(config::count_text(999), "999");
    EXPECT_EQ(config::count_text(1'000), "1,000");
    EXPECT_EQ(config::count_text(1'234'567), "1,234,567");
    EXPECT_EQ(config::count_text(31'250'000), "31.2 M");
    EXPECT_EQ(config::bytes_text(19'503'514), "18.6 MiB");
}

TEST(BenchText, json_is_escaped) {
    EXPECT_EQ(config::json_member("a", "b\"c"), R"("a":"b\"c")");
    config::BenchVerdict const missed{"p50", "1 us", "2 us", false, ""};
    EXPECT_EQ(config::verdicts_json({missed}),
              R"([{"what":"p50","limit":"1 us","found":"2 us","kept":false,"note":""}])");
    EXPECT_FALSE(config::all_kept({missed}));
    EXPECT_TRUE(config::all_kept({}));
}

TEST(BenchUsage, reads_what_the_kernel_writes) {
    std::string_view const smaps = "55d0-7ffe ---p 00000000 00:00 0  [rollup]\n"
                                   "Rss:               40960 kB\n"
                                   "Pss:               12345 kB\n"
                                   "Pss_Dirty:          8112 kB\n";
    EXPECT_EQ(config::kilobytes_in(smaps, "Pss"), 12'345U);
    EXPECT_EQ(config::kilobytes_in(smaps, "Rss"), 40'960U);
    EXPECT_EQ(config::kilobytes_in(smaps, "Swap"), std::nullopt);
    EXPECT_EQ(config::kilobytes_in("Pss:\n", "Pss"), std::nullopt);
    EXPECT_EQ(config::on_cpu_in("123456789 42 7\n"), 123'456'789U);
    EXPECT_EQ(config::on_cpu_in(""), std::nullopt);
}

TEST(BenchUsage, counts_this_process) {
    auto const used = config::usage_of_tree(getpid());
    EXPECT_GE(used.processes, 1U);
    EXPECT_GT(used.cpu_ns, 0U);
    EXPECT_GT(used.pss_bytes, 100'000U);
    EXPECT_GE(used.rss_bytes, used.pss_bytes);
    EXPECT_GE(used.descriptors, 3U);
    EXPECT_EQ(config::usage_of_tree(0).processes, 0U);
}

} // namespace
