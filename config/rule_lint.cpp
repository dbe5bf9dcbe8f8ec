#include "config/rule_lint.hpp"

#include "config/rule_keys.hpp"
#include "io/files.hpp"
#include "stages/admin_request.hpp"
#include "stages/conservation.hpp"
#include "stages/labels.hpp"
#include "stages/rule_options.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace config {

namespace {

using stages::Rule;
using stages::RuleKind;

constexpr std::string_view dot_chains[] = {"polkadot", "polkadot-asset-hub", "asset-hub-polkadot",
                                           "assethub-polkadot", "statemint"};
constexpr std::string_view ksm_chains[] = {"kusama", "kusama-asset-hub", "asset-hub-kusama",
                                           "assethub-kusama", "statemine"};
constexpr std::string_view tao_chains[] = {"bittensor", "finney"};

// A bound with room rather than a number of the day: a rule must not be refused for growth.
constexpr KnownSupply supplies[] = {
    {"DOT", "2100000000", "2025-09-14", "capped by referendum 1710", dot_chains},
    {"KSM", "40000000", "2026-06-19", "18.4 million were there, growing by 10 % a year at most",
     ksm_chains},
    {"TAO", "21000000", "2026-06-19", "capped by its schedule of halvings", tao_chains},
};

KnownSupply const* supply_of(std::string_view chain) {
    for (KnownSupply const& supply : supplies)
        if (std::ranges::find(supply.chains, chain) != supply.chains.end()) return &supply;
    return nullptr;
}

// One rule, and a way to complain at one of its keys.
struct Look {
    Config const& config;
    Rule const& rule;
    std::vector<Problem>& problems;

    bool given(std::string_view key) const {
        return std::ranges::any_of(rule.given, [&](auto& one) { return one.key == key; });
    }
    Where where(std::string_view key) const {
        for (stages::RuleKeyPlace const& one : rule.given)
            if (one.key == key) return {one.line, one.column};
        return {};
    }
    void say(std::string_view key, std::string const& text, bool warning = false) const {
        problems.push_back({where(key), fmt::format("rule.{}: {}", key, text), warning});
    }
    // At the first of the two that was written.
    void say_of_two(std::string_view first, std::string_view second,
                    std::string const& text) const {
        say(given(first) ? first : second, text);
    }
    std::string value(std::string_view key) const {
        RuleKey const* const row = find_rule_key(key, rule.kind);
        return row == nullptr ? std::string() : value_text(rule, *row);
    }
    bool covers(std::size_t chain) const {
        return chain < rule.chains.size() && rule.chains[chain];
    }
};

// ---- keys of one rule that contradict each other -----------------------------------------------

void lint_marks(Look const& look) {
    auto const& [low, high] = std::tie(look.rule.settings.low, look.rule.settings.high);
    if (!low || !high || !decimal_less(*high, *low)) return;
    look.say("low", fmt::format("\"{}\" is above the high mark, \"{}\": every balance would cross "
                                "one of them",
                                *low, *high));
}

// What makes it critical may not come before what makes it at all.
void lint_critical(Look const& look) {
    stages::RuleSettings const& set = look.rule.settings;
    stages::DormantOptions const dormant;
    stages::CoordinationOptions const coordination;
    bool const silent = look.rule.kind == RuleKind::dormant_awakening &&
                        set.critical_silence_s.value_or(dormant.critical_silence_s) <
                            set.silence_s.value_or(dormant.silence_s);
    bool const alone = look.rule.kind == RuleKind::coordination &&
                       set.critical_clusters.value_or(coordination.critical_clusters) <
                           set.clusters.value_or(coordination.clusters);
    if (!silent && !alone) return;
    std::string_view const least = silent ? "silence" : "clusters";
    std::string_view const critical = silent ? "critical_silence" : "critical_clusters";
    look.say_of_two(critical, least,
                    fmt::format("critical_{0} is {1} and {0} is {2}: all would be critical", least,
                                look.value(critical), look.value(least)));
}

void lint_path(Look const& look) {
    if (look.rule.kind != RuleKind::pass_through) return;
    stages::PassThroughOptions const standard;
    std::uint64_t const hops = look.rule.settings.hops.value_or(standard.hops);
    std::uint64_t const hop_s = look.rule.settings.hop_s.value_or(standard.hop_s);
    if (hops * hop_s <= history_kept_s) return;
    look.say_of_two("hop", "hops",
                    fmt::format("{} hops of {} are longer than 7d: movements are kept for 7 days",
                                hops, look.value("hop")));
}

void lint_budget(Look const& look) {
    stages::RuleKindRow const& row = stages::row_of(look.rule.kind);
    if (row.model != stages::RuleModel::statistical || look.rule.settings.budget != 0) return;
    look.say("budget", fmt::format("{} raises its thresholds until the budget is kept; with 0 "
                                   "alerts a day it would never speak",
                                   row.name));
}

void lint_accounts(Look const& look) {
    stages::RuleSettings const& set = look.rule.settings;
    for (std::size_t i = 0; i < set.include.size(); ++i)
        if (std::ranges::find(set.exclude, set.include[i]) != set.exclude.end())
            look.say("include", fmt::format("entry {} is excluded, too", i + 1));
    for (std::string const& label : set.include_labels)
        if (std::ranges::find(set.exclude_labels, label) != set.exclude_labels.end())
            look.say("include_labels", fmt::format("\"{}\" is excluded, too", label));
}

// What is audited and what is looked for have to agree.
void lint_audit(Look const& look) {
    stages::RuleSettings const& set = look.rule.settings;
    if (look.rule.kind != RuleKind::chain_health) return;
    bool const wanted = std::ranges::find(set.what, "conservation") != set.what.end();
    if (wanted && set.audit.empty())
        look.say("what", "\"conservation\" needs `audit`: the accounts whose balances are compared "
                         "with the movements decoded");
    if (set.audit.empty() && look.given("audit_every"))
        look.say("audit_every", "says nothing, because there is no `audit`", true);
    for (std::size_t i = 0; i < look.config.chains.size(); ++i) {
        if (!look.covers(i) || set.audit.empty()) continue;
        std::size_t const all =
            stages::audited_accounts(look.config.rules, static_cast<std::uint16_t>(i)).size();
        if (all <= stages::Conservation::accounts_max) continue;
        return look.say("audit", fmt::format("{} accounts of \"{}\" are audited by all rules "
                                             "together; at most {} can be",
                                             all, look.config.chains[i].name,
                                             stages::Conservation::accounts_max));
    }
}

void lint_severity(Look const& look) {
    if (!look.rule.settings.severity || look.rule.kind == RuleKind::large_transfer) return;
    for (std::string_view const key : {"important", "critical"})
        if (look.given(key)) look.say(key, "says nothing, because severity is written", true);
}

// ---- what the chains say -----------------------------------------------------------------------

void lint_endpoints(Look const& look) {
    if (stages::row_of(look.rule.kind).legacy) return;
    auto const& chains = look.config.chains;
    std::vector<std::string_view> dead;
    std::size_t covered = 0;
    for (std::size_t i = 0; i < chains.size(); ++i) {
        if (!look.covers(i)) continue;
        ++covered;
        if (chains[i].endpoints.empty()) dead.push_back(chains[i].name);
    }
    // Everywhere means wherever it can run; a chain that is named is meant.
    if (dead.empty() || (look.rule.every_chain && dead.size() < covered)) return;
    for (std::string_view const name : dead)
        look.say(look.given("chains") ? "chains" : "kind",
                 fmt::format("{} needs a node's blocks and \"{}\" has no endpoints: it would never "
                             "run there",
                             to_text(look.rule.kind), name));
}

void lint_dollars(Look const& look) {
    constexpr std::string_view keys[] = {"notable_usd", "important_usd", "critical_usd"};
    auto const& chains = look.config.chains;
    bool priced = false;
    for (std::size_t i = 0; i < chains.size(); ++i)
        priced =
            priced || (look.covers(i) && chains[i].subscan_url && !chains[i].endpoints.empty());
    auto const written = std::ranges::find_if(keys, [&](auto key) { return look.given(key); });
    if (written == std::end(keys) || (priced && look.config.enrich.prices)) return;
    look.say(*written, "would never be met: prices come from Subscan, and need a chain with "
                       "endpoints and a subscan_url, and [enrich] prices");
}

// Where its chains' tokens differ, one chain on which the threshold can be met is enough.
KnownSupply const* largest_supply(Look const& look) {
    KnownSupply const* largest = nullptr;
    for (std::size_t i = 0; i < look.config.chains.size(); ++i) {
        if (!look.covers(i)) continue;
        KnownSupply const* const supply = supply_of(look.config.chains[i].name);
        if (supply == nullptr) return nullptr;
        if (largest == nullptr || decimal_less(largest->tokens, supply->tokens)) largest = supply;
    }
    return largest;
}

void lint_supply(Look const& look) {
    bool const native =
        std::ranges::all_of(look.rule.assets, [](auto& asset) { return asset == "native"; });
    KnownSupply const* const supply = native ? largest_supply(look) : nullptr;
    if (supply == nullptr) return;
    for (RuleKey const& row : rule_keys()) {
        if (row.type != KeyType::amount || !row.of(look.rule.kind)) continue;
        if (std::holds_alternative<UsdPlace>(row.place)) continue;
        auto const value = written_text(look.rule, row);
        if (!value || !decimal_less(supply->tokens, *value)) continue;
        look.say(row.key,
                 fmt::format("\"{}\" is never met: there are at most {} {} ({}, as of {})", *value,
                             supply->tokens, supply->symbol, supply->why, supply->as_of));
    }
}

// ---- two rules ---------------------------------------------------------------------------------

// Everything that a rule says, its name apart.
std::string fingerprint(Rule const& rule) {
    std::string text;
    for (bool const runs : rule.chains) text += runs ? '1' : '0';
    for (RuleKey const& row : rule_keys()) {
        if (!row.of(rule.kind) || row.key == "name" || row.key == "chains") continue;
        std::string const value =
            row.key == "kind" ? std::string(to_text(rule.kind)) : value_text(rule, row);
        text += fmt::format("\n{}={}", row.key, value);
    }
    return text;
}

void lint_twins(Config const& config, std::vector<Problem>& problems) {
    std::map<std::string, std::string_view> seen;
    for (Rule const& rule : config.rules) {
        if (rule.assets.empty()) continue; // its kind could not be read
        auto const [first, is_new] = seen.emplace(fingerprint(rule), rule.name);
        if (is_new) continue;
        Look{config, rule, problems}.say(
            "kind", fmt::format("\"{}\" says the same: each alert would come twice", first->second),
            true);
    }
}

void lint_list(Look const& look, std::string_view key, std::vector<std::string> const& labels,
               std::vector<std::string_view> const& known) {
    for (std::string const& label : labels) {
        if (std::ranges::binary_search(known, std::string_view(label))) continue;
        std::string_view const near = stages::nearest(label, known);
        look.say(key, fmt::format("nobody is labelled \"{}\"{}", label,
                                  near.empty() ? std::string("; labels come from [[watch]] and the "
                                                             "files of [labels]")
                                               : fmt::format("; did you mean \"{}\"?", near)));
    }
}

} // namespace

std::span<KnownSupply const> known_supplies() { return supplies; }

void lint_rules(Config const& config, std::vector<Problem>& problems) {
    for (Rule const& rule : config.rules) {
        Look const look{config, rule, problems};
        lint_marks(look);
        lint_critical(look);
        lint_path(look);
        lint_budget(look);
        lint_accounts(look);
        lint_audit(look);
        lint_severity(look);
        lint_endpoints(look);
        lint_dollars(look);
        lint_supply(look);
    }
    lint_twins(config, problems);
}

void lint_labels(Config const& config, std::span<std::string_view const> known,
                 std::vector<Problem>& problems) {
    std::vector<std::string_view> sorted(known.begin(), known.end());
    std::ranges::sort(sorted);
    for (Rule const& rule : config.rules) {
        Look const look{config, rule, problems};
        lint_list(look, "include_labels", rule.settings.include_labels, sorted);
        lint_list(look, "exclude_labels", rule.settings.exclude_labels, sorted);
    }
}

std::vector<std::string_view> labels_of_watches(Config const& config) {
    std::vector<std::string_view> labels;
    for (WatchConfig const& watch : config.watches)
        if (!watch.label.empty()) labels.push_back(watch.label);
    return labels;
}

void lint_labels_of_files(Config const& config, std::vector<Problem>& problems) {
    stages::LabelLimits const limits;
    std::vector<stages::LabelFile> files;
    for (std::string const& path : config.labels.files) {
        auto const text = io::read_file(path, limits.file_bytes_max);
        if (!text) return;
        files.push_back(stages::parse_labels(*text, path, limits));
    }
    auto known = labels_of_watches(config);
    for (stages::LabelFile const& file : files)
        for (stages::LabelRow const& row : file.rows) known.push_back(file.label(row));
    lint_labels(config, known, problems);
}

Loaded load_and_lint(std::string const& path) {
    Loaded loaded = load(path);
    if (!loaded.config.labels.files.empty()) lint_labels_of_files(loaded.config, loaded.problems);
    std::ranges::sort(loaded.problems, {}, [](Problem const& problem) {
        return std::tie(problem.where.line, problem.where.column, problem.text);
    });
    return loaded;
}

} // namespace config
