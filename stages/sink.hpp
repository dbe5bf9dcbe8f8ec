// Where lines go: a file, a pipe, memory. One thread, that of the stage which owns it.
#pragma once

#include "pipeline/types.hpp"

#include <cstddef>
#include <string_view>

namespace stages {

// Implemented over io::AppendFile by the composition root.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual bool append(std::string_view line) = 0; // false: no room now
    virtual std::size_t pending() const = 0;        // bytes taken and not yet written
    virtual std::size_t room() const = 0;           // bytes append() would take
    virtual void advance() = 0;                     // call each turn
    virtual pipeline::Nanoseconds next_deadline() const = 0;
};

} // namespace stages
