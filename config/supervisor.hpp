// The service in several processes: makes what they share, forks them, starts those again that end,
// and ends them all. Touches no data and opens no file of theirs, so that little can go wrong here.
//
//   supervisor ──┬── spyhop: control    admin socket, files of the keeper
//                ├── spyhop: legacy     Subscan, routing, enrichment, delivery, the journal
//                └── spyhop: hybrid     the nodes, decoding, detection
//
// A death (any end that was not ordered, a thread that makes no passes included) of hybrid is
// answered first of all by putting the regime to legacy, where there is a legacy path. Then the
// links are made ready and the process is forked again, after a pause that doubles from
// backoff_min to backoff_max and is forgotten after healthy_after.
//
// One thread, the main one, which must be the only one: it forks. Signals must be blocked
// (signals.hpp). Children die with their supervisor (PR_SET_PDEATHSIG).
#pragma once

#include "config/drawn_world.hpp"
#include "config/process_title.hpp"
#include "config/service.hpp"
#include "io/group_lock.hpp"
#include "pipeline/board.hpp"

#include <array>
#include <sys/types.h>

namespace config {

class Supervisor {
  public:
    static constexpr pipeline::Nanoseconds backoff_min = 100 * pipeline::millisecond;
    static constexpr pipeline::Nanoseconds backoff_max = 10 * pipeline::second;
    static constexpr pipeline::Nanoseconds healthy_after = 60 * pipeline::second;
    static constexpr pipeline::Nanoseconds beat = pipeline::second; // between looks at passes
    static constexpr pipeline::Nanoseconds farewell = 5 * pipeline::second;        // then SIGKILL
    static constexpr pipeline::Nanoseconds predecessor_max = 3 * pipeline::second; // to be gone

    // The configuration must outlive it.
    [[nodiscard]] static std::expected<std::unique_ptr<Supervisor>, Failure>
    make(Config const& config, pipeline::Log& log, ProcessTitle title);
    ~Supervisor(); // whoever still lives is killed
    Supervisor(Supervisor const&) = delete;
    Supervisor& operator=(Supervisor const&) = delete;

    // Until the end of the service; the exit code.
    int run();
    // What all processes see.
    pipeline::ProcessBoard& board() { return *board_; }

  private:
    struct Child {
        pid_t pid = 0;        // 0: it does not run
        bool ordered = false; // to end
        pipeline::Nanoseconds started_at = 0;
        pipeline::Nanoseconds start_at = pipeline::never; // again
        pipeline::Nanoseconds backoff = backoff_min;
        int beats_unborn = 0; // beats since it was forked, until it says that it is up
    };
    struct Pulse { // of a thread
        std::uint64_t passes = 0;
        int beats_missed = 0;
    };

    Supervisor(Config const& config, pipeline::Log& log, ProcessTitle title,
               std::unique_ptr<pipeline::Region> region);
    std::expected<void, Failure> wire();
    std::expected<void, Failure> wait_for_predecessor();
    void start(pipeline::Process process);
    bool start_all(int& exit_code);
    void start_due();
    void reap();
    void ended(pipeline::Process process, int status);
    void answer_fall();
    bool fall_back();
    void obey_requests();
    void feel_pulses();
    bool stands_still(pipeline::Process process);
    bool is_too_large(pipeline::Process process);
    pipeline::Nanoseconds next_event() const;
    int drain(int exit_code, pipeline::Nanoseconds drain_max);
    bool wait_for_ends(pipeline::Nanoseconds deadline);
    void kill_all();
    Child& child(pipeline::Process process) { return children_[pipeline::index_of(process)]; }

    // In the child, until it ends.
    [[noreturn]] void be(pipeline::Process process, pid_t supervisor);
    int run_part(pipeline::Process process);
    std::vector<stages::ProcessStatus> statuses(pid_t supervisor) const;
    std::optional<double> resource_ratio() const;
    std::vector<std::optional<double>> memory_shares() const;

    Config const& config_;
    pipeline::Log& log_;
    ProcessTitle const title_;
    DrawnWorld drawn_;
    std::unique_ptr<io::GroupLock> lock_;            // of the state directory, with all children
    std::unique_ptr<pipeline::Region> const region_; // outlives what lies in it
    pipeline::Placed<pipeline::Switchboard> const switchboard_;
    pipeline::Placed<pipeline::StopRequest> const stop_;
    pipeline::Placed<pipeline::ProcessBoard> const board_;
    pipeline::Topology topology_;
    std::array<Child, pipeline::all_processes.size()> children_;
    std::vector<Pulse> pulses_; // by thread
    pipeline::Nanoseconds next_beat_ = 0;
    pipeline::Nanoseconds fall_seen_at_ = 0;   // of hybrid, until it is gone; 0: it stands
    pipeline::Nanoseconds fallen_back_at_ = 0; // for that; 0: legacy spoke already
    bool draining_ = false;
    bool lost_legacy_ = false; // while draining
};

} // namespace config
