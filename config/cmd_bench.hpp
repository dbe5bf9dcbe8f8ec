// `spyhop bench`: end to end against the 5 second target, with the service run as a user would run
// it, on loopback, with generated traffic. One function a command; each returns the exit code: 0,
// exit_unhealthy (6) when something that was promised was not kept, 1 when it could not be
// measured. Tables or one JSON document to stdout, progress to stderr.
//
// Called by the main thread before any other is started: they fork.
#pragma once

#include "config/commands.hpp"

namespace config {

struct BenchLatencyOptions {
    std::uint32_t blocks = 100;
    pipeline::Nanoseconds block_time = 2 * pipeline::second;
    std::uint32_t events = 200;
    std::uint32_t alerts = 3;  // a block, on average
    std::uint32_t warm_up = 5; // further blocks in front, not counted
    pipeline::Nanoseconds legacy_poll = 30 * pipeline::second;
    bool tls = false;
    bool legacy = true;
    std::string peer;   // a command; the node's URL is added to it
    std::string report; // path of an .html or .svg to be written
    std::string folder; // where the journals lie: whose disk is measured; empty: the temporary one
    std::string idle = "park", layout = "compact", isolation = "process"; // of [service]
};
int cmd_bench_latency(Common const& common, BenchLatencyOptions const& options);

struct BenchThroughputOptions {
    std::uint32_t blocks = 10'000; // sent back to back; the load holds their texts in memory
    std::uint32_t events = 200;
    std::vector<std::string> only; // groups: sustained, watched, chains, bursts; none: all
    bool quick = false;            // a look at whether it works: the figures say little
    std::string folder;
};
int cmd_bench_throughput(Common const& common, BenchThroughputOptions const& options);

struct BenchIdleOptions {
    std::vector<std::uint32_t> chains{1, 8};
    pipeline::Nanoseconds block_time = 6 * pipeline::second;
    pipeline::Nanoseconds length = 60 * pipeline::second; // of each
    std::string folder;
};
int cmd_bench_idle(Common const& common, BenchIdleOptions const& options);

struct BenchSoakOptions {
    double hours = 24;    // of the chain's time
    double speed = 60;    // blocks come so many times as fast
    std::string scenario; // a name; empty: undisturbed traffic
    std::uint32_t chains = 2;
    std::uint32_t samples = 60; // along the way
    std::string folder;
};
int cmd_bench_soak(Common const& common, BenchSoakOptions const& options);

} // namespace config
