// Rules as detectors see them: checked, without text that still has to be parsed per event.
//
// A threshold is written in whole tokens; what that is in the smallest unit depends on the asset,
// so it is worked out once per chain and asset, exactly. Pure; any thread.
#pragma once

#include "stages/messages.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace stages {

inline constexpr std::size_t severities = 3; // notable, important, critical
std::string_view to_text(Severity severity);

enum class RuleKind : std::uint8_t { large_transfer };
std::string_view to_text(RuleKind kind);

struct Rule {
    std::string name;
    RuleKind kind{};
    std::vector<bool> chains;                                    // by index of the chain
    std::vector<std::string> assets;                             // "native", "*", symbols, ids
    std::array<std::optional<std::string>, severities> levels{}; // decimal whole tokens
};

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

bool covers_native(Rule const& rule, ChainFacts const& chain);
bool covers(Rule const& rule, AssetFacts const& asset);

// A level finer than the token's smallest unit is rounded up to it.
Levels levels_of(Rule const& rule, std::uint8_t decimals);

// For assets whose decimals nobody has said: only a level of zero can be judged.
Levels levels_without_decimals(Rule const& rule);

} // namespace stages
