// Makes a scenario that fails as small as it can: fewer events, fewer blocks, a plainer service.
//
// Pure but for the runs it makes.
#pragma once

#include "scenario.hpp"

#include <functional>

namespace sim {

using Fails = std::function<bool(Scenario const&)>;

// The smallest one found with at most `runs_max` runs; `failing` does fail.
Scenario shrink(Scenario failing, Fails const& fails, unsigned runs_max);

} // namespace sim
