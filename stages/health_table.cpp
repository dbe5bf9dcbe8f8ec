// The table of health checks and the names in it.
#include "stages/health.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

using enum HealthCheck;
using enum LimitUnit;
using enum HealthScope;

constexpr std::string_view remedy_names[remedies] = {
    "none",          "investigate",  "reduce_traffic",
    "halve_traffic", "rollback",     "immediate_rollback",
    "high_speed",    "subscan_only", "restart"};

constexpr HealthRule rule(double threshold, Remedy action, std::uint32_t window_s,
                          std::uint64_t minimum, Remedy severe = Remedy::none) {
    return {.threshold = threshold,
            .action = action,
            .severe_action = severe,
            .window_s = window_s,
            .minimum = minimum};
}

// clang-format off
constexpr HealthRow rows[health_checks] = {
    // check, name, what
    //     unit, measure, scope, floor, at_equality, outlasts
    //     limit, action, window, minimum, severe action
    {error_rate, "error_rate", "failed operations of hybrid",
        share, HealthMeasure::share, service, false, false, true,
        rule(0.05, Remedy::reduce_traffic, 300, 20, Remedy::rollback)},
    {latency, "latency", "mean time from block to alert",
        seconds, HealthMeasure::mean, service, false, false, false,
        rule(10, Remedy::investigate, 300, 20)},
    {alert_mismatch, "alert_mismatch", "adjudicated pairs in which hybrid was wrong",
        share, HealthMeasure::proof, service, false, false, false,
        rule(0.10, Remedy::rollback, 300, 1)},
    {crash, "crash", "deaths of hybrid's process",
        LimitUnit::count, HealthMeasure::sum, service, false, true, false,
        rule(1, Remedy::immediate_rollback, 600, 1)},
    {quality, "quality", "alerts of hybrid that are right",
        share, HealthMeasure::proof, service, true, false, false,
        rule(0.95, Remedy::halve_traffic, 300, 1, Remedy::rollback)},
    {latency_regression, "latency_regression", "mean latency over the legacy baseline",
        factor, HealthMeasure::mean, service, false, false, false,
        rule(1.5, Remedy::high_speed, 300, 20)},
    {rpc_lost, "rpc_lost", "time without any node",
        seconds, HealthMeasure::last, chain, false, false, false,
        rule(30, Remedy::subscan_only, 60, 1)},
    {memory, "memory", "share of its memory limit that a process uses",
        share, HealthMeasure::mean, process, false, false, false,
        rule(0.90, Remedy::restart, 60, 10)},
    {block_progress, "block_progress", "time since the last new block",
        seconds, HealthMeasure::last, chain, false, false, false,
        rule(60, Remedy::investigate, 60, 1)},
    {queue_depth, "queue_depth", "fill of the fullest link",
        share, HealthMeasure::mean, service, false, false, false,
        rule(0.80, Remedy::investigate, 60, 10)},
    {quota, "quota", "used share of Subscan's daily quota",
        share, HealthMeasure::last, service, false, false, false,
        rule(0.90, Remedy::investigate, 300, 1)},
};
// clang-format on

} // namespace

std::span<HealthRow const, health_checks> health_rows() { return rows; }

HealthRow const& row_of(HealthCheck check) { return rows[static_cast<std::size_t>(check)]; }

HealthRules default_health_rules() {
    HealthRules rules;
    for (std::size_t i = 0; i < health_checks; ++i) rules[i] = rows[i].defaults;
    return rules;
}

std::string_view to_text(Remedy remedy) { return remedy_names[static_cast<std::size_t>(remedy)]; }

std::optional<Remedy> remedy_named(std::string_view name) {
    for (std::size_t i = 0; i < remedies; ++i)
        if (remedy_names[i] == name) return static_cast<Remedy>(i);
    // The name the rollout plan has for it.
    if (name == "graceful_restart") return Remedy::restart;
    return std::nullopt;
}

std::string_view to_text(HealthVerdict verdict) {
    constexpr std::string_view names[] = {"inconclusive", "ok", "breached"};
    return names[static_cast<std::size_t>(verdict)];
}

std::string health_value_text(HealthCheck check, double value) {
    if (!std::isfinite(value)) return "unknown";
    auto const plain = [](double number) {
        std::string text = fmt::format("{:.3f}", number);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.ends_with('.')) text.pop_back();
        return text == "-0" ? std::string("0") : text;
    };
    switch (row_of(check).unit) {
    case LimitUnit::share: return plain(value * 100) + " %";
    case LimitUnit::seconds: return plain(value) + " s";
    case LimitUnit::count: return plain(value);
    case LimitUnit::factor: return plain(value) + " x";
    }
    return plain(value);
}

} // namespace stages
