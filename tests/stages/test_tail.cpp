#include "stages/tail.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace stages;

// P(bits > b) is 2^-b at most, within 4 standard deviations, and not much less.
TEST(Tail, a_surprise_is_as_rare_as_it_says) {
    for (bool const exponential : {true, false}) {
        std::vector<double> exceeded(14);
        double tries = 0;
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            std::mt19937_64 random(seed);
            std::exponential_distribution<double> exponent(1.0);
            std::uniform_real_distribution<double> uniform(0, 1);
            Tail tail(2'000, 0.01);
            for (int i = 0; i < 12'000; ++i) {
                double const value = exponential ? exponent(random) : uniform(random);
                if (i >= 2'000) {
                    double const bits = tail.bits(value);
                    for (std::size_t b = 7; b < exceeded.size(); ++b)
                        exceeded[b] += bits > double(b);
                    ++tries;
                }
                tail.learn(value);
            }
        }
        for (std::size_t b = 7; b < exceeded.size(); ++b) {
            double const mean = tries * std::exp2(-double(b));
            EXPECT_LE(exceeded[b], mean + 4 * std::sqrt(mean)) << b << ' ' << exponential;
            if (exponential) {
                EXPECT_GE(exceeded[b], mean / 2 - 4 * std::sqrt(mean)) << b;
            }
        }
    }
}

// All values kept, sorted: the rank, and of a record the median excess of 16 over the 17th.
TEST(Tail, is_the_rank_among_all_and_beyond_them_exponential) {
    std::mt19937_64 random(3);
    Tail tail(1'000, 0.5);
    std::vector<double> young, old;
    for (int i = 0; i < 5'000; ++i) {
        double const value = float(std::exponential_distribution<double>(0.3)(random)) - 1.0f;
        std::vector<double> all = young;
        all.insert(all.end(), old.begin(), old.end());
        std::ranges::sort(all, std::greater<>());
        for (double const asked : {value, all.empty() ? 0 : all[0] + 3.0}) {
            auto const higher = std::size_t(
                std::ranges::count_if(all, [&](double one) { return one >= float(asked); }));
            double expected = 0;
            auto const positive =
                std::size_t(std::ranges::count_if(all, [](double one) { return one > 0; }));
            std::size_t const known = std::min({std::size_t{64}, all.size() / 16, positive});
            if (known >= 17 && higher < known)
                expected = std::log2((double(all.size()) + 1) / (double(higher) + 1));
            if (known >= 17 && higher == 0) {
                double const spread =
                    std::max(0.5, ((all[7] + all[8]) / 2 - all[16]) / std::log(2.0));
                expected += 8 * std::log2(1 + (asked - all[0]) / (8 * spread));
            }
            ASSERT_NEAR(tail.bits(asked), expected, 1e-4) << i;
        }
        if (young.size() >= 1'000) {
            old = young;
            young.clear();
        }
        tail.learn(value);
        young.push_back(value);
    }
}

TEST(Tail, equal_values_infinities_and_none_are_borne) {
    Tail tail(100'000, 0.5);
    tail.learn(std::nan(""));
    EXPECT_EQ(tail.count(), 0u);
    for (int i = 0; i < 1'000; ++i) tail.learn(7);
    EXPECT_EQ(tail.bits(7), 0);
    EXPECT_NEAR(tail.bits(7.5), std::log2(1'001.0) + 8 * std::log2(1.125), 1e-5);
    EXPECT_EQ(tail.bits(std::nan("")), 0);
    tail.learn(std::numeric_limits<double>::infinity());
    EXPECT_EQ(tail.count(), 1'001u);
    EXPECT_NEAR(tail.bits(8), std::log2(1'002.0 / 2), 1e-5);
}
