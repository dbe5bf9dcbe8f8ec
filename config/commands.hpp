// The commands of the binary, one function each; each returns the exit code. Data goes to stdout,
// everything else to stderr. cmd_decode.hpp and cmd_node.hpp hold the larger ones.
#pragma once

#include "config/process_title.hpp"
#include "pipeline/types.hpp"

#include <string>
#include <vector>

namespace config {

enum class Output { table, json, ndjson };

// Options every command takes.
struct Common {
    Output output = Output::table;
    pipeline::Nanoseconds timeout = 10 * pipeline::second;
    bool quiet = false;
    bool color = true;
    std::string socket; // of the running service
};

// title: where the processes of the service show what they are.
int cmd_run(Common const& common, std::string const& config_path, ProcessTitle title);
int cmd_check(Common const& common, std::string const& config_path, bool network);

struct TopologyOptions {
    std::string config_path; // empty: the shipped default configuration
    bool dot = false;
};
int cmd_topology(Common const& common, TopologyOptions const& options);

struct DemoOptions {
    std::string capture; // a capture file
    std::string corpus;  // or a folder of recorded blocks; neither: generated traffic
    pipeline::Nanoseconds block_time = 2 * pipeline::second;
    std::uint64_t seed = 1;
};
int cmd_demo(Common const& common, DemoOptions const& options);

// status, metrics, shutdown, ...: one line to the service's socket, its answer to stdout.
int cmd_admin(Common const& common, std::vector<std::string> const& words,
              std::vector<std::pair<std::string, std::string>> const& args);

} // namespace config
