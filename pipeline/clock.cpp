#include "pipeline/clock.hpp"

#include <ctime>

namespace pipeline {

namespace {
std::uint64_t read(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * second +
           static_cast<std::uint64_t>(now.tv_nsec);
}
} // namespace

Nanoseconds SystemClock::monotonic() const { return read(CLOCK_BOOTTIME); }
std::uint64_t SystemClock::unix_milliseconds() const { return read(CLOCK_REALTIME) / millisecond; }

} // namespace pipeline
