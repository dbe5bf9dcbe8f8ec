// spyhop replay: the alerts that the rules of a configuration tell of a capture, as NDJSON on
// `out`; or, with another configuration, what it would tell differently.
//
// One thread, blocking; sleeps only if a speed is asked for. Returns the exit code: 0, also where
// there are differences; 1: the capture cannot be played; 78: a configuration is bad, every problem
// on `err`.
#pragma once

#include "config/commands.hpp"

#include <cstdio>
#include <functional>

namespace config {

struct ReplayOptions {
    std::string config_path;
    std::string capture;
    std::string other;       // a configuration to compare with; empty: none
    std::uint32_t speed = 0; // times as fast as the chain was; 0: as fast as it goes
};

// wait: until so much time has passed since the first line; only called if there is a speed.
using ReplayWait = std::function<void(pipeline::Nanoseconds since_first)>;
ReplayWait replay_by_clock();

int cmd_replay(Common const& common, ReplayOptions const& options,
               ReplayWait const& wait = replay_by_clock(), std::FILE* out = stdout,
               std::FILE* err = stderr);

} // namespace config
