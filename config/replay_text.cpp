// The difference that a changed configuration makes, as people and programs read it.
#include "config/replay.hpp"

#include "decoders/hex.hpp"
#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace config {

namespace {

// One alert that differs: where it stands in `before`, in `after`, or in both.
struct Entry {
    std::string_view change;
    ReplayedAlert const* before = nullptr;
    ReplayedAlert const* after = nullptr;

    ToldAlert const& told() const { return after != nullptr ? after->last : before->last; }
};

// In the order of the chain, whatever has become of them.
std::vector<Entry> entries_of(ReplayDifference const& found) {
    std::vector<Entry> all;
    for (ReplayedAlert const& one : found.added) all.push_back({"added", nullptr, &one});
    for (ReplayedAlert const& one : found.dropped) all.push_back({"dropped", &one, nullptr});
    for (AlertChange const& one : found.changed)
        all.push_back({"changed", &one.before, &one.after});
    std::ranges::stable_sort(all, {}, [](Entry const& one) { return one.told().told_ms; });
    return all;
}

std::string amount_of(ToldAlert const& told) {
    return told.symbol.empty() ? told.amount : told.amount + ' ' + told.symbol;
}

// "1200 DOT", or "900 DOT -> 1200 DOT".
template <class Text>
std::string then_now(Entry const& one, Text text) {
    if (one.before == nullptr || one.after == nullptr) return text(one.told());
    std::string const before = text(one.before->last), after = text(one.after->last);
    return before == after ? after : before + " -> " + after;
}

std::string severity_text(Entry const& one) {
    return then_now(one, [](ToldAlert const& told) { return std::string(to_text(told.severity)); });
}

Config const& config_of(Entry const& one, Config const& before, Config const& after) {
    return one.after != nullptr ? after : before;
}

std::string_view fate_text(RuleFate fate) {
    constexpr std::string_view names[] = {"same", "changed", "added", "dropped"};
    return names[static_cast<std::size_t>(fate)];
}

std::string keys_text(RuleDifference const& rule) {
    if (rule.fate == RuleFate::added) return "a new rule";
    if (rule.fate == RuleFate::dropped) return "it is gone";
    std::vector<std::string> parts;
    auto const value = [](std::string const& text) { return text.empty() ? "-" : text; };
    for (KeyChange const& key : rule.keys)
        parts.push_back(fmt::format("{} {} -> {}", key.key, value(key.before), value(key.after)));
    return parts.empty() ? "as it was" : fmt::format("{}", fmt::join(parts, "; "));
}

std::string entry_json(Config const& before, Config const& after, Entry const& one) {
    ToldAlert const& told = one.told();
    Config const& config = config_of(one, before, after);
    stages::Rule const& rule = config.rules[told.rule];
    auto const side = [](ReplayedAlert const* alert) {
        if (alert == nullptr) return std::string("null");
        return fmt::format(R"({{"severity":"{}","state":"final","amount":{},"lines":{}}})",
                           to_text(alert->last.severity), stages::quoted(alert->last.amount),
                           alert->lines);
    };
    return fmt::format(
        R"({{"change":"{}","id":"{}","rule":{},"kind":"{}","chain":{},"block":{},"event":{},)"
        R"("timestamp":{},"symbol":{},"before":{},"after":{}}})",
        one.change, decoders::hex_text(told.id).substr(2), stages::quoted(rule.name),
        stages::to_text(rule.kind), stages::quoted(config.chains[told.chain].name), told.block,
        told.event, told.time_ms == 0 ? "null" : stages::quoted(stages::utc_text(told.time_ms)),
        stages::quoted(told.symbol), side(one.before), side(one.after));
}

std::string rule_json(RuleDifference const& rule) {
    std::vector<std::string> keys;
    auto const value = [](std::string const& text) {
        return text.empty() ? "null" : stages::quoted(text);
    };
    for (KeyChange const& key : rule.keys)
        keys.push_back(fmt::format(R"({{"key":{},"before":{},"after":{}}})",
                                   stages::quoted(key.key), value(key.before), value(key.after)));
    return fmt::format(R"({{"rule":{},"fate":"{}","keys":[{}],"alerts":{{"before":{},"after":{}}},)"
                       R"("added":{},"dropped":{},"changed":{}}})",
                       stages::quoted(rule.name), fate_text(rule.fate), fmt::join(keys, ","),
                       rule.alerts_before, rule.alerts_after, rule.added, rule.dropped,
                       rule.changed);
}

std::string counts_json(ReplayDifference const& found) {
    return fmt::format(R"({{"added":{},"dropped":{},"changed":{},"same":{}}})", found.added.size(),
                       found.dropped.size(), found.changed.size(), found.same);
}

} // namespace

std::string difference_table(Config const& before, Config const& after,
                             ReplayDifference const& found) {
    std::size_t wide = 4, chains = 5, severities = 8;
    auto const entries = entries_of(found);
    for (RuleDifference const& rule : found.rules) wide = std::max(wide, rule.name.size());
    for (Entry const& one : entries) {
        chains =
            std::max(chains, config_of(one, before, after).chains[one.told().chain].name.size());
        severities = std::max(severities, severity_text(one).size());
    }
    std::string text =
        fmt::format("{:<{}}  {:>7}  {:>7}  {:>6}  {:>8}  {:>8}  {}\n", "RULE", wide, "BEFORE",
                    "AFTER", "ADDED", "DROPPED", "CHANGED", "WHAT CHANGED IN IT");
    for (RuleDifference const& rule : found.rules)
        text += fmt::format("{:<{}}  {:>7}  {:>7}  {:>6}  {:>8}  {:>8}  {}\n", rule.name, wide,
                            rule.alerts_before, rule.alerts_after, rule.added, rule.dropped,
                            rule.changed, keys_text(rule));
    if (!entries.empty())
        text += fmt::format("\n{:<7}  {:<{}}  {:<{}}  {:<{}}  {:>10}  {:>5}  {:<8}  {}\n", "ALERT",
                            "SEVERITY", severities, "RULE", wide, "CHAIN", chains, "BLOCK", "EVENT",
                            "ID", "AMOUNT");
    for (Entry const& one : entries) {
        ToldAlert const& told = one.told();
        Config const& config = config_of(one, before, after);
        std::string const often =
            one.before != nullptr && one.after != nullptr && one.before->lines != one.after->lines
                ? fmt::format(", told {} times -> {}", one.before->lines, one.after->lines)
                : "";
        text +=
            fmt::format("{:<7}  {:<{}}  {:<{}}  {:<{}}  {:>10}  {:>5}  {:<8}  {}{}\n", one.change,
                        severity_text(one), severities, config.rules[told.rule].name, wide,
                        config.chains[told.chain].name, chains, told.block, told.event,
                        decoders::hex_text(told.id).substr(2, 8), then_now(one, amount_of), often);
    }
    return text + fmt::format("\n{} added, {} dropped, {} changed, {} the same\n",
                              found.added.size(), found.dropped.size(), found.changed.size(),
                              found.same);
}

std::string difference_json(Config const& before, Config const& after,
                            ReplayDifference const& found) {
    std::vector<std::string> rules, alerts;
    for (RuleDifference const& rule : found.rules) rules.push_back(rule_json(rule));
    for (Entry const& one : entries_of(found)) alerts.push_back(entry_json(before, after, one));
    return fmt::format("{{\"ok\":true,\"rules\":[{}],\"alerts\":[{}],\"counts\":{}}}\n",
                       fmt::join(rules, ","), fmt::join(alerts, ","), counts_json(found));
}

std::string difference_ndjson(Config const& before, Config const& after,
                              ReplayDifference const& found) {
    std::string text;
    for (Entry const& one : entries_of(found)) text += entry_json(before, after, one) + '\n';
    return text + fmt::format("{{\"counts\":{}}}\n", counts_json(found));
}

} // namespace config
