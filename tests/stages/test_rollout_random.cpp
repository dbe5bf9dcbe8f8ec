// Random walks of the rollout machine: whatever is measured and commanded, some things never
// happen.
#include "stages/rollout.hpp"

#include "rollout_plans.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace stages;
using tests::small_plan;

namespace {

class Walk {
  public:
    explicit Walk(unsigned seed)
        : random_(seed) {}

    void step() {
        disturb();
        RolloutState const before = state_;
        if (below(4) == 0) {
            auto const command = static_cast<RolloutCommand>(below(7));
            bool const force = below(4) == 0;
            auto const decision = command_rollout(plan_, state_, inputs_, command, force);
            if (!decision) return;
            state_ = decision->next;
            check(before, *decision, force);
        } else {
            RolloutDecision const decision = decide(plan_, state_, inputs_);
            state_ = decision.next;
            check(before, decision, false);
        }
    }
    int promotions = 0, step_downs = 0, rollbacks = 0;

  private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    double unit() { return static_cast<double>(below(10'001)) / 10'000; }

    void disturb() {
        inputs_.now_unix_ms += below(90'000);
        if (below(50) == 0) inputs_.now_unix_ms -= below(200'000'000);
        if (below(5) != 0) return;
        inputs_ = tests::good_inputs(inputs_.now_unix_ms);
        inputs_.healthy = below(20) != 0;
        inputs_.legacy = below(40) != 0;
        if (below(10) == 0) inputs_.pairs = below(150);
        if (below(4) != 0) return;
        auto const gate = static_cast<RolloutGate>(below(rollout_gates));
        double const lower = unit(), upper = lower + unit() * (1.2 - lower);
        tests::measure(inputs_, gate, lower, upper);
        if (below(5) == 0) inputs_.measured[static_cast<std::size_t>(gate)].samples = 0;
    }

    // Accuracy and error rate, judged here by their definition.
    bool gates_pass() const {
        Bounds const& right = inputs_.measured[static_cast<std::size_t>(RolloutGate::accuracy)];
        Bounds const& wrong = inputs_.measured[static_cast<std::size_t>(RolloutGate::error_rate)];
        return right.samples > 0 && right.lower >= 0.95 && wrong.samples > 0 &&
               wrong.upper <= 0.05 && right.lower <= right.upper && wrong.lower <= wrong.upper;
    }
    bool gates_fail() const {
        Bounds const& right = inputs_.measured[static_cast<std::size_t>(RolloutGate::accuracy)];
        Bounds const& wrong = inputs_.measured[static_cast<std::size_t>(RolloutGate::error_rate)];
        return (right.samples > 0 && right.upper < 0.95) ||
               (wrong.samples > 0 && wrong.lower > 0.05);
    }

    void check(RolloutState const& before, RolloutDecision const& decision, bool force) {
        RolloutState const& after = decision.next;
        if (after.buckets > before.buckets || after.tiers > before.tiers) {
            ASSERT_EQ(decision.action, RolloutAction::promote);
            ASSERT_FALSE(gates_fail());
            ASSERT_EQ(before.phase, RolloutPhase::running);
            ASSERT_TRUE(inputs_.legacy);
            if (!force) {
                ASSERT_TRUE(gates_pass() && inputs_.healthy && inputs_.pairs >= 100);
                ASSERT_EQ(after.cooldown_left_ms, 0U);
                ASSERT_EQ(before.step + 1, after.step);
            }
        }
        if (decision.action == RolloutAction::step_down) {
            ASSERT_LT(after.buckets, before.buckets);
            ASSERT_LE(after.tiers, before.tiers);
        }
        if (decision.action == RolloutAction::rollback) {
            ASSERT_EQ(after.buckets, 0);
            ASSERT_EQ(after.phase, RolloutPhase::locked);
        }
        constexpr std::uint16_t known[] = {0, 1'000, 4'000, 10'000, 3'000, 100};
        ASSERT_NE(std::find(std::begin(known), std::end(known), after.buckets), std::end(known));
        auto const read = parse_rollout_state(plan_, rollout_state_text(plan_, after));
        ASSERT_TRUE(read) << read.error();
        ASSERT_EQ(*read, after);
        promotions += decision.action == RolloutAction::promote;
        step_downs += decision.action == RolloutAction::step_down;
        rollbacks += decision.action == RolloutAction::rollback;
    }

    RolloutPlan plan_ = [] {
        RolloutPlan plan = small_plan();
        plan.steps.back().confirm = false;
        for (PlanStep& step : plan.steps) {
            step.bake_ms = 5 * tests::minute_ms;
            step.deadline_ms = tests::hour_ms;
            step.on_deadline = OnDeadline::step_down;
        }
        plan.cooldown_ms = plan.hold_ms = 2 * tests::minute_ms;
        return plan;
    }();
    RolloutState state_;
    RolloutInputs inputs_ = tests::good_inputs();
    std::mt19937 random_;
};

} // namespace

TEST(RolloutRandom, walks_never_do_what_must_not_be_done) {
    int promotions = 0, step_downs = 0, rollbacks = 0;
    for (unsigned seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Walk walk(seed);
        for (int i = 0; i < 1'000 && !testing::Test::HasFatalFailure(); ++i) walk.step();
        if (testing::Test::HasFatalFailure()) return;
        promotions += walk.promotions;
        step_downs += walk.step_downs;
        rollbacks += walk.rollbacks;
    }
    EXPECT_GT(promotions, 100);
    EXPECT_GT(step_downs, 100);
    EXPECT_GT(rollbacks, 100);
}

TEST(RolloutState, refuses_text_that_was_damaged) {
    RolloutPlan const plan = small_plan();
    RolloutState state;
    state.phase = RolloutPhase::running;
    state.step = 2;
    state.tiers = 4;
    state.buckets = 4'000;
    state.entered_at = tests::noon_ms;
    state.verdicts[0] = GateVerdict::pass;
    state.verdicts[4] = GateVerdict::fail;
    std::string const good = rollout_state_text(plan, state);
    ASSERT_EQ(parse_rollout_state(plan, good), state);
    struct Case {
        std::string_view from, to, says;
    };
    constexpr Case cases[] = {
        {"version = 1", "version = 2", "line 1 of the rollout's state, `version`: \"2\""},
        {"\"running\"", "\"walking\"", "no phase"},
        {"\"running\"", "\"locked\"", "locked with traffic"},
        {"\"running\"", "running", "in quotes"},
        {"\"many\"", "\"most\"", "the plan has no step \"most\""},
        {"\"many\"", "\"all\"", "does not go with"},
        {"tiers = 4", "tiers = 5", "0 to 4"},
        {"tiers = 4", "tiers = 16", "0 to 15"},
        {"tiers = 4", "tiers = -1", "no number"},
        {"tiers = 4", "tiers = 04", "no number"},
        {"buckets = 4000", "buckets = 4001", "neither a step"},
        {"buckets = 4000", "buckets = 10001", "no number"},
        {"baked_ms", "baked", "`baked_ms` is expected"},
        {"accuracy=pass", "accuracy=good", "no gate's verdict"},
        {"accuracy=pass", "beauty=pass", "no gate's verdict"},
    };
    for (Case const& c : cases) {
        std::string text = good;
        ASSERT_NE(text.find(c.from), std::string::npos) << c.from;
        text.replace(text.find(c.from), c.from.size(), c.to);
        auto const read = parse_rollout_state(plan, text);
        ASSERT_FALSE(read) << text;
        EXPECT_NE(read.error().find(c.says), std::string::npos) << read.error();
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(parse_rollout_state(plan, good.substr(0, size))) << size;
    EXPECT_FALSE(parse_rollout_state(plan, good + "x = 1\n"));
    EXPECT_FALSE(parse_rollout_state(plan, good + good));
    EXPECT_FALSE(parse_rollout_state(plan, std::string(100'000, 'x')));
}

TEST(RolloutState, survives_bytes_turned_over) {
    RolloutPlan const plan = small_plan();
    std::string const good = rollout_state_text(plan, {});
    for (std::size_t at = 0; at < good.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            std::string text = good;
            text[at] = static_cast<char>(text[at] ^ (1 << bit));
            auto const read = parse_rollout_state(plan, text);
            if (read) {
                EXPECT_LT(read->step, plan.steps.size());
            }
        }
}
