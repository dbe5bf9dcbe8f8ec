#include "stages/seasonal.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace stages;

namespace {

using Random = std::mt19937_64;
constexpr std::uint32_t hour = 3'600, week = 168 * hour, start_s = 2'800 * week;

struct Window {
    double value = 0;
    std::uint32_t time_s = 0;
};

// By sorting all that was ever told, instead of keeping rings.
Seasonal::Ordinary by_sorting(std::vector<Window> const& told, std::uint32_t window_s,
                              std::uint32_t time_s) {
    std::map<std::uint32_t, std::vector<double>> slots;
    std::uint32_t const stride = std::max(1u, hour / window_s / 4);
    for (Window const& one : told)
        if ((one.time_s / window_s + one.time_s / week) % stride == 0)
            slots[one.time_s % week / hour].push_back(static_cast<float>(one.value));
    std::vector<double> own, days, all;
    auto const slot = static_cast<int>(time_s % week / hour);
    for (auto& [name, values] : slots) {
        if (values.size() > 24) values.erase(values.begin(), values.end() - 24);
        int const apart = (static_cast<int>(name) - slot + 168 + 1) % 168;
        auto const into = [&](std::vector<double>& to) {
            to.insert(to.end(), values.begin(), values.end());
        };
        if (apart <= 2) into(own);
        if (apart % 24 <= 2) into(days);
        into(all);
    }
    std::vector<double> pool = own.size() >= 36 ? own : days.size() >= 36 ? days : all;
    if (pool.empty()) return {};
    auto const median = [&] {
        std::sort(pool.begin(), pool.end());
        return (pool[(pool.size() - 1) / 2] + pool[pool.size() / 2]) / 2;
    };
    Seasonal::Ordinary ordinary{.median = median(),
                                .pooled = static_cast<std::uint32_t>(pool.size())};
    for (double& value : pool) value = std::abs(value - ordinary.median);
    ordinary.mad = median();
    return ordinary;
}

// Ordinary windows: a level by the hour, a normal deviate of sd 2.
double ordinary_value(std::uint32_t time_s, Random& random) {
    double const phase = 2 * M_PI * (time_s % week) / week;
    return 50 + 10 * std::sin(phase) + std::normal_distribution<>(0, 2)(random);
}

void live(Seasonal& seasonal, std::uint32_t from_s, std::uint32_t to_s, Random& random) {
    for (std::uint32_t t = from_s; t < to_s; t += 300) seasonal.learn(ordinary_value(t, random), t);
}

} // namespace

TEST(Seasonal, median_and_mad_are_those_of_the_pool_that_was_told) {
    for (std::uint32_t const window_s : {300u, 900u, 3'600u})
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            Random random(seed);
            auto const seasonal = std::make_unique<Seasonal>(SeasonalOptions{.window_s = window_s});
            std::vector<Window> told;
            std::uint32_t const weeks = 9;
            for (std::uint32_t t = start_s; t < start_s + weeks * week; t += window_s) {
                if (random() % 257 == 0) {
                    std::uint32_t const when = t + static_cast<std::uint32_t>(random() % week);
                    auto const got = seasonal->at(when);
                    auto const expected = by_sorting(told, window_s, when);
                    ASSERT_EQ(got.pooled, expected.pooled) << t << " seed " << seed;
                    ASSERT_NEAR(got.median, expected.median, 1e-5) << t << " seed " << seed;
                    ASSERT_NEAR(got.mad, expected.mad, 1e-5) << t << " seed " << seed;
                }
                told.push_back({ordinary_value(t, random), t});
                seasonal->learn(told.back().value, t);
            }
            ASSERT_EQ(seasonal->at(start_s).pooled, window_s == 3'600 ? 27u * 7 : 72u);
        }
}

TEST(Seasonal, estimates_are_as_good_as_stated) {
    double median_error = 0, mad_error = 0;
    int looked = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Random random(seed);
        auto const seasonal = std::make_unique<Seasonal>(SeasonalOptions{});
        live(*seasonal, start_s, start_s + 7 * week, random);
        for (std::uint32_t slot = 1; slot < 168; slot += 3, ++looked) { // pools that are apart
            std::uint32_t const when = start_s + slot * hour;
            double const level = 50 + 10 * std::sin(2 * M_PI * (slot * hour + hour / 2) / week);
            auto const got = seasonal->at(when);
            ASSERT_EQ(got.pooled, 72u);
            median_error += std::pow((got.median - level) / 2, 2); // in sd
            mad_error += std::pow(got.mad / (2 * 0.6745) - 1, 2);
        }
    }
    // 1.2533 / sqrt(72) = 0.148 and 1.1664 / sqrt(72) = 0.137, and the season's slope adds a
    // little.
    EXPECT_NEAR(std::sqrt(median_error / looked), 0.148, 0.03);
    EXPECT_NEAR(std::sqrt(mad_error / looked), 0.137, 0.03);
}

TEST(Seasonal, ordinary_windows_are_within_six_and_a_jump_is_not) {
    Random random(11);
    auto const seasonal = std::make_unique<Seasonal>(SeasonalOptions{});
    live(*seasonal, start_s, start_s + 6 * week, random);
    ASSERT_TRUE(seasonal->warm());
    int beyond = 0;
    double squares = 0;
    int windows = 0;
    for (std::uint32_t t = start_s + 6 * week; t < start_s + 7 * week; t += 300, ++windows) {
        double const value = ordinary_value(t, random);
        double const z = seasonal->z(value, t);
        beyond += std::abs(z) >= 6;
        squares += z * z;
        ASSERT_GT(seasonal->z(value + 20, t), 4); // ten sd
        seasonal->learn(value, t);
    }
    EXPECT_EQ(beyond, 0);
    EXPECT_NEAR(std::sqrt(squares / windows), 1.05, 0.1);
}

TEST(Seasonal, an_outlier_or_a_bad_hour_poisons_nothing) {
    Random random(12), same(12);
    auto const clean = std::make_unique<Seasonal>(SeasonalOptions{});
    auto const hit = std::make_unique<Seasonal>(SeasonalOptions{});
    live(*clean, start_s, start_s + 6 * week, random);
    live(*hit, start_s, start_s + 6 * week, same);
    std::uint32_t const then_s = start_s + 6 * week + 40 * hour;
    for (std::uint32_t t = then_s; t < then_s + hour; t += 300) {
        clean->learn(ordinary_value(t, random), t);
        hit->learn(t % 600 == 0 ? 1e300 : std::numeric_limits<double>::infinity(), t);
    }
    std::uint32_t const later_s = then_s + week;
    auto const a = clean->at(later_s), b = hit->at(later_s);
    EXPECT_NEAR(a.median, b.median, 0.6); // 4 of 72: a few ranks
    EXPECT_NEAR(a.mad, b.mad, 0.4);
    EXPECT_GT(hit->z(90, later_s), 6);
}

TEST(Seasonal, is_warm_only_with_the_windows_it_was_told_to_await) {
    Random random(13);
    auto const seasonal = std::make_unique<Seasonal>(SeasonalOptions{.warm_windows = 100});
    EXPECT_EQ(seasonal->at(start_s).pooled, 0u);
    EXPECT_EQ(seasonal->z(1e9, start_s), 0);
    for (std::uint32_t i = 0; i < 200; ++i) {
        // Of 12 windows an hour, 4 are kept: 36 after 108.
        EXPECT_EQ(seasonal->warm(), i >= 108) << i;
        seasonal->learn(ordinary_value(start_s, random), start_s + i * 300);
    }
    EXPECT_EQ(seasonal->learned(), 200u);
    seasonal->learn(std::numeric_limits<double>::quiet_NaN(), start_s);
    EXPECT_EQ(seasonal->learned(), 200u);
}

TEST(Seasonal, a_floor_keeps_equal_windows_from_making_everything_unusual) {
    SeasonalOptions options{.window_s = 3'600, .warm_windows = 36};
    auto const bare = std::make_unique<Seasonal>(options);
    options.mad_floor = 2;
    auto const floored = std::make_unique<Seasonal>(options);
    options.mad_floor_share = 0.5;
    auto const by_share = std::make_unique<Seasonal>(options);
    for (std::uint32_t i = 0; i < 500; ++i)
        for (Seasonal* one : {bare.get(), floored.get(), by_share.get()})
            one->learn(100, start_s + i * hour);
    EXPECT_EQ(bare->z(100, start_s), 0);
    EXPECT_EQ(bare->z(101, start_s), Seasonal::z_max);
    EXPECT_EQ(bare->z(99, start_s), -Seasonal::z_max);
    EXPECT_DOUBLE_EQ(floored->z(104, start_s), 0.6745 * 2);
    EXPECT_DOUBLE_EQ(by_share->z(200, start_s), 0.6745 * 2);
    EXPECT_EQ(floored->z(std::numeric_limits<double>::infinity(), start_s), Seasonal::z_max);
}
