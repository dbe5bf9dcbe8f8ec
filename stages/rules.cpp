#include "stages/rules.hpp"

#include "decoders/amount.hpp"
#include "stages/account_set.hpp"

#include <algorithm>

namespace stages {

std::string_view to_text(Severity severity) {
    constexpr std::string_view names[] = {"notable", "important", "critical"};
    return names[static_cast<std::size_t>(severity)];
}

std::string_view to_text(RuleModel model) {
    return model == RuleModel::statistical ? "statistical" : "threshold";
}

namespace {

constexpr std::uint32_t hour_s = 3'600;

constexpr RuleKindRow threshold(RuleKind kind, std::string_view name, std::string_view claim) {
    return {kind, name, RuleModel::threshold, false, false, hour_s, 0, claim};
}

// By a model, which bounds how often it speaks by chance: once in 30 days by default.
constexpr RuleKindRow statistical(RuleKind kind, std::string_view name, double budget,
                                  std::string_view claim) {
    return {kind, name, RuleModel::statistical, false, false, hour_s, budget, claim};
}

// On both paths, of every asset; each movement is an alert of its own.
constexpr RuleKindRow single(RuleKind kind, std::string_view name, std::string_view claim) {
    return {kind, name, RuleModel::threshold, true, true, 0, 0, claim};
}

constexpr std::array<RuleKindRow, rule_kinds> rows{
    single(RuleKind::large_transfer, "large_transfer", "a movement is large"),
    single(RuleKind::watch, "watch", "a watched account moved, or crossed a balance mark"),
    threshold(RuleKind::dormant_awakening, "dormant_awakening",
              "an account silent for long acts again"),
    statistical(RuleKind::coordination, "coordination", 0,
                "several independent whales act together"),
    threshold(RuleKind::consolidation, "consolidation", "many sources to one"),
    threshold(RuleKind::dispersion, "dispersion", "one to many"),
    threshold(RuleKind::drain, "drain", "an account empties in many cuts"),
    threshold(RuleKind::structuring, "structuring", "a sum is split to stay under a level"),
    statistical(RuleKind::exchange_flow, "exchange_flow", 0,
                "the net flow of an exchange's cluster is unusual"),
    threshold(RuleKind::new_whale, "new_whale", "a balance crosses a level for good, upwards"),
    threshold(RuleKind::whale_exit, "whale_exit", "a balance falls below a level for good"),
    threshold(RuleKind::unbonding, "unbonding", "stake is being released"),
    statistical(RuleKind::burst, "burst", 0, "an account's rate jumps"),
    statistical(RuleKind::market_volume, "market_volume", 0, "the chain's volume is unusual"),
    threshold(RuleKind::pass_through, "pass_through", "funds hop quickly"),
    threshold(RuleKind::test_then_large, "test_then_large",
              "a small probe before the real transfer"),
    threshold(RuleKind::chain_health, "chain_health", "the chain or a source is not well"),
};

constexpr bool in_their_places() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].kind) != i) return false;
    return true;
}
static_assert(in_their_places());

bool lists(Rule const& rule, std::string_view what) {
    return std::find(rule.assets.begin(), rule.assets.end(), what) != rule.assets.end();
}

} // namespace

std::span<RuleKindRow const> rule_kind_rows() { return rows; }

RuleKindRow const& row_of(RuleKind kind) { return rows[static_cast<std::size_t>(kind)]; }

std::string_view to_text(RuleKind kind) { return row_of(kind).name; }

std::optional<RuleKind> rule_kind_named(std::string_view name) {
    for (RuleKindRow const& row : rows)
        if (row.name == name) return row.kind;
    return std::nullopt;
}

std::vector<decoders::Account> audited_accounts(std::vector<Rule> const& rules,
                                                std::uint16_t chain) {
    std::vector<decoders::Account> accounts;
    for (Rule const& rule : rules)
        if (rule.chains[chain])
            accounts.insert(accounts.end(), rule.settings.audit.begin(), rule.settings.audit.end());
    return sorted_set(std::move(accounts));
}

std::uint32_t audit_every(std::vector<Rule> const& rules, std::uint16_t chain) {
    std::optional<std::uint32_t> least;
    for (Rule const& rule : rules)
        if (rule.chains[chain] && !rule.settings.audit.empty())
            least = std::min(least.value_or(~std::uint32_t{0}),
                             rule.settings.audit_every_s.value_or(audit_every_s));
    return least.value_or(audit_every_s);
}

std::uint32_t cooldown_s(Rule const& rule) {
    return rule.settings.cooldown_s.value_or(row_of(rule.kind).cooldown_s);
}

std::optional<double> budget(Rule const& rule) {
    double const alerts = rule.settings.budget.value_or(row_of(rule.kind).budget);
    return alerts > 0 ? std::optional(alerts) : std::nullopt;
}

bool looks_at_one_movement(RuleKind kind) {
    return kind == RuleKind::large_transfer || kind == RuleKind::watch;
}

bool covers_native(Rule const& rule, ChainFacts const& chain) {
    if (!looks_at_one_movement(rule.kind)) return false;
    return lists(rule, "native") || lists(rule, "*") || lists(rule, chain.symbol.view());
}

bool covers(Rule const& rule, AssetFacts const& asset) {
    if (!looks_at_one_movement(rule.kind)) return false;
    bool const by_symbol = asset.symbol.size > 0 && lists(rule, asset.symbol.view());
    return lists(rule, "*") || lists(rule, asset.id.view()) || by_symbol;
}

std::optional<u128> tokens_rounded_up(std::string_view text, std::uint8_t decimals) {
    auto const exact = decoders::parse_tokens(text, decimals);
    if (exact) return *exact;
    if (exact.error().code != decoders::Code::amount_decimals) return std::nullopt;
    // Digits beyond the smallest unit count: they are cut off, and one unit is added.
    std::size_t const point = text.find('.');
    std::size_t const kept = decimals == 0 ? point : point + 1 + decimals;
    auto const down = decoders::parse_tokens(text.substr(0, kept), decimals);
    if (!down || *down == ~u128{0}) return std::nullopt;
    return *down + 1;
}

Levels levels_of(Rule const& rule, std::uint8_t decimals) {
    Levels levels;
    for (std::size_t i = 0; i < severities; ++i) {
        if (!rule.levels[i]) continue;
        auto const value = tokens_rounded_up(*rule.levels[i], decimals);
        levels.on[i] = value.has_value();
        levels.at[i] = value.value_or(0);
    }
    return levels;
}

Levels levels_without_decimals(Rule const& rule) {
    Levels levels;
    for (std::size_t i = 0; i < severities; ++i) {
        if (!rule.levels[i]) continue;
        auto const value = decoders::parse_tokens(*rule.levels[i], decoders::max_decimals);
        levels.on[i] = value && *value == 0;
    }
    return levels;
}

} // namespace stages
