// Health checks: windows, minimum counts, edges, hysteresis, second steps, one check after another.
#include "stages/health.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>

using namespace stages;
using enum HealthCheck;

namespace {

struct Bench {
    explicit Bench(HealthOptions const& options = {})
        : health(options) {}

    Health health;
    std::uint64_t now = 1'000;
    std::vector<HealthAction> actions{};

    // What is to be done after a second.
    std::vector<HealthAction> const& tick() {
        ++now;
        actions.clear();
        health.evaluate(now, actions);
        return actions;
    }
    HealthVerdict verdict(HealthCheck check, std::uint32_t subject = 0) const {
        for (HealthStatus const& status : health.statuses(now))
            if (status.check == check && status.subject.value_or(0) == subject)
                return status.verdict;
        return HealthVerdict::inconclusive;
    }
    // Seconds of errors at this rate, 100 operations a second; the actions in the meantime.
    std::vector<HealthAction> errors(unsigned percent, int seconds) {
        std::vector<HealthAction> all;
        for (int i = 0; i < seconds; ++i) {
            health.count(error_rate, 0, percent, 100, now + 1);
            tick();
            all.insert(all.end(), actions.begin(), actions.end());
        }
        return all;
    }
};

HealthOptions with(HealthCheck check, void (*change)(HealthRule&)) {
    HealthOptions options{.chains = 3, .processes = 2};
    change(options.rules[static_cast<std::size_t>(check)]);
    return options;
}

Bounds bounds(double lower, double upper, std::uint64_t samples = 100) {
    return {.estimate = (lower + upper) / 2, .lower = lower, .upper = upper, .samples = samples};
}

} // namespace

TEST(Health, has_a_table_in_the_order_of_its_enum) {
    for (std::size_t i = 0; i < health_checks; ++i) {
        HealthRow const& row = health_rows()[i];
        EXPECT_EQ(static_cast<std::size_t>(row.check), i);
        EXPECT_NE(row.defaults.action, Remedy::none) << row.name;
        EXPECT_GT(row.defaults.window_s, 0U);
    }
    for (std::size_t i = 0; i < remedies; ++i)
        EXPECT_EQ(remedy_named(to_text(static_cast<Remedy>(i))), static_cast<Remedy>(i));
    EXPECT_FALSE(remedy_named("panic"));
}

TEST(Health, says_nothing_before_it_knows_enough) {
    Bench bench;
    bench.health.count(error_rate, 0, 19, 19, bench.now);
    EXPECT_TRUE(bench.tick().empty()); // 20 are needed
    EXPECT_EQ(bench.verdict(error_rate), HealthVerdict::inconclusive);
    EXPECT_TRUE(bench.health.healthy());
    bench.health.count(error_rate, 0, 1, 1, bench.now);
    ASSERT_EQ(bench.tick().size(), 1U);
    EXPECT_EQ(bench.verdict(error_rate), HealthVerdict::breached);
    EXPECT_FALSE(bench.health.healthy());
    EXPECT_EQ(bench.actions[0].samples, 20U);
}

TEST(Health, reduces_on_the_error_rate_and_then_rolls_back) {
    Bench bench;
    EXPECT_TRUE(bench.errors(5, 400).empty()); // 5 % is the limit, not above it
    auto const first = bench.errors(7, 300);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].action, Remedy::reduce_traffic);
    EXPECT_EQ(first[0].limit, 0.05);
    EXPECT_FALSE(first[0].severe);
    EXPECT_NE(first[0].sentence.find("above the limit of 5 %"), std::string::npos)
        << first[0].sentence;
    // Still above it 600 s after the breach, which came within the first second.
    EXPECT_TRUE(bench.errors(7, 299).empty());
    auto const second = bench.errors(7, 10);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].action, Remedy::rollback);
    EXPECT_TRUE(second[0].severe);
    EXPECT_NE(second[0].sentence.find("still after 600 s"), std::string::npos)
        << second[0].sentence;
    EXPECT_TRUE(bench.errors(7, 2'000).empty()); // once
}

TEST(Health, rolls_back_at_once_above_twice_the_limit) {
    Bench bench;
    auto const actions = bench.errors(11, 5);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].action, Remedy::rollback);
    EXPECT_EQ(actions[0].limit, 0.10);
    Bench worse;
    EXPECT_EQ(worse.errors(10, 1).at(0).action, Remedy::reduce_traffic); // twice is not above twice
    EXPECT_EQ(worse.errors(60, 30).at(0).action, Remedy::rollback);
}

TEST(Health, clears_only_well_below_the_limit_for_a_whole_window) {
    Bench near(with(error_rate, [](HealthRule& rule) { rule.severe_action = Remedy::none; }));
    ASSERT_EQ(near.errors(6, 10).size(), 1U);
    for (int i = 0; i < 2'000; ++i) {
        // 4.5 %: below the limit, but not below 80 % of it.
        near.health.count(error_rate, 0, 9, 200, near.now + 1);
        EXPECT_TRUE(near.tick().empty());
    }
    EXPECT_EQ(near.verdict(error_rate), HealthVerdict::breached);
    // 1 %: the mean of 300 s is below 4 % after a while, and then 300 s more have to pass.
    int seconds = 0;
    std::vector<HealthAction> actions;
    while (actions.empty() && seconds < 1'000) {
        actions = near.errors(1, 1);
        ++seconds;
    }
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(actions[0].cleared);
    EXPECT_GT(seconds, 300);
    EXPECT_LT(seconds, 600);
    EXPECT_EQ(near.verdict(error_rate), HealthVerdict::ok);
    EXPECT_EQ(near.errors(50, 60).at(0).action, Remedy::reduce_traffic); // and again
}

TEST(Health, does_not_take_silence_for_health) {
    Bench bench;
    ASSERT_EQ(bench.errors(7, 10).size(), 1U);
    for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(bench.tick().empty());
    EXPECT_EQ(bench.verdict(error_rate), HealthVerdict::breached);
    EXPECT_EQ(bench.verdict(latency), HealthVerdict::inconclusive);
}

TEST(Health, forgets_what_left_its_window) {
    Bench bench(with(error_rate, [](HealthRule& rule) { rule.window_s = 10; }));
    bench.errors(5, 10);
    bench.health.count(error_rate, 0, 0, 0, bench.now);
    for (int i = 0; i < 10; ++i) bench.tick();
    EXPECT_EQ(bench.verdict(error_rate), HealthVerdict::inconclusive);
    // 19 bad ones, of which none is left when the twentieth comes.
    bench.health.count(error_rate, 0, 19, 19, bench.now);
    for (int i = 0; i < 10; ++i) bench.tick();
    bench.health.count(error_rate, 0, 1, 1, bench.now);
    EXPECT_TRUE(bench.tick().empty());
}

TEST(Health, answers_every_crash) {
    Bench bench;
    EXPECT_TRUE(bench.tick().empty());
    EXPECT_EQ(bench.verdict(crash), HealthVerdict::ok); // none is a measurement
    bench.health.add(crash, 0, 1, bench.now);
    ASSERT_EQ(bench.tick().size(), 1U);
    EXPECT_EQ(bench.actions[0].action, Remedy::immediate_rollback);
    EXPECT_TRUE(bench.tick().empty());
    for (int i = 0; i < 300; ++i) EXPECT_TRUE(bench.tick().empty());
    bench.health.add(crash, 0, 1, bench.now);
    EXPECT_EQ(bench.tick().size(), 1U);
    // Out of the window after 600 s, cleared another 600 s later.
    int seconds = 0;
    while (bench.tick().empty() && seconds < 5'000) ++seconds;
    EXPECT_TRUE(bench.actions[0].cleared);
    EXPECT_GT(seconds, 1'150);
    EXPECT_LT(seconds, 1'250);
    bench.health.add(crash, 0, 1, bench.now);
    EXPECT_EQ(bench.tick().size(), 1U);
}

TEST(Health, rolls_back_on_mismatch_only_when_it_is_certain) {
    struct Case {
        Bounds known;
        bool acts;
    };
    Case const cases[] = {
        {bounds(0.02, 0.80, 3), false},     // one of three is no evidence
        {bounds(0.10, 0.14, 5'000), false}, // at the limit
        {bounds(0.101, 0.14, 5'000), true},
        {bounds(0.5, 0.9, 0), false},
        {bounds(0.9, 0.5, 9), false},
        {bounds(std::numeric_limits<double>::quiet_NaN(), 1, 9), false},
    };
    for (Case const& c : cases) {
        Bench bench;
        bench.health.prove(alert_mismatch, 0, c.known, bench.now);
        EXPECT_EQ(bench.tick().size(), c.acts ? 1U : 0U) << c.known.lower;
        if (c.acts) {
            EXPECT_EQ(bench.actions[0].action, Remedy::rollback);
        }
    }
}

TEST(Health, halves_on_quality_and_rolls_back_below_ninety) {
    Bench bench;
    bench.health.prove(quality, 0, bounds(0.90, 0.95), bench.now);
    EXPECT_TRUE(bench.tick().empty());
    bench.health.prove(quality, 0, bounds(0.90, 0.949), bench.now);
    ASSERT_EQ(bench.tick().size(), 1U);
    EXPECT_EQ(bench.actions[0].action, Remedy::halve_traffic);
    EXPECT_NE(bench.actions[0].sentence.find("below the limit of 95 %"), std::string::npos);
    bench.health.prove(quality, 0, bounds(0.85, 0.90), bench.now);
    EXPECT_TRUE(bench.tick().empty());
    bench.health.prove(quality, 0, bounds(0.85, 0.899), bench.now);
    ASSERT_EQ(bench.tick().size(), 1U);
    EXPECT_EQ(bench.actions[0].action, Remedy::rollback);
    EXPECT_NEAR(bench.actions[0].limit, 0.90, 1e-9);
    bench.health.prove(quality, 0, bounds(0.10, 0.20), bench.now);
    EXPECT_TRUE(bench.tick().empty());
}

TEST(Health, judges_means_latest_values_and_each_subject_by_itself) {
    Bench bench(HealthOptions{.chains = 3, .processes = 2});
    for (int i = 0; i < 20; ++i) bench.health.add(latency, 0, i < 10 ? 5 : 16, bench.now); // 10.5 s
    bench.health.add(rpc_lost, 1, 31, bench.now);
    bench.health.add(rpc_lost, 2, 29, bench.now);
    bench.health.add(block_progress, 2, 500, bench.now);
    bench.health.add(latency, 0, std::numeric_limits<double>::infinity(), bench.now);
    for (int i = 0; i < 10; ++i) bench.health.add(memory, 1, 0.95, bench.now);
    auto const actions = bench.tick();
    ASSERT_EQ(actions.size(), 4U);
    EXPECT_EQ(actions[0].check, latency);
    EXPECT_NEAR(actions[0].measured, 10.5, 1e-9);
    EXPECT_FALSE(actions[0].subject);
    EXPECT_EQ(actions[1].action, Remedy::subscan_only);
    EXPECT_EQ(actions[1].subject, 1U);
    EXPECT_EQ(actions[2].action, Remedy::restart);
    EXPECT_EQ(actions[2].subject, 1U);
    EXPECT_EQ(actions[3].check, block_progress);
    EXPECT_EQ(actions[3].subject, 2U);
    EXPECT_EQ(bench.verdict(rpc_lost, 2), HealthVerdict::ok);
    EXPECT_EQ(bench.verdict(rpc_lost, 0), HealthVerdict::inconclusive);
}

TEST(Health, gives_a_chain_back_when_its_node_was_there_for_the_hold_time) {
    Bench bench;
    bench.health.add(rpc_lost, 0, 40, bench.now);
    ASSERT_EQ(bench.tick().size(), 1U);
    int seconds = 0;
    do {
        bench.health.add(rpc_lost, 0, seconds == 30 ? 35 : 0, bench.now + 1); // gone once more
        ++seconds;
    } while (bench.tick().empty() && seconds < 500);
    ASSERT_EQ(bench.actions.size(), 1U);
    EXPECT_TRUE(bench.actions[0].cleared);
    EXPECT_EQ(bench.actions[0].action, Remedy::subscan_only);
    EXPECT_EQ(seconds, 31 + 60);
}

TEST(Health, only_tells_in_a_dry_run) {
    Bench bench(with(error_rate, [](HealthRule& rule) { rule.dry_run = true; }));
    auto const actions = bench.errors(7, 10);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(actions[0].dry_run);
    EXPECT_NE(actions[0].sentence.find("dry run"), std::string::npos);
    EXPECT_TRUE(bench.health.healthy());
}

TEST(Health, bears_a_clock_that_goes_back) {
    Bench bench;
    bench.errors(7, 10);
    std::uint64_t const late = bench.now;
    bench.now = 500;
    EXPECT_TRUE(bench.errors(7, 400).empty()); // no time has passed
    bench.now = late;
    EXPECT_TRUE(bench.errors(7, 500).empty());
}

TEST(Health, acts_anew_when_rearmed) {
    Bench bench;
    ASSERT_EQ(bench.errors(7, 10).size(), 1U);
    bench.health.rearm();
    EXPECT_EQ(bench.errors(7, 1).size(), 1U);
}
