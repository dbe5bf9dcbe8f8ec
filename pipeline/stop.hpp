// How any part of the service asks for its end. The first reason counts.
//
// request() from any thread, and from any process that shares it; the main thread of the process
// that made it waits for the signal it raises and then reads the rest.
#pragma once

#include "pipeline/types.hpp"

#include <atomic>
#include <csignal>
#include <sys/types.h>
#include <unistd.h>

namespace pipeline {

class StopRequest {
  public:
    // Raised in the owner when somebody asks; blocked everywhere but where it is waited for.
    static constexpr int signal = SIGUSR1;

    void request(int exit_code, Nanoseconds drain_max) noexcept {
        std::uint64_t nobody = 0;
        std::uint64_t const word = asked | std::uint64_t(static_cast<unsigned>(exit_code) & 0xff) |
                                   (drain_max / millisecond) << 8;
        // release: pairs with the acquire in word().
        word_.compare_exchange_strong(nobody, word, std::memory_order_release,
                                      std::memory_order_relaxed);
        rouse();
    }
    // From now on the calling process is the one that is roused.
    void own() noexcept { owner_.store(getpid(), std::memory_order_relaxed); }
    // Has the owner look around.
    void rouse() const noexcept { kill(owner_.load(std::memory_order_relaxed), signal); }

    bool requested() const { return (word() & asked) != 0; }
    int exit_code() const { return static_cast<int>(word() & 0xff); }
    Nanoseconds drain_max() const { return ((word() & ~asked) >> 8) * millisecond; }

  private:
    std::uint64_t word() const {
        return word_.load(std::memory_order_acquire); // pairs with request()
    }

    static constexpr std::uint64_t asked = std::uint64_t{1} << 63;
    std::atomic<pid_t> owner_{getpid()};
    std::atomic<std::uint64_t> word_{0};
};

} // namespace pipeline
