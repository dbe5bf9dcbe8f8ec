// How often each rule speaks on each chain: counted by Detect, shown by `spyhop status`, which may
// run in another process.
//
//   Detect ─told─▶ RuleDay ─once a second─▶ a metrics page a rule and chain ─▶ Control, /metrics
//
// The pages belong to the service's MetricsBook and lie in the region that its processes share. The
// Detect of a path alone writes its own, but for the budget, which is configuration and is written
// by whoever wires them, always the same. Their atomics (pipeline/metrics.hpp) are there because
// another process reads while Detect writes; relaxed, for each figure stands for itself: a reader
// may see the count of this second beside the forecast of the last.
//
// Rates are in millionths of an alert a day: pages hold whole numbers. Chain time only; nothing is
// allocated after the pages are made.
#pragma once

#include "pipeline/metrics.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace stages {

enum class RuleMetric { chain_time, alerts, observed, budget, forecast, warming, warm_at };

inline constexpr std::array rule_metrics{
    pipeline::MetricRow{"spyhop_rule_chain_time_seconds", pipeline::MetricKind::gauge,
                        "Newest block that the rule has looked at, as Unix time; 0: none."},
    pipeline::MetricRow{"spyhop_rule_alerts_24h", pipeline::MetricKind::gauge,
                        "Alerts in the last 24 hours of chain time, since its process began."},
    pipeline::MetricRow{"spyhop_rule_observed_seconds", pipeline::MetricKind::gauge,
                        "How much of these 24 hours was seen."},
    pipeline::MetricRow{"spyhop_rule_budget_microalerts_per_day", pipeline::MetricKind::gauge,
                        "Alerts a day that its thresholds rise to keep, in millionths; 0: none."},
    pipeline::MetricRow{"spyhop_rule_forecast_microalerts_per_day", pipeline::MetricKind::gauge,
                        "Alerts a day by what its budget has learned, in millionths."},
    pipeline::MetricRow{"spyhop_rule_warming", pipeline::MetricKind::gauge,
                        "1: its model or budget has not seen enough to speak."},
    pipeline::MetricRow{"spyhop_rule_warm_at_seconds", pipeline::MetricKind::gauge,
                        "Chain time at which that ends, as Unix time; 0: not known."},
};

// The alerts of a rule in the last day of chain time: the hour that goes on and the 23 before it.
class RuleDay {
  public:
    void told(std::uint32_t time_s);
    std::uint64_t last_day(std::uint32_t now_s);

  private:
    void pass(std::uint32_t hour);

    std::array<std::uint32_t, 24> by_hour_{};
    std::uint32_t newest_hour_ = 0;
};

// A rule and a chain that it covers, with the page of each path that judges it there.
struct RuleOnChain {
    std::string name;
    std::string_view kind;
    bool statistical = false;
    std::uint16_t rule = 0;
    std::uint16_t chain = 0;
    pipeline::MetricsPage* hybrid = nullptr;
    pipeline::MetricsPage* legacy = nullptr;
};

// The pages that one Detect writes: [chain][rule]; null: that rule is not judged there.
using RulePages = std::vector<std::vector<pipeline::MetricsPage*>>;

std::uint64_t micro_alerts(double alerts);
// What braces of a metric hold: a name may be any text.
std::string rule_label(std::string_view rule, std::string_view chain, std::string_view path);

// What a page says. Forecast: alerts a day; nothing while it is warming, or, for a rule without
// budget, in the first hour.
struct RuleFigures {
    std::uint32_t chain_time_s = 0; // 0: it has seen no block
    std::uint64_t alerts = 0;
    std::uint32_t observed_s = 0;
    std::optional<double> budget{};
    std::optional<double> forecast{};
    bool warming = false;
    std::uint32_t warm_at_s = 0; // 0: not known
};
RuleFigures figures_of(pipeline::MetricsPage const& page);

} // namespace stages
