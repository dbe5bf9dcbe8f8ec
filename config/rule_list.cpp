#include "config/rule_list.hpp"

#include "config/rule_keys.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {

namespace {

using stages::Rule;

// A value as TOML is JSON, too: texts in quotes, lists of them, numbers, true and false.
std::string joined(std::vector<std::string> const& parts, std::string_view between) {
    return fmt::format("{}", fmt::join(parts, between));
}

std::vector<std::string> names_of(RulePaths paths) {
    std::vector<std::string> names;
    if (paths.hybrid) names.push_back("hybrid");
    if (paths.legacy) names.push_back("legacy");
    return names;
}

RulePaths paths_of(stages::RuleKindRow const& row) { return {true, row.legacy}; }

// What is told of a rule in a line of its own; its name, kind and chains stand above.
bool listed(RuleKey const& row, stages::RuleKind kind) {
    return row.of(kind) && row.key != "name" && row.key != "kind" && row.key != "chains";
}

bool written(Rule const& rule, RuleKey const& row) {
    return std::ranges::any_of(rule.given, [&](auto& one) { return one.key == row.key; });
}

std::string chains_text(Config const& config, Rule const& rule) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < config.chains.size(); ++i) {
        if (!rule.chains[i]) continue;
        auto const names = names_of(paths_of(rule, config.chains[i]));
        parts.push_back(fmt::format("{} ({})", config.chains[i].name,
                                    names.empty() ? "nowhere" : joined(names, ", ")));
    }
    return joined(parts, ", ");
}

std::string chains_json(Config const& config, Rule const& rule) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < config.chains.size(); ++i) {
        if (!rule.chains[i]) continue;
        std::vector<std::string> names;
        for (std::string const& name : names_of(paths_of(rule, config.chains[i])))
            names.push_back(stages::quoted(name));
        parts.push_back(fmt::format(R"({{"name":{},"paths":[{}]}})",
                                    stages::quoted(config.chains[i].name), joined(names, ",")));
    }
    return joined(parts, ",");
}

// With what its kind claims and what its keys mean, or without.
std::string rule_json(Config const& config, Rule const& rule, bool explained) {
    std::vector<std::string> parts;
    for (RuleKey const& row : rule_keys()) {
        if (!listed(row, rule.kind)) continue;
        std::string const value = value_text(rule, row);
        std::string const words =
            explained ? fmt::format(R"(,"unit":{},"meaning":{})", stages::quoted(row.unit),
                                    stages::quoted(row.meaning))
                      : "";
        parts.push_back(fmt::format(R"({}:{{"value":{},"default":{}{}}})", stages::quoted(row.key),
                                    value.empty() ? "null" : as_toml(row.type, value),
                                    !written(rule, row), words));
    }
    auto const& kind = stages::row_of(rule.kind);
    std::string const claim =
        explained ? fmt::format(R"("claim":{},"model":{},)", stages::quoted(kind.claim),
                                stages::quoted(to_text(kind.model)))
                  : "";
    return fmt::format(R"({{"name":{},"kind":{},{}"chains":[{}],"parameters":{{{}}}}})",
                       stages::quoted(rule.name), stages::quoted(to_text(rule.kind)), claim,
                       chains_json(config, rule), joined(parts, ","));
}

std::string_view model_words(Rule const& rule) {
    if (stages::row_of(rule.kind).model == stages::RuleModel::statistical)
        return "what is rare against what it has learned of this chain; what it knows too little "
               "of, it does not judge";
    if (stages::budget(rule))
        return "thresholds, which rise where they are met more often than its budget allows";
    return "fixed thresholds: what is over them is told, however ordinary it is";
}

std::string default_text(RuleKey const& row) {
    return row.fallback.empty() ? "-" : as_toml(row.type, row.fallback);
}

void append_key(RuleKey const& row, std::string& out) {
    out += fmt::format("    {:<18}{:<10}{:<28}{:<20}{}\n", row.key, to_text(row.type),
                       default_text(row), row.unit, row.meaning);
}

// Rows of the table that are the same for every kind are told once.
bool shared(RuleKey const& row) { return row.kinds == every_kind; }

} // namespace

RulePaths paths_of(Rule const& rule, ChainConfig const& chain) {
    return {!chain.endpoints.empty(),
            chain.subscan_url.has_value() && stages::row_of(rule.kind).legacy};
}

std::string rules_table(Config const& config) {
    std::string out;
    for (Rule const& rule : config.rules) {
        out += fmt::format("{}{}  {}\n    {:<18}{}\n", out.empty() ? "" : "\n", rule.name,
                           to_text(rule.kind), "runs on", chains_text(config, rule));
        for (RuleKey const& row : rule_keys()) {
            if (!listed(row, rule.kind)) continue;
            std::string const value = value_text(rule, row);
            std::string const text = value.empty() ? "-" : as_toml(row.type, value);
            out += written(rule, row) ? fmt::format("    {:<18}{}\n", row.key, text)
                                      : fmt::format("    {:<18}{:<28}default\n", row.key, text);
        }
    }
    return out;
}

std::string rules_json(Config const& config) {
    std::vector<std::string> parts;
    for (Rule const& rule : config.rules) parts.push_back(rule_json(config, rule, false));
    return fmt::format(R"({{"ok":true,"rules":[{}]}})", joined(parts, ","));
}

std::string rule_page(Config const& config, Rule const& rule) {
    auto const& kind = stages::row_of(rule.kind);
    std::string out = fmt::format("{}  {}\n    {:<18}{}\n    {:<18}{}\n    {:<18}{}\n", rule.name,
                                  kind.name, "claims", kind.claim, "judges by", model_words(rule),
                                  "runs on", chains_text(config, rule));
    for (RuleKey const& row : rule_keys()) {
        if (!listed(row, rule.kind)) continue;
        std::string const value = value_text(rule, row);
        std::string const text = value.empty() ? "-" : as_toml(row.type, value);
        out += fmt::format("    {:<18}{:<28}{:<9}{:<20}{}\n", row.key, text,
                           written(rule, row) ? "" : "default", row.unit, row.meaning);
    }
    return out;
}

std::string rule_page_json(Config const& config, Rule const& rule) {
    return fmt::format(R"({{"ok":true,"rule":{}}})", rule_json(config, rule, true));
}

std::string kinds_table() {
    std::string out = "every kind\n";
    for (RuleKey const& row : rule_keys())
        if (shared(row)) append_key(row, out);
    for (stages::RuleKindRow const& kind : stages::rule_kind_rows()) {
        out += fmt::format("\n{}: {} ({}; runs on {})\n", kind.name, kind.claim,
                           to_text(kind.model), joined(names_of(paths_of(kind)), ", "));
        for (RuleKey const& row : rule_keys())
            if (row.of(kind.kind) && !shared(row)) append_key(row, out);
    }
    return out;
}

std::string kinds_json() {
    std::vector<std::string> kinds;
    for (stages::RuleKindRow const& kind : stages::rule_kind_rows()) {
        std::vector<std::string> keys, paths;
        for (std::string const& name : names_of(paths_of(kind)))
            paths.push_back(stages::quoted(name));
        for (RuleKey const& row : rule_keys())
            if (row.of(kind.kind))
                keys.push_back(
                    fmt::format(R"({{"key":{},"type":{},"default":{},"unit":{},"meaning":{}}})",
                                stages::quoted(row.key), stages::quoted(to_text(row.type)),
                                row.fallback.empty() ? "null" : as_toml(row.type, row.fallback),
                                stages::quoted(row.unit), stages::quoted(row.meaning)));
        kinds.push_back(fmt::format(
            R"({{"kind":{},"claim":{},"model":{},"paths":[{}],"keys":[{}]}})",
            stages::quoted(kind.name), stages::quoted(kind.claim),
            stages::quoted(to_text(kind.model)), joined(paths, ","), joined(keys, ",")));
    }
    return fmt::format(R"({{"ok":true,"kinds":[{}]}})", joined(kinds, ","));
}

} // namespace config
