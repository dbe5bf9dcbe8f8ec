// The comparison of the paths as people and programs see it (spyhop shadow report, shadow
// mismatches): aligned text, and the members of interface.md section 9.
//
//   {"name":"polkadot","pairs":1200,"agree":1180,…,"adjudicated":{…},
//    "accuracy":{"estimate":0.99,"lower":0.97,"upper":0.998,"samples":1190},…}
//
// An estimate without samples is null, and its interval is [0, 1]: nothing is proved. both_wrong
// counts for hybrid_wrong and for legacy_wrong. Pure.
#pragma once

#include "stages/shadow_figures.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stages {

struct ShadowView {
    std::string name; // of the chain
    ShadowNote note{};
    std::optional<double> resource_ratio{}; // hybrid's use / legacy's, measured elsewhere
};

struct MismatchView {
    std::string chain;
    std::string rule;
    std::uint16_t ss58_prefix = 42;
    ShadowMismatch mismatch{};
};

std::string_view to_text(ShadowClass what);
std::string_view to_text(Ruling ruling);

std::string shadow_table(std::vector<ShadowView> const& chains, double alpha = alpha_usual);
// The array behind "chains".
std::string shadow_json(std::vector<ShadowView> const& chains, double alpha = alpha_usual);

std::string mismatches_table(std::vector<MismatchView> const& mismatches);
// The array behind "mismatches".
std::string mismatches_json(std::vector<MismatchView> const& mismatches);

} // namespace stages
