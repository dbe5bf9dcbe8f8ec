// The rollout plan's file: the shipped one, and what is refused where.
#include "config/rollout_plan.hpp"

#include "config/embedded.hpp"

#include <gtest/gtest.h>

using config::load_rollout_plan_text;
using config::LoadedPlan;

namespace {

std::string const head = "cooldown = \"1h\"\n"                  // 1
                         "hold = \"10m\"\n"                     // 2
                         "ladder = [10, 1.25, 0]\n"             // 3
                         "[[step]]\n"                           // 4
                         "name = \"a\"\n"                       // 5
                         "phase = \"shadow\"\n"                 // 6
                         "tiers = 0\n"                          // 7
                         "percent = 0\n"                        // 8
                         "[step.gates]\n"                       // 9
                         "accuracy = { at_least = \"95%\" }\n"; // 10

std::string complaints(std::string const& text) {
    LoadedPlan const loaded = load_rollout_plan_text(text, "f");
    std::string all;
    for (config::Problem const& problem : loaded.problems)
        all += config::to_text(loaded.file, problem) + '\n';
    return all;
}

void expect(std::string const& text, std::vector<std::string> const& parts) {
    std::string const said = complaints(text);
    for (std::string const& part : parts)
        EXPECT_NE(said.find(part), std::string::npos) << part << " in:\n"
                                                      << said << "of:\n"
                                                      << text;
    EXPECT_FALSE(load_rollout_plan_text(text, "f").usable());
}

std::string step(std::string const& name, std::string const& tiers, std::string const& percent) {
    return "[[step]]\nname = \"" + name + "\"\nphase = \"p\"\ntiers = " + tiers +
           "\npercent = " + percent + "\ngates = { accuracy = { at_least = \"95%\" } }\n";
}

} // namespace

TEST(RolloutPlan, ships_the_five_phases) {
    LoadedPlan const loaded =
        load_rollout_plan_text(config::default_rollout_plan(), "rollout.toml");
    for (config::Problem const& problem : loaded.problems)
        ADD_FAILURE() << config::to_text(loaded.file, problem);
    stages::RolloutPlan const& plan = loaded.plan;
    std::vector<int> percents, tiers;
    std::vector<std::string> phases;
    for (stages::PlanStep const& step : plan.steps) {
        percents.push_back(step.buckets);
        tiers.push_back(step.tiers);
        if (phases.empty() || phases.back() != step.phase) phases.push_back(step.phase);
    }
    EXPECT_EQ(percents,
              (std::vector{0, 0, 100, 500, 1'500, 3'500, 3'500, 5'000, 7'500, 9'000, 10'000}));
    EXPECT_EQ(tiers, (std::vector{0, 0, 1, 2, 3, 4, 15, 15, 15, 15, 15}));
    EXPECT_EQ(phases, (std::vector<std::string>{"foundation", "shadow", "migration", "validation",
                                                "cutover"}));
    EXPECT_EQ(plan.ladder, (std::vector<std::uint16_t>{3'500, 1'500, 500, 100, 0}));
    constexpr std::uint64_t day = 86'400'000;
    EXPECT_EQ(plan.steps[1].bake_ms, 7 * day);
    EXPECT_EQ(plan.steps[10].bake_ms, 7 * day);
    EXPECT_TRUE(plan.steps[10].confirm);
    // To leave shadow 95 % and 2 %, to reach 100 % 99 % and 1 %.
    auto const limit = [&](std::size_t step, std::size_t gate) {
        return plan.steps[step].gates[gate].limit;
    };
    EXPECT_DOUBLE_EQ(limit(1, 0), 0.95);
    EXPECT_DOUBLE_EQ(limit(1, 1), 0.02);
    EXPECT_DOUBLE_EQ(limit(9, 0), 0.99);
    EXPECT_DOUBLE_EQ(limit(9, 1), 0.01);
    EXPECT_FALSE(plan.steps[9].gates[0].steps_down);
    // Six weeks of the plan: 1 + 7 + 3 + 3 + 4 + 4 + 7 + 2 + 2 + 2 = 35 days until everybody.
    std::uint64_t bake = 0;
    for (std::size_t i = 0; i + 1 < plan.steps.size(); ++i) bake += plan.steps[i].bake_ms;
    EXPECT_EQ(bake, 35 * day);
}

TEST(RolloutPlan, reads_every_key) {
    LoadedPlan const loaded = load_rollout_plan_text(
        head + "latency_ratio = { at_least = \"5x\", on_fail = \"step_down\", dry_run = true }\n"
               "[[step]]\nname = \"b\"\nphase = \"p\"\ntiers = \"all\"\npercent = 12.25\n"
               "bake = \"90s\"\nsamples = 7\ndeadline = \"2m\"\non_deadline = \"step_down\"\n"
               "confirm = true\ngates = { error_rate = { at_most = \"0.5%\" } }\n",
        "f");
    ASSERT_TRUE(loaded.usable()) << config::to_text(loaded.file, loaded.problems[0]);
    stages::RolloutPlan const& plan = loaded.plan;
    EXPECT_EQ(plan.cooldown_ms, 3'600'000U);
    EXPECT_EQ(plan.hold_ms, 600'000U);
    EXPECT_EQ(plan.ladder, (std::vector<std::uint16_t>{1'000, 125, 0}));
    ASSERT_EQ(plan.steps.size(), 2U);
    ASSERT_EQ(plan.steps[0].gates.size(), 2U);
    EXPECT_EQ(plan.steps[0].gates[1],
              (stages::PlanGate{stages::RolloutGate::latency_ratio, 5, true, true}));
    stages::PlanStep const& b = plan.steps[1];
    EXPECT_EQ(b.tiers, stages::rollout_tiers_all);
    EXPECT_EQ(b.buckets, 1'225);
    EXPECT_EQ(b.bake_ms, 90'000U);
    EXPECT_EQ(b.samples, 7U);
    EXPECT_EQ(b.deadline_ms, 120'000U);
    EXPECT_EQ(b.on_deadline, stages::OnDeadline::step_down);
    EXPECT_TRUE(b.confirm);
    EXPECT_DOUBLE_EQ(b.gates[0].limit, 0.005);
    LoadedPlan const hours =
        load_rollout_plan_text("allowed_hours = \"22:00-04:30\"\n" + head, "f");
    ASSERT_TRUE(hours.usable());
    EXPECT_EQ(hours.plan.hours_from, 1'320);
    EXPECT_EQ(hours.plan.hours_to, 270);
}

TEST(RolloutPlan, refuses_what_is_wrong_with_its_place) {
    expect("colldown = \"1h\"\n" + head, {"f:1:1: unknown key `colldown`", "`cooldown`"});
    expect(head + "acuracy = { at_least = \"1%\" }\n",
           {"f:11:1: unknown key `acuracy` in gates", "`accuracy`"});
    expect(head + "error_rate = { at_least = \"5%\" }\n", {"error_rate is limited by `at_most`"});
    expect(head + "error_rate = { }\n", {"`at_most` is missing"});
    expect(head + "error_rate = { at_most = 5 }\n", {"f:11:26: ", "a percentage in quotes"});
    expect(head + "error_rate = { at_most = \"101%\" }\n", {"f:11:26: "});
    expect(head + "error_rate = { at_most = \"1e1%\" }\n", {"f:11:26: "});
    expect(head + "latency_ratio = { at_least = \"5%\" }\n", {"a number above 0"});
    expect(head + "latency_ratio = { at_least = 0 }\n", {"a number above 0"});
    expect(head + "latency_ratio = { at_least = nan }\n", {"a number above 0"});
    expect(head + "latency_ratio = { at_least = 5, on_fail = \"explode\" }\n",
           {"none of \"hold\""});
    expect(head + step("b", "5", "1"), {"step.tiers: 0 (none) to 4, or \"all\""});
    expect(head + step("b", "\"some\"", "1"), {"0 (none) to 4, or \"all\""});
    expect(head + step("b", "1", "100.5"), {"step.percent: a number from 0 to 100"});
    expect(head + step("b", "1", "0.125"), {"at most two decimals"});
    expect(head + step("b", "1", "-1"), {"step.percent"});
    expect(head + step("b c", "1", "1"), {"step.name: a name is 1 to 64 small letters"});
    expect(head + step("a", "1", "1"), {"f:11:1: two steps are called \"a\""});
    expect(head + step("b", "2", "5") + step("c", "2", "4"),
           {"f:17:1: \"c\" has a smaller percentage than \"b\""});
    expect(head + step("b", "2", "5") + step("c", "1", "6"), {"\"c\" admits fewer tiers"});
    expect(head + step("b", "\"all\"", "5") + step("c", "4", "6"), {"\"c\" admits fewer tiers"});
    expect("ladder = [0]\n" + step("b", "1", "1"), {"f:2:1: the first step has to have"});
    expect("ladder = [0]\n", {"1 to 64 [[step]] are needed"});
    expect(step("a", "0", "0"), {"`ladder` is missing"});
    for (char const* ladder :
         {"[]", "[5, 10, 0]", "[5, 5, 0]", "[10, 5]", "[\"5\", 0]", "5", "[200, 0]", "[0.001, 0]"})
        expect(std::string("ladder = ") + ladder + "\n" + step("a", "0", "0"),
               {"f:1:10: ", "falling percentages"});
    for (char const* hours :
         {"8-18", "08:00-25:00", "08:60-10:00", "08:00-08:00", "24:00-01:00", "08.00-10:00", ""})
        expect("allowed_hours = \"" + std::string(hours) + "\"\n" + head,
               {"f:1:17: ", "two times of the UTC day"});
    expect(step("a", "0", "0") + "bake = \"2h\"\ndeadline = \"1h\"\nladder = 1\n",
           {"f:8:12: ", "shorter than `bake`", "unknown key `ladder`"});
    expect(step("a", "0", "0") + "on_deadline = \"hold\"\n", {"without a `deadline`"});
    expect("[[step]\n", {"f:1:"});
}

TEST(RolloutPlan, warns_of_steps_nothing_watches) {
    std::string const text = "ladder = [0]\n[[step]]\nname = \"a\"\nphase = \"p\"\ntiers = 0\n"
                             "percent = 0\n" +
                             step("b", "1", "1");
    EXPECT_TRUE(load_rollout_plan_text(text, "f").usable());
    EXPECT_NE(complaints(text).find("f:2:1: warning: \"a\" has no gate that counts"),
              std::string::npos)
        << complaints(text);
}

TEST(RolloutPlan, says_which_file_is_not_there) {
    LoadedPlan const loaded = config::load_rollout_plan("/nowhere/rollout.toml");
    EXPECT_FALSE(loaded.usable());
    EXPECT_NE(config::to_text(loaded.file, loaded.problems[0]).find("/nowhere/rollout.toml"),
              std::string::npos);
}
