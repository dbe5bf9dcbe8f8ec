#include "stages/rules.hpp"

#include "decoders/amount.hpp"

#include <algorithm>

namespace stages {

std::string_view to_text(Severity severity) {
    constexpr std::string_view names[] = {"notable", "important", "critical"};
    return names[static_cast<std::size_t>(severity)];
}

std::string_view to_text(RuleKind) { return "large_transfer"; }

namespace {

bool lists(Rule const& rule, std::string_view what) {
    return std::find(rule.assets.begin(), rule.assets.end(), what) != rule.assets.end();
}

// Digits beyond the smallest unit cut off, and one unit added if any of them counted.
std::optional<u128> rounded_up(std::string_view text, std::uint8_t decimals) {
    std::size_t const point = text.find('.');
    std::size_t const kept = decimals == 0 ? point : point + 1 + decimals;
    auto const down = decoders::parse_tokens(text.substr(0, kept), decimals);
    if (!down || *down == ~u128{0}) return std::nullopt;
    return *down + 1;
}

} // namespace

bool covers_native(Rule const& rule, ChainFacts const& chain) {
    return lists(rule, "native") || lists(rule, "*") || lists(rule, chain.symbol.view());
}

bool covers(Rule const& rule, AssetFacts const& asset) {
    bool const by_symbol = asset.symbol.size > 0 && lists(rule, asset.symbol.view());
    return lists(rule, "*") || lists(rule, asset.id.view()) || by_symbol;
}

Levels levels_of(Rule const& rule, std::uint8_t decimals) {
    Levels levels;
    for (std::size_t i = 0; i < severities; ++i) {
        if (!rule.levels[i]) continue;
        std::optional<u128> value;
        auto const exact = decoders::parse_tokens(*rule.levels[i], decimals);
        if (exact)
            value = *exact;
        else if (exact.error().code == decoders::Code::amount_decimals)
            value = rounded_up(*rule.levels[i], decimals);
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
