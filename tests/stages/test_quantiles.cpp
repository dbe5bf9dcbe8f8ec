#include "stages/quantiles.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <random>
#include <vector>

using namespace stages;

namespace {

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;

// Scores and amounts of all sorts, heavy tails among them.
std::vector<std::pair<char const*, Draw>> const& kinds() {
    static std::vector<std::pair<char const*, Draw>> const all = {
        {"uniform", [](Random& r) { return std::uniform_real_distribution<>(1, 2)(r); }},
        {"exponential", [](Random& r) { return std::exponential_distribution<>(0.1)(r) + 1e-6; }},
        {"lognormal", [](Random& r) { return std::lognormal_distribution<>(20, 4)(r); }},
        {"pareto 0.7",
         [](Random& r) {
             double const u = 1 - std::uniform_real_distribution<>(0, 1)(r);
             return 1e9 * std::pow(u, -1 / 0.7);
         }},
        {"few values", [](Random& r) { return std::exp2(static_cast<double>(r() % 7)); }},
    };
    return all;
}

} // namespace

TEST(QuantileSketch, every_quantile_is_within_alpha_of_the_sorted_data) {
    for (auto const& [name, draw] : kinds())
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            Random random(seed);
            QuantileSketch sketch;
            std::vector<double> data;
            for (int i = 0; i < 20'000; ++i) {
                data.push_back(draw(random));
                sketch.add(data.back());
            }
            std::sort(data.begin(), data.end());
            ASSERT_EQ(sketch.count(), data.size());
            for (double const q : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
                auto const rank =
                    static_cast<std::size_t>(q * static_cast<double>(data.size() - 1));
                double const error = std::abs(sketch.quantile(q) / data[rank] - 1);
                ASSERT_LE(error, QuantileSketch::alpha * (1 + 1e-9))
                    << name << " q " << q << " seed " << seed;
            }
        }
}

TEST(QuantileSketch, what_is_above_a_value_is_counted_within_a_bucket) {
    Random random(7);
    for (auto const& [name, draw] : kinds()) {
        QuantileSketch sketch;
        std::vector<double> data;
        for (int i = 0; i < 20'000; ++i) {
            data.push_back(draw(random));
            sketch.add(data.back());
        }
        std::sort(data.begin(), data.end());
        auto const count_above = [&](double value) {
            return static_cast<double>(data.end() -
                                       std::upper_bound(data.begin(), data.end(), value));
        };
        for (std::size_t i = 0; i < data.size(); i += 97) {
            double const value = data[i] * 1.003;
            double const got = sketch.above(value);
            ASSERT_GE(got, count_above(value * 1.0203)) << name;
            ASSERT_LE(got, count_above(value / 1.0203)) << name;
        }
        // Its inverse: between the neighbours in rank, give or take a bucket.
        for (double const above : {0.5, 1.0, 10.0, 333.3, 9'000.0}) {
            double const value = QuantileSketch::cut(sketch, {}, above).value();
            ASSERT_NEAR(sketch.above(value), above, 1e-6 * above + 1e-6) << name;
            ASSERT_LE(count_above(value * 1.0203), above) << name;
            ASSERT_GE(count_above(value / 1.0203), std::floor(above)) << name;
        }
    }
}

TEST(QuantileSketch, two_merged_are_as_one_that_saw_both) {
    Random random(3);
    QuantileSketch one, left, right;
    for (int i = 0; i < 5'000; ++i) {
        double const value = std::lognormal_distribution<>(3, 3)(random);
        one.add(value);
        (i % 3 == 0 ? left : right).add(value);
    }
    left.merge(right);
    EXPECT_EQ(left.count(), one.count());
    for (double const above : {1.0, 70.5, 4'000.0}) {
        auto const cut = QuantileSketch::cut(one, {}, above);
        auto const same = QuantileSketch::cut({}, left, above);
        EXPECT_EQ(cut.bucket, same.bucket);
        EXPECT_EQ(cut.share, same.share);
        QuantileSketch other;
        other.add(1e30);
        EXPECT_EQ(QuantileSketch::cut(one, other, above + 1).bucket, cut.bucket);
    }
    for (int i = 0; i <= 100; ++i) EXPECT_EQ(left.quantile(i / 100.0), one.quantile(i / 100.0));
}

TEST(QuantileSketch, takes_whatever_a_double_can_be) {
    QuantileSketch sketch;
    EXPECT_EQ(sketch.quantile(0.5), 0);
    EXPECT_EQ(sketch.above(1), 0);
    EXPECT_EQ(QuantileSketch::cut(sketch, sketch, 1).value(), QuantileSketch::lowest);
    sketch.add(std::numeric_limits<double>::quiet_NaN());
    EXPECT_EQ(sketch.count(), 0u);
    for (double const value : {0.0, -5.0, 1e-300}) sketch.add(value);
    EXPECT_NEAR(sketch.quantile(1), QuantileSketch::lowest, QuantileSketch::lowest * 0.02);
    for (int i = 0; i < 3; ++i) sketch.add(0x1.fffffffffffffp127); // 2^128 - 1, nearly
    EXPECT_NEAR(sketch.quantile(1) / 0x1p128, 1, 0.01);
    sketch.add(std::numeric_limits<double>::infinity());
    EXPECT_EQ(sketch.count(), 7u);
    EXPECT_EQ(sketch.above(1e10), 4);
}

TEST(QuantileSketch, the_buckets_cover_the_range_and_follow_each_other) {
    EXPECT_EQ(QuantileSketch::bucket_of(QuantileSketch::lowest), 0u);
    EXPECT_EQ(QuantileSketch::bucket_of(QuantileSketch::highest), QuantileSketch::buckets - 1);
    EXPECT_GE(QuantileSketch::lower_edge(QuantileSketch::buckets), QuantileSketch::highest);
    EXPECT_LT(QuantileSketch::lower_edge(QuantileSketch::buckets - 1), QuantileSketch::highest);
    for (std::size_t i = 1; i < QuantileSketch::buckets; ++i) {
        double const edge = QuantileSketch::lower_edge(i);
        ASSERT_EQ(QuantileSketch::bucket_of(edge * (1 + 1e-9)), i);
        ASSERT_EQ(QuantileSketch::bucket_of(edge * (1 - 1e-9)), i - 1);
    }
}

TEST(AgingQuantiles, speaks_of_half_a_horizon_to_a_whole_one) {
    std::uint32_t const half = 10'000;
    auto const aging = std::make_unique<AgingQuantiles>(half);
    std::uint32_t const start = 1'700'000'000;
    for (std::uint32_t t = 0; t <= 10 * half; t += 10) {
        aging->add(t < 4 * half ? 1'000 : 10, start + t);
        if (t >= half) {
            EXPECT_GE(aging->observed_s(), half);
        }
        EXPECT_LE(aging->observed_s(), 2 * half);
        EXPECT_NEAR(static_cast<double>(aging->count()),
                    static_cast<double>(aging->observed_s()) / 10, 2);
        if (t >= 6 * half) {
            EXPECT_EQ(aging->above(100), 0) << t; // a whole horizon later
        }
    }
}

TEST(AgingQuantiles, time_that_nobody_saw_does_not_count_and_none_goes_back) {
    AgingQuantiles aging(86'400);
    aging.pass(1'000'000);
    for (int i = 1; i <= 10; ++i) aging.pass(1'000'000 + i * 3'600);
    EXPECT_EQ(aging.observed_s(), 36'000u);
    aging.pass(1'036'000 + 3'601);
    aging.pass(5);
    aging.add(3, 7);
    EXPECT_EQ(aging.observed_s(), 36'000u);
    aging.pass(1'036'000 + 3'601 + 60);
    EXPECT_EQ(aging.observed_s(), 36'060u);
    EXPECT_EQ(aging.count(), 1u);
    EXPECT_EQ(aging.all().count(), 1u);
}
