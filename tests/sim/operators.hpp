// People at the admin socket: each request is a connection of its own, as a command line tool makes
// them. What was acknowledged is handed on; what was not may or may not have happened.
//
// One thread; borrows the network.
#pragma once

#include "scenario.hpp"

#include "io/loopback_network.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sim {

struct Acknowledged {
    Kind kind{};
    std::uint32_t epoch = 0;
    std::uint64_t value = 0; // as it was asked for
};

class Operators {
  public:
    using Hear = std::function<void(Acknowledged const&)>;

    Operators(io::LoopbackNetwork& network, std::string socket, Hear hear)
        : network_(network)
        , socket_(std::move(socket))
        , hear_(std::move(hear)) {}

    void ask(Kind kind, std::uint64_t value, pipeline::Nanoseconds now);
    bool turn(pipeline::Nanoseconds now);
    std::uint64_t answered() const { return answered_; }
    std::uint64_t refused() const { return refused_; }

  private:
    struct Request {
        Kind kind{};
        std::uint64_t value = 0;
        std::unique_ptr<io::Stream> stream;
        std::string to_send, answer;
        pipeline::Nanoseconds until = 0;
        bool over = false;
    };
    void heard(Request& request);

    io::LoopbackNetwork& network_;
    std::string const socket_;
    Hear const hear_;
    std::vector<Request> requests_;
    std::uint64_t answered_ = 0;
    std::uint64_t refused_ = 0;
};

} // namespace sim
