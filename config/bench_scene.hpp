// One service and the load it watches, from the first fork to the last alert: what benchmarks of
// throughput, of scale, of idleness and of endurance repeat with other numbers.
//
//   make() ─▶ open(): load and service run, and follow ─▶ play() ... ─▶ close() ─▶ figures()
//
// The parent's thread, before any other is started. Failures are sentences for a person.
#pragma once

#include "config/bench_latency.hpp"
#include "config/bench_run.hpp"
#include "config/bench_service.hpp"
#include "config/bench_usage.hpp"

#include <deque>
#include <optional>

namespace config {

struct SceneWanted {
    BenchBlocks const* blocks = nullptr; // outlives the scene
    pipeline::u128 level = 0;
    LoadPlan load{}; // blocks is filled in
    std::uint64_t warm_up = 0;
    std::string folder; // of the run; exists
    // What the service has besides chains and the rule.
    std::string service{}, flags{}, more{};
    std::string legacy_poll = "30s";
    pipeline::Nanoseconds patience = 120 * pipeline::second; // until all chains are followed
};

class BenchScene {
  public:
    BenchScene(SceneWanted wanted, pipeline::Clock const& clock);

    using Done = std::expected<void, std::string>;
    [[nodiscard]] Done open();
    [[nodiscard]] Done begin();
    // Until `done`, the deadline (false), or trouble. Alerts are stamped as they come.
    [[nodiscard]] std::expected<bool, std::string> play(pipeline::Nanoseconds deadline,
                                                        std::function<bool()> const& done);
    // Reads what was heard since the last call, or so many lines of it.
    void digest(std::size_t lines_max = ~std::size_t{0});
    [[nodiscard]] Done close();

    // All chains together.
    ContestFigures figures() const;
    TreeUsage usage() const { return usage_of_tree(crew_.pid(service_->who())); }
    std::uint64_t cpu_ns() const { return cpu_of_tree(crew_.pid(service_->who())); }
    BenchService const& service() const { return *service_; }
    BenchRun const& run() const { return *run_; }
    LoadPlan const& plan() const { return wanted_.load; }
    // From the start of the program to the moment when all chains were followed.
    pipeline::Nanoseconds startup() const { return startup_; }
    std::uint64_t expected() const;
    std::uint64_t told() const { return told_; }        // first mentions, at the last digest()
    std::uint64_t lines_seen() const { return lines_; } // roughly the same, known at once
    pipeline::Nanoseconds last_line() const { return last_line_; }
    // From due to seen, of what was heard for the first time since the last call.
    std::vector<double> take_fresh() { return std::exchange(fresh_ns_, {}); }

  private:
    void on_line(BenchCrew::Line const& line);

    SceneWanted wanted_;
    pipeline::Clock const& clock_;
    BenchCrew crew_;
    std::optional<BenchRun> run_;
    std::optional<BenchService> service_;
    pipeline::Nanoseconds startup_ = 0;
    pipeline::Nanoseconds end_ = 0;
    pipeline::Nanoseconds last_line_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t told_ = 0;
    std::deque<std::pair<pipeline::Nanoseconds, std::string>> heard_;
    AlertReader reader_;
    std::vector<Contestant> chains_;
    FirstTold first_told_;
    std::vector<double> fresh_ns_;
};

} // namespace config
