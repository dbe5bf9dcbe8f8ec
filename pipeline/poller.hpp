// Where a thread's time and outside events come from. A thread owns one poller: the io_uring
// proactor, a plain sleeper for threads without I/O, or the simulator.
//
// poll() and park() are called by the owning thread only; wake() by any thread.
#pragma once

#include "pipeline/types.hpp"

namespace pipeline {

class Poller {
  public:
    virtual ~Poller() = default;

    // Takes what has happened since the last call, without waiting. True if anything had.
    virtual bool poll() = 0;

    // Sleeps until wake(), an I/O completion, or the deadline (monotonic ns; `never` waits for
    // ever). A wake() that came since the last park() makes it return at once.
    virtual void park(Nanoseconds deadline) = 0;

    // Ends the current or the next park(). Safe from any thread and from a signal handler.
    virtual void wake() noexcept = 0;
};

} // namespace pipeline
