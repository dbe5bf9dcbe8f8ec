// People at the admin socket: each request is a connection of its own, as a command line tool makes
// them. What was answered is handed on; what was not may or may not have happened.
//
// An incident is acknowledged in three steps: the list, one of its ids, the list again, which has
// to show who took it, unless another control has come meanwhile: incidents live in its memory.
//
// One thread; borrows the network.
#pragma once

#include "scenario.hpp"

#include "io/loopback_network.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <simdjson.h>
#include <string>
#include <vector>

namespace sim {

struct Answered {
    Kind kind{};
    std::uint64_t value = 0; // as it was asked for
    std::uint64_t asked_unix_ms = 0;
    int code = 0; // 0: done; 2, 4: refused, nothing has changed; else who knows
    std::string error;
    std::optional<std::uint32_t> epoch;
    std::optional<double> percent; // of the rollout
    std::string phase;             // of the rollout
};

class Operators {
  public:
    using Hear = std::function<void(Answered const&)>;

    Operators(io::LoopbackNetwork& network, std::string socket, Hear hear)
        : network_(network)
        , socket_(std::move(socket))
        , hear_(std::move(hear)) {}

    void ask(Kind kind, std::uint64_t value, pipeline::Nanoseconds now, std::uint64_t unix_ms);
    bool turn(pipeline::Nanoseconds now);
    void another_control() { ++control_; } // it has died, or the service has
    std::uint64_t answered() const { return answered_; }
    std::uint64_t refused() const { return refused_; }
    std::string const& wrong() const { return wrong_; } // empty: every answer was in order

  private:
    struct Request {
        Kind kind{};
        std::uint64_t value = 0;
        std::unique_ptr<io::Stream> stream;
        std::string to_send, answer;
        pipeline::Nanoseconds until = 0;
        std::uint64_t asked_unix_ms = 0;
        std::uint64_t control = 0;
        std::uint64_t incident = 0; // that is acknowledged
        int step = 0;
        bool over = false;
    };
    Request& send(Kind kind, std::string const& text, pipeline::Nanoseconds now);
    void heard(Request request, pipeline::Nanoseconds now);
    void incidents(Request const& request, simdjson::dom::element answer,
                   pipeline::Nanoseconds now);

    io::LoopbackNetwork& network_;
    std::string const socket_;
    Hear const hear_;
    std::vector<Request> requests_;
    std::uint64_t answered_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t control_ = 0;
    std::string wrong_;
};

// What a pin with this value asks for: whom, to where, and for how long (milliseconds; 0: for
// ever).
struct PinAsked {
    std::uint64_t person = 0;
    unsigned to = 0; // as PinTo: none, legacy, hybrid
    std::uint64_t for_ms = 0;
};
PinAsked pin_asked(std::uint64_t value);

} // namespace sim
