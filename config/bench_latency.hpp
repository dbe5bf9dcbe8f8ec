// What a latency run found: who was to say what, who said it when, and the figures of that.
//
// Each contestant has a chain of its own, with the same events, so that all of them are measured in
// one run and none waits for another's work. What a contestant says is counted against what the
// traffic generator meant: every alert, once.
//
// Pure; any thread.
#pragma once

#include "config/bench_chain.hpp"
#include "config/bench_load.hpp"
#include "config/bench_text.hpp"

#include <map>
#include <string>
#include <vector>

namespace config {

// A block, or an alert of it, that somebody was seen to say.
struct Sighting {
    std::uint32_t block = 0;
    std::uint32_t event = 0; // where the contestant tells it
    pipeline::Nanoseconds at = 0;
};

enum class Says { alerts, counted_alerts, blocks }; // counted: it does not tell which event

struct Contestant {
    std::string key;   // of JSON: "hybrid"
    std::string title; // of tables
    Says says = Says::alerts;
    std::size_t chain = 0; // of the load
    std::vector<Sighting> sightings{};
    std::vector<double> own_ns{}; // alerts: received_to_emitted_ns as they say it
};

struct Contest {
    LoadPlan const& plan;
    pipeline::u128 level = 0;
    std::uint64_t warm_up = 0;                                   // first blocks that do not count
    pipeline::Nanoseconds start = 0;                             // of the load
    pipeline::Nanoseconds end = 0;                               // of the run
    std::vector<std::vector<pipeline::Nanoseconds>> const& sent; // by chain and place - 1
};

struct ContestFigures {
    std::uint64_t expected = 0;
    std::uint64_t missing = 0;
    std::uint64_t doubled = 0;
    std::uint64_t foreign = 0; // nobody meant them
    Quantiles from_due;        // corrected for coordinated omission
    Quantiles from_sent;
    Quantiles own; // received_to_emitted
    std::vector<double> sorted_from_due;
    std::vector<double> sorted_from_sent;
    bool complete() const { return missing == 0 && doubled == 0 && foreign == 0; }
};
[[nodiscard]] ContestFigures figures_of(Contestant const& contestant, Contest const& contest);

// How many alerts the counted blocks of a chain have, warm-up included.
std::uint64_t alerts_expected(LoadPlan const& plan, pipeline::u128 level);

} // namespace config
