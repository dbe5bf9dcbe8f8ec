// What a child of the supervisor does, from its fork to its end.
#include "config/crash_notice.hpp"
#include "config/exit_codes.hpp"
#include "config/live_world.hpp"
#include "config/process_limits.hpp"
#include "config/process_usage.hpp"
#include "config/signals.hpp"
#include "config/supervisor.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace config {

using pipeline::Process;

void Supervisor::be(Process process, pid_t supervisor) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) std::_Exit(exit_failed); // it has died before that was said
    leave_signals_to_the_supervisor();
    give_notice_of_crashes(*board_, *stop_, process);
    title_.set(fmt::format("spyhop: {}", to_text(process)));
    std::_Exit(run_part(process));
}

int Supervisor::run_part(Process process) {
    LiveWorld live(config_, log_, *switchboard_, *stop_, process);
    topology_.enter(process, [this](int wake_fd) {
        return LiveWorld::make_poller(drawn_.clock(), log_, wake_fd);
    });
    live.on_restart([this](std::uint32_t which) {
        if (which >= pipeline::all_processes.size()) return;
        board_->ask_restart(pipeline::all_processes[which]);
        stop_->rouse();
    });
    World world = live.open();
    world.detect = {board_->generation(process).load(), board_->generation(Process::legacy)};
    world.processes = [this, supervisor = getppid()] { return statuses(supervisor); };
    world.restart = [this](Process which) {
        board_->ask_restart(which);
        stop_->rouse();
    };
    world.resource_ratio = [this] { return resource_ratio(); };
    world.memory_shares = [this] { return memory_shares(); };
    auto const built = build_topology(topology_, world);
    std::string const trouble = !live.trouble().empty() ? live.trouble()
                              : built                   ? std::string()
                                                        : built.error();
    if (!trouble.empty()) {
        fmt::print(stderr, "spyhop: {}\n", trouble);
        return exit_failed;
    }
    malloc_trim(0); // every stage was wired, and those of the other processes have gone again
    if (process == Process::hybrid)
        if (auto const done = limit_hybrid(config_.service.memory_max_hybrid); !done)
            log_.write(pipeline::Level::warning, "spyhop",
                       "hybrid's memory is not limited: " + done.error());
    topology_.start();
    board_->up(process);
    stop_->rouse();
    topology_.join();
    topology_.hollow(); // stages before what they were given
    return exit_ok;
}

std::vector<stages::ProcessStatus> Supervisor::statuses(pid_t supervisor) const {
    std::vector<stages::ProcessStatus> all{{"supervisor", supervisor, 0}};
    for (Process const process : pipeline::all_processes) {
        auto const view = board_->view(process);
        all.push_back({std::string(to_text(process)), view.pid, view.restarts,
                       static_cast<std::uint32_t>(view.deaths)});
    }
    return all;
}

// Processor time since both were started last; nothing while legacy has used next to none.
std::optional<double> Supervisor::resource_ratio() const {
    constexpr std::uint64_t ticks_min = 10;
    auto const hybrid = usage_of(board_->view(Process::hybrid).pid);
    auto const legacy = usage_of(board_->view(Process::legacy).pid);
    if (!hybrid || !legacy || legacy->cpu_ticks < ticks_min) return std::nullopt;
    return static_cast<double>(hybrid->cpu_ticks) / static_cast<double>(legacy->cpu_ticks);
}

// Only hybrid has a limit.
std::vector<std::optional<double>> Supervisor::memory_shares() const {
    std::vector<std::optional<double>> shares(pipeline::all_processes.size());
    auto const hybrid = usage_of(board_->view(Process::hybrid).pid);
    if (hybrid && config_.service.memory_max_hybrid != 0)
        shares[pipeline::index_of(Process::hybrid)] =
            static_cast<double>(hybrid->resident_bytes) /
            static_cast<double>(config_.service.memory_max_hybrid);
    return shares;
}

} // namespace config
