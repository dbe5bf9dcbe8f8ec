// The command line of `spyhop bench`: its commands and their options.
#pragma once

#include "config/cmd_bench.hpp"

#include <CLI/CLI.hpp>

namespace config {

class BenchCommands {
  public:
    // Adds `bench` to `app`; `common` and `exit_code` are used when one of its commands runs, and
    // outlive this object, which lives as long as `app`.
    BenchCommands(CLI::App& app, Common const& common, int& exit_code);

  private:
    void add_latency(CLI::App& bench, Common const& common, int& exit_code);
    void add_throughput(CLI::App& bench, Common const& common, int& exit_code);
    void add_idle(CLI::App& bench, Common const& common, int& exit_code);
    void add_soak(CLI::App& bench, Common const& common, int& exit_code);

    BenchLatencyOptions latency_;
    BenchThroughputOptions throughput_;
    BenchIdleOptions idle_;
    BenchSoakOptions soak_;
};

} // namespace config
