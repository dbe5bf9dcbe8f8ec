// What the processes of a service know of each other: who lives, how often each has ended and how,
// and what is asked of whom. Lies in their region; the supervisor writes it, but for up(),
// falling() and ask_restart().
//
// A process that is started again is another generation of it. Who talks to it compares generations
// to learn that it knows nothing any more of what it was told.
//
// Threads: any, in any process.
#pragma once

#include "pipeline/process.hpp"
#include "pipeline/types.hpp"

#include <array>
#include <atomic>

namespace pipeline {

// How a process has been doing.
struct ProcessView {
    Process process{};
    std::int32_t pid = 0; // 0: it is not running
    std::uint32_t restarts = 0;
    std::uint32_t deaths = 0;       // ends that nobody had ordered
    std::int32_t last_status = 0;   // of the last death, as waitpid() gives it
    Nanoseconds died_at = 0;        // when the last death was seen (monotonic); 0: never
    Nanoseconds fallen_back_at = 0; // when the regime went to legacy for it; 0: it did not
};

// Tells a stage whether the process at the other end is still the one it has talked to.
class Generation {
  public:
    Generation() = default; // of a process that cannot end alone: always 0
    explicit Generation(std::atomic<std::uint32_t> const& value)
        : value_(&value) {}
    bool can_change() const { return value_ != nullptr; }
    // acquire: pairs with the release in ProcessBoard::ended().
    std::uint32_t load() const {
        return value_ == nullptr ? 0 : value_->load(std::memory_order_acquire);
    }

  private:
    std::atomic<std::uint32_t> const* value_ = nullptr;
};

class ProcessBoard {
  public:
    Generation generation(Process process) const { return Generation(slot(process).generation); }

    // Supervisor.
    void started(Process process, std::int32_t pid) { slot(process).pid.store(pid, relaxed); }
    void restarted(Process process) { slot(process).restarts.fetch_add(1, relaxed); }
    void ended(Process process) {
        Slot& of = slot(process);
        of.pid.store(0, relaxed);
        of.up.store(false, relaxed);
        of.restart_asked.store(false, relaxed);
        of.falling.store(false, relaxed);
        // release: pairs with the acquire in Generation::load().
        of.generation.fetch_add(1, std::memory_order_release);
    }
    void died(Process process, std::int32_t status, Nanoseconds at, Nanoseconds fallen_back_at) {
        Slot& of = slot(process);
        of.deaths.fetch_add(1, relaxed);
        of.last_status.store(status, relaxed);
        of.died_at.store(at, relaxed);
        if (fallen_back_at != 0) of.fallen_back_at.store(fallen_back_at, relaxed);
    }
    bool is_up(Process process) const {
        return slot(process).up.load(std::memory_order_acquire); // pairs with up()
    }
    bool restart_asked(Process process) const { return slot(process).restart_asked.load(relaxed); }

    // The process itself: everything it needs is open, its threads run.
    void up(Process process) {
        slot(process).up.store(true, std::memory_order_release); // pairs with is_up()
    }
    // The process itself, from a signal handler: it is about to die.
    void falling(Process process) { slot(process).falling.store(true, relaxed); }
    bool is_falling(Process process) const { return slot(process).falling.load(relaxed); }
    // Anyone. The supervisor has to be roused (StopRequest::rouse).
    void ask_restart(Process process) { slot(process).restart_asked.store(true, relaxed); }
    ProcessView view(Process process) const {
        Slot const& of = slot(process);
        return {process,
                of.pid.load(relaxed),
                of.restarts.load(relaxed),
                of.deaths.load(relaxed),
                of.last_status.load(relaxed),
                of.died_at.load(relaxed),
                of.fallen_back_at.load(relaxed)};
    }

  private:
    static constexpr auto relaxed = std::memory_order_relaxed; // each value stands for itself
    struct Slot {
        std::atomic<std::int32_t> pid{0};
        std::atomic<std::uint32_t> generation{0};
        std::atomic<std::uint32_t> restarts{0}, deaths{0};
        std::atomic<std::int32_t> last_status{0};
        std::atomic<std::uint64_t> died_at{0}, fallen_back_at{0};
        std::atomic<bool> up{false}, falling{false}, restart_asked{false};
    };
    Slot& slot(Process process) { return slots_[index_of(process)]; }
    Slot const& slot(Process process) const { return slots_[index_of(process)]; }

    std::array<Slot, all_processes.size()> slots_;
};

} // namespace pipeline
