// The rollout as a machine: moves hybrid's share up a plan's steps while gates pass, and down a
// ladder when one fails. Pure: plan, state and measurements in, a decision with the next state out.
// Who calls puts tiers and share of `next` into the regime where they differ from the state's (and
// always for `start`), then keeps `next`; where that fails he keeps the old state, and the next
// decision is the same.
//
//            start               gates pass, baked, samples        last step passed
//     idle ─────────▶ running ───────────────▶ running (next step) ─────────────▶ done
//      ▲                │ ▲  gate fails: one rung down, strike, cooldown            │
//      │ unlock   pause ▼ │ resume                                                  │
//      │              paused                                                        │
//      └── locked ◀──────── second failure, or twice the limit: rollback ◀──────────┘
//
// A gate passes or fails only when its bounds lie on one side of the limit (equality passes);
// otherwise, and without samples, it is inconclusive. Promotion needs every gate that is not a dry
// run to pass; only a failure moves down; inconclusive waits for the deadline.
//
// Measurements are of the time since the step began: the caller starts them anew with each change.
// Time is counted, not subtracted: each decision adds what passed since the last one, at most
// `count_most_ms`, so that a stopped service does not bake. A clock set back counts nothing until
// it has caught up; set back by more than a day, the earlier reading was wrong and is forgotten.
//
// Sources: the rollout plan's phases and limits; "three-valued gates", "step-down ladder",
// "locked after rollback" as in the table of settled contradictions.
#pragma once

#include "stages/bounds.hpp"

#include <array>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

enum class RolloutGate : std::uint8_t {
    accuracy,        // share of legacy's alerts that hybrid has, too
    false_positives, // share of hybrid's alerts that the chain does not confirm
    coverage_gained, // alerts the chain confirms and only hybrid has, as a share of legacy's
    latency_ratio,   // legacy's latency over hybrid's, pair by pair
    error_rate,      // share of hybrid's operations that failed
    resource_ratio,  // hybrid's use of memory and CPU over legacy's
    stability,       // share of the time in which hybrid worked
};
inline constexpr std::size_t rollout_gates = 7;

struct RolloutGateRow {
    RolloutGate gate;
    std::string_view name;
    bool at_least;   // the limit is a floor, else a ceiling
    bool share;      // 0..1, written as a percentage; else a plain factor
    bool steps_down; // default: a failure is harm; else a gain that is missing, which only holds
};
std::span<RolloutGateRow const, rollout_gates> rollout_gate_rows(); // in the order of the enum
RolloutGateRow const& row_of(RolloutGate gate);
std::optional<RolloutGate> rollout_gate_named(std::string_view name);

inline constexpr std::uint8_t rollout_tiers_all = 15; // as in the regime word

struct PlanGate {
    RolloutGate gate{};
    double limit = 0;
    bool steps_down = false; // when it fails; else a failure only holds
    bool dry_run = false;    // judged and shown, never acted on

    friend bool operator==(PlanGate const&, PlanGate const&) = default;
};

enum class OnDeadline : std::uint8_t { hold, step_down };

struct PlanStep {
    std::string name;
    std::string phase;
    std::uint8_t tiers = 0;        // canary tiers 1..tiers are admitted (0: none), or all
    std::uint16_t buckets = 0;     // percentage among the admitted, x 100
    std::uint64_t bake_ms = 0;     // least time at this step
    std::uint64_t samples = 0;     // least pairs compared at this step
    std::uint64_t deadline_ms = 0; // most time at this step; 0: none
    OnDeadline on_deadline = OnDeadline::hold;
    bool confirm = false;          // entered only by a person's `promote`
    std::vector<PlanGate> gates{}; // what has to pass to leave this step upward
};

struct RolloutPlan {
    std::vector<PlanStep> steps;       // percentages and tiers never fall
    std::vector<std::uint16_t> ladder; // falling, ends with 0; x 100
    std::uint64_t cooldown_ms = 0;     // after a step down nothing is promoted
    std::uint64_t hold_ms = 0;         // how long the gates have to pass without a break
    std::uint16_t hours_from = 0;      // minutes of the UTC day in which the machine may promote
    std::uint16_t hours_to = 1'440;    // behind the last one; before hours_from: over midnight
};

enum class GateVerdict : std::uint8_t { inconclusive, pass, fail };
std::string_view to_text(GateVerdict verdict);

GateVerdict judge(PlanGate const& gate, Bounds const& bounds);
// Beyond doubt at least twice as bad as the limit allows: 10 % where 5 % are allowed, 90 % where
// 95 % are demanded, half a factor that is demanded.
bool fails_twofold(PlanGate const& gate, Bounds const& bounds);

enum class RolloutPhase : std::uint8_t { idle, running, paused, locked, done };
std::string_view to_text(RolloutPhase phase);

struct RolloutState {
    RolloutPhase phase = RolloutPhase::idle;
    std::uint32_t step = 0; // index into the plan
    std::uint8_t tiers = 0;
    std::uint16_t buckets = 0;          // a step's, or a rung of the ladder
    std::uint64_t entered_at = 0;       // unix ms, to be shown
    std::uint64_t counted_to = 0;       // unix ms up to which time is counted
    std::uint64_t baked_ms = 0;         // counted at this step while running
    std::uint64_t passed_ms = 0;        // all gates passed, without a break
    std::uint64_t cooldown_left_ms = 0; // counted down
    std::uint32_t strikes = 0;          // step-downs by a failed gate, not yet lived down
    std::array<GateVerdict, rollout_gates> verdicts{}; // as of the last decision

    friend bool operator==(RolloutState const&, RolloutState const&) = default;
};

struct RolloutInputs {
    std::uint64_t now_unix_ms = 0;
    std::array<Bounds, rollout_gates> measured{}; // by RolloutGate, since the step began
    std::uint64_t pairs = 0;                      // compared since the step began
    bool healthy = true;                          // no health check is breached
    bool legacy = true;                           // there is something to roll back to
    bool frozen = false;                          // by a person: nothing is promoted
    std::optional<std::uint64_t> drill_us{};      // what the last rollback drill took
};

enum class RolloutAction : std::uint8_t { hold, promote, step_down, rollback, finish };
std::string_view to_text(RolloutAction action);

struct RolloutDecision {
    RolloutAction action = RolloutAction::hold;
    std::string reason; // a sentence
    RolloutState next;  // with the target: tiers and buckets
};

// Called regularly; the plan has steps, and a state that belongs to it.
RolloutDecision decide(RolloutPlan const& plan, RolloutState const& state,
                       RolloutInputs const& inputs);

enum class RolloutCommand : std::uint8_t { start, pause, resume, promote, step_down, lock, unlock };
std::string_view to_text(RolloutCommand command);

// A person's (or, for lock, a rollback's) command. The error says why it is refused (exit code 4).
// `force` lets `promote` go before bake, samples, hold and cooldown are done and with inconclusive
// gates, never past one that fails: that is proof of harm, and who knows better makes the gate a
// dry run in the plan, where everybody sees it.
[[nodiscard]] std::expected<RolloutDecision, std::string>
command_rollout(RolloutPlan const& plan, RolloutState const& state, RolloutInputs const& inputs,
                RolloutCommand command, bool force = false);

// What a health check takes away, whatever the gates say: one rung, at least half of the share (to
// the next rung at or below it), or everything. Holds where nothing is there to be taken. `why`
// begins the reason.
enum class Retreat : std::uint8_t { rung, half, all };
RolloutDecision retreat(RolloutPlan const& plan, RolloutState const& state,
                        RolloutInputs const& inputs, Retreat how, std::string const& why);

inline constexpr std::uint64_t count_most_ms = 60'000;

// Why the machine would not go up now although nothing failed and no person is awaited; empty: it
// would. "baked 3 h of 24 h"
std::string blocker(RolloutPlan const& plan, RolloutState const& state,
                    RolloutInputs const& inputs);
bool within_hours(RolloutPlan const& plan, std::uint64_t unix_ms);

// Text for people: "95 %", "5 x"; "93.1 % (91 % to 94.2 %, 812 samples)"; "7 d", "24 h", "90 min".
std::string limit_text(PlanGate const& gate); // ">= 95 %"
std::string measured_text(RolloutGate gate, Bounds const& bounds);
std::string span_text(std::uint64_t ms);
std::string percent_text(std::uint16_t buckets); // "12.5 %"
std::string tiers_text(std::uint8_t tiers);      // "none", "1 to 3", "all"

// State as text, a `key = value` a line, to be kept over restarts. The error is a sentence; after
// it the caller starts with nothing on hybrid.
std::string rollout_state_text(RolloutPlan const& plan, RolloutState const& state);
[[nodiscard]] std::expected<RolloutState, std::string> parse_rollout_state(RolloutPlan const& plan,
                                                                           std::string_view text);

} // namespace stages
