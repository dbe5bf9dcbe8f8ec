// The rollout as people and programs see it: the plan with what would happen when, where the
// machine stands and why it does not move, and the go/no-go list.
//
// Pure, any thread. Tables are for people; JSON comes as members of an object, each with a comma
// before it, as the admin socket's answers are put together. Times are UTC, from unix milliseconds.
#pragma once

#include "stages/rollout.hpp"

namespace stages {

// spyhop rollout plan: `earliest` is when a step would be reached if everything passed from now on
// and persons answered at once.
std::string rollout_plan_table(RolloutPlan const& plan, RolloutState const& state,
                               std::uint64_t now_unix_ms);
std::string rollout_plan_json(RolloutPlan const& plan, RolloutState const& state,
                              std::uint64_t now_unix_ms);
// One time a step; 0 for those that are behind.
std::vector<std::uint64_t> earliest_times(RolloutPlan const& plan, RolloutState const& state,
                                          std::uint64_t now_unix_ms);

// spyhop rollout status.
std::string rollout_status_table(RolloutPlan const& plan, RolloutState const& state,
                                 RolloutInputs const& inputs);
std::string rollout_status_json(RolloutPlan const& plan, RolloutState const& state,
                                RolloutInputs const& inputs);

// spyhop ready: what the next step needs, before each phase.
struct ReadyItem {
    std::string_view name;
    GateVerdict verdict = GateVerdict::inconclusive;
    bool dry_run = false; // shown, does not count
    std::string measured;
    std::string limit;
};
std::vector<ReadyItem> ready_items(RolloutPlan const& plan, RolloutState const& state,
                                   RolloutInputs const& inputs);
int ready_code(std::vector<ReadyItem> const& items); // 0 all pass, 6 one fails, 7 otherwise
std::string ready_table(std::vector<ReadyItem> const& items);
std::string ready_json(std::vector<ReadyItem> const& items);

} // namespace stages
