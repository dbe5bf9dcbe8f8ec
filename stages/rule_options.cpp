#include "stages/rule_options.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// Turns whole tokens into the smallest unit and remembers the first that has no room.
struct Amounts {
    std::uint8_t decimals = 0;
    std::string error{};

    u128 of(std::string_view key, std::optional<std::string> const& written,
            std::string_view fallback) {
        std::string_view const text = written ? std::string_view(*written) : fallback;
        auto const value = tokens_rounded_up(text, decimals);
        if (!value && error.empty())
            error = fmt::format("{} = \"{}\": a token with {} decimals has no such amount", key,
                                text, decimals);
        return value.value_or(0);
    }
    std::optional<u128> if_written(std::string_view key,
                                   std::optional<std::string> const& written) {
        return written ? std::optional(of(key, written, "")) : std::nullopt;
    }
};

template <class T>
void take(T& out, std::optional<T> const& written) {
    if (written) out = *written;
}

WatchOptions watch(RuleSettings const& set, Amounts& amounts) {
    WatchOptions out;
    out.min = amounts.of("min", set.min, "0");
    out.low = amounts.if_written("low", set.low);
    out.high = amounts.if_written("high", set.high);
    return out;
}

DormantOptions dormant(RuleSettings const& set, Amounts& amounts) {
    DormantOptions out;
    take(out.silence_s, set.silence_s);
    take(out.critical_silence_s, set.critical_silence_s);
    out.min = amounts.of("min", set.min, "10000");
    take(out.share, set.share);
    take(out.model_outs, set.warm);
    if (set.migrations)
        out.borders = *set.migrations;
    else
        for (Migration const& migration : migrations) out.borders.push_back(migration.end_s);
    return out;
}

CoordinationOptions coordination(RuleSettings const& set, Amounts& amounts) {
    CoordinationOptions out;
    out.min = amounts.of("min", set.min, "100000");
    take(out.clusters, set.clusters);
    take(out.critical_clusters, set.critical_clusters);
    take(out.windows_s, set.windows_s);
    take(out.once_in_s, set.once_in_s);
    return out;
}

GatheringOptions gathering(RuleSettings const& set, Amounts& amounts, bool outward) {
    GatheringOptions out;
    out.outward = outward;
    take(out.window_s, set.window_s);
    take(out.counterparties, set.counterparties);
    take(out.effective, set.effective);
    out.sum = amounts.of("sum", set.sum, "100000");
    take(out.exchanges, set.exchanges);
    return out;
}

DrainOptions drain(RuleSettings const& set, Amounts& amounts) {
    DrainOptions out;
    take(out.window_s, set.window_s);
    take(out.outflows, set.outflows);
    take(out.largest_share, set.largest_share);
    take(out.balance_share, set.balance_share);
    out.min = amounts.of("min", set.min, "10000");
    return out;
}

StructuringOptions structuring(RuleSettings const& set, Amounts& amounts) {
    StructuringOptions out;
    take(out.window_s, set.window_s);
    out.level = amounts.of("level", set.level, "10000");
    take(out.parts, set.parts);
    return out;
}

ExchangeFlowOptions exchange_flow(RuleSettings const& set, Amounts& amounts) {
    ExchangeFlowOptions out;
    take(out.windows_s, set.windows_s);
    take(out.z, set.z);
    out.floor = amounts.if_written("floor", set.floor);
    take(out.warm_windows, set.warm);
    return out;
}

WhaleOptions whale(RuleSettings const& set, Amounts& amounts, bool leaving) {
    WhaleOptions out;
    out.leaving = leaving;
    out.level = amounts.of("level", set.level, "100000");
    take(out.blocks, set.blocks);
    return out;
}

UnbondingOptions unbonding(RuleSettings const& set, Amounts& amounts) {
    UnbondingOptions out;
    out.min = amounts.of("min", set.min, "10000");
    take(out.unlock_s, set.unlock_s);
    take(out.follow_s, set.follow_s);
    return out;
}

BurstOptions burst(RuleSettings const& set, Amounts& amounts) {
    BurstOptions out;
    out.min = amounts.of("min", set.min, "0");
    take(out.model_outs, set.warm);
    take(out.factor, set.factor);
    take(out.run_s, set.run_s);
    return out;
}

MarketVolumeOptions market_volume(RuleSettings const& set) {
    MarketVolumeOptions out;
    take(out.window_s, set.window_s);
    take(out.z, set.z);
    take(out.warm_windows, set.warm);
    return out;
}

PassThroughOptions pass_through(RuleSettings const& set, Amounts& amounts) {
    PassThroughOptions out;
    out.min = amounts.of("min", set.min, "10000");
    take(out.hops, set.hops);
    take(out.hop_s, set.hop_s);
    take(out.keep, set.keep);
    return out;
}

TestThenLargeOptions test_then_large(RuleSettings const& set, Amounts& amounts) {
    TestThenLargeOptions out;
    out.large = amounts.of("large", set.large, "100000");
    take(out.probe_share, set.probe_share);
    take(out.window_s, set.window_s);
    return out;
}

LargeOptions large(Rule const& rule, Amounts& amounts) {
    RuleSettings const& set = rule.settings;
    LargeOptions out;
    out.share = set.share;
    out.floor = amounts.of("floor", set.floor, "10000");
    out.budget = budget(rule);
    out.usd = set.usd;
    take(out.price_age_s, set.price_age_s);
    out.levels = levels_of(rule, amounts.decimals);
    out.decimals = amounts.decimals;
    return out;
}

std::optional<PatternOptions> options_of(Rule const& rule, Amounts& amounts) {
    RuleSettings const& set = rule.settings;
    switch (rule.kind) {
    case RuleKind::watch: return watch(set, amounts);
    case RuleKind::dormant_awakening: return dormant(set, amounts);
    case RuleKind::coordination: return coordination(set, amounts);
    case RuleKind::consolidation: return gathering(set, amounts, false);
    case RuleKind::dispersion: return gathering(set, amounts, true);
    case RuleKind::drain: return drain(set, amounts);
    case RuleKind::structuring: return structuring(set, amounts);
    case RuleKind::exchange_flow: return exchange_flow(set, amounts);
    case RuleKind::new_whale: return whale(set, amounts, false);
    case RuleKind::whale_exit: return whale(set, amounts, true);
    case RuleKind::unbonding: return unbonding(set, amounts);
    case RuleKind::burst: return burst(set, amounts);
    case RuleKind::market_volume: return market_volume(set);
    case RuleKind::pass_through: return pass_through(set, amounts);
    case RuleKind::test_then_large: return test_then_large(set, amounts);
    case RuleKind::large_transfer:
        if (large_by_more(rule)) return large(rule, amounts);
        break;
    case RuleKind::chain_health: break;
    }
    return std::nullopt;
}

} // namespace

std::expected<PatternOptions, std::string> pattern_options(Rule const& rule,
                                                           std::uint8_t decimals) {
    Amounts amounts{decimals};
    auto options = options_of(rule, amounts);
    if (!options) return std::unexpected(fmt::format("{} is no pattern", to_text(rule.kind)));
    if (!amounts.error.empty()) return std::unexpected(std::move(amounts.error));
    return std::move(*options);
}

bool large_by_more(Rule const& rule) {
    RuleSettings const& set = rule.settings;
    bool const usd =
        std::ranges::any_of(set.usd, [](auto const& level) { return level.has_value(); });
    return rule.kind == RuleKind::large_transfer && (set.share || budget(rule) || usd);
}

bool severity_by_amount(RuleKind kind) {
    switch (kind) {
    case RuleKind::consolidation:
    case RuleKind::dispersion:
    case RuleKind::drain:
    case RuleKind::structuring:
    case RuleKind::pass_through:
    case RuleKind::test_then_large: return true;
    default: return false;
    }
}

} // namespace stages
