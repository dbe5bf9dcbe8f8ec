// The rollout machine: what moves it up, what holds it, what takes it down.
#include "stages/rollout.hpp"

#include "rollout_plans.hpp"

#include <gtest/gtest.h>

using namespace stages;
using tests::good_inputs;
using tests::hour_ms;
using tests::measure;
using tests::minute_ms;
using tests::noon_ms;
using tests::small_plan;

namespace {

// A machine with a clock that goes on by a minute a decision.
struct Machine {
    RolloutPlan plan = small_plan();
    RolloutState state{};
    RolloutInputs inputs = good_inputs();
    std::string said;

    RolloutAction tick() {
        inputs.now_unix_ms += minute_ms;
        RolloutDecision const decision = decide(plan, state, inputs);
        state = decision.next;
        said = decision.reason;
        return decision.action;
    }
    // Minutes until something other than "hold" is decided.
    std::pair<RolloutAction, int> run(int minutes) {
        for (int i = 1; i <= minutes; ++i)
            if (RolloutAction const action = tick(); action != RolloutAction::hold)
                return {action, i};
        return {RolloutAction::hold, minutes};
    }
    bool command(RolloutCommand command, bool force = false) {
        auto const decision = command_rollout(plan, state, inputs, command, force);
        said = decision ? decision->reason : decision.error();
        if (decision) state = decision->next;
        return decision.has_value();
    }
    bool says(std::string_view part) const { return said.find(part) != std::string::npos; }
    // At step "many", 40 %, with everything good.
    void to_many() {
        command(RolloutCommand::start);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(run(70).first, RolloutAction::promote);
        EXPECT_EQ(state.buckets, 4'000);
    }
    void bad_accuracy(double lower, double upper) {
        measure(inputs, RolloutGate::accuracy, lower, upper);
    }
};

} // namespace

TEST(RolloutGates, judge_by_the_whole_range_and_equality_passes) {
    struct Case {
        RolloutGate gate;
        double limit, lower, upper;
        GateVerdict verdict;
        bool twofold;
    };
    constexpr auto pass = GateVerdict::pass, fail = GateVerdict::fail;
    constexpr auto open = GateVerdict::inconclusive;
    constexpr Case cases[] = {
        {RolloutGate::accuracy, 0.95, 0.95, 1.00, pass, false},
        {RolloutGate::accuracy, 0.95, 0.94, 0.99, open, false},
        {RolloutGate::accuracy, 0.95, 0.92, 0.95, open, false},
        {RolloutGate::accuracy, 0.95, 0.91, 0.94, fail, false},
        {RolloutGate::accuracy, 0.95, 0.50, 0.89, fail, true}, // 11 % missed, 5 % allowed
        {RolloutGate::false_positives, 0.02, 0.0, 0.02, pass, false},
        {RolloutGate::false_positives, 0.02, 0.0, 1.0 / 3, open, false}, // one of three
        {RolloutGate::false_positives, 0.02, 0.03, 0.2, fail, false},
        {RolloutGate::false_positives, 0.02, 0.04, 0.2, fail, true},
        {RolloutGate::latency_ratio, 5, 5, 90, pass, false},
        {RolloutGate::latency_ratio, 5, 3, 4.9, fail, false},
        {RolloutGate::latency_ratio, 5, 1, 2.5, fail, true},
        {RolloutGate::resource_ratio, 1.5, 1.0, 1.5, pass, false},
        {RolloutGate::resource_ratio, 1.5, 3.0, 9.0, fail, true},
    };
    for (Case const& c : cases) {
        PlanGate const gate{c.gate, c.limit};
        EXPECT_EQ(judge(gate, tests::known(c.lower, c.upper)), c.verdict)
            << row_of(c.gate).name << ' ' << c.lower << ' ' << c.upper;
        EXPECT_EQ(fails_twofold(gate, tests::known(c.lower, c.upper)), c.twofold)
            << row_of(c.gate).name << ' ' << c.lower << ' ' << c.upper;
    }
}

TEST(RolloutGates, are_inconclusive_without_samples_and_with_nonsense) {
    PlanGate const gate{RolloutGate::error_rate, 0.05};
    EXPECT_EQ(judge(gate, {}), GateVerdict::inconclusive);
    EXPECT_EQ(judge(gate, {.estimate = 0, .lower = 0, .upper = 0, .samples = 0}),
              GateVerdict::inconclusive);
    double const nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(judge(gate, tests::known(0, nan)), GateVerdict::inconclusive);
    EXPECT_EQ(judge(gate, tests::known(nan, 0)), GateVerdict::inconclusive);
    EXPECT_EQ(judge(gate, tests::known(0.5, 0.01)), GateVerdict::inconclusive);
}

TEST(Rollout, climbs_step_by_step_waits_for_a_person_and_finishes) {
    Machine m;
    EXPECT_EQ(m.tick(), RolloutAction::hold);
    EXPECT_TRUE(m.says("start"));
    ASSERT_TRUE(m.command(RolloutCommand::start));
    // An hour of bake is 60 ticks of a minute.
    EXPECT_EQ(m.run(100), std::pair(RolloutAction::promote, 60));
    EXPECT_EQ(m.state.tiers, 1);
    EXPECT_EQ(m.state.buckets, 1'000);
    EXPECT_EQ(m.run(100), std::pair(RolloutAction::promote, 60));
    EXPECT_EQ(m.state.tiers, 4);
    EXPECT_EQ(m.run(200).first, RolloutAction::hold);
    EXPECT_TRUE(m.says("awaits a person"));
    EXPECT_EQ(m.state.buckets, 4'000);
    ASSERT_TRUE(m.command(RolloutCommand::promote)) << m.said;
    EXPECT_EQ(m.state.tiers, rollout_tiers_all);
    EXPECT_EQ(m.state.buckets, 10'000);
    EXPECT_EQ(m.run(100), std::pair(RolloutAction::finish, 60));
    EXPECT_EQ(m.state.phase, RolloutPhase::done);
    EXPECT_EQ(m.state.buckets, 10'000);
    EXPECT_FALSE(m.command(RolloutCommand::start));
}

TEST(Rollout, holds_while_anything_is_missing_and_says_what) {
    struct Case {
        void (*spoil)(Machine&);
        std::string_view says;
    };
    Case const cases[] = {
        {[](Machine& m) { m.inputs.pairs = 99; }, "compared 99 of 100 pairs"},
        {[](Machine& m) { m.inputs.healthy = false; }, "health"},
        {[](Machine& m) { m.inputs.legacy = false; }, "legacy"},
        {[](Machine& m) { m.inputs.measured = {}; }, "not proven yet: accuracy is not measured"},
        {[](Machine& m) { m.bad_accuracy(0.90, 0.99); }, "not proven yet: accuracy is 94.5 %"},
        {[](Machine& m) { m.bad_accuracy(0.10, 0.20); }, "accuracy is 15 %"},
        {[](Machine& m) { m.inputs.frozen = true; }, "spyhop unfreeze --reason TEXT"},
        {[](Machine& m) { m.plan.hours_from = 0, m.plan.hours_to = 60; }, "00:00 to 01:00 UTC"},
    };
    for (Case const& c : cases) {
        Machine m;
        m.command(RolloutCommand::start);
        c.spoil(m);
        EXPECT_EQ(m.run(150).first, RolloutAction::hold) << c.says;
        EXPECT_TRUE(m.says(c.says)) << m.said;
        EXPECT_EQ(m.state.buckets, 0);
    }
}

TEST(Rollout, wants_the_gates_to_pass_without_a_break) {
    Machine m;
    m.command(RolloutCommand::start);
    m.bad_accuracy(0.90, 0.99);
    m.run(100);
    m.bad_accuracy(0.96, 0.99);
    m.run(9); // of the ten it has to hold
    EXPECT_TRUE(m.says("the gates have passed for 9 min of 10 min")) << m.said;
    m.bad_accuracy(0.90, 0.99);
    m.tick();
    m.bad_accuracy(0.96, 0.99);
    EXPECT_EQ(m.run(20), std::pair(RolloutAction::promote, 10));
}

TEST(Rollout, ignores_dry_run_gates) {
    Machine m;
    m.command(RolloutCommand::start);
    measure(m.inputs, RolloutGate::resource_ratio, 8, 9);
    EXPECT_EQ(m.run(70).first, RolloutAction::promote);
    EXPECT_EQ(m.run(70).first, RolloutAction::promote);
}

TEST(Rollout, steps_down_once_and_lives_it_down) {
    Machine m;
    m.to_many();
    m.bad_accuracy(0.91, 0.94);
    EXPECT_EQ(m.tick(), RolloutAction::step_down);
    EXPECT_EQ(m.state.buckets, 3'000); // the rung below 40
    EXPECT_EQ(m.state.tiers, 1);       // of the step that watches over 30: "few"
    EXPECT_EQ(m.state.strikes, 1U);
    m.bad_accuracy(0.97, 0.99);
    EXPECT_EQ(m.run(29).first, RolloutAction::hold);
    EXPECT_TRUE(m.says("cooling down"));
    EXPECT_EQ(m.state.strikes, 1U);
    m.tick();
    EXPECT_EQ(m.state.strikes, 0U);
    // Bakes its hour again, then goes up to the next step.
    EXPECT_EQ(m.run(60), std::pair(RolloutAction::promote, 30));
    EXPECT_EQ(m.state.buckets, 4'000);
    m.bad_accuracy(0.91, 0.94);
    EXPECT_EQ(m.tick(), RolloutAction::step_down);
}

TEST(Rollout, rolls_back_when_a_failure_outlasts_the_cooldown) {
    Machine m;
    m.to_many();
    m.bad_accuracy(0.91, 0.94);
    EXPECT_EQ(m.tick(), RolloutAction::step_down);
    EXPECT_EQ(m.run(100), std::pair(RolloutAction::rollback, 30));
    EXPECT_EQ(m.state.phase, RolloutPhase::locked);
    EXPECT_EQ(m.state.buckets, 0);
    EXPECT_EQ(m.state.tiers, 0);
    m.bad_accuracy(0.97, 0.99);
    EXPECT_EQ(m.run(500).first, RolloutAction::hold);
    for (RolloutCommand const command :
         {RolloutCommand::start, RolloutCommand::promote, RolloutCommand::resume,
          RolloutCommand::pause, RolloutCommand::step_down}) {
        EXPECT_FALSE(m.command(command, true));
        EXPECT_TRUE(m.says("locked"));
    }
    EXPECT_TRUE(m.command(RolloutCommand::unlock));
    EXPECT_EQ(m.run(500).first, RolloutAction::hold);
    EXPECT_TRUE(m.command(RolloutCommand::start));
    EXPECT_EQ(m.state.step, 0U);
}

TEST(Rollout, rolls_back_at_once_when_a_gate_fails_twice_over) {
    Machine m;
    m.to_many();
    m.bad_accuracy(0.80, 0.89);
    EXPECT_EQ(m.tick(), RolloutAction::rollback);
    EXPECT_TRUE(m.says("accuracy is 84.5 %")) << m.said;
}

TEST(Rollout, guards_while_paused_and_when_done) {
    Machine m;
    m.to_many();
    ASSERT_TRUE(m.command(RolloutCommand::pause));
    EXPECT_EQ(m.run(500).first, RolloutAction::hold);
    EXPECT_FALSE(m.command(RolloutCommand::promote, true));
    m.bad_accuracy(0.91, 0.94);
    EXPECT_EQ(m.tick(), RolloutAction::step_down);
    EXPECT_EQ(m.state.phase, RolloutPhase::paused);
    m.bad_accuracy(0.97, 0.99);
    EXPECT_TRUE(m.command(RolloutCommand::resume));
    EXPECT_EQ(m.run(70).first, RolloutAction::promote);
    EXPECT_EQ(m.run(70).first, RolloutAction::hold);
    ASSERT_TRUE(m.command(RolloutCommand::promote));
    EXPECT_EQ(m.run(70).first, RolloutAction::finish);
    m.bad_accuracy(0.91, 0.94);
    EXPECT_EQ(m.tick(), RolloutAction::step_down);
    EXPECT_EQ(m.state.phase, RolloutPhase::running);
    EXPECT_EQ(m.state.buckets, 3'000);
}

TEST(Rollout, only_holds_where_a_gate_says_so) {
    Machine m;
    for (PlanGate& gate : m.plan.steps[2].gates) gate.steps_down = false;
    m.to_many();
    m.bad_accuracy(0.10, 0.20);
    EXPECT_EQ(m.run(200).first, RolloutAction::hold);
    EXPECT_EQ(m.state.buckets, 4'000);
    EXPECT_FALSE(m.command(RolloutCommand::promote, true));
    EXPECT_TRUE(m.says("cannot be forced"));
}

TEST(Rollout, obeys_deadlines) {
    Machine m;
    for (PlanStep& step : m.plan.steps) step.deadline_ms = 2 * hour_ms;
    m.plan.steps[2].on_deadline = OnDeadline::step_down;
    m.to_many();
    m.inputs.pairs = 5;
    EXPECT_EQ(m.run(300), std::pair(RolloutAction::step_down, 120));
    EXPECT_EQ(m.state.strikes, 0U);
    EXPECT_EQ(m.run(300).first, RolloutAction::hold);
    EXPECT_TRUE(m.says("the deadline of 2 h has passed"));
    EXPECT_FALSE(m.command(RolloutCommand::promote));
    EXPECT_TRUE(m.command(RolloutCommand::promote, true)) << m.said;
}

TEST(Rollout, counts_time_once_whatever_the_clock_does) {
    Machine m;
    m.command(RolloutCommand::start);
    m.run(30);
    EXPECT_EQ(m.state.baked_ms, 30 * minute_ms);
    m.inputs.now_unix_ms -= 20 * minute_ms; // 20 minutes are lived again
    m.run(20);
    EXPECT_EQ(m.state.baked_ms, 30 * minute_ms);
    m.run(5);
    EXPECT_EQ(m.state.baked_ms, 35 * minute_ms);
    m.inputs.now_unix_ms += 300 * hour_ms; // stopped, or a wrong clock: one minute at most
    m.tick();
    EXPECT_EQ(m.state.baked_ms, 36 * minute_ms);
    m.inputs.now_unix_ms -= 300 * hour_ms; // it was a wrong clock
    m.tick();
    EXPECT_EQ(m.state.baked_ms, 36 * minute_ms);
    m.run(4);
    EXPECT_EQ(m.state.baked_ms, 40 * minute_ms);
}

TEST(Rollout, refuses_commands_that_make_no_sense) {
    Machine m;
    EXPECT_FALSE(m.command(RolloutCommand::promote, true));
    EXPECT_FALSE(m.command(RolloutCommand::step_down));
    EXPECT_FALSE(m.command(RolloutCommand::pause));
    EXPECT_FALSE(m.command(RolloutCommand::resume));
    EXPECT_FALSE(m.command(RolloutCommand::unlock));
    m.inputs.legacy = false;
    EXPECT_FALSE(m.command(RolloutCommand::start));
    m.inputs.legacy = true;
    EXPECT_TRUE(m.command(RolloutCommand::start));
    EXPECT_FALSE(m.command(RolloutCommand::start));
    EXPECT_FALSE(m.command(RolloutCommand::step_down));
    EXPECT_FALSE(m.command(RolloutCommand::promote)); // not baked
    EXPECT_TRUE(m.says("baked 0 ms of 60 min; --force")) << m.said;
    EXPECT_TRUE(m.command(RolloutCommand::promote, true));
    EXPECT_EQ(m.state.buckets, 1'000);
    EXPECT_TRUE(m.command(RolloutCommand::lock));
    EXPECT_TRUE(m.command(RolloutCommand::lock)); // a rollback may be asked for twice
    EXPECT_EQ(m.state.phase, RolloutPhase::locked);
}

TEST(Rollout, may_promote_in_hours_over_midnight) {
    RolloutPlan plan = small_plan();
    plan.hours_from = 22 * 60;
    plan.hours_to = 4 * 60;
    std::uint64_t const midnight = noon_ms - 12 * hour_ms;
    EXPECT_TRUE(within_hours(plan, midnight));
    EXPECT_TRUE(within_hours(plan, midnight + 4 * hour_ms - 1));
    EXPECT_FALSE(within_hours(plan, midnight + 4 * hour_ms));
    EXPECT_FALSE(within_hours(plan, midnight + 22 * hour_ms - 1));
    EXPECT_TRUE(within_hours(plan, midnight + 22 * hour_ms));
}

TEST(Rollout, retreats_when_a_health_check_says_so) {
    struct Case {
        Retreat how;
        RolloutAction action;
        int buckets, tiers;
    };
    constexpr Case cases[] = {{Retreat::rung, RolloutAction::step_down, 3'000, 1},
                              {Retreat::half, RolloutAction::step_down, 1'000, 1}, // of 40: 20
                              {Retreat::all, RolloutAction::rollback, 0, 0}};
    for (Case const& c : cases) {
        Machine m;
        m.to_many();
        RolloutDecision const decision = retreat(m.plan, m.state, m.inputs, c.how, "error_rate");
        EXPECT_EQ(decision.action, c.action);
        EXPECT_EQ(decision.next.buckets, c.buckets);
        EXPECT_EQ(decision.next.tiers, c.tiers);
        EXPECT_EQ(decision.reason.find("error_rate: "), 0U) << decision.reason;
        EXPECT_GT(decision.next.cooldown_left_ms, 0U);
    }
    Machine m;
    EXPECT_EQ(retreat(m.plan, m.state, m.inputs, Retreat::rung, "x").action, RolloutAction::hold);
    EXPECT_EQ(retreat(m.plan, m.state, m.inputs, Retreat::all, "x").action,
              RolloutAction::rollback); // the share may come from a flag
    m.state.phase = RolloutPhase::locked;
    EXPECT_EQ(retreat(m.plan, m.state, m.inputs, Retreat::all, "x").action, RolloutAction::hold);
}
