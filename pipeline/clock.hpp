// Time, injected. main() builds the system clock, tests and the simulator a manual one; no other
// code in the data plane may ask the machine for the time (tests/tidy.py checks it).
#pragma once

#include "pipeline/types.hpp"

namespace pipeline {

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Nanoseconds monotonic() const = 0;           // since boot, counts through suspend
    virtual std::uint64_t unix_milliseconds() const = 0; // wall clock, may step
};

// CLOCK_BOOTTIME and CLOCK_REALTIME. Stateless; any thread.
class SystemClock final : public Clock {
  public:
    Nanoseconds monotonic() const override;
    std::uint64_t unix_milliseconds() const override;
};

// Moves only when told to. One thread.
class ManualClock final : public Clock {
  public:
    Nanoseconds now = second;
    std::uint64_t unix_ms = 1'700'000'000'000;

    Nanoseconds monotonic() const override { return now; }
    std::uint64_t unix_milliseconds() const override { return unix_ms; }
    void advance(Nanoseconds by) {
        now += by;
        unix_ms += by / millisecond;
    }
};

} // namespace pipeline
