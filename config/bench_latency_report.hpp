// A latency run as a person reads it, as a program reads it, and as a picture.
//
// Pure; any thread.
#pragma once

#include "config/bench_hops.hpp"
#include "config/bench_latency.hpp"

namespace config {

struct LatencyReport {
    struct Row {
        Contestant contestant;
        ContestFigures figures;
        double commits = 0;   // of the journal, in the run
        double commit_ns = 0; // all of them together
        double mean_commit_ns() const { return commits > 0 ? commit_ns / commits : 0; }
    };
    std::uint64_t blocks = 0; // counted ones
    Nanoseconds block_time = 0;
    std::uint32_t events = 0; // in a block, on average
    bool tls = false;
    std::string service; // "idle park, layout compact, isolation process"
    Nanoseconds legacy_poll = 0;
    bool synced = true; // false: the journal lies where fsync does nothing
    std::vector<Row> rows;
    std::vector<HopRun> hops;
    Quantiles obeyed; // a rollback's drill: from the command to the routing stage's obedience

    Row const* row(std::string_view key) const; // null: did not take part
};

std::vector<BenchVerdict> latency_verdicts(LatencyReport const& report);
std::string latency_text(LatencyReport const& report);
std::string latency_json(LatencyReport const& report);
std::string latency_picture(LatencyReport const& report); // SVG
std::string latency_html(LatencyReport const& report);

} // namespace config
