// A poller for threads without I/O, and for tests: an eventfd and poll(2). Also what a process
// holds of a thread that runs in another: it can be woken, and nothing else. The eventfd is
// inherited by a fork; the poller that the thread itself has is made over it (another_wake_fd).
#pragma once

#include "pipeline/poller.hpp"

namespace pipeline {

class Sleeper final : public Poller {
  public:
    explicit Sleeper(class Clock const& clock);   // the clock park() measures its deadline with
    Sleeper(class Clock const& clock, int event); // over an eventfd, owned from now on
    ~Sleeper() override;
    Sleeper(Sleeper const&) = delete;
    Sleeper& operator=(Sleeper const&) = delete;

    bool poll() override { return false; }
    void park(Nanoseconds deadline) override;
    void wake() noexcept override;
    int another_wake_fd() const; // of the same eventfd, blocking; the caller closes it

  private:
    class Clock const& clock_;
    int event_;
};

} // namespace pipeline
