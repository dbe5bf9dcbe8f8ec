// The poller of a thread that talks to the outside: an io_uring proactor and the network on it, in
// the order they have to be destroyed. Belongs to the driver of its thread.
#pragma once

#include "io/proactor.hpp"
#include "io/uring_network.hpp"

namespace config {

class IoThread final : public pipeline::Poller {
  public:
    explicit IoThread(std::unique_ptr<io::Proactor> made)
        : proactor_(std::move(made))
        , network_(*proactor_) {}

    bool poll() override { return proactor_->poll(); }
    void park(pipeline::Nanoseconds deadline) override { proactor_->park(deadline); }
    void wake() noexcept override { proactor_->wake(); }

    io::Proactor& proactor() { return *proactor_; }
    io::Network& network() { return network_; }

  private:
    std::unique_ptr<io::Proactor> const proactor_;
    io::UringNetwork network_;
};

} // namespace config
