#include "stages/tail.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace stages;

// P(bits > b) is 2^-b at most, within 4 standard deviations, and not much less. So it stays when
// what has 8, or 11, bits is told: learned censored.
TEST(Tail, a_surprise_is_as_rare_as_it_says) {
    for (auto const& [exponential, told_bits] :
         {std::pair{true, 1e9}, {false, 1e9}, {true, 8.0}, {false, 8.0}, {true, 11.0}}) {
        std::vector<double> exceeded(14);
        double tries = 0;
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            std::mt19937_64 random(seed);
            std::exponential_distribution<double> exponent(1.0);
            std::uniform_real_distribution<double> uniform(0, 1);
            Tail tail(2'000, 0.01);
            for (int i = 0; i < 12'000; ++i) {
                double const value = exponential ? exponent(random) : uniform(random);
                double const bits = tail.bits(value);
                if (i >= 2'000) {
                    for (std::size_t b = 7; b < exceeded.size(); ++b)
                        exceeded[b] += bits > double(b);
                    ++tries;
                }
                tail.learn(value, bits >= told_bits);
            }
        }
        for (std::size_t b = 7; b < exceeded.size(); ++b) {
            double const mean = tries * std::exp2(-double(b));
            EXPECT_LE(exceeded[b], mean + 4 * std::sqrt(mean))
                << b << ' ' << exponential << ' ' << told_bits;
            if (exponential) {
                EXPECT_GE(exceeded[b], mean / 2 - 4 * std::sqrt(mean)) << b;
            }
        }
    }
}

// All values kept, sorted: the rank, and beyond those that were not told the median excess of 16
// over the 17th. Told is every fourth of the larger ones: what is above all others is infinite.
TEST(Tail, is_the_rank_among_all_and_beyond_them_exponential) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    std::mt19937_64 random(3);
    Tail tail(1'000, 0.5);
    std::vector<double> young, old;
    std::size_t censored = 0;
    for (int i = 0; i < 5'000; ++i) {
        double const value = float(std::exponential_distribution<double>(0.3)(random)) - 1.0f;
        std::vector<double> all = young;
        all.insert(all.end(), old.begin(), old.end());
        std::ranges::sort(all, std::greater<>());
        auto const told = std::size_t(std::ranges::count(all, infinite));
        ASSERT_EQ(tail.told(), told);
        for (double const asked : {value, all.size() == told ? 0 : all[told] + 3.0}) {
            auto const higher = std::size_t(
                std::ranges::count_if(all, [&](double one) { return one >= float(asked); }));
            double expected = 0;
            auto const positive =
                std::size_t(std::ranges::count_if(all, [](double one) { return one > 0; }));
            std::size_t const known = std::min({std::size_t{64}, all.size() / 16 + told, positive});
            if (known >= told + 17 && higher < known)
                expected = std::log2((double(all.size()) + 1) / (double(higher) + 1));
            if (known >= told + 17 && higher == told) {
                double const* const rest = all.data() + told;
                double const spread =
                    std::max(0.5, ((rest[7] + rest[8]) / 2 - rest[16]) / std::log(2.0));
                expected += 8 * std::log2(1 + (asked - rest[0]) / (8 * spread));
            }
            ASSERT_NEAR(tail.bits(asked), expected, 1e-4) << i;
        }
        if (young.size() >= 1'000) {
            old = young;
            young.clear();
        }
        double most = 0;
        for (auto const* part : {&young, &old})
            for (double const one : *part)
                if (one != infinite) most = std::max(most, one);
        auto const now = std::ranges::count(young, infinite) + std::ranges::count(old, infinite);
        bool const is_told = i % 4 == 0, above = is_told && value > most && now < 4;
        tail.learn(value, is_told);
        young.push_back(above ? infinite : value);
        censored += above;
    }
    EXPECT_GE(censored, 3u);
}

// By the definition: n + 1 values, of which t + 1 are as high, cost log2(t + 2) - log2(t + 1) bits.
TEST(Tail, what_was_told_takes_a_bit_from_the_next_and_not_all_of_it) {
    std::mt19937_64 random(5);
    Tail tail(100'000, 0.1);
    for (int i = 0; i < 4'000; ++i) tail.learn(std::exponential_distribution<double>(1.0)(random));
    Tail plain = tail;
    double const first = tail.bits(25), n = tail.count();
    plain.learn(25);
    EXPECT_NEAR(plain.bits(25), std::log2((n + 2) / 2), 1e-4); // of equals it is one of two
    for (double told = 1; told <= Tail::told_max; ++told) {
        tail.learn(25, true);
        ASSERT_NEAR(tail.bits(25),
                    first - std::log2(told + 1) + std::log2((n + 1 + told) / (n + 1)), 1e-3);
    }
    tail.learn(25, true); // enough: it is ordinary now
    EXPECT_EQ(tail.told(), Tail::told_max);
    ASSERT_EQ(Tail::told_max, 4u);
    EXPECT_NEAR(tail.bits(25), std::log2((n + 6) / 6), 1e-4);
    tail.learn(0.5, true); // what was told for another reason and is ordinary here
    EXPECT_EQ(tail.told(), Tail::told_max);
    for (int i = 0; i < 200'000; ++i) tail.learn(0);
    EXPECT_EQ(tail.told(), 0u); // forgotten, as everything else
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
