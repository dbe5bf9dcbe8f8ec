#include "stages/rollout.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::uint64_t day_ms = 86'400'000;

// The step whose gates watch over a share: the last one that does not ask for more.
std::uint32_t step_for(RolloutPlan const& plan, std::uint16_t buckets) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < plan.steps.size(); ++i)
        if (plan.steps[i].buckets <= buckets) found = i;
    return found;
}

std::uint16_t rung_at_most(RolloutPlan const& plan, int buckets) {
    for (std::uint16_t const rung : plan.ladder)
        if (rung <= buckets) return rung;
    return 0;
}

void enter(RolloutState& state, std::uint32_t step, std::uint16_t buckets, std::uint8_t tiers,
           std::uint64_t now) {
    state.phase = RolloutPhase::running;
    state.step = step;
    state.buckets = buckets;
    state.tiers = tiers;
    state.entered_at = now;
    state.baked_ms = 0;
    state.passed_ms = 0;
    state.verdicts = {};
}

// Milliseconds to be counted since the last decision.
std::uint64_t count(RolloutState& state, std::uint64_t now) {
    if (now <= state.counted_to) {
        if (state.counted_to - now > day_ms) state.counted_to = now;
        return 0;
    }
    std::uint64_t const passed = std::min(now - state.counted_to, count_most_ms);
    state.counted_to = now;
    return passed;
}

void judge_step(PlanStep const& step, RolloutInputs const& inputs, RolloutState& state) {
    state.verdicts = {};
    for (PlanGate const& gate : step.gates) {
        auto const index = static_cast<std::size_t>(gate.gate);
        state.verdicts[index] = judge(gate, inputs.measured[index]);
    }
}

bool all_pass(PlanStep const& step, RolloutState const& state) {
    return std::all_of(step.gates.begin(), step.gates.end(), [&](PlanGate const& gate) {
        auto const index = static_cast<std::size_t>(gate.gate);
        return gate.dry_run || state.verdicts[index] == GateVerdict::pass;
    });
}

std::string gate_text(PlanGate const& gate, RolloutInputs const& inputs) {
    return fmt::format(
        "{} is {}, it has to be {}", row_of(gate.gate).name,
        measured_text(gate.gate, inputs.measured[static_cast<std::size_t>(gate.gate)]),
        limit_text(gate));
}

RolloutDecision held(RolloutState const& next, std::string reason) {
    return {RolloutAction::hold, std::move(reason), next};
}

// To the next rung at or below `most`, which is less than the share.
RolloutDecision lowered(RolloutPlan const& plan, RolloutState const& state, std::uint64_t now,
                        int most, std::string const& why) {
    RolloutState next = state;
    std::uint16_t const rung = rung_at_most(plan, most);
    std::uint32_t const step = std::min(state.step, step_for(plan, rung));
    RolloutPhase const phase = state.phase;
    enter(next, step, rung, std::min(state.tiers, plan.steps[step].tiers), now);
    if (phase == RolloutPhase::paused) next.phase = phase;
    next.cooldown_left_ms = plan.cooldown_ms;
    return {RolloutAction::step_down,
            fmt::format("{}: hybrid goes from {} down to {}, and not up again for {}", why,
                        percent_text(state.buckets), percent_text(rung),
                        span_text(plan.cooldown_ms)),
            next};
}

RolloutDecision rolled_back(RolloutPlan const& plan, RolloutState const& state, std::uint64_t now,
                            std::string const& why) {
    RolloutState next = state;
    enter(next, 0, 0, 0, now);
    next.phase = RolloutPhase::locked;
    next.cooldown_left_ms = plan.cooldown_ms;
    next.strikes = 0;
    return {RolloutAction::rollback,
            fmt::format("{}: everything back to legacy, locked until a person unlocks it", why),
            next};
}

// What a failed gate asks for; nothing where none has failed or there is nothing to take away.
std::optional<RolloutDecision> guard(RolloutPlan const& plan, RolloutState const& state,
                                     RolloutInputs const& inputs) {
    if (state.buckets == 0) return std::nullopt;
    PlanGate const* worst = nullptr;
    bool twofold = false;
    for (PlanGate const& gate : plan.steps[state.step].gates) {
        auto const index = static_cast<std::size_t>(gate.gate);
        if (gate.dry_run || !gate.steps_down || state.verdicts[index] != GateVerdict::fail)
            continue;
        bool const this_twofold = fails_twofold(gate, inputs.measured[index]);
        if (worst == nullptr || (this_twofold && !twofold)) worst = &gate;
        twofold = twofold || this_twofold;
    }
    if (worst == nullptr) return std::nullopt;
    std::string const what = gate_text(*worst, inputs);
    if (twofold)
        return rolled_back(plan, state, inputs.now_unix_ms, what + ", and fails twice over");
    if (state.strikes > 0 && state.cooldown_left_ms == 0)
        return rolled_back(plan, state, inputs.now_unix_ms,
                           what + ", still after a step down and its cooldown");
    if (state.strikes > 0)
        return held(state, fmt::format("{}; the step down has {} more to help", what,
                                       span_text(state.cooldown_left_ms)));
    RolloutDecision decision = lowered(plan, state, inputs.now_unix_ms, state.buckets - 1, what);
    ++decision.next.strikes;
    return decision;
}

RolloutDecision raised(RolloutPlan const& plan, RolloutState const& state,
                       RolloutInputs const& inputs) {
    PlanStep const& from = plan.steps[state.step];
    RolloutState next = state;
    if (state.step + 1 == plan.steps.size()) {
        next.phase = RolloutPhase::done;
        return {RolloutAction::finish,
                fmt::format("\"{}\" was the last step and it is done: the rollout is complete at "
                            "{}; legacy stays warm",
                            from.name, percent_text(state.buckets)),
                next};
    }
    PlanStep const& to = plan.steps[state.step + 1];
    enter(next, state.step + 1, to.buckets, to.tiers, inputs.now_unix_ms);
    return {RolloutAction::promote,
            fmt::format("\"{}\" is done: on to \"{}\", tiers {}, {}", from.name, to.name,
                        tiers_text(to.tiers), percent_text(to.buckets)),
            next};
}

RolloutDecision climb(RolloutPlan const& plan, RolloutState const& state,
                      RolloutInputs const& inputs) {
    PlanStep const& step = plan.steps[state.step];
    std::string const missing = blocker(plan, state, inputs);
    bool const late = step.deadline_ms != 0 && state.baked_ms >= step.deadline_ms;
    if (!missing.empty() && late && step.on_deadline == OnDeadline::step_down && state.buckets > 0)
        return lowered(plan, state, inputs.now_unix_ms, state.buckets - 1,
                       fmt::format("\"{}\" has not passed within {} ({})", step.name,
                                   span_text(step.deadline_ms), missing));
    if (!missing.empty())
        return held(state, late ? fmt::format("{}; the deadline of {} has passed, a person has to "
                                              "decide: promote, step-down or a new plan",
                                              missing, span_text(step.deadline_ms))
                                : missing);
    if (state.step + 1 < plan.steps.size() && plan.steps[state.step + 1].confirm)
        return held(state, fmt::format("everything passes; \"{}\" awaits a person: spyhop rollout "
                                       "promote",
                                       plan.steps[state.step + 1].name));
    if (inputs.frozen)
        return held(state, "everything passes; promotion is frozen: spyhop unfreeze --reason TEXT");
    if (!within_hours(plan, inputs.now_unix_ms))
        return held(state, fmt::format("everything passes; promotion waits for the allowed hours, "
                                       "{:02}:{:02} to {:02}:{:02} UTC",
                                       plan.hours_from / 60, plan.hours_from % 60,
                                       plan.hours_to / 60, plan.hours_to % 60));
    return raised(plan, state, inputs);
}

} // namespace

std::string blocker(RolloutPlan const& plan, RolloutState const& state,
                    RolloutInputs const& inputs) {
    PlanStep const& step = plan.steps[state.step];
    for (GateVerdict const wanted : {GateVerdict::fail, GateVerdict::inconclusive})
        for (PlanGate const& gate : step.gates) {
            auto const index = static_cast<std::size_t>(gate.gate);
            if (gate.dry_run || judge(gate, inputs.measured[index]) != wanted) continue;
            return fmt::format("{}{}", wanted == GateVerdict::fail ? "" : "not proven yet: ",
                               gate_text(gate, inputs));
        }
    if (!inputs.healthy) return "a health check is breached: spyhop health";
    if (state.cooldown_left_ms > 0)
        return fmt::format("cooling down after a step down, {} left",
                           span_text(state.cooldown_left_ms));
    if (state.baked_ms < step.bake_ms)
        return fmt::format("baked {} of {}", span_text(state.baked_ms), span_text(step.bake_ms));
    if (inputs.pairs < step.samples)
        return fmt::format("compared {} of {} pairs", inputs.pairs, step.samples);
    if (state.passed_ms < plan.hold_ms)
        return fmt::format("the gates have passed for {} of {}", span_text(state.passed_ms),
                           span_text(plan.hold_ms));
    return {};
}

bool within_hours(RolloutPlan const& plan, std::uint64_t unix_ms) {
    std::uint64_t const minute = unix_ms % day_ms / 60'000;
    if (plan.hours_from <= plan.hours_to)
        return minute >= plan.hours_from && minute < plan.hours_to;
    return minute >= plan.hours_from || minute < plan.hours_to;
}

RolloutDecision decide(RolloutPlan const& plan, RolloutState const& state,
                       RolloutInputs const& inputs) {
    CHECK(state.step < plan.steps.size());
    RolloutState next = state;
    std::uint64_t const passed = count(next, inputs.now_unix_ms);
    next.cooldown_left_ms -= std::min(next.cooldown_left_ms, passed);
    if (state.phase == RolloutPhase::idle)
        return held(next, "no rollout is running: spyhop rollout start");
    if (state.phase == RolloutPhase::locked)
        return held(next, "locked after a rollback: spyhop unlock --reason TEXT");
    PlanStep const& step = plan.steps[state.step];
    judge_step(step, inputs, next);
    bool const running = state.phase == RolloutPhase::running && inputs.legacy;
    bool const good = all_pass(step, next) && inputs.healthy;
    if (running) next.baked_ms += passed;
    next.passed_ms = running && good ? next.passed_ms + passed : 0;
    if (!inputs.legacy)
        return held(next, "no chain has a legacy path: there is nothing to move from or back to");
    if (auto decision = guard(plan, next, inputs)) return *decision;
    if (good && next.cooldown_left_ms == 0 && next.passed_ms >= plan.hold_ms) next.strikes = 0;
    if (state.phase == RolloutPhase::paused) return held(next, "paused: spyhop rollout resume");
    if (state.phase == RolloutPhase::done)
        return held(next, fmt::format("the rollout is complete at {}", percent_text(next.buckets)));
    return climb(plan, next, inputs);
}

RolloutDecision retreat(RolloutPlan const& plan, RolloutState const& state,
                        RolloutInputs const& inputs, Retreat how, std::string const& why) {
    CHECK(state.step < plan.steps.size());
    if (state.phase == RolloutPhase::locked) return held(state, why + ": locked already");
    if (how == Retreat::all) return rolled_back(plan, state, inputs.now_unix_ms, why);
    if (state.buckets == 0) return held(state, why + ": the rollout has nothing on hybrid");
    int const most = how == Retreat::half ? state.buckets / 2 : state.buckets - 1;
    RolloutDecision decision = lowered(plan, state, inputs.now_unix_ms, most, why);
    ++decision.next.strikes;
    return decision;
}

namespace {

using Commanded = std::expected<RolloutDecision, std::string>;

Commanded refused(std::string text) { return std::unexpected(std::move(text)); }

Commanded start(RolloutPlan const& plan, RolloutState next, RolloutInputs const& inputs) {
    if (next.phase == RolloutPhase::running) return refused("the rollout is running already");
    if (next.phase == RolloutPhase::paused)
        return refused("the rollout is paused: spyhop rollout resume");
    if (next.phase == RolloutPhase::done)
        return refused("the rollout is complete; starting over would take everything from hybrid: "
                       "spyhop rollback and spyhop unlock first, if that is meant");
    if (!inputs.legacy) return refused("no chain has a legacy path: there is nothing to move from");
    PlanStep const& first = plan.steps.front();
    enter(next, 0, first.buckets, first.tiers, inputs.now_unix_ms);
    next.counted_to = inputs.now_unix_ms;
    next.strikes = 0;
    return RolloutDecision{RolloutAction::hold, fmt::format("started at \"{}\"", first.name), next};
}

Commanded promote(RolloutPlan const& plan, RolloutState const& state, RolloutInputs const& inputs,
                  bool force) {
    if (state.phase == RolloutPhase::paused)
        return refused("the rollout is paused: spyhop rollout resume");
    if (state.phase != RolloutPhase::running)
        return refused(state.phase == RolloutPhase::done
                           ? "the rollout is complete: there is no higher step"
                           : "no rollout is running: spyhop rollout start");
    if (!inputs.legacy) return refused("no chain has a legacy path: there is nothing to move from");
    std::string const missing = blocker(plan, state, inputs);
    RolloutState judged = state;
    judge_step(plan.steps[state.step], inputs, judged);
    bool const failed = std::any_of(
        plan.steps[state.step].gates.begin(), plan.steps[state.step].gates.end(),
        [&](PlanGate const& gate) {
            return !gate.dry_run &&
                   judged.verdicts[static_cast<std::size_t>(gate.gate)] == GateVerdict::fail;
        });
    if (failed) return refused(missing + "; what fails cannot be forced");
    if (!missing.empty() && !force) return refused(missing + "; --force promotes all the same");
    return raised(plan, judged, inputs);
}

Commanded step_down(RolloutPlan const& plan, RolloutState const& state,
                    RolloutInputs const& inputs) {
    if (state.phase == RolloutPhase::idle) return refused("no rollout is running");
    if (state.buckets == 0) return refused("hybrid speaks for nobody: there is no lower step");
    return lowered(plan, state, inputs.now_unix_ms, state.buckets - 1, "by hand");
}

} // namespace

std::expected<RolloutDecision, std::string> command_rollout(RolloutPlan const& plan,
                                                            RolloutState const& state,
                                                            RolloutInputs const& inputs,
                                                            RolloutCommand command, bool force) {
    CHECK(state.step < plan.steps.size());
    RolloutState next = state;
    bool const locked = state.phase == RolloutPhase::locked;
    if (locked && command != RolloutCommand::unlock && command != RolloutCommand::lock)
        return refused("locked after a rollback: spyhop unlock --reason TEXT");
    switch (command) {
    case RolloutCommand::start: return start(plan, state, inputs);
    case RolloutCommand::promote: return promote(plan, state, inputs, force);
    case RolloutCommand::step_down: return step_down(plan, state, inputs);
    case RolloutCommand::pause:
        if (state.phase != RolloutPhase::running) return refused("no rollout is running");
        next.phase = RolloutPhase::paused;
        next.passed_ms = 0;
        return held(next, fmt::format("paused at {}", percent_text(state.buckets)));
    case RolloutCommand::resume:
        if (state.phase != RolloutPhase::paused) return refused("the rollout is not paused");
        next.phase = RolloutPhase::running;
        next.counted_to = std::max(next.counted_to, inputs.now_unix_ms);
        return held(next, fmt::format("resumed at {}", percent_text(state.buckets)));
    case RolloutCommand::lock:
        if (locked) return held(state, "locked already");
        return rolled_back(plan, state, inputs.now_unix_ms, "rollback");
    case RolloutCommand::unlock:
        if (!locked) return refused("nothing is locked");
        next.phase = RolloutPhase::idle;
        return held(next, "unlocked: spyhop rollout start begins with the first step");
    }
    return refused("no such command");
}

} // namespace stages
