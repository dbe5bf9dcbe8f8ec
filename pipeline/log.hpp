// The log, for cold paths only: connections, upgrades, refusals. Data-plane stages never format
// text per message. Each writer keeps its own rate limit by logging state changes, not repeats.
//
// write() may be called from any thread; text must not hold secrets.
#pragma once

#include <string_view>

namespace pipeline {

enum class Level { debug, info, warning, error };

class Log {
  public:
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view component, std::string_view text) = 0;
};

class NoLog final : public Log {
  public:
    void write(Level, std::string_view, std::string_view) override {}
};

} // namespace pipeline
