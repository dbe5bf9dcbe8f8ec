// `spyhop status`, the rules: how often each speaks on each chain, against what it may.
#include "stages/alert_line.hpp"
#include "stages/control.hpp"
#include "stages/pattern_options.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

enum class RuleState : std::uint8_t { speaking, warming, waiting, off, nowhere };

struct StateRow {
    std::string_view word;
    std::string_view text;
};
constexpr StateRow state_rows[] = {
    {"speaking", "speaking"},
    {"warming", "warming"},
    {"waiting", "waits for the first block"},
    {"off", "off: enable_hybrid_patterns is false"},
    {"nowhere", "nowhere: its kind needs a node's blocks"},
};
StateRow const& row_of(RuleState state) { return state_rows[static_cast<std::size_t>(state)]; }

RuleState state_of(RuleOnChain const& rule, pipeline::MetricsPage const* page,
                   RuleFigures const& figures, pipeline::Regime const& regime) {
    if (page == nullptr) return RuleState::nowhere;
    bool const on = (regime.flags & pipeline::Flag::hybrid_patterns) != 0;
    if (rule.statistical && !on) return RuleState::off;
    if (figures.chain_time_s == 0) return RuleState::waiting;
    return figures.warming ? RuleState::warming : RuleState::speaking;
}

// Three digits, then whole numbers.
std::string rate_text(std::optional<double> const& rate) {
    constexpr double hundred = 100;
    if (!rate) return "-";
    return *rate < hundred ? fmt::format("{:.3g}", *rate) : fmt::format("{:.0f}", *rate);
}
std::string rate_json(std::optional<double> const& rate) {
    return rate ? fmt::format("{:.6g}", *rate) : "null";
}

std::string time_json(std::uint32_t unix_s) {
    return unix_s == 0 ? "null" : quoted(utc_text(std::uint64_t{unix_s} * 1'000));
}

// "12", or, where less than a day was seen, "12 in 3.4 h".
std::string told_text(RuleFigures const& figures) {
    if (figures.chain_time_s == 0) return "-";
    if (figures.observed_s >= day_s) return std::to_string(figures.alerts);
    if (figures.observed_s < 2 * minute_s)
        return fmt::format("{} in {} s", figures.alerts, figures.observed_s);
    if (figures.observed_s < 2 * hour_s)
        return fmt::format("{} in {} min", figures.alerts, figures.observed_s / minute_s);
    return fmt::format("{} in {:.1f} h", figures.alerts, figures.observed_s / double{hour_s});
}

std::string state_text(RuleState state, RuleFigures const& figures) {
    std::string text(row_of(state).text);
    if (state != RuleState::warming || figures.warm_at_s == 0) return text;
    constexpr std::size_t to_the_minute = 16;
    std::string until = utc_text(std::uint64_t{figures.warm_at_s} * 1'000).substr(0, to_the_minute);
    std::ranges::replace(until, 'T', ' ');
    return fmt::format("{} until {} at least", text, until);
}

} // namespace

// Both paths judge the same movements, so one of them is enough: the node's where it is asked.
pipeline::MetricsPage const* Control::page_of(RuleOnChain const& rule,
                                              pipeline::Turn const& turn) const {
    bool const asked = (turn.regime.flags & pipeline::Flag::hybrid_rpc) != 0;
    if (rule.legacy != nullptr && (rule.hybrid == nullptr || !asked)) return rule.legacy;
    return rule.hybrid;
}

std::string Control::rules_json(pipeline::Turn const& turn) const {
    std::string text;
    for (RuleOnChain const& rule : needs_.rules) {
        auto const* const page = page_of(rule, turn);
        RuleFigures const figures = page != nullptr ? figures_of(*page) : RuleFigures();
        std::string_view const path = page == nullptr     ? "null"
                                    : page == rule.hybrid ? R"("hybrid")"
                                                          : R"("legacy")";
        text += fmt::format(
            R"({}{{"name":{},"kind":{},"chain":{},"path":{},"state":"{}","budget":{},)"
            R"("actual_24h":{},"observed_s":{},"forecast_24h":{},"warming":{},"warm_at":{}}})",
            text.empty() ? "" : ",", quoted(rule.name), quoted(rule.kind),
            quoted(options_.chains[rule.chain].name), path,
            row_of(state_of(rule, page, figures, turn.regime)).word, rate_json(figures.budget),
            figures.alerts, figures.observed_s, rate_json(figures.forecast), figures.warming,
            time_json(figures.warm_at_s));
    }
    return text;
}

std::string Control::rules_table(pipeline::Turn const& turn) const {
    if (needs_.rules.empty()) return {};
    std::size_t rules = 4, kinds = 4, chains = 5;
    for (RuleOnChain const& rule : needs_.rules) {
        rules = std::max(rules, rule.name.size());
        kinds = std::max(kinds, rule.kind.size());
        chains = std::max(chains, options_.chains[rule.chain].name.size());
    }
    constexpr std::string_view row = "{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>7}  {:>7}  {}\n";
    std::string text = '\n' + fmt::format(fmt::runtime(row), "RULE", rules, "KIND", kinds, "CHAIN",
                                          chains, "LAST 24 H", "A DAY", "BUDGET", "STATE");
    for (RuleOnChain const& rule : needs_.rules) {
        auto const* const page = page_of(rule, turn);
        RuleFigures const figures = page != nullptr ? figures_of(*page) : RuleFigures();
        RuleState const state = state_of(rule, page, figures, turn.regime);
        text += fmt::format(fmt::runtime(row), rule.name, rules, rule.kind, kinds,
                            options_.chains[rule.chain].name, chains, told_text(figures),
                            rate_text(figures.forecast), rate_text(figures.budget),
                            state_text(state, figures));
    }
    return text;
}

} // namespace stages
