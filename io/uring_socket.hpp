// A stream socket on the proactor: descriptor, inbox, outbox, one receive and one send in flight.
// Internal to io; UringStream is its handle and everything belongs to the proactor's thread.
//
//   inbox:   | consumed | readable | being received into |
//   outbox:  active_ (in flight, from active_sent_ on), then queued_
#pragma once

#include "io/limits.hpp"
#include "io/proactor.hpp"
#include "io/resolver.hpp"

#include <memory>
#include <vector>

namespace io {

class UringSocket final : public Slot {
  public:
    // Takes the descriptor.
    UringSocket(Proactor& proactor, int fd, std::size_t outbox_bytes_max);
    ~UringSocket() override;

    void connect(SocketAddress const& address);
    bool connected() const { return connected_; }
    // For sockets that are connected already (accepted ones).
    void start();
    // Frees the slot when the kernel has let go of it; no call may follow.
    void retire();

    pipeline::Bytes readable() const { return {inbox_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t bytes);
    bool ended() const { return ended_; }
    pipeline::Nanoseconds received() const { return received_; }

    std::size_t write(pipeline::Bytes bytes);
    std::size_t unsent() const { return active_.size() - active_sent_ + queued_.size(); }
    std::size_t room() const { return outbox_bytes_max_ - unsent(); }
    void shutdown();
    bool shut() const { return shut_; }

    int failure() const { return failure_; } // errno; 0: none
    int fd() const { return fd_; }

  private:
    void completed(Operation& operation) override;
    void on_received(int result);
    void on_sent(int result);
    void receive_more();
    void send_more();

    Proactor& proactor_;
    int fd_;
    Operation connecting_{*this};
    Operation receiving_{*this};
    Operation sending_{*this};
    SocketAddress address_;
    bool connected_ = false;
    bool ended_ = false;
    bool shutdown_wanted_ = false;
    bool shut_ = false;
    int failure_ = 0;
    pipeline::Nanoseconds received_ = 0;
    std::unique_ptr<std::uint8_t[]> inbox_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::vector<std::uint8_t> active_;
    std::size_t active_sent_ = 0;
    std::vector<std::uint8_t> queued_;
    std::size_t outbox_bytes_max_;
};

} // namespace io
