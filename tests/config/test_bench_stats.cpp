// The arithmetic of the benchmarks against the same, done naively.
#include "config/bench_stats.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace {

using config::Passage;
using config::Point;
using config::Quantiles;

// The definition, word for word: the smallest sample that at least the share q does not exceed.
// Counts in whole thousandths, so that nothing is rounded.
double naive(std::vector<double> const& samples, std::size_t thousandths) {
    double best = *std::ranges::max_element(samples);
    for (double const candidate : samples) {
        auto const below = static_cast<std::size_t>(
            std::ranges::count_if(samples, [&](double one) { return one <= candidate; }));
        if (1000 * below >= thousandths * samples.size()) best = std::min(best, candidate);
    }
    return best;
}

TEST(BenchStats, quantiles_are_those_of_the_definition) {
    std::mt19937_64 random(7);
    for (std::size_t const size : {1U, 2U, 3U, 9U, 10U, 99U, 100U, 101U, 999U, 1000U, 1001U}) {
        std::vector<double> samples(size);
        // Few values: many samples are equal.
        for (double& sample : samples)
            sample = static_cast<double>(random() % (1 + random() % 500));
        auto const before = samples;
        Quantiles const found = config::quantiles_of(samples);
        EXPECT_EQ(found.count, size);
        EXPECT_EQ(found.p50, naive(before, 500)) << size;
        EXPECT_EQ(found.p90, naive(before, 900)) << size;
        EXPECT_EQ(found.p99, naive(before, 990)) << size;
        EXPECT_EQ(found.p999, naive(before, 999)) << size;
        EXPECT_EQ(found.max, *std::ranges::max_element(before)) << size;
    }
}

TEST(BenchStats, of_nothing_there_is_nothing) {
    std::vector<double> none;
    EXPECT_EQ(config::quantiles_of(none).count, 0U);
}

// A system that stands still for 100 ms while a block is due every 10 ms: a load that waits for it
// would have one slow sample; here the blocks that were held up count as well.
TEST(BenchStats, a_stall_is_felt_by_every_block_that_was_due_in_it) {
    constexpr pipeline::Nanoseconds ms = pipeline::millisecond;
    std::vector<Passage> passages;
    for (std::uint64_t i = 0; i < 100; ++i) {
        std::uint64_t const due = i * 10 * ms;
        bool const stalled = i >= 50 && i < 60;
        std::uint64_t const sent = stalled ? 600 * ms : due; // the load was held up, too
        passages.push_back({due, sent, sent + 1 * ms});
    }
    auto from_due = config::from_due(passages, 1'000 * ms);
    auto from_sent = config::from_sent(passages);
    EXPECT_EQ(config::quantiles_of(from_sent).max, 1e6); // as if nothing had happened
    Quantiles const corrected = config::quantiles_of(from_due);
    EXPECT_EQ(corrected.p50, 1e6);
    EXPECT_EQ(corrected.max, 101e6);
    EXPECT_EQ(std::ranges::count_if(from_due, [](double took) { return took > 1e6; }), 10);
}

TEST(BenchStats, what_never_came_took_until_the_end) {
    std::vector<Passage> const passages{{10, 11, 20}, {30, 31, pipeline::never}};
    EXPECT_EQ(config::from_due(passages, 1'000), (std::vector<double>{10, 970}));
    EXPECT_EQ(config::from_sent(passages), (std::vector<double>{9}));
}

TEST(BenchStats, clocks_of_two_cores_may_differ_a_little) {
    std::vector<Passage> const passages{{10, 11, 9}};
    EXPECT_EQ(config::from_due(passages, 1'000), (std::vector<double>{0}));
    EXPECT_EQ(config::from_sent(passages), (std::vector<double>{0}));
}

TEST(BenchStats, a_slope_is_not_moved_by_a_third_of_outliers) {
    std::vector<Point> points;
    for (int i = 0; i < 90; ++i)
        points.push_back({static_cast<double>(i), i % 3 == 2 ? 1e6 : 5 + 2.0 * i});
    auto const slope = config::theil_sen_slope(points);
    ASSERT_TRUE(slope);
    EXPECT_NEAR(*slope, 2, 0.5);
}

TEST(BenchStats, a_slope_needs_three_points_at_different_places) {
    EXPECT_FALSE(config::theil_sen_slope(std::vector<Point>{{0, 1}, {1, 2}}));
    EXPECT_FALSE(config::theil_sen_slope(std::vector<Point>{{1, 1}, {1, 2}, {1, 3}}));
    EXPECT_EQ(config::theil_sen_slope(std::vector<Point>{{0, 1}, {1, 1}, {2, 1}}), 0.0);
    EXPECT_EQ(config::theil_sen_slope(std::vector<Point>{{0, 0}, {1, 2}, {2, 4}, {3, 6}}), 2.0);
}

TEST(BenchStats, many_points_are_thinned_out) {
    std::vector<Point> points;
    for (int i = 0; i < 50'000; ++i) points.push_back({i / 100.0, 3.0 * i / 100.0});
    auto const slope = config::theil_sen_slope(points);
    ASSERT_TRUE(slope);
    EXPECT_NEAR(*slope, 3, 1e-9);
}

} // namespace
