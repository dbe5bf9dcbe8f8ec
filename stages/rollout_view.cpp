#include "stages/rollout_view.hpp"

#include "stages/alert_line.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::uint64_t minute_ms = 60'000;
constexpr std::uint64_t drill_most_us = 30'000'000; // the plan: back within 30 seconds

std::string number_json(double value) {
    return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

bool on_its_way(RolloutState const& state) {
    return state.phase == RolloutPhase::running || state.phase == RolloutPhase::paused ||
           state.phase == RolloutPhase::done;
}

// The first minute from then on in which the machine may promote.
std::uint64_t into_hours(RolloutPlan const& plan, std::uint64_t unix_ms) {
    if (within_hours(plan, unix_ms)) return unix_ms;
    constexpr std::uint64_t day_ms = 1'440 * minute_ms;
    std::uint64_t const start = unix_ms / day_ms * day_ms + plan.hours_from * minute_ms;
    return start >= unix_ms ? start : start + day_ms;
}

std::string_view mark(RolloutState const& state, std::size_t step) {
    if (!on_its_way(state)) return "";
    if (state.phase == RolloutPhase::done) return "done";
    return step < state.step ? "done" : step == state.step ? "now" : "";
}

std::string earliest_text(RolloutState const& state, std::size_t step, std::uint64_t when,
                          std::uint64_t now) {
    std::string_view const at = mark(state, step);
    if (!at.empty()) return std::string(at);
    std::uint64_t const in = when > now ? when - now : 0;
    // To the minute: seconds would promise more than is known.
    return fmt::format("{} (in {})", utc_text(when).substr(0, 16), span_text(in));
}

std::string gates_text(PlanStep const& step) {
    std::string text;
    for (PlanGate const& gate : step.gates)
        text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", row_of(gate.gate).name,
                            limit_text(gate), gate.dry_run ? " (dry run)" : "");
    return text.empty() ? "-" : text;
}

std::string gate_json(PlanGate const& gate) {
    RolloutGateRow const& row = row_of(gate.gate);
    return fmt::format(R"({{"name":"{}","{}":{},"on_fail":"{}","dry_run":{}}})", row.name,
                       row.at_least ? "at_least" : "at_most", number_json(gate.limit),
                       gate.steps_down ? "step_down" : "hold", gate.dry_run);
}

std::string tiers_json(std::uint8_t tiers) {
    return tiers == rollout_tiers_all ? "\"all\"" : std::to_string(tiers);
}

std::string bounds_json(Bounds const& bounds) {
    if (bounds.samples == 0) return R"({"estimate":null,"lower":null,"upper":null,"samples":0})";
    return fmt::format(R"({{"estimate":{},"lower":{},"upper":{},"samples":{}}})",
                       number_json(bounds.estimate), number_json(bounds.lower),
                       number_json(bounds.upper), bounds.samples);
}

Bounds const& measured(RolloutInputs const& inputs, PlanGate const& gate) {
    return inputs.measured[static_cast<std::size_t>(gate.gate)];
}

GateVerdict reached(bool yes) { return yes ? GateVerdict::pass : GateVerdict::inconclusive; }
GateVerdict demanded(bool yes) { return yes ? GateVerdict::pass : GateVerdict::fail; }

} // namespace

std::vector<std::uint64_t> earliest_times(RolloutPlan const& plan, RolloutState const& state,
                                          std::uint64_t now_unix_ms) {
    bool const under_way = on_its_way(state);
    std::size_t const first = under_way ? state.step : 0;
    std::vector<std::uint64_t> times(plan.steps.size(), 0);
    if (state.phase == RolloutPhase::done) return times;
    std::uint64_t when = now_unix_ms;
    if (!under_way) times[0] = when;
    for (std::size_t i = first; i + 1 < plan.steps.size(); ++i) {
        std::uint64_t bake = plan.steps[i].bake_ms;
        std::uint64_t hold = plan.hold_ms;
        if (i == first && under_way) {
            bake -= std::min(bake, state.baked_ms);
            hold -= std::min(hold, state.passed_ms);
        }
        std::uint64_t const cooling = i == first ? state.cooldown_left_ms : 0;
        when = into_hours(plan, when + std::max({bake, hold, cooling}));
        times[i + 1] = when;
    }
    return times;
}

std::string rollout_plan_table(RolloutPlan const& plan, RolloutState const& state,
                               std::uint64_t now_unix_ms) {
    auto const times = earliest_times(plan, state, now_unix_ms);
    std::size_t width = 4, phases = 5;
    for (PlanStep const& step : plan.steps) {
        width = std::max(width, step.name.size());
        phases = std::max(phases, step.phase.size());
    }
    constexpr std::string_view row = "{:<{}}  {:<{}}  {:>6}  {:>7}  {:>7}  {:>9}  {:<27}  {}\n";
    std::string text = fmt::format(fmt::runtime(row), "STEP", width, "PHASE", phases, "TIERS",
                                   "HYBRID", "BAKE", "SAMPLES", "EARLIEST (UTC)", "TO LEAVE IT");
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        PlanStep const& step = plan.steps[i];
        text += fmt::format(fmt::runtime(row), step.name, width, step.phase, phases,
                            tiers_text(step.tiers), percent_text(step.buckets),
                            span_text(step.bake_ms), step.samples,
                            earliest_text(state, i, times[i], now_unix_ms), gates_text(step));
        if (step.confirm) text += "  entered only by a person: spyhop rollout promote\n";
        if (step.deadline_ms != 0)
            text += fmt::format("  at most {}, then {}\n", span_text(step.deadline_ms),
                                step.on_deadline == OnDeadline::hold ? "a person decides"
                                                                     : "one rung down");
    }
    text += "\nWhen a gate fails:";
    for (std::uint16_t const rung : plan.ladder) text += " " + percent_text(rung);
    return text +
           fmt::format(" (the next lower one), {} of cooldown; failing again, or twice over: "
                       "everything to legacy, locked\n",
                       span_text(plan.cooldown_ms));
}

std::string rollout_plan_json(RolloutPlan const& plan, RolloutState const& state,
                              std::uint64_t now_unix_ms) {
    auto const times = earliest_times(plan, state, now_unix_ms);
    std::string json = R"(,"steps":[)";
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        PlanStep const& step = plan.steps[i];
        json += fmt::format(
            R"({}{{"name":{},"phase":{},"tiers":{},"percent":{:g},"bake_s":{},"samples":{},)"
            R"("deadline_s":{},"on_deadline":"{}","confirm":{},"progress":"{}","earliest":{},)"
            R"("gates":[)",
            i ? "," : "", quoted(step.name), quoted(step.phase), tiers_json(step.tiers),
            step.buckets / 100.0, step.bake_ms / 1'000, step.samples,
            step.deadline_ms == 0 ? "null" : std::to_string(step.deadline_ms / 1'000),
            step.on_deadline == OnDeadline::hold ? "hold" : "step_down", step.confirm,
            mark(state, i).empty() ? "ahead" : mark(state, i),
            mark(state, i).empty() ? '"' + utc_text(times[i]) + '"' : "null");
        for (PlanGate const& gate : step.gates)
            json += (json.ends_with('[') ? "" : ",") + gate_json(gate);
        json += "]}";
    }
    json += R"(],"ladder":[)";
    for (std::uint16_t const rung : plan.ladder)
        json += fmt::format("{}{:g}", json.ends_with('[') ? "" : ",", rung / 100.0);
    return json + fmt::format(R"(],"cooldown_s":{},"hold_s":{})", plan.cooldown_ms / 1'000,
                              plan.hold_ms / 1'000);
}

std::string rollout_status_table(RolloutPlan const& plan, RolloutState const& state,
                                 RolloutInputs const& inputs) {
    PlanStep const& step = plan.steps[state.step];
    RolloutDecision const decision = decide(plan, state, inputs);
    std::string text = fmt::format("{}, tiers {}, hybrid {}\n", to_text(state.phase),
                                   tiers_text(state.tiers), percent_text(state.buckets));
    if (on_its_way(state))
        text += fmt::format(
            "step {} of {}, \"{}\" ({}), since {}\nbaked {} of {}, compared {} of {} pairs{}{}\n",
            state.step + 1, plan.steps.size(), step.name, step.phase, utc_text(state.entered_at),
            span_text(state.baked_ms), span_text(step.bake_ms), inputs.pairs, step.samples,
            state.cooldown_left_ms == 0
                ? ""
                : fmt::format(", cooling down for {}", span_text(state.cooldown_left_ms)),
            state.strikes == 0 ? "" : fmt::format(", strikes {}", state.strikes));
    text += fmt::format("{}: {}\n", to_text(decision.action), decision.reason);
    if (!on_its_way(state) || step.gates.empty()) return text;
    text += fmt::format("\n{:<16}  {:<13}  {:<10}  {}\n", "GATE", "VERDICT", "LIMIT", "MEASURED");
    for (PlanGate const& gate : step.gates)
        text += fmt::format("{:<16}  {:<13}  {:<10}  {}{}\n", row_of(gate.gate).name,
                            to_text(judge(gate, measured(inputs, gate))), limit_text(gate),
                            measured_text(gate.gate, measured(inputs, gate)),
                            gate.dry_run ? "  (dry run)" : "");
    return text;
}

std::string rollout_status_json(RolloutPlan const& plan, RolloutState const& state,
                                RolloutInputs const& inputs) {
    PlanStep const& step = plan.steps[state.step];
    RolloutDecision const decision = decide(plan, state, inputs);
    std::string json = fmt::format(
        R"(,"phase":"{}","step":{},"step_index":{},"steps":{},"tiers":{},"percent":{:g},)"
        R"("entered_at":{},"baked_s":{},"bake_s":{},"pairs":{},"samples":{},"passed_s":{},)"
        R"("cooldown_s":{},"strikes":{},"locked":{},"decision":"{}","reason":{},"gates":[)",
        to_text(state.phase), on_its_way(state) ? quoted(step.name) : "null", state.step,
        plan.steps.size(), tiers_json(state.tiers), state.buckets / 100.0,
        state.entered_at == 0 ? "null" : '"' + utc_text(state.entered_at) + '"',
        state.baked_ms / 1'000, step.bake_ms / 1'000, inputs.pairs, step.samples,
        state.passed_ms / 1'000, state.cooldown_left_ms / 1'000, state.strikes,
        state.phase == RolloutPhase::locked, to_text(decision.action), quoted(decision.reason));
    for (PlanGate const& gate : step.gates) {
        std::string entry = gate_json(gate);
        entry.pop_back();
        json += fmt::format(
            R"({}{},"verdict":"{}","measured":{}}})", json.ends_with('[') ? "" : ",", entry,
            to_text(judge(gate, measured(inputs, gate))), bounds_json(measured(inputs, gate)));
    }
    return json + ']';
}

std::vector<ReadyItem> ready_items(RolloutPlan const& plan, RolloutState const& state,
                                   RolloutInputs const& inputs) {
    PlanStep const& step = plan.steps[state.step];
    bool const locked = state.phase == RolloutPhase::locked;
    std::vector<ReadyItem> items;
    auto const add = [&](std::string_view name, GateVerdict verdict, std::string is,
                         std::string limit) {
        items.push_back({name, verdict, false, std::move(is), std::move(limit)});
    };
    add("unlocked", demanded(!locked), locked ? "locked after a rollback" : "unlocked", "unlocked");
    add("unfrozen", demanded(!inputs.frozen), inputs.frozen ? "frozen" : "not frozen",
        "not frozen");
    add("health", demanded(inputs.healthy), inputs.healthy ? "nothing breached" : "breached",
        "nothing breached");
    add("legacy", demanded(inputs.legacy), inputs.legacy ? "present" : "absent", "present");
    add("rollback_drill",
        inputs.drill_us ? demanded(*inputs.drill_us <= drill_most_us) : GateVerdict::inconclusive,
        inputs.drill_us ? fmt::format("{} us", *inputs.drill_us)
                        : "never done: spyhop rollback --drill",
        "<= 30 s");
    bool const running = state.phase == RolloutPhase::running;
    add("running", reached(running), std::string(to_text(state.phase)), "running");
    add("bake", reached(state.baked_ms >= step.bake_ms), span_text(state.baked_ms),
        ">= " + span_text(step.bake_ms));
    add("samples", reached(inputs.pairs >= step.samples), fmt::format("{} pairs", inputs.pairs),
        fmt::format(">= {} pairs", step.samples));
    add("hold", reached(state.passed_ms >= plan.hold_ms), span_text(state.passed_ms),
        ">= " + span_text(plan.hold_ms));
    add("cooldown", reached(state.cooldown_left_ms == 0),
        span_text(state.cooldown_left_ms) + " left", "0 ms left");
    for (PlanGate const& gate : step.gates)
        items.push_back({row_of(gate.gate).name, judge(gate, measured(inputs, gate)), gate.dry_run,
                         measured_text(gate.gate, measured(inputs, gate)), limit_text(gate)});
    return items;
}

int ready_code(std::vector<ReadyItem> const& items) {
    int code = 0;
    for (ReadyItem const& item : items) {
        if (item.dry_run || item.verdict == GateVerdict::pass) continue;
        if (item.verdict == GateVerdict::fail) return 6;
        code = 7;
    }
    return code;
}

std::string ready_table(std::vector<ReadyItem> const& items) {
    std::string text =
        fmt::format("{:<16}  {:<13}  {:<16}  {}\n", "ITEM", "VERDICT", "LIMIT", "IS");
    for (ReadyItem const& item : items)
        text += fmt::format("{:<16}  {:<13}  {:<16}  {}{}\n", item.name, to_text(item.verdict),
                            item.limit, item.measured, item.dry_run ? "  (dry run)" : "");
    constexpr std::string_view sums[] = {"go", "no go", "not proven yet"};
    int const code = ready_code(items);
    return text + fmt::format("\n{}\n", sums[code == 0 ? 0 : code == 6 ? 1 : 2]);
}

std::string ready_json(std::vector<ReadyItem> const& items) {
    int const code = ready_code(items);
    std::string json = fmt::format(R"(,"ready":"{}","items":[)", code == 0   ? "pass"
                                                                 : code == 6 ? "fail"
                                                                             : "inconclusive");
    for (ReadyItem const& item : items)
        json += fmt::format(R"({}{{"name":"{}","verdict":"{}","measured":{},"limit":{},)"
                            R"("dry_run":{}}})",
                            json.ends_with('[') ? "" : ",", item.name, to_text(item.verdict),
                            quoted(item.measured), quoted(item.limit), item.dry_run);
    return json + ']';
}

} // namespace stages
