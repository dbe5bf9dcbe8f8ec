// A small rollout plan for tests, and measurements that prove what a test wants proven.
#pragma once

#include "stages/rollout.hpp"

namespace tests {

inline constexpr std::uint64_t minute_ms = 60'000;
inline constexpr std::uint64_t hour_ms = 60 * minute_ms;
inline constexpr std::uint64_t noon_ms = 1'800'014'400'000; // 2027-01-15T12:00:00Z

// 0 -> 10 (tier 1) -> 40 (tiers 1..4) -> 100 (all, by hand). Accuracy 95 % and error rate 5 % each,
// a dry-run gate on resources. An hour of bake, 100 pairs, held for 10 minutes.
inline stages::RolloutPlan small_plan() {
    using stages::RolloutGate;
    std::vector<stages::PlanGate> const gates = {
        {RolloutGate::accuracy, 0.95, true, false},
        {RolloutGate::error_rate, 0.05, true, false},
        {RolloutGate::resource_ratio, 1.5, true, true},
    };
    stages::RolloutPlan plan;
    auto const add = [&](char const* name, std::uint8_t tiers, std::uint16_t buckets) {
        plan.steps.push_back({.name = name,
                              .phase = "test",
                              .tiers = tiers,
                              .buckets = buckets,
                              .bake_ms = hour_ms,
                              .samples = 100,
                              .gates = gates});
    };
    add("shadow", 0, 0);
    add("few", 1, 1'000);
    add("many", 4, 4'000);
    add("all", stages::rollout_tiers_all, 10'000);
    plan.steps.back().confirm = true;
    plan.ladder = {3'000, 1'000, 100, 0};
    plan.cooldown_ms = 30 * minute_ms;
    plan.hold_ms = 10 * minute_ms;
    return plan;
}

inline stages::Bounds known(double lower, double upper) {
    return {.estimate = (lower + upper) / 2, .lower = lower, .upper = upper, .samples = 500};
}

inline void measure(stages::RolloutInputs& inputs, stages::RolloutGate gate, double lower,
                    double upper) {
    inputs.measured[static_cast<std::size_t>(gate)] = known(lower, upper);
}

// Everything passes, enough was compared.
inline stages::RolloutInputs good_inputs(std::uint64_t now = noon_ms) {
    stages::RolloutInputs inputs;
    inputs.now_unix_ms = now;
    inputs.pairs = 1'000;
    measure(inputs, stages::RolloutGate::accuracy, 0.97, 0.99);
    measure(inputs, stages::RolloutGate::error_rate, 0.0, 0.01);
    measure(inputs, stages::RolloutGate::resource_ratio, 1.0, 1.1);
    return inputs;
}

} // namespace tests
