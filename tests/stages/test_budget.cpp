#include "stages/budget.hpp"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>

using namespace stages;

namespace {

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;

constexpr std::uint32_t start_s = 1'700'000'000, day = 86'400;

double uniform(Random& random) {
    return 1 - std::uniform_real_distribution<>(0, 1)(random); // (0, 1]
}

std::vector<std::pair<char const*, Draw>> const& kinds() {
    static std::vector<std::pair<char const*, Draw>> const all = {
        {"bits of p-values", [](Random& r) { return -std::log2(uniform(r)) + 1e-9; }},
        {"uniform", [](Random& r) { return 1 + uniform(r); }},
        {"|normal|", [](Random& r) { return std::abs(std::normal_distribution<>()(r)) + 1e-9; }},
        {"lognormal 4", [](Random& r) { return std::lognormal_distribution<>(20, 4)(r); }},
        {"pareto 0.5", [](Random& r) { return 1e9 * std::pow(uniform(r), -2.0); }},
        {"large, in one bucket", [](Random& r) { return 1'000 - std::log2(uniform(r)); }},
    };
    return all;
}

struct Played {
    double a_day = 0; // met, over the days looked at
    double warm_days = 0;
};

// A Poisson stream of candidates; time passes every half an hour.
Played play(Budget& budget, Draw const& draw, double candidates_a_day, double days,
            Random& random) {
    std::exponential_distribution<> gap(candidates_a_day / day);
    Played played;
    double next = gap(random), warm_s = -1;
    double const end = days * day;
    std::uint64_t met = 0;
    for (double t = 0; t < end; t += 1'800) {
        for (; next < t; next += gap(random))
            met += budget.judge(draw(random), start_s + static_cast<std::uint32_t>(next));
        budget.pass(start_s + static_cast<std::uint32_t>(t));
        if (warm_s < 0 && !budget.warming()) warm_s = t;
    }
    played.warm_days = warm_s / day;
    played.a_day = static_cast<double>(met) / ((end - warm_s) / day);
    return played;
}

} // namespace

TEST(Budget, is_kept_within_a_fifth_on_stationary_traffic_of_every_kind) {
    std::printf("%-22s %7s %9s %9s %9s %9s\n", "scores", "budget", "least", "mean", "most",
                "warm days");
    for (auto const& [name, draw] : kinds())
        for (double const a_day : {1.0, 5.0, 40.0}) {
            double least = 1e9, most = 0, sum = 0, warm = 0;
            double const days = 600 / a_day + 60;
            for (std::uint64_t seed = 1; seed <= 20; ++seed) {
                Random random(seed);
                auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = a_day});
                Played const played = play(*budget, draw, 25 * a_day, days, random);
                double const share = played.a_day / a_day;
                least = std::min(least, share), most = std::max(most, share);
                sum += share, warm = std::max(warm, played.warm_days);
                EXPECT_NEAR(share, 1, 0.2) << name << ' ' << a_day << " seed " << seed;
                EXPECT_NEAR(budget->forecast_a_day() / a_day, 1, 0.1) << name << ' ' << seed;
            }
            std::printf("%-22s %7.0f %9.3f %9.3f %9.3f %9.1f\n", name, a_day, least, sum / 20, most,
                        warm);
            EXPECT_NEAR(sum / 20, 1, 0.05) << name << ' ' << a_day;
        }
}

TEST(Budget, nothing_is_met_while_warming_and_warming_takes_as_long_as_it_says) {
    for (double const a_day : {100.0, 5.0, 0.5}) {
        Random random(1);
        auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = a_day});
        EXPECT_TRUE(budget->warming());
        EXPECT_FALSE(budget->meets(1e30));
        EXPECT_EQ(budget->forecast_a_day(), 0);
        Played const played = play(*budget, kinds()[0].second, 200, 40, random);
        EXPECT_NEAR(played.warm_days, std::max(1.0, 10 / a_day), 0.2) << a_day;
    }
}

TEST(Budget, nothing_below_the_floor_is_met) {
    Random random(2);
    auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 50, .floor = 12});
    play(*budget, kinds()[0].second, 1'000, 10, random); // 2^-12 x 1,000 a day are above it
    ASSERT_FALSE(budget->warming());
    EXPECT_EQ(budget->threshold(), 12);
    EXPECT_FALSE(budget->meets(std::nextafter(12.0, 0.0)));
    EXPECT_TRUE(budget->meets(12));
    EXPECT_LT(budget->forecast_a_day(), 2);
}

TEST(Budget, a_rule_with_fewer_candidates_than_its_budget_says_them_all) {
    Random random(3);
    auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 20});
    Played const played = play(*budget, kinds()[0].second, 4, 100, random);
    EXPECT_NEAR(played.a_day, 4, 1);
    EXPECT_TRUE(budget->meets(1e-6));
    EXPECT_NEAR(budget->actual_a_day(), 4, 3);
}

TEST(Budget, is_kept_where_most_scores_are_equal) {
    for (double const value : {3.0, 1'000.0, 7.77e20}) {
        Random random(4);
        auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 5});
        Played const played = play(
            *budget, [&](Random& r) { return value * static_cast<double>(1 + r() % 3); }, 60, 300,
            random);
        EXPECT_NEAR(played.a_day, 5, 1) << value;
    }
}

TEST(Budget, a_storm_is_met_and_does_not_silence_the_rule_afterwards) {
    Random random(5);
    auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 5});
    play(*budget, kinds()[0].second, 300, 60, random);
    double const before = budget->threshold();
    std::uint32_t const then_s = start_s + 60 * day;
    std::uint64_t met = 0;
    for (int i = 0; i < 5'000; ++i) met += budget->judge(40, then_s + i); // 83 minutes of it
    EXPECT_EQ(met, 5'000u);
    EXPECT_GT(budget->actual_a_day(), 500);
    // 15 of them are learned, in a horizon of 35 to 70.
    for (std::uint32_t t = 0; t < 10 * 3'600; t += 1'800) budget->pass(then_s + t);
    EXPECT_LT(budget->threshold(), before + 2);
    EXPECT_TRUE(budget->meets(before + 2));
}

TEST(Budget, follows_traffic_that_changes_for_good) {
    Random random(6);
    auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 5});
    play(*budget, kinds()[0].second, 100, 60, random);
    std::exponential_distribution<> gap(100.0 / day);
    std::uint64_t met = 0;
    std::uint32_t const second_s = start_s + 60 * day;
    for (double t = gap(random); t < 90.0 * day; t += gap(random)) { // ten bits more each
        bool const is_met = budget->judge(10 - std::log2(uniform(random)),
                                          second_s + static_cast<std::uint32_t>(t));
        met += t > 60.0 * day && is_met;
    }
    EXPECT_NEAR(static_cast<double>(met) / 30, 5, 2);
    EXPECT_NEAR(budget->actual_a_day(), 5, 4);
}

TEST(Budget, what_nobody_observed_is_no_quiet_time) {
    auto const budget = std::make_unique<Budget>(BudgetOptions{.alerts_a_day = 20});
    budget->pass(start_s);
    budget->pass(start_s + 30 * day);
    EXPECT_TRUE(budget->warming());
    for (std::uint32_t t = 0; t <= day + 3'600; t += 300) budget->pass(start_s + 30 * day + t);
    EXPECT_FALSE(budget->warming());
    EXPECT_EQ(budget->actual_a_day(), 0);
    EXPECT_FALSE(budget->judge(1, 5) && budget->warming()); // time that goes back is now
}
