// What people and programs see of the rollout: the plan with its times, the status, the go/no-go
// list.
#include "stages/rollout_view.hpp"

#include "rollout_plans.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

using namespace stages;
using tests::good_inputs;
using tests::hour_ms;
using tests::minute_ms;
using tests::noon_ms;
using tests::small_plan;

namespace {

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// Members as the admin socket sends them: behind "ok".
simdjson::dom::element parsed(simdjson::dom::parser& parser, std::string const& members) {
    return parser.parse("{\"ok\":true" + members + "}").value();
}

RolloutState at_few() {
    RolloutState state;
    state.phase = RolloutPhase::running;
    state.step = 1;
    state.tiers = 1;
    state.buckets = 1'000;
    state.entered_at = noon_ms - 45 * minute_ms;
    state.counted_to = noon_ms;
    state.baked_ms = 45 * minute_ms;
    state.passed_ms = 45 * minute_ms;
    return state;
}

} // namespace

TEST(RolloutView, tells_when_each_step_could_be_reached) {
    RolloutPlan plan = small_plan();
    // Idle: each step bakes an hour.
    EXPECT_EQ(
        earliest_times(plan, {}, noon_ms),
        (std::vector{noon_ms, noon_ms + hour_ms, noon_ms + 2 * hour_ms, noon_ms + 3 * hour_ms}));
    // 15 of the 60 minutes of "few" are left.
    EXPECT_EQ(
        earliest_times(plan, at_few(), noon_ms),
        (std::vector<std::uint64_t>{0, 0, noon_ms + 15 * minute_ms, noon_ms + 75 * minute_ms}));
    RolloutState cooling = at_few();
    cooling.cooldown_left_ms = 20 * minute_ms;
    EXPECT_EQ(earliest_times(plan, cooling, noon_ms)[2], noon_ms + 20 * minute_ms);
    // From 08:00 to 12:10 UTC: 12:15 is too late, the next morning is meant; then an hour more.
    plan.hours_from = 8 * 60;
    plan.hours_to = 12 * 60 + 10;
    EXPECT_EQ(earliest_times(plan, at_few(), noon_ms),
              (std::vector<std::uint64_t>{0, 0, noon_ms + 20 * hour_ms, noon_ms + 21 * hour_ms}));
}

TEST(RolloutView, prints_the_plan) {
    std::string const text = rollout_plan_table(small_plan(), at_few(), noon_ms);
    for (std::string_view part :
         {"shadow", "few", "40 %", "1 to 4", "2027-01-15T12:15 (in 15 min)", "accuracy >= 95 %",
          "error_rate <= 5 %", "resource_ratio <= 1.5 x (dry run)", "entered only by a person",
          "When a gate fails: 30 % 10 % 1 % 0 %"})
        EXPECT_TRUE(has(text, part)) << part << " in:\n" << text;
    simdjson::dom::parser parser;
    auto const json = parsed(parser, rollout_plan_json(small_plan(), at_few(), noon_ms));
    EXPECT_EQ(json["steps"].get_array().value().size(), 4U);
    EXPECT_EQ(json["steps"].at(0)["progress"].get_string().value(), "done");
    EXPECT_EQ(json["steps"].at(1)["progress"].get_string().value(), "now");
    EXPECT_EQ(json["steps"].at(2)["earliest"].get_string().value(), "2027-01-15T12:15:00.000Z");
    EXPECT_EQ(json["steps"].at(3)["tiers"].get_string().value(), "all");
    EXPECT_EQ(json["steps"].at(3)["gates"].at(2)["dry_run"].get_bool().value(), true);
    EXPECT_EQ(json["ladder"].at(0).get_double().value(), 30.0);
}

TEST(RolloutView, prints_the_status) {
    RolloutInputs inputs = good_inputs(noon_ms);
    tests::measure(inputs, RolloutGate::accuracy, 0.9, 0.98);
    std::string const text = rollout_status_table(small_plan(), at_few(), inputs);
    for (std::string_view part :
         {"running, tiers 1, hybrid 10 %", "step 2 of 4, \"few\" (test)", "baked 45 min of 60 min",
          "hold: not proven yet: accuracy is 94 % (90 % to 98 %, 500 samples)", "inconclusive"})
        EXPECT_TRUE(has(text, part)) << part << " in:\n" << text;
    simdjson::dom::parser parser;
    auto const json = parsed(parser, rollout_status_json(small_plan(), at_few(), inputs));
    EXPECT_EQ(json["decision"].get_string().value(), "hold");
    EXPECT_EQ(json["gates"].at(0)["verdict"].get_string().value(), "inconclusive");
    EXPECT_EQ(json["gates"].at(0)["measured"]["upper"].get_double().value(), 0.98);
    EXPECT_EQ(json["gates"].at(1)["verdict"].get_string().value(), "pass");
    parsed(parser, rollout_status_json(small_plan(), {}, {}));
}

TEST(RolloutView, says_go_only_when_everything_passes) {
    RolloutPlan const plan = small_plan();
    RolloutState state = at_few();
    state.baked_ms = hour_ms;
    RolloutInputs inputs = good_inputs(noon_ms);
    auto const code = [&] { return ready_code(ready_items(plan, state, inputs)); };
    EXPECT_EQ(code(), 7); // never drilled
    inputs.drill_us = 30'000'001;
    EXPECT_EQ(code(), 6);
    inputs.drill_us = 850;
    EXPECT_EQ(code(), 0);
    tests::measure(inputs, RolloutGate::resource_ratio, 8, 9); // a dry run
    EXPECT_EQ(code(), 0);
    tests::measure(inputs, RolloutGate::error_rate, 0, 0.06);
    EXPECT_EQ(code(), 7);
    tests::measure(inputs, RolloutGate::error_rate, 0.051, 0.06);
    EXPECT_EQ(code(), 6);
    inputs = good_inputs(noon_ms);
    inputs.drill_us = 850;
    inputs.healthy = false;
    EXPECT_EQ(code(), 6);
    inputs.healthy = true;
    inputs.frozen = true;
    EXPECT_EQ(code(), 6);
    inputs.frozen = false;
    state.cooldown_left_ms = 1;
    EXPECT_EQ(code(), 7);
    state = {};
    state.phase = RolloutPhase::locked;
    auto const items = ready_items(plan, state, inputs);
    EXPECT_EQ(ready_code(items), 6);
    EXPECT_TRUE(has(ready_table(items), "no go"));
    simdjson::dom::parser parser;
    EXPECT_EQ(parsed(parser, ready_json(items))["ready"].get_string().value(), "fail");
}
