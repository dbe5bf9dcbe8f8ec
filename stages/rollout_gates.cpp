// Gates: their table, how bounds are judged, and how both are told to people.
#include "stages/rollout.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr RolloutGateRow rows[rollout_gates] = {
    // gate                        name               at_least share steps_down
    {RolloutGate::accuracy, "accuracy", true, true, true},
    {RolloutGate::false_positives, "false_positives", false, true, true},
    {RolloutGate::coverage_gained, "coverage_gained", true, true, false},
    {RolloutGate::latency_ratio, "latency_ratio", true, false, false},
    {RolloutGate::error_rate, "error_rate", false, true, true},
    {RolloutGate::resource_ratio, "resource_ratio", false, false, true},
    {RolloutGate::stability, "stability", true, true, true},
};

bool usable(Bounds const& bounds) {
    return bounds.samples > 0 && std::isfinite(bounds.lower) && std::isfinite(bounds.upper) &&
           bounds.lower <= bounds.upper;
}

// At most four digits behind the point, none of them a trailing zero.
std::string number(double value) {
    std::string text = fmt::format("{:.4f}", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text == "-0" ? "0" : text;
}

std::string value_text(RolloutGateRow const& row, double value) {
    if (!std::isfinite(value)) return "unknown";
    return row.share ? number(std::round(value * 1e6) / 1e4) + " %" : number(value) + " x";
}

// What would be double the harm the limit allows.
double twofold_limit(RolloutGateRow const& row, double limit) {
    if (!row.at_least) return 2 * limit;
    return row.share ? 1 - 2 * (1 - limit) : limit / 2;
}

} // namespace

std::span<RolloutGateRow const, rollout_gates> rollout_gate_rows() { return rows; }

RolloutGateRow const& row_of(RolloutGate gate) { return rows[static_cast<std::size_t>(gate)]; }

std::optional<RolloutGate> rollout_gate_named(std::string_view name) {
    for (RolloutGateRow const& row : rows)
        if (row.name == name) return row.gate;
    return std::nullopt;
}

GateVerdict judge(PlanGate const& gate, Bounds const& bounds) {
    if (!usable(bounds)) return GateVerdict::inconclusive;
    if (row_of(gate.gate).at_least) {
        if (bounds.lower >= gate.limit) return GateVerdict::pass;
        return bounds.upper < gate.limit ? GateVerdict::fail : GateVerdict::inconclusive;
    }
    if (bounds.upper <= gate.limit) return GateVerdict::pass;
    return bounds.lower > gate.limit ? GateVerdict::fail : GateVerdict::inconclusive;
}

bool fails_twofold(PlanGate const& gate, Bounds const& bounds) {
    if (judge(gate, bounds) != GateVerdict::fail) return false;
    RolloutGateRow const& row = row_of(gate.gate);
    double const limit = twofold_limit(row, gate.limit);
    return row.at_least ? bounds.upper <= limit : bounds.lower >= limit;
}

std::string_view to_text(GateVerdict verdict) {
    constexpr std::string_view names[] = {"inconclusive", "pass", "fail"};
    return names[static_cast<std::size_t>(verdict)];
}

std::string_view to_text(RolloutPhase phase) {
    constexpr std::string_view names[] = {"idle", "running", "paused", "locked", "done"};
    return names[static_cast<std::size_t>(phase)];
}

std::string_view to_text(RolloutAction action) {
    constexpr std::string_view names[] = {"hold", "promote", "step_down", "rollback", "finish"};
    return names[static_cast<std::size_t>(action)];
}

std::string_view to_text(RolloutCommand command) {
    constexpr std::string_view names[] = {"start",     "pause", "resume", "promote",
                                          "step-down", "lock",  "unlock"};
    return names[static_cast<std::size_t>(command)];
}

std::string limit_text(PlanGate const& gate) {
    RolloutGateRow const& row = row_of(gate.gate);
    return fmt::format("{} {}", row.at_least ? ">=" : "<=", value_text(row, gate.limit));
}

std::string measured_text(RolloutGate gate, Bounds const& bounds) {
    if (bounds.samples == 0) return "not measured";
    RolloutGateRow const& row = row_of(gate);
    return fmt::format("{} ({} to {}, {} samples)", value_text(row, bounds.estimate),
                       value_text(row, bounds.lower), value_text(row, bounds.upper),
                       bounds.samples);
}

std::string span_text(std::uint64_t ms) {
    struct Unit {
        std::string_view name;
        std::uint64_t size, upto;
    };
    constexpr Unit units[] = {{"ms", 1, 1'000},
                              {"s", 1'000, 120'000},
                              {"min", 60'000, 7'200'000},
                              {"h", 3'600'000, 172'800'000}};
    for (Unit const& unit : units)
        if (ms < unit.upto) return fmt::format("{} {}", ms / unit.size, unit.name);
    constexpr std::uint64_t day = 86'400'000;
    return ms % day == 0 ? fmt::format("{} d", ms / day)
                         : fmt::format("{} d {} h", ms / day, ms % day / 3'600'000);
}

std::string percent_text(std::uint16_t buckets) { return number(buckets / 100.0) + " %"; }

std::string tiers_text(std::uint8_t tiers) {
    if (tiers == rollout_tiers_all) return "all";
    if (tiers == 0) return "none";
    return tiers == 1 ? "1" : fmt::format("1 to {}", tiers);
}

} // namespace stages
