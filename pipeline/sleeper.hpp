// A poller for threads without I/O, and for tests: an eventfd and poll(2).
#pragma once

#include "pipeline/poller.hpp"

namespace pipeline {

class Sleeper final : public Poller {
  public:
    explicit Sleeper(class Clock const& clock); // the clock park() measures its deadline with
    ~Sleeper() override;
    Sleeper(Sleeper const&) = delete;
    Sleeper& operator=(Sleeper const&) = delete;

    bool poll() override { return false; }
    void park(Nanoseconds deadline) override;
    void wake() noexcept override;

  private:
    class Clock const& clock_;
    int event_;
};

} // namespace pipeline
