// One life of the service: config::build_topology on what the simulation has instead of a machine,
// from its start on what the disk kept to its end in whatever way.
//
//   one process      one thread; only the whole can die
//   three processes  as the supervisor does it, without forks: bury() ends the stages of a part
//                    where they stand, ended() is what the supervisor does when it sees that (the
//                    regime to legacy, links made ready), revive() wires its successor
//
// One thread. Everything that is borrowed outlives the life. A start may fail (trouble()), as one
// on a full disk does.
#pragma once

#include "memory_files.hpp"

#include "config/topology.hpp"
#include "io/loopback_network.hpp"
#include "pipeline/board.hpp"

#include <functional>
#include <optional>

namespace sim {

using pipeline::Process;

struct Ground { // what the service stands on
    config::Config const& config;
    pipeline::ManualClock& clock;
    io::Random& random;
    pipeline::Log& log;
    io::LoopbackNetwork& network;
    MemoryDisk& disk;
    AlertStream& stream;
    std::function<void()> held; // a chain is held on legacy
};

constexpr char const* journal_name = "alerts.db";

class Life {
  public:
    explicit Life(Ground ground);
    ~Life();
    Life(Life const&) = delete;
    Life& operator=(Life const&) = delete;

    std::string const& trouble() const { return trouble_; } // empty: it runs

    // One pass of one thread. True if anything was done.
    bool turn(std::size_t thread);
    std::size_t threads() const { return topology_.drivers().size(); }

    void bury(Process process);
    void ended(Process process);
    void revive(Process process);
    bool is_up(Process process) const { return up_[pipeline::index_of(process)]; }

    void drain() { topology_.drain(); }
    // As config::Drain has it: nothing moves, and the sinks have written what they took.
    bool settled() const {
        return topology_.settled() && metric("spyhop_deliver_sink_pending_bytes") == 0;
    }
    void end_in_order(); // after draining: the next start is a clean one
    bool wants_to_end() const { return shutdown_; }

    std::uint64_t metric(std::string_view name) const { return topology_.metrics().sum(name); }
    pipeline::Regime regime() const { return switchboard_.load(); }

  private:
    config::World world(std::optional<Process> mine);
    void wire(std::optional<Process> mine);
    void own(Process process) { ground_.disk.owner = static_cast<int>(process) + 1; }
    std::unique_ptr<stages::Journal> open_journal(std::optional<Process> mine);
    std::vector<stages::Outlet> open_outlets(stages::Journal& journal);
    std::unique_ptr<stages::Governor> open_governor(std::function<void()> wake, bool first);
    std::unique_ptr<stages::Steward> open_steward(stages::Governor& governor,
                                                  pipeline::Out<stages::Steer> steer);
    void fail(std::string const& why) {
        if (trouble_.empty()) trouble_ = why;
    }

    Ground const ground_;
    DiskFiles files_{ground_.disk};
    io::LoopbackNetwork nowhere_; // of stages that run elsewhere
    pipeline::Switchboard switchboard_;
    pipeline::ProcessBoard board_;
    std::string trouble_;
    bool shutdown_ = false;
    std::array<bool, pipeline::all_processes.size()> up_{true, true, true};
    pipeline::Topology topology_;
};

} // namespace sim
