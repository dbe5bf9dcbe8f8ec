// `spyhop subscan`: a stand-in for Subscan's API over HTTP, on a capture or on generated traffic.
//
// Runs in a thread of its own until SIGINT or SIGTERM comes to the calling one. Failures are
// sentences.
#pragma once

#include "pipeline/types.hpp"

#include <cstdint>
#include <string>

namespace config {

struct SubscanOptions {
    std::string capture;                // path; empty: generated traffic on the built-in runtimes
    std::string listen = "127.0.0.1:0"; // host:port; port 0: any free one
    std::string scenario;               // path of a TOML file; empty: no faults, the free quota
    // 0: what the scenario says; else a capture is known at once, and traffic grows every 6 s.
    pipeline::Nanoseconds block_time = 0;
    std::uint64_t seed = 1; // of traffic and prices
};

// Prints "listening on http://127.0.0.1:PORT" to stdout when ready, and with several chains one
// line each, "NAME at http://127.0.0.1:PORT/NAME"; at its end what was asked, to stderr. Blocks
// SIGINT and SIGTERM in this thread and in the one it starts. Returns the exit code: 0 after a
// signal, 1 failed.
int cmd_subscan(SubscanOptions const& options);

} // namespace config
