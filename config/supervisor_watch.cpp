// Whether the processes are as they should be, looked at once a second: threads that stand still,
// memory that grows.
#include "config/process_usage.hpp"
#include "config/supervisor.hpp"

#include <csignal>
#include <fmt/format.h>

namespace config {

using pipeline::Level;
using pipeline::Nanoseconds;
using pipeline::Process;

// Counted in beats, not in time: a machine that slept, or a supervisor that was stopped, misses
// beats of its own and accuses nobody.
void Supervisor::feel_pulses() {
    Nanoseconds const now = drawn_.clock().monotonic();
    if (now < next_beat_) return;
    next_beat_ = now + beat;
    for (Process const process : pipeline::all_processes) {
        pid_t const pid = child(process).pid;
        if (pid != 0 && (stands_still(process) || is_too_large(process))) kill(pid, SIGKILL);
    }
    topology_.wake(); // so that idle threads make a pass before the next beat
}

bool Supervisor::stands_still(Process process) {
    // The journal may wait for a slow disk; a start may read large files.
    constexpr int longer = 3;
    auto const beats = static_cast<int>(config_.service.watchdog / beat);
    int const beats_max = process == Process::legacy ? longer * beats : beats;
    Child& one = child(process);
    bool const up = board_->is_up(process);
    if (!up) ++one.beats_unborn;
    std::string_view still = one.beats_unborn > longer * longer * beats ? "its start" : "";
    for (std::size_t i = 0; i < pulses_.size(); ++i) {
        pipeline::Driver const& driver = *topology_.drivers()[i];
        if (driver.process() != process) continue;
        Pulse& pulse = pulses_[i];
        std::uint64_t const passes = driver.passes();
        bool const moved = std::exchange(pulse.passes, passes) != passes;
        pulse.beats_missed = moved || !up ? 0 : pulse.beats_missed + 1;
        if (pulse.beats_missed >= beats_max) still = driver.options().name;
    }
    if (still.empty()) return false;
    log_.write(Level::error, "spyhop",
               fmt::format("incident: {} ({}) stands still ({}) and is killed", to_text(process),
                           one.pid, still));
    return true;
}

// What hybrid holds of its own: reserved address space does not count, nor does what all share.
bool Supervisor::is_too_large(Process process) {
    std::uint64_t const most = config_.service.memory_max_hybrid;
    if (process != Process::hybrid || most == 0) return false;
    auto const usage = usage_of(child(process).pid);
    if (!usage || usage->resident_bytes <= most) return false; // none: it is just ending
    log_.write(Level::error, "spyhop",
               fmt::format("incident: hybrid ({}) holds {} MiB, more than memory_max_hybrid",
                           child(process).pid, usage->resident_bytes >> 20));
    return true;
}

} // namespace config
