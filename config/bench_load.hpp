// The load of a benchmark: a process that plays chains to whoever connects, each block at a time
// that was fixed before the run, and remembers when it handed each to the socket.
//
//   chain c, place p (1, 2, ...)  is due at  start + (p - 1) * block_time + c * offset
//
// The text of a block is made a little before it is due, and the last microseconds are spun away,
// so that what is late is late because of the reader, not because of the load. With block_time 0
// all texts are made before the start, and sent as fast as the reader takes them.
//
// What it says to its parent (bench_crew.hpp), a line each:
//   listening PORT SUBSCAN_PORT     followed CHAIN NS     started NS     finished NS
//   sent CHAIN PLACE NS             for every block, when it is asked to end
// It starts on SIGHUP and ends on SIGTERM. Times: the monotonic clock, which is one for the
// machine.
//
// Runs in a child's only thread until its end; failures are sentences on stderr and exit code 1.
#pragma once

#include "config/bench_chain.hpp"
#include "stages/standin_faults.hpp"
#include "stages/standin_subscan_faults.hpp"

namespace config {

struct LoadChain {
    bool subscan = false; // a stand-in Subscan tells it, too
};

struct LoadPlan {
    BenchBlocks const* blocks = nullptr; // outlives the load
    std::vector<LoadChain> chains;
    std::uint64_t blocks_each = 0; // with places 1 to this
    pipeline::Nanoseconds block_time = 0;
    pipeline::Nanoseconds offset = 0;
    pipeline::Nanoseconds start_delay = pipeline::second; // from SIGHUP to the first block
    std::uint32_t finality_lag_blocks = 2;
    std::size_t history_blocks = 512;
    std::string certificate{}, key{}; // PEM files; empty: no TLS
    std::vector<stages::Fault> faults{};
    stages::SubscanScenario subscan{};

    pipeline::Nanoseconds due(pipeline::Nanoseconds start, std::size_t chain,
                              std::uint64_t place) const {
        return start + (place - 1) * block_time + chain * offset;
    }
};

int play_load(LoadPlan const& plan, int out);

// What a chain is called in configurations, and the end of its URL.
std::string load_chain_name(std::size_t chain);

// A WebSocket client that does nothing but take what a node pushes: the floor below every monitor.
// Says "seen NUMBER NS" for every block when it is asked to end; NS is when it had the whole text.
int read_floor(std::string const& url, std::string const& ca_file, int out);

} // namespace config
