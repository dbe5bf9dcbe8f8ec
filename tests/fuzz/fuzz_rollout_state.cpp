// Any text as the kept state of a rollout: it is refused by a sentence, or it is one that the
// machine can go on from; written, it is read again to the same.
#include "pipeline/check.hpp"
#include "tests/stages/rollout_plans.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static stages::RolloutPlan const plan = tests::small_plan();
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    auto const state = stages::parse_rollout_state(plan, text);
    if (!state) {
        CHECK(!state.error().empty());
        return 0;
    }
    CHECK(state->step < plan.steps.size());
    CHECK(stages::parse_rollout_state(plan, stages::rollout_state_text(plan, *state)) == *state);
    stages::RolloutInputs inputs;
    inputs.now_unix_ms = state->counted_to + 1'000;
    auto const decision = stages::decide(plan, *state, inputs);
    CHECK(decision.next.step < plan.steps.size() && decision.next.buckets <= 10'000);
    CHECK(!decision.reason.empty());
    return 0;
}
