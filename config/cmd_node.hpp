// `spyhop node`: a stand-in Substrate node over WebSocket, and the same node inside `spyhop demo`.
//
// cmd_node() runs in the calling thread until SIGINT or SIGTERM. EmbeddedNodes runs on a thread of
// its own with its own proactor; start() and stop() are called by one thread. Failures are
// sentences.
#pragma once

#include "pipeline/types.hpp"
#include "stages/standin_chain.hpp"
#include "stages/standin_faults.hpp"
#include "stages/standin_subscan_faults.hpp"

#include <csignal>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace config {

struct NodeOptions {
    std::string capture;                // path; empty: generated traffic on the built-in runtimes
    std::string listen = "127.0.0.1:0"; // host:port; port 0: any free one
    std::string scenario;               // path of a TOML file; empty: no faults
    pipeline::Nanoseconds block_time = 6 * pipeline::second;
    std::uint32_t finality_lag_blocks = 2;
    std::size_t history_blocks = 512; // kept; older ones are pruned
    bool wait_for_follower = false;   // generated traffic too; a capture always waits
    std::string methods = "all";      // "older": chain_*, state_*; "newer": chainHead_v1_* and such
};

// Prints "listening on ws://127.0.0.1:PORT" (the first chain; further chains one line each with
// their path) to stdout when ready. Blocks SIGINT and SIGTERM in this thread and in those it
// starts, so it must be called before others are started. Returns the exit code: 0 after a signal,
// 1 failed.
int cmd_node(NodeOptions const& options);

// Blocks SIGINT and SIGTERM in this thread and those it starts; waits for one of them. A second one
// then ends the program.
sigset_t block_stop_signals();
void wait_for_signal(sigset_t const& signals);

// One chain that an embedded node plays, served at ws://127.0.0.1:PORT/<name>.
struct EmbeddedChain {
    std::string name;
    std::unique_ptr<stages::ChainFeed> feed;
    std::vector<stages::Fault> faults;
    pipeline::Nanoseconds block_time = 6 * pipeline::second;
    bool wait_for_follower = true; // the first block waits until somebody follows heads or storage
    std::uint32_t finality_lag_blocks = 2;
    std::size_t history_blocks = 512;
    bool older_methods = true;
    bool newer_methods = true;
};

// Generated traffic on the runtimes that the binary carries, without end, in real time.
[[nodiscard]] std::expected<std::vector<EmbeddedChain>, std::string>
traffic_chains(pipeline::Nanoseconds block_time, std::uint64_t seed);

// A capture file's chains; they wait for a follower.
[[nodiscard]] std::expected<std::vector<EmbeddedChain>, std::string>
capture_chains(std::string const& path, pipeline::Nanoseconds block_time);

// A stand-in Subscan beside embedded nodes: it knows a block once the node has produced it.
struct EmbeddedSubscan {
    stages::SubscanScenario scenario; // its block_time is not looked at: the nodes' counts
    std::string listen = "127.0.0.1:0";
    std::uint64_t seed = 1; // of prices
};

class EmbeddedNodes {
  public:
    EmbeddedNodes();
    ~EmbeddedNodes(); // stops
    EmbeddedNodes(EmbeddedNodes const&) = delete;
    EmbeddedNodes& operator=(EmbeddedNodes const&) = delete;

    // The URL of each chain, in their order. `listen` is host:port.
    [[nodiscard]] std::expected<std::vector<std::string>, std::string>
    start(std::vector<EmbeddedChain> chains, std::string const& listen = "127.0.0.1:0",
          std::optional<EmbeddedSubscan> subscan = std::nullopt);
    // Where Subscan's API begins for each chain, in their order; none without a Subscan.
    std::vector<std::string> const& subscan_urls() const { return subscan_urls_; }
    void stop();           // idempotent; returns after the thread has ended
    bool finished() const; // every finite chain has been played and finalized; any thread

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::vector<std::string> subscan_urls_;
};

} // namespace config
