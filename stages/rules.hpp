// Rules as detectors see them: checked, without text that still has to be parsed per event.
//
// A threshold is written in whole tokens; what that is in the smallest unit depends on the asset,
// so it is worked out once per chain and asset, exactly. What is not written is absent here; what
// that means is in the row of the kind, in pattern_options.hpp and in rule_options.hpp. Pure; any
// thread.
#pragma once

#include "stages/messages.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stages {

inline constexpr std::size_t severities = 3; // notable, important, critical
std::string_view to_text(Severity severity);

enum class RuleKind : std::uint8_t {
    large_transfer,
    watch,
    dormant_awakening,
    coordination,
    consolidation,
    dispersion,
    drain,
    structuring,
    exchange_flow,
    new_whale,
    whale_exit,
    unbonding,
    burst,
    market_volume,
    pass_through,
    test_then_large,
    chain_health,
};
inline constexpr std::size_t rule_kinds = 17;

// threshold: works from the first block. statistical: judges by a model that has to warm up, and
// keeps a budget of alerts.
enum class RuleModel : std::uint8_t { threshold, statistical };
std::string_view to_text(RuleModel model);

struct RuleKindRow {
    RuleKind kind{};
    std::string_view name;
    RuleModel model{};
    bool legacy = false;          // Subscan's rows are enough for it; else it needs a node's blocks
    bool any_asset = false;       // else it looks at the chain's own token only
    std::uint32_t cooldown_s = 0; // by default
    double budget = 0;            // alerts a day, by default; 0: none, its thresholds stay
    std::string_view claim;
};
std::span<RuleKindRow const> rule_kind_rows(); // by RuleKind
RuleKindRow const& row_of(RuleKind kind);
std::string_view to_text(RuleKind kind);
std::optional<RuleKind> rule_kind_named(std::string_view name);

// What may be written about a rule besides its name, kind, chains, assets and levels. Amounts are
// decimal whole tokens. Which kinds have which: config/rule_keys.cpp.
struct RuleSettings {
    // Of every kind.
    std::optional<Severity> severity{}; // instead of what its kind would say
    std::optional<std::uint32_t> cooldown_s{};
    std::optional<double> budget{}; // alerts a day on ordinary traffic
    std::vector<decoders::Account> include{}, exclude{};
    std::vector<std::string> include_labels{}, exclude_labels{};
    // Of some.
    std::optional<std::string> min{}, sum{}, level{}, floor{}, large{}, low{}, high{};
    std::optional<std::uint32_t> window_s{}, silence_s{}, critical_silence_s{}, hop_s{};
    std::optional<std::uint32_t> follow_s{}, unlock_s{}, run_s{}, once_in_s{};
    std::optional<std::array<std::uint32_t, 2>> windows_s{};
    std::optional<double> share{}, largest_share{}, balance_share{}, probe_share{}, keep{};
    std::optional<double> effective{}, z{}, factor{};
    std::optional<std::uint32_t> counterparties{}, outflows{}, parts{}, clusters{};
    std::optional<std::uint32_t> critical_clusters{}, blocks{}, hops{}, warm{};
    std::optional<bool> exchanges{};
    std::array<std::optional<std::string>, severities> usd{}; // levels in US dollars
    std::optional<std::uint32_t> price_age_s{};
    std::optional<std::uint32_t> stall_s{}, finality_stall_s{}, distance{}, reorg{};
    std::optional<double> stall_factor{};
    std::vector<std::string> what{};        // of chain_health; empty: everything
    std::vector<decoders::Account> audit{}; // of chain_health: whose balances
    std::optional<std::uint32_t> audit_every_s{};
    std::optional<std::vector<std::uint32_t>> migrations{}; // unix seconds
};

// A key that was written, and where its value stands; for messages.
struct RuleKeyPlace {
    std::string key;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

struct Rule {
    std::string name{};
    RuleKind kind{};
    std::vector<bool> chains{};                                  // by index of the chain
    std::vector<std::string> assets{};                           // "native", "*", symbols, ids
    std::array<std::optional<std::string>, severities> levels{}; // decimal whole tokens
    bool every_chain = false;                                    // chains = ["*"]
    RuleSettings settings{};
    std::vector<RuleKeyPlace> given{}; // empty where no file was read
};

// Accounts whose balances some chain_health rule of the chain audits, and how often: as often as
// the most eager of them wants. Empty: none.
std::vector<decoders::Account> audited_accounts(std::vector<Rule> const& rules,
                                                std::uint16_t chain);
inline constexpr std::uint32_t audit_every_s = 60; // where a rule does not say
std::uint32_t audit_every(std::vector<Rule> const& rules, std::uint16_t chain);

std::uint32_t cooldown_s(Rule const& rule);
// Nothing: the rule keeps its thresholds, however often they are met.
std::optional<double> budget(Rule const& rule);

// Levels in the smallest unit; a level that is absent, or above every u128, is never met.
struct Levels {
    std::array<u128, severities> at{};
    std::array<bool, severities> on{};

    // The highest level the amount meets; equality meets it.
    std::optional<Severity> met(u128 amount) const {
        for (std::size_t i = severities; i-- > 0;)
            if (on[i] && amount >= at[i]) return static_cast<Severity>(i);
        return std::nullopt;
    }
};

// large_transfer and watch: judged at once, on whatever path brings the movement.
bool looks_at_one_movement(RuleKind kind);

// Of those: whether they look at movements of that asset. Rules of other kinds cover nothing.
bool covers_native(Rule const& rule, ChainFacts const& chain);
bool covers(Rule const& rule, AssetFacts const& asset);

// In the smallest unit; finer than that is rounded up to it. Nothing: no amount can be so large.
// The text is a plain decimal number.
std::optional<u128> tokens_rounded_up(std::string_view text, std::uint8_t decimals);

// A level finer than the token's smallest unit is rounded up to it.
Levels levels_of(Rule const& rule, std::uint8_t decimals);

// For assets whose decimals nobody has said: only a level of zero can be judged.
Levels levels_without_decimals(Rule const& rule);

} // namespace stages
