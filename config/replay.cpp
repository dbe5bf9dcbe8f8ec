#include "config/replay.hpp"

#include "config/rule_keys.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace config {

namespace {

using Alerts = std::map<stages::AlertId, ReplayedAlert>;

Alerts alerts_of(Backtest const& run) {
    Alerts alerts;
    for (ToldAlert const& told : run.told) {
        ReplayedAlert& alert = alerts[told.id];
        auto const severity =
            alert.lines == 0 ? told.severity : std::max(alert.last.severity, told.severity);
        alert.last = told;
        alert.last.severity = severity;
        ++alert.lines;
    }
    return alerts;
}

bool differ(ReplayedAlert const& before, ReplayedAlert const& after) {
    return before.last.severity != after.last.severity || before.last.amount != after.last.amount ||
           before.lines != after.lines;
}

stages::Rule const* rule_named(Config const& config, std::string_view name) {
    auto const found = std::ranges::find(config.rules, name, &stages::Rule::name);
    return found == config.rules.end() ? nullptr : &*found;
}

std::string shown(stages::Rule const& rule, RuleKey const& row) {
    std::string const value = value_text(rule, row);
    return value.empty() ? value : as_toml(row.type, value);
}

std::string chains_text(Config const& config, stages::Rule const& rule) {
    std::string text;
    for (std::size_t i = 0; i < config.chains.size(); ++i)
        if (rule.chains[i]) text.append(text.empty() ? "" : ", ").append(config.chains[i].name);
    return text;
}

std::vector<KeyChange> key_changes(Config const& before_config, stages::Rule const& before,
                                   Config const& after_config, stages::Rule const& after) {
    std::vector<KeyChange> changes;
    auto const compare = [&](std::string_view key, std::string from, std::string to) {
        if (from != to) changes.push_back({std::string(key), std::move(from), std::move(to)});
    };
    compare("kind", std::string(to_text(before.kind)), std::string(to_text(after.kind)));
    compare("chains", chains_text(before_config, before), chains_text(after_config, after));
    if (before.kind != after.kind) return changes;
    for (RuleKey const& row : rule_keys())
        if (row.of(before.kind) && row.key != "name" && row.key != "kind" && row.key != "chains")
            compare(row.key, shown(before, row), shown(after, row));
    return changes;
}

std::vector<RuleDifference> rule_differences(Config const& before, Config const& after) {
    std::vector<RuleDifference> all;
    for (stages::Rule const& rule : before.rules) {
        RuleDifference& one = all.emplace_back(RuleDifference{.name = rule.name});
        stages::Rule const* const other = rule_named(after, rule.name);
        if (other == nullptr)
            one.fate = RuleFate::dropped;
        else if (one.keys = key_changes(before, rule, after, *other); !one.keys.empty())
            one.fate = RuleFate::changed;
    }
    for (stages::Rule const& rule : after.rules)
        if (rule_named(before, rule.name) == nullptr)
            all.push_back({.name = rule.name, .fate = RuleFate::added});
    return all;
}

// As their events were told; of one time by chain, block, event and rule.
auto place_of(ToldAlert const& told) {
    return std::tie(told.told_ms, told.chain, told.block, told.event, told.rule, told.id);
}

} // namespace

std::vector<std::size_t> by_chain_time(Backtest const& run) {
    std::vector<std::size_t> places(run.told.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::ranges::stable_sort(places, {}, [&](std::size_t at) { return run.told[at].told_ms; });
    return places;
}

ReplayDifference difference_of(Config const& before, Backtest const& run_before,
                               Config const& after, Backtest const& run_after) {
    ReplayDifference out;
    out.rules = rule_differences(before, after);
    auto const tally = [&](Config const& config, ToldAlert const& told) -> RuleDifference& {
        return *std::ranges::find(out.rules, config.rules[told.rule].name, &RuleDifference::name);
    };
    Alerts const were = alerts_of(run_before), are = alerts_of(run_after);
    for (auto const& [id, alert] : were) {
        RuleDifference& rule = tally(before, alert.last);
        ++rule.alerts_before;
        auto const other = are.find(id);
        if (other == are.end()) {
            ++rule.dropped;
            out.dropped.push_back(alert);
        } else if (differ(alert, other->second)) {
            ++rule.changed;
            out.changed.push_back({alert, other->second});
        } else {
            ++out.same;
        }
    }
    for (auto const& [id, alert] : are) {
        RuleDifference& rule = tally(after, alert.last);
        ++rule.alerts_after;
        if (were.contains(id)) continue;
        ++rule.added;
        out.added.push_back(alert);
    }
    for (auto* list : {&out.added, &out.dropped})
        std::ranges::sort(*list, {}, [](ReplayedAlert const& one) { return place_of(one.last); });
    std::ranges::sort(out.changed, {},
                      [](AlertChange const& one) { return place_of(one.after.last); });
    return out;
}

} // namespace config
