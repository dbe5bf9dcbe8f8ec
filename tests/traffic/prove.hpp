// prove_patterns: parts of the proof that the detectors can be trusted (tests/traffic/proof.hpp).
// Each part prints its table and answers how many of the stated numbers it missed. Runs are cut
// into tasks, each with its own traffic and engine; options.jobs threads take them.
#pragma once

#include "tests/traffic/proof.hpp"

#include <functional>
#include <map>
#include <string>

namespace bench {

struct Options {
    std::uint32_t seeds = 20;
    std::uint32_t first = 1;             // of them
    std::uint64_t movements = 1'000'000; // of each seed, at least
    std::uint32_t plants = 200;          // in a cell of the recall, at least
    std::uint32_t jobs = 1;
    std::string only{}; // a kind
    std::string part{}; // cost, null, recall, precision; empty: all
    bool json = false;  // a line for each row instead of tables
};

int cost(Options const& options);
int null_traffic(Options const& options);
// Plants of a kind whose model is of a series (of an exchange, of the chain) are alone in their
// traffic, since a model learns from what is planted as from everything; the others share one.
int recall(Options const& options);
int precision(Options const& options);

// Kinds that --only leaves.
std::vector<stages::RuleKind> kinds_of(Options const& options);
traffic::Options traffic_of(std::uint64_t seed);
void for_each_task(std::uint32_t tasks, std::uint32_t jobs,
                   std::function<void(std::uint32_t)> const& work);
double thread_cpu_s();

// A table of fixed width, or with --json an object for each row.
class Table {
  public:
    struct Column {
        char const* name;
        int width; // negative: to the left
    };
    Table(Options const& options, char const* title, std::vector<Column> columns);
    void row(std::vector<std::string> const& cells) const;

  private:
    bool json_;
    char const* title_;
    std::vector<Column> columns_;
};

} // namespace bench
