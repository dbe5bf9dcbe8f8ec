#include "stages/rule_figures.hpp"

#include "stages/pattern_options.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stages {

namespace {
constexpr double millionths = 1'000'000;

double alerts_of(std::uint64_t micro) { return static_cast<double>(micro) / millionths; }
} // namespace

void RuleDay::pass(std::uint32_t hour) {
    if (hour <= newest_hour_) return;
    std::size_t const passed = std::min<std::size_t>(hour - newest_hour_, by_hour_.size());
    for (std::size_t i = 0; i < passed; ++i) by_hour_[(hour - i) % by_hour_.size()] = 0;
    newest_hour_ = hour;
}

void RuleDay::told(std::uint32_t time_s) {
    std::uint32_t const hour = time_s / hour_s;
    pass(hour);
    if (hour + by_hour_.size() <= newest_hour_) return; // an old block that was read late
    ++by_hour_[hour % by_hour_.size()];
}

std::uint64_t RuleDay::last_day(std::uint32_t now_s) {
    pass(now_s / hour_s);
    return std::accumulate(by_hour_.begin(), by_hour_.end(), std::uint64_t{0});
}

std::uint64_t micro_alerts(double alerts) {
    return static_cast<std::uint64_t>(std::llround(alerts * millionths));
}

std::string rule_label(std::string_view rule, std::string_view chain, std::string_view path) {
    std::string text;
    for (auto const& [name, value] : {std::pair{"rule", rule}, {"chain", chain}, {"path", path}}) {
        text.append(text.empty() ? "" : ",").append(name).append("=\"");
        for (char const c : value)
            text += c == '\n'             ? "\\n"
                  : c == '"' || c == '\\' ? std::string{'\\', c}
                                          : std::string{c};
        text += '"';
    }
    return text;
}

RuleFigures figures_of(pipeline::MetricsPage const& page) {
    RuleFigures out;
    out.chain_time_s = static_cast<std::uint32_t>(page.read(RuleMetric::chain_time));
    out.alerts = page.read(RuleMetric::alerts);
    out.observed_s = static_cast<std::uint32_t>(page.read(RuleMetric::observed));
    out.warming = page.read(RuleMetric::warming) != 0;
    out.warm_at_s = static_cast<std::uint32_t>(page.read(RuleMetric::warm_at));
    std::uint64_t const budget = page.read(RuleMetric::budget);
    if (budget != 0) out.budget = alerts_of(budget);
    if (out.warming || out.chain_time_s == 0) return out;
    if (budget != 0)
        out.forecast = alerts_of(page.read(RuleMetric::forecast));
    else if (out.observed_s >= hour_s)
        out.forecast = static_cast<double>(out.alerts) * day_s / out.observed_s;
    return out;
}

} // namespace stages
