// The service: everything wired, run until somebody ends it, drained, and left in order.
//
//   make ──▶ run: start ── signals ──▶ drain (sources fall silent, links empty, sinks flush) ──▶
//   stop
//
// Used by `spyhop run` and `spyhop demo`. One at a time in a process; run() is called by the main
// thread and blocks. Signals must be blocked (block_signals) before any thread is started.
#pragma once

#include "config/topology.hpp"
#include "pipeline/stop.hpp"

#include <functional>
#include <memory>
#include <string>

namespace config {

struct Failure {
    int exit_code = 1;
    std::string text;
};

// SIGINT, SIGTERM, SIGHUP and the service's own stop signal wait for run(); SIGPIPE is ignored.
void block_signals();

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
    std::unique_ptr<stages::Journal> open_journal();
    std::vector<stages::Outlet> open_outlets(pipeline::Driver& driver, stages::Journal* journal);
    std::unique_ptr<io::UnixServer> open_socket(pipeline::Driver& driver);
    std::string open_key();
    void open_store();
    std::unique_ptr<stages::Governor> open_governor();
    stages::LabelBook open_labels();
    bool flushed() const;
    int drain(int exit_code, pipeline::Nanoseconds drain_max);

    Config const& config_;
    pipeline::Log& log_;
    pipeline::SystemClock clock_;
    io::SystemRandom random_;
    pipeline::Switchboard switchboard_;
    pipeline::StopRequest stop_;
    std::unique_ptr<io::Store> store_; // of the cache; outlives the stages
    std::string trouble_;              // the first thing that went wrong while building
    pipeline::Topology topology_;
};

// The API key, from the environment or its file; empty: none is configured, or the variable is not
// set. The error never holds the key.
[[nodiscard]] std::expected<std::string, std::string> subscan_key(Config const& config);

// Checks what a configuration needs of this machine: writable directories, readable secrets. With
// `network`, also that the nodes can be reached. Adds problems with their places.
void check_environment(Config const& config, bool network, std::vector<Problem>& problems);

} // namespace config
