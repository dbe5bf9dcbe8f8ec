// One thread's loop: take I/O, read clock and regime once, give every stage its turn, then idle the
// way the policy says. The same loop is called by hand in tests and by the simulator (turn()).
//
// Idle policies
//   park      sleeps until a message, a completion or a deadline: ~0 % CPU when nothing happens
//   backoff   10 spins, then 20 yields, then sleeps that grow from 1 us to 1 ms
//   spin      never sleeps; for a core of its own
//
// Rousing. A thread that hears from outside wakes, before it works, the threads its work is for
// (`downstream`), and those stay awake for `linger`: waking a processor takes longer than the work
// of most blocks, so it had better go on meanwhile. At most once in `linger_pause`, so that neither
// costs a busy service anything. Observers (readers of links that drop) are told when the thread
// has nothing better to do, or their link is half full.
//
// Threads: everything here belongs to the driven thread, but for drain(), stop(), passes(), quiet()
// and Doorbell::ring. With a region those work from any process: what they touch lies there, and
// the poller of a foreign thread is a Sleeper over the eventfd that wakes it.
#pragma once

#include "pipeline/clock.hpp"
#include "pipeline/poller.hpp"
#include "pipeline/process.hpp"
#include "pipeline/runner.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pipeline {

enum class Idle { park, backoff, spin };

// Wakes a thread that sleeps; costs one load when it does not.
class Doorbell {
  public:
    // poller: the one that is there when it rings.
    Doorbell(std::unique_ptr<Poller> const& poller, std::atomic<bool>& asleep)
        : poller_(poller)
        , asleep_(asleep) {}

    // Any thread, after it has changed something the sleeper waits for. Of several that ring while
    // it sleeps one makes the call.
    void ring() noexcept;

    // Owner, before it looks for work a last time; awake() after.
    void about_to_sleep();
    void awake();

  private:
    std::unique_ptr<Poller> const& poller_;
    std::atomic<bool>& asleep_;
};

struct DriverOptions {
    std::string name; // at most 15 characters reach the kernel
    int cpu = -1;     // -1: wherever the kernel likes
    Idle idle = Idle::park;
};

inline constexpr Nanoseconds linger = 150 * microsecond;
inline constexpr Nanoseconds linger_pause = 5 * millisecond;

class Driver {
  public:
    Driver(DriverOptions options, std::unique_ptr<Poller> poller, Clock const& clock,
           Switchboard const& switchboard, Region* region = nullptr);

    // Wiring, before the thread starts.
    void add(RunnerBase& runner) { runners_.push_back({&runner, {}}); }
    // `other` drives the stage at the link's other end; `writes`: the runner is its writer.
    void add_neighbour(RunnerBase& runner, Doorbell& other, LinkBase const& link, bool writes);
    // Its thread works for this one's, and lingers.
    void add_downstream(Driver& other);
    void clear();
    // The process whose thread it is; nothing: there is only one process.
    std::optional<Process> process() const { return process_; }
    void belongs_to(Process process) { process_ = process; }
    // The process that is to run the thread exchanges what wakes it for what drives it.
    void exchange_poller(std::unique_ptr<Poller> poller) { poller_ = std::move(poller); }
    // As before the first pass, for a thread whose process has ended; draining goes on.
    void revive() noexcept;
    Doorbell& doorbell() { return doorbell_; }
    Poller& poller() { return *poller_; }
    DriverOptions const& options() const { return options_; }

    // One pass. True if anything was done.
    bool turn();

    // Loops until stop(). Called on the thread that is to own the stages.
    void run();

    // Any thread: asks run() to return after its current pass.
    void stop() noexcept;

    // Any thread: from the next pass on, stages are told that the service is ending.
    void drain() noexcept;

    // Any thread: passes made so far, and whether the last one did nothing.
    std::uint64_t passes() const {
        return shared_->passes.load(std::memory_order_acquire); // pairs with turn()
    }
    bool quiet() const {
        return shared_->quiet.load(std::memory_order_acquire); // pairs with turn()
    }

  private:
    struct Neighbour { // the thread at the other end of a link
        Doorbell* bell;
        LinkBase const* link;
        bool writes;             // this side of it
        std::uint64_t moved = 0; // messages this side had pushed or popped when it last looked
        bool owed = false;       // an observer is still to be told
    };
    struct Row {
        RunnerBase* runner;
        std::vector<Neighbour> neighbours;
    };

    void tell(Row& row);
    void tell_observers();
    void rouse(Nanoseconds now);
    void idle(std::uint32_t quiet_passes);
    void park(Nanoseconds deadline_max);
    bool lingers();

    struct Shared {
        alignas(64) std::atomic<bool> asleep{false};
        std::atomic<bool> stopping{false};
        std::atomic<bool> draining{false};
        std::atomic<bool> quiet{false};
        std::atomic<std::uint64_t> passes{0};
    };

    DriverOptions const options_;
    std::unique_ptr<Poller> poller_;
    Clock const& clock_;
    Switchboard const& switchboard_;
    Placed<Shared> const shared_;
    Doorbell doorbell_;
    std::optional<Process> process_;
    std::vector<Row> runners_;
    std::vector<Driver*> downstream_;
    bool lingering_ = false; // something upstream may rouse it
    Nanoseconds roused_at_ = 0;
    Nanoseconds woken_at_ = 0; // where it lingered after it
    bool slept_ = false;       // since it last lingered
    bool owing_ = false;       // some neighbour is owed a bell
    bool high_speed_ = false;  // of the last turn
};

} // namespace pipeline
