// The service: everything wired, run until somebody ends it, drained, and left in order.
//
//   make ──▶ run: start ── signals ──▶ drain (sources fall silent, links empty, sinks flush) ──▶
//   stop
//
// In one process (isolation = "thread", and demos); supervisor.hpp is the same in several. One at a
// time; run() is called by the main thread and blocks. Signals must be blocked (signals.hpp) before
// any thread is started.
#pragma once

#include "config/live_world.hpp"

#include <functional>
#include <memory>
#include <string>

namespace config {

struct Failure {
    int exit_code = 1;
    std::string text;
};

class Service {
  public:
    // The configuration must outlive the service.
    [[nodiscard]] static std::expected<std::unique_ptr<Service>, Failure> make(Config const& config,
                                                                               pipeline::Log& log);
    ~Service();
    Service(Service const&) = delete;
    Service& operator=(Service const&) = delete;

    // finished: asked a few times a second; true ends the service as SIGTERM would (demos). Returns
    // the exit code.
    int run(std::function<bool()> const& finished = {});

    // Every chain's best block is final and told, and nothing is on its way through the pipeline.
    // True only of chains that have stopped growing: recorded ones, at their end.
    bool caught_up() const;

  private:
    Service(Config const& config, pipeline::Log& log);
    std::expected<void, Failure> build();
    int drain(int exit_code, pipeline::Nanoseconds drain_max);

    Config const& config_;
    pipeline::Log& log_;
    pipeline::SystemClock clock_;
    pipeline::Switchboard switchboard_;
    pipeline::StopRequest stop_;
    LiveWorld live_; // outlives the stages
    pipeline::Topology topology_;
};

// The API key, from the environment or its file; empty: none is configured, or the variable is not
// set. The error never holds the key.
[[nodiscard]] std::expected<std::string, std::string> subscan_key(Config const& config);

// Checks what a configuration needs of this machine: writable directories, readable secrets. With
// `network`, also that the nodes can be reached. Adds problems with their places.
void check_environment(Config const& config, bool network, std::vector<Problem>& problems);

} // namespace config
