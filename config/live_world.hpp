// The world of a service that runs: rings, sockets, the journal, files, secrets. Opens what the
// stages of one process need, or of all of them; what belongs to another process is left closed.
//
//   legacy    the journal (writing), the sinks, the cache, labels, the key
//   hybrid    the journal (reading, while it is wired), files, what patterns know, labels
//   control   the admin socket, files, the journal (reading, when asked), the audit trail, flags
//
// Made after the fork: rings, SQLite and LMDB do not survive one. Owns what its world refers to and
// outlives the stages built in it. One thread. The first failure is kept as a sentence (trouble).
#pragma once

#include "config/topology.hpp"
#include "io/loopback_network.hpp"
#include "pipeline/stop.hpp"

namespace config {

class LiveWorld {
  public:
    // mine: nothing, everything is in this process.
    LiveWorld(Config const& config, pipeline::Log& log, pipeline::Switchboard& switchboard,
              pipeline::StopRequest& stop, std::optional<pipeline::Process> mine);
    ~LiveWorld();
    LiveWorld(LiveWorld const&) = delete;
    LiveWorld& operator=(LiveWorld const&) = delete;

    World open();
    // How a process is told to restart, where there are several; before open().
    void on_restart(std::function<void(std::uint32_t process)> ask) { restart_ = std::move(ask); }
    std::string const& trouble() const { return trouble_; } // empty: none

    // The poller of a thread, over this eventfd if there is one (>= 0). A machine that has no rings
    // ends the process here: this happens at its start or not at all.
    static std::unique_ptr<pipeline::Poller> make_poller(pipeline::Clock const& clock,
                                                         pipeline::Log& log, int wake_fd);

  private:
    bool owns(pipeline::Process process) const { return !mine_ || *mine_ == process; }
    io::Network& network(pipeline::Driver& driver);
    std::unique_ptr<stages::Journal> open_journal();
    std::vector<stages::Outlet> open_outlets(pipeline::Driver& driver, stages::Journal* journal);
    std::unique_ptr<io::UnixServer> open_socket(pipeline::Driver& driver);
    std::string open_key();
    void open_store();
    std::unique_ptr<stages::PatternStore> open_patterns(std::uint16_t chain);
    stages::LabelBook open_labels();
    std::unique_ptr<io::HttpServer> open_http(pipeline::Driver& driver);
    std::optional<stages::Hash> open_admin_token();
    std::unique_ptr<stages::Steward> open_steward(pipeline::Driver& driver,
                                                  stages::Governor& governor,
                                                  pipeline::Out<stages::Steer> steer);
    std::unique_ptr<stages::Governor> open_governor(std::function<void()> wake);

    Config const& config_;
    pipeline::Log& log_;
    pipeline::Switchboard& switchboard_;
    pipeline::StopRequest& stop_;
    std::optional<pipeline::Process> const mine_;
    pipeline::SystemClock clock_;
    io::SystemRandom random_;
    io::LoopbackNetwork nowhere_{clock_}; // of threads that run elsewhere
    std::unique_ptr<io::Store> store_;    // of the cache
    std::function<void(std::uint32_t process)> restart_{};
    std::string trouble_;
};

} // namespace config
