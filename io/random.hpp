// Unpredictable bytes, injected like the clock: main() gives the system's, tests and the simulator
// a seeded generator. Used for WebSocket masks and keys and for the jitter of back-off.
#pragma once

#include "pipeline/types.hpp"

namespace io {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
    void fill(pipeline::MutableBytes bytes);
    // Uniform in [0, bound]; bound may be anything.
    std::uint64_t up_to(std::uint64_t bound);
};

// getrandom(2). Stateless; any thread.
class SystemRandom final : public Random {
  public:
    std::uint64_t next() override;
};

// SplitMix64 (Steele, Lea, Flood 2014). Same seed, same bytes. One thread.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed)
        : state_(seed) {}
    std::uint64_t next() override;

  private:
    std::uint64_t state_;
};

} // namespace io
