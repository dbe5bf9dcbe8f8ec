#include "pipeline/sleeper.hpp"

#include "pipeline/check.hpp"
#include "pipeline/clock.hpp"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace pipeline {

Sleeper::Sleeper(Clock const& clock)
    : Sleeper(clock, eventfd(0, EFD_CLOEXEC)) {}

Sleeper::Sleeper(Clock const& clock, int event)
    : clock_(clock)
    , event_(event) {
    CHECK(event_ >= 0);
}

Sleeper::~Sleeper() { close(event_); }

int Sleeper::another_wake_fd() const {
    int const copy = fcntl(event_, F_DUPFD_CLOEXEC, 0);
    CHECK(copy >= 0);
    return copy;
}

void Sleeper::park(Nanoseconds deadline) {
    timespec wait{};
    timespec const* limit = nullptr;
    if (deadline != never) {
        Nanoseconds const now = clock_.monotonic();
        Nanoseconds const left = deadline > now ? deadline - now : 0;
        wait.tv_sec = static_cast<time_t>(left / second);
        wait.tv_nsec = static_cast<long>(left % second);
        limit = &wait;
    }
    pollfd watched{event_, POLLIN, 0};
    if (ppoll(&watched, 1, limit, nullptr) <= 0) return;
    std::uint64_t count = 0;
    CHECK(read(event_, &count, sizeof count) == sizeof count || count == 0);
}

void Sleeper::wake() noexcept {
    std::uint64_t const one = 1;
    // Full (2^64 - 2 wakes unread) means it is awake anyway.
    [[maybe_unused]] ssize_t const written = write(event_, &one, sizeof one);
}

} // namespace pipeline
