// The rollout plan from its TOML file: steps, gates, ladder. Unknown keys, percentages or tiers
// that fall, limits in the wrong unit and the like are refused with file, line and column.
//
// Read once, at a start or a reload; any thread. Touches nothing but the file itself. Units: shares
// are written "95%", factors as numbers, durations "24h".
#pragma once

#include "config/config.hpp"
#include "stages/rollout.hpp"

namespace config {

struct LoadedPlan {
    std::string file;
    stages::RolloutPlan plan;
    std::vector<Problem> problems; // in the order of their places

    bool usable() const; // otherwise the plan is not whole
};

LoadedPlan load_rollout_plan(std::string const& path);
// The one that `[rollout] plan` names, or the shipped one.
LoadedPlan rollout_plan_of(Config const& config);
LoadedPlan load_rollout_plan_text(std::string_view text, std::string const& name);

} // namespace config
