// The end of a link whose messages nobody needs here.
#pragma once

#include "pipeline/stage.hpp"

namespace stages {

template <pipeline::Message M>
class Swallow : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<M> const&, pipeline::Turn const&) {}
};

} // namespace stages
