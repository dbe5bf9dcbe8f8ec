// A network in memory, deterministic, with faults: for unit tests and the simulator. Bytes move
// only in step(), in the order the connections were made.
//
// One thread. The network outlives its streams and listeners. Name resolution does not exist: hosts
// are ignored, a port is one listener.
#pragma once

#include "io/stream.hpp"
#include "pipeline/clock.hpp"

#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace io {

// What happens to bytes on their way, per connection and for both directions.
struct LoopbackFaults {
    std::size_t step_bytes_max = limits::inbox_bytes; // short reads: at most this much a step
    unsigned delay_steps = 0;                         // a byte waits this many steps
    std::size_t reset_after_bytes = ~std::size_t{0};  // both ends see `reset` after this many
    std::size_t stop_after_bytes = ~std::size_t{0};   // half-open: silence after this many, no end
    bool refuse = false;                              // connect() fails
    bool never_open = false;                          // connect() hangs until its deadline
};

struct LoopbackPair; // one connection: two ends, two pipes

class LoopbackNetwork final : public Network {
  public:
    explicit LoopbackNetwork(pipeline::Clock const& clock);
    ~LoopbackNetwork() override;

    std::unique_ptr<Stream> connect(Endpoint const& endpoint,
                                    pipeline::Nanoseconds deadline) override;
    std::expected<std::unique_ptr<Listener>, Error> listen(std::string_view host,
                                                           std::uint16_t port) override;
    // The path is only a name.
    std::expected<std::unique_ptr<Listener>, Error> listen_unix(std::string const& path,
                                                                unsigned mode) override;
    // Both ends of an open connection, without a listener.
    std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair();
    // The client end of a Unix connection whose server end sees these credentials.
    std::unique_ptr<Stream> connect_unix(std::string const& path, Credentials credentials);

    // Moves bytes one step along every connection. True if anything changed.
    bool step();

    LoopbackFaults faults{}; // for connections made from here on
    // For connections that exist already.
    void apply(LoopbackFaults const& faults);

  private:
    friend class LoopbackListener;
    LoopbackPair& add_pair(std::size_t outbox_bytes_max);
    std::unique_ptr<Stream> connect_named(std::string const& name, std::size_t outbox_bytes_max,
                                          pipeline::Nanoseconds deadline);

    pipeline::Clock const& clock_;
    std::vector<std::unique_ptr<LoopbackPair>> pairs_;
    std::map<std::string, std::deque<LoopbackPair*>> waiting_; // by port or path
    std::uint16_t next_port_ = 40'000;
};

} // namespace io
