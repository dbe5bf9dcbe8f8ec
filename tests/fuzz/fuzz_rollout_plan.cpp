// Any text as a rollout plan: every problem is a sentence, and a plan that is usable is one that
// the machine can climb and come down.
#include "config/rollout_plan.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const loaded = config::load_rollout_plan_text(text, "plan.toml");
    for (auto const& problem : loaded.problems) CHECK(!problem.text.empty());
    if (!loaded.usable()) {
        CHECK(!loaded.problems.empty());
        return 0;
    }
    auto const& plan = loaded.plan;
    CHECK(!plan.steps.empty() && !plan.ladder.empty() && plan.ladder.back() == 0);
    CHECK(std::is_sorted(plan.ladder.rbegin(), plan.ladder.rend()));
    CHECK(std::is_sorted(plan.steps.begin(), plan.steps.end(), [](auto const& a, auto const& b) {
        return a.buckets < b.buckets || a.tiers < b.tiers;
    }));
    CHECK(plan.steps.back().buckets <= 10'000 && plan.hours_to <= 1'440);
    stages::RolloutState state;
    for (std::size_t i = 0; i < 2 * plan.steps.size(); ++i) {
        auto const moved = stages::command_rollout(
            plan, state, {},
            i == 0 ? stages::RolloutCommand::start : stages::RolloutCommand::promote, true);
        if (!moved) break;
        state = moved->next;
        CHECK(stages::parse_rollout_state(plan, stages::rollout_state_text(plan, state)) == state);
    }
    return 0;
}
