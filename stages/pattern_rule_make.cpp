#include "stages/pattern_rule_make.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace stages {

namespace {

constexpr std::uint8_t any_decimals = 0; // for what does not depend on them

AccountSet accounts_of(std::vector<decoders::Account> accounts,
                       std::vector<std::string> const& names,
                       std::span<ClusterLabel const> labels) {
    for (ClusterLabel const& label : labels)
        if (std::ranges::count(names, label.label) > 0) accounts.push_back(label.account);
    return sorted_set(std::move(accounts));
}

} // namespace

RuleLists rule_lists(RuleSettings const& settings, std::span<ClusterLabel const> labels) {
    return {.include = accounts_of(settings.include, settings.include_labels, labels),
            .included_only = !settings.include.empty() || !settings.include_labels.empty(),
            .exclude = accounts_of(settings.exclude, settings.exclude_labels, labels)};
}

bool names_labels(Rule const& rule) {
    return !rule.settings.include_labels.empty() || !rule.settings.exclude_labels.empty();
}

bool is_pattern(Rule const& rule) {
    switch (rule.kind) {
    case RuleKind::large_transfer: return large_by_more(rule);
    case RuleKind::chain_health: return false;
    case RuleKind::watch: return rule.settings.low || rule.settings.high;
    default: return true;
    }
}

std::vector<PatternRule> pattern_rules(std::span<Rule const> rules, std::uint16_t chain,
                                       std::uint8_t decimals, std::span<ClusterLabel const> labels,
                                       std::span<decoders::Account const> watched,
                                       std::function<void(std::string_view)> const& problem) {
    std::vector<PatternRule> made;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        Rule const& rule = rules[i];
        if (!rule.chains[chain] || !is_pattern(rule)) continue;
        auto family = pattern_options(rule, decimals);
        if (!family) {
            problem(fmt::format("rule \"{}\": {}; it is silent here", rule.name, family.error()));
            continue;
        }
        // What moves a watched account is told from best blocks, by Detect; here its marks count.
        if (auto* watch = std::get_if<WatchOptions>(&*family)) watch->min = ~u128{0};
        // A budget chooses by itself how rare is rare.
        if (auto* flow = std::get_if<ExchangeFlowOptions>(&*family); flow && budget(rule))
            flow->once_in_s = 0;
        if (auto* volume = std::get_if<MarketVolumeOptions>(&*family); volume && budget(rule))
            volume->once_in_s = 0;
        auto const& settings = rule.settings;
        // Its budget is a level of its own, and no bound on what else it says.
        bool const learns = rule.kind == RuleKind::large_transfer;
        RuleLists lists = rule_lists(settings, labels);
        made.emplace_back(
            PatternRuleOptions{.rule = static_cast<std::uint16_t>(i),
                               .kind = rule.kind,
                               .family = std::move(*family),
                               .cooldown_s = cooldown_s(rule),
                               .budget = learns ? std::nullopt : budget(rule),
                               .severity = settings.severity,
                               .levels = levels_of(rule, decimals),
                               .levels_alone = severity_by_amount(rule.kind),
                               .watched = sorted_set({watched.begin(), watched.end()}),
                               .include = std::move(lists.include),
                               .included_only = lists.included_only,
                               .exclude = std::move(lists.exclude),
                               .name = rule.name});
    }
    return made;
}

std::uint32_t longest_window_s(std::span<Rule const> rules, std::uint16_t chain) {
    std::uint32_t longest = day_s;
    for (Rule const& rule : rules) {
        if (!rule.chains[chain] || !is_pattern(rule)) continue;
        if (auto const family = pattern_options(rule, any_decimals))
            longest = std::max(longest, window_s(*family));
    }
    return longest;
}

} // namespace stages
