// The rules of patterns of one chain, from the rules as they were configured: whole tokens become
// the smallest unit, labels the accounts that bear them. Allocates; before anything is judged.
#pragma once

#include "stages/pattern_clusters.hpp"
#include "stages/pattern_rule.hpp"
#include "stages/rule_options.hpp"

#include <functional>
#include <span>

namespace stages {

// Judged by Patterns: every kind but chain_health, watch without marks, and large_transfer without
// a share, a budget or dollars.
bool is_pattern(Rule const& rule);

// Those of the rules that are patterns and cover the chain. `problem` is called with a sentence for
// each that cannot be had with this token.
std::vector<PatternRule> pattern_rules(std::span<Rule const> rules, std::uint16_t chain,
                                       std::uint8_t decimals, std::span<ClusterLabel const> labels,
                                       std::span<decoders::Account const> watched,
                                       std::function<void(std::string_view)> const& problem);

// Whom a rule speaks of: its lists, with the accounts that bear the labels in them.
struct RuleLists {
    AccountSet include{};
    bool included_only = false; // else everybody
    AccountSet exclude{};

    bool none() const { return !included_only && exclude.empty(); }
};
RuleLists rule_lists(RuleSettings const& settings, std::span<ClusterLabel const> labels);
bool names_labels(Rule const& rule);

// The longest time back that any of them looks, at least a day.
std::uint32_t longest_window_s(std::span<Rule const> rules, std::uint16_t chain);

} // namespace stages
