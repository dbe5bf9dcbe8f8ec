// What chance may do to the mismatch check while somebody looks after every single pair: a good
// hybrid is (almost) never rolled back, a bad one soon. With the comparator's own bounds, and with
// some made here, independently: Robbins' beta-binomial mixture with the
// prior Beta(1/2, 1/2) rejects p in favour of something above it when
//   B(k + 1/2, n - k + 1/2) / B(1/2, 1/2) >= p^k (1 - p)^(n - k) / alpha   and   k / n > p,
// at any n, with probability at most alpha if p is the truth (Ville's inequality).
#include "stages/health.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace stages;

namespace {

constexpr double limit = 0.10;
constexpr double alpha = 0.05;

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

bool certainly_above(std::uint64_t hits, std::uint64_t samples) {
    auto const k = static_cast<double>(hits), n = static_cast<double>(samples);
    double const evidence = log_beta(k + 0.5, n - k + 0.5) - log_beta(0.5, 0.5) -
                            k * std::log(limit) - (n - k) * std::log(1 - limit);
    return k > n * limit && evidence >= -std::log(alpha);
}

// Only the end above the limit matters to the check.
Bounds independent(std::uint64_t samples, std::uint64_t hits) {
    return {.estimate = static_cast<double>(hits) / static_cast<double>(samples),
            .lower = certainly_above(hits, samples) ? limit * 1.001 : 0,
            .upper = 1,
            .samples = samples};
}
Bounds comparators(std::uint64_t samples, std::uint64_t hits) { return rate_bounds(samples, hits); }

using MakeBounds = Bounds (*)(std::uint64_t samples, std::uint64_t hits);
constexpr MakeBounds both[] = {independent, comparators};

// Pairs until the check rolls back; 0: never.
int pairs_until_rollback(MakeBounds bounds, double truth, int pairs, unsigned seed) {
    Health health{HealthOptions{}};
    std::mt19937 random(seed);
    std::vector<HealthAction> actions;
    std::uint64_t hits = 0;
    for (int i = 1; i <= pairs; ++i) {
        hits += static_cast<double>(random()) < truth * 4294967296.0;
        auto const samples = static_cast<std::uint64_t>(i);
        health.prove(HealthCheck::alert_mismatch, 0, bounds(samples, hits), samples);
        health.evaluate(samples, actions);
        for (HealthAction const& action : actions)
            if (action.action == Remedy::rollback) return i;
    }
    return 0;
}

int rollbacks(MakeBounds bounds, double truth, int pairs, int runs) {
    int count = 0;
    for (int run = 0; run < runs; ++run)
        count += pairs_until_rollback(bounds, truth, pairs, static_cast<unsigned>(run) + 1) != 0;
    return count;
}

} // namespace

TEST(HealthChance, spares_a_good_hybrid_and_one_at_the_very_limit) {
    constexpr int runs = 400;
    for (MakeBounds const bounds : both) {
        EXPECT_EQ(rollbacks(bounds, 0.005, 1'000, runs), 0); // p = 0.005 against 0.10
        // At the limit alpha itself is promised: 400 x 0.05 = 20, plus three standard deviations of
        // sqrt(400 x 0.05 x 0.95) = 4.4.
        EXPECT_LE(rollbacks(bounds, limit, 1'000, runs), 20 + 13);
    }
}

TEST(HealthChance, finds_a_hybrid_that_is_wrong_in_a_fifth_of_its_alerts) {
    constexpr int runs = 200;
    // Evidence grows by KL(0.2, 0.1) = 0.2 ln 2 + 0.8 ln(8/9) = 0.0444 a pair; ln 20 plus the
    // mixture's half ln n (3.2 at 600) needs 140 pairs in the mean, 600 nearly always.
    for (MakeBounds const bounds : both)
        EXPECT_GE(rollbacks(bounds, 0.20, 600, runs), runs * 99 / 100);
}
