// The signals a service lives by. Blocked in every thread, taken by the main thread one at a time,
// so that nothing ever runs in a handler.
//
// block_signals() before any thread is started or process forked; next_signal() by the main thread.
#pragma once

#include "pipeline/types.hpp"

namespace config {

// SIGINT, SIGTERM, SIGHUP, SIGCHLD and the service's own stop signal wait for next_signal();
// SIGPIPE is ignored.
void block_signals();

// The next signal, or 0 after `wait`.
int next_signal(pipeline::Nanoseconds wait);

// For a process that obeys its supervisor: what a terminal or a manager sends to the whole group is
// the supervisor's to answer.
void leave_signals_to_the_supervisor();

} // namespace config
