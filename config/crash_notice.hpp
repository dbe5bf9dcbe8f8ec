// Tells the supervisor that this process is about to die of its own fault, before the kernel writes
// a core file: that takes its time, and until it is done the process counts as alive.
//
// Installed once, in a child, before its threads are started. What it is given outlives the
// process. The signal then goes its usual way.
#pragma once

#include "pipeline/board.hpp"
#include "pipeline/stop.hpp"

namespace config {

void give_notice_of_crashes(pipeline::ProcessBoard& board, pipeline::StopRequest const& stop,
                            pipeline::Process process);

} // namespace config
