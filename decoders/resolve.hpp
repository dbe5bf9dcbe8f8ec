// Finds the movement table's events in a runtime and plans how to read them. Used by compile()
// only.
#pragma once

#include "decoders/movements.hpp"
#include "decoders/plan.hpp"

#include <vector>

namespace decoders {

// Fills plans.movements and the events' movement numbers, `movements` in the same order, and
// `blind` with the events that are there but lack a role.
void resolve_movements(Metadata const& metadata, Plans& plans,
                       std::vector<MovementEvent>& movements, std::vector<Blind>& blind);

} // namespace decoders
