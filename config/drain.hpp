// The end of a service, until the last alert is written: sources fall silent, links empty, sinks
// flush. Looks at what all processes share, so it works from any of them.
//
// The main thread calls over() every few milliseconds, doing in between whatever else it has to.
#pragma once

#include "pipeline/topology.hpp"

namespace config {

class Drain {
  public:
    // Begins: every stage is told that the service is ending.
    Drain(pipeline::Topology& topology, pipeline::Clock const& clock,
          pipeline::Nanoseconds drain_max);

    // Wakes every thread and looks. True: it is over, one way or the other.
    bool over();
    bool whole() const { return calm_ >= looks; } // every alert made is written

    static constexpr pipeline::Nanoseconds by_signal = 8 * pipeline::second;
    static constexpr pipeline::Nanoseconds step = 2 * pipeline::millisecond; // between two looks

  private:
    // Twice, with passes in between: a message may be between a link and a sink while one looks.
    static constexpr int looks = 2;
    static constexpr std::uint64_t passes_between_looks = 2;

    bool flushed() const;

    pipeline::Topology& topology_;
    pipeline::Clock const& clock_;
    pipeline::Nanoseconds const deadline_;
    std::uint64_t asked_at_;
    int calm_ = 0;
};

} // namespace config
