// A world in which nothing will run: for drawing the pipeline, checking its wiring, and making what
// the processes of a service share before there are any.
//
// Owns what its world refers to, and outlives it. One thread.
#pragma once

#include "config/topology.hpp"
#include "io/loopback_network.hpp"

namespace config {

class DrawnWorld {
  public:
    DrawnWorld() = default;
    DrawnWorld(DrawnWorld const&) = delete;
    DrawnWorld& operator=(DrawnWorld const&) = delete;

    World world(Config const& config, pipeline::Switchboard& switchboard);
    pipeline::Clock const& clock() const { return clock_; }

  private:
    pipeline::SystemClock clock_;
    io::SystemRandom random_;
    pipeline::NoLog log_;
    io::LoopbackNetwork nowhere_{clock_};
};

// Address space for what the processes of this service share; pages that are not used cost nothing.
std::size_t region_bytes(Config const& config);

} // namespace config
