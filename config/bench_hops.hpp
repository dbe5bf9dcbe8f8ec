// Where the time of a block goes inside the service, hop by hop: the same texts as a node pushes,
// through the same stages, in one thread of this process. There are no hand-overs between threads
// and processes here; what those cost is what the whole run has on top.
//
// The stages are run several times, each time one more of them, up to the journal on a disk and
// with its fsync. A time goes from having the whole text to the last alert of the block at the end
// of that run, e.g. in the sink: blocks without an alert do not count.
//
// Blocking, seconds long; files in the folder that is given. Failures are sentences.
#pragma once

#include "config/bench_chain.hpp"
#include "config/bench_stats.hpp"

#include <expected>
#include <string>
#include <vector>

namespace config {

struct HopRun {
    std::string up_to; // "decode"
    std::string adds;  // what this run does more than the one before
    Quantiles from_text;
};

struct HopsWanted {
    BenchBlocks const& blocks;
    pipeline::u128 level = 0;
    std::string folder;
    std::uint32_t passes = 2'000; // blocks a run; a tenth of it with fsync
};

// In this order: JSON, hex, scan of the SCALE bytes alone, decode, detect, route and enrich,
// deliver, the same with fsync.
[[nodiscard]] std::expected<std::vector<HopRun>, std::string>
measure_hops(HopsWanted const& wanted);

} // namespace config
