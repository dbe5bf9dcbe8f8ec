#include "config/supervisor.hpp"

#include "config/delivery.hpp"
#include "config/drain.hpp"
#include "config/exit_codes.hpp"
#include "config/flags_file.hpp"
#include "config/notify.hpp"
#include "config/signals.hpp"
#include "config/stage_options.hpp"
#include "pipeline/sleeper.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace config {

using pipeline::Level;
using pipeline::Nanoseconds;
using pipeline::Process;

namespace {

constexpr int signal_exit = 128; // + the signal, as shells count

// The one that a death is most urgent of comes first.
constexpr std::array by_urgency{Process::hybrid, Process::legacy, Process::control};

std::string how_it_ended(int status) {
    if (!WIFSIGNALED(status)) return fmt::format("ended with exit code {}", WEXITSTATUS(status));
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
}

} // namespace

Supervisor::Supervisor(Config const& config, pipeline::Log& log, ProcessTitle title,
                       std::unique_ptr<pipeline::Region> region)
    : config_(config)
    , log_(log)
    , title_(title)
    , region_(std::move(region))
    , switchboard_(pipeline::place<pipeline::Switchboard>(region_.get(), first_regime(config)))
    , stop_(pipeline::place<pipeline::StopRequest>(region_.get()))
    , board_(pipeline::place<pipeline::ProcessBoard>(region_.get()))
    , topology_(
          drawn_.clock(), *switchboard_, config.service.idle,
          [this](std::string const&) {
              return std::make_unique<pipeline::Sleeper>(drawn_.clock());
          },
          region_.get()) {}

Supervisor::~Supervisor() {
    kill_all();
    wait_for_ends(pipeline::never);
}

std::expected<std::unique_ptr<Supervisor>, Failure>
Supervisor::make(Config const& config, pipeline::Log& log, ProcessTitle title) {
    auto region = pipeline::Region::create(region_bytes(config));
    if (!region) return std::unexpected(Failure{exit_failed, region.error()});
    std::unique_ptr<Supervisor> made(new Supervisor(config, log, title, std::move(*region)));
    if (auto const wired = made->wire(); !wired) return std::unexpected(wired.error());
    return made;
}

// What is left of an earlier service that was killed dies with it, but not before it.
std::expected<void, Failure> Supervisor::wait_for_predecessor() {
    std::string const& folder = config_.service.state_dir;
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(folder, ignored);
    auto lock = io::GroupLock::open(folder);
    if (!lock)
        return std::unexpected(
            Failure{exit_failed, to_text(config_, {config_.service.state_dir_where,
                                                   io::describe(lock.error()), false})});
    lock_ = std::move(*lock);
    Nanoseconds const deadline = drawn_.clock().monotonic() + predecessor_max;
    while (!lock_->take() && drawn_.clock().monotonic() < deadline) {
        int const signal = next_signal(Drain::step);
        if (signal == SIGINT || signal == SIGTERM)
            return std::unexpected(Failure{exit_ok, "ended before it was started"});
    }
    return {};
}

// The journal is opened and closed once, so that it is there, of this version and nobody else's
// before hybrid looks into it.
std::expected<void, Failure> Supervisor::wire() {
    if (auto const alone = wait_for_predecessor(); !alone) return alone;
    if (auto const journal = open_journal(config_); !journal)
        return std::unexpected(Failure{exit_failed, journal.error()});
    if (!lock_->take())
        return std::unexpected(
            Failure{exit_failed,
                    to_text(config_, {config_.service.state_dir_where,
                                      "processes of another service use this directory; stop them",
                                      false})});
    switchboard_->start(stages::regime_of(start_flags(config_, log_)));
    auto const built = build_topology(topology_, drawn_.world(config_, *switchboard_));
    if (!built) return std::unexpected(Failure{exit_failed, built.error()});
    topology_.hollow();
    malloc_trim(0); // or every child would be born with what the stages had
    pulses_.resize(topology_.drivers().size());
    return {};
}

// ---- life ---------------------------------------------------------------------------------------

int Supervisor::run() {
    int exit_code = exit_failed;
    stop_->own();
    if (!start_all(exit_code)) return exit_code;
    notify_ready();
    log_.write(Level::info, "spyhop",
               fmt::format("{} is watching {} chains in 3 processes; ask it with: spyhop status "
                           "-s {}",
                           SPYHOP_VERSION, config_.chains.size(), config_.service.socket));
    Nanoseconds const notify_every = watchdog_interval() / 3;
    Nanoseconds notified_at = 0;
    for (;;) {
        Nanoseconds const now = drawn_.clock().monotonic();
        Nanoseconds wait = std::max(next_event(), now) - now;
        if (notify_every != 0) wait = std::min(wait, notify_every);
        int const signal = next_signal(wait);
        reap();
        obey_requests();
        start_due();
        feel_pulses();
        if (signal == SIGHUP)
            log_.write(Level::warning, "spyhop",
                       "SIGHUP: this version cannot reload its configuration; restart it");
        if (signal == SIGINT || signal == SIGTERM) return drain(exit_ok, Drain::by_signal);
        if (stop_->requested()) return drain(stop_->exit_code(), stop_->drain_max());
        if (notify_every != 0 && now >= notified_at + notify_every / 2) {
            notify_alive();
            notified_at = now;
        }
    }
}

// All three, up; false: one of them could not start and has said why.
bool Supervisor::start_all(int& exit_code) {
    start(Process::control);
    start(Process::legacy);
    bool hybrid_started = false;
    auto const all_up = [&] {
        return std::all_of(pipeline::all_processes.begin(), pipeline::all_processes.end(),
                           [&](Process process) { return board_->is_up(process); });
    };
    while (!all_up()) {
        // Last: when the nodes begin to tell, there is somebody to answer for it and to take it.
        if (!hybrid_started && board_->is_up(Process::control) && board_->is_up(Process::legacy)) {
            start(Process::hybrid);
            hybrid_started = true;
        }
        Nanoseconds const now = drawn_.clock().monotonic();
        next_beat_ = now + beat; // pulses are felt once all are up
        int const signal = next_signal(std::max(next_event(), now) - now);
        if (signal == SIGINT || signal == SIGTERM) {
            exit_code = exit_ok;
            return false;
        }
        for (Process const process : by_urgency) {
            int status = 0;
            pid_t& pid = child(process).pid;
            if (pid == 0 || waitpid(pid, &status, WNOHANG) != pid) continue;
            if (board_->is_up(process)) { // it could start: a death like any other
                ended(process, status);
                continue;
            }
            pid = 0;
            exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : exit_failed;
            if (WIFSIGNALED(status))
                log_.write(Level::error, "spyhop",
                           fmt::format("{} {} while it was starting", to_text(process),
                                       how_it_ended(status)));
            return false;
        }
        start_due();
    }
    return true;
}

void Supervisor::start(Process process) {
    Child& one = child(process);
    Nanoseconds const now = drawn_.clock().monotonic();
    one.ordered = false;
    one.start_at = pipeline::never;
    one.started_at = now;
    one.beats_unborn = 0;
    pid_t const supervisor = getpid();
    pid_t const pid = fork();
    if (pid == 0) be(process, supervisor);
    if (pid < 0) {
        log_.write(
            Level::error, "spyhop",
            fmt::format("{} cannot be started: fork: {}", to_text(process), std::strerror(errno)));
        one.start_at = now + one.backoff;
        return;
    }
    one.pid = pid;
    board_->started(process, pid);
}

void Supervisor::start_due() {
    Nanoseconds const now = drawn_.clock().monotonic();
    for (Process const process : by_urgency)
        if (child(process).start_at <= now) {
            board_->restarted(process);
            start(process);
        }
}

Nanoseconds Supervisor::next_event() const {
    Nanoseconds earliest = next_beat_;
    for (Child const& one : children_) earliest = std::min(earliest, one.start_at);
    return earliest;
}

// ---- death --------------------------------------------------------------------------------------

void Supervisor::reap() {
    // Its core file may take long to write; legacy need not wait for that.
    if (fall_seen_at_ == 0 && board_->is_falling(Process::hybrid)) answer_fall();
    for (Process const process : by_urgency) {
        int status = 0;
        pid_t const pid = child(process).pid;
        if (pid != 0 && waitpid(pid, &status, WNOHANG) == pid) ended(process, status);
    }
}

// First of all: nobody may wait for a path that is gone.
void Supervisor::answer_fall() {
    fall_seen_at_ = drawn_.clock().monotonic();
    if (!fall_back()) return;
    fallen_back_at_ = drawn_.clock().monotonic();
    topology_.wake();
}

void Supervisor::ended(Process process, int status) {
    Child& one = child(process);
    Nanoseconds const seen_at = drawn_.clock().monotonic();
    bool const in_order = one.ordered && WIFEXITED(status) && WEXITSTATUS(status) == exit_ok;
    bool const hybrid_died = !in_order && process == Process::hybrid;
    if (hybrid_died && fall_seen_at_ == 0) answer_fall();
    board_->ended(process);
    topology_.revive(process);
    pid_t const pid = std::exchange(one.pid, 0);
    Nanoseconds pause = 0;
    if (!in_order) {
        board_->died(process, status, seen_at, hybrid_died ? fallen_back_at_ : 0);
        if (seen_at - one.started_at >= healthy_after) one.backoff = backoff_min;
        pause = one.backoff;
        one.backoff = std::min(2 * one.backoff, backoff_max);
    }
    if (draining_) {
        topology_.give_up(process);
        lost_legacy_ = lost_legacy_ || process == Process::legacy;
        pause = pipeline::never;
    }
    one.start_at = pause == pipeline::never ? pipeline::never : seen_at + pause;
    std::string text =
        in_order ? fmt::format("{} ({}) has ended as it was told", to_text(process), pid)
                 : fmt::format("incident: {} ({}) {}", to_text(process), pid, how_it_ended(status));
    if (hybrid_died && fallen_back_at_ != 0)
        text += fmt::format("; legacy speaks for all since {} us after this was seen",
                            (fallen_back_at_ - fall_seen_at_) / pipeline::microsecond);
    if (process == Process::hybrid) fall_seen_at_ = fallen_back_at_ = 0;
    if (pause != pipeline::never)
        text += fmt::format("; it is started again in {} ms", pause / pipeline::millisecond);
    log_.write(in_order ? Level::info : Level::error, "spyhop", text);
}

// False: legacy speaks already, or there is none.
bool Supervisor::fall_back() {
    auto const& rule = config_.health.rules[static_cast<std::size_t>(stages::HealthCheck::crash)];
    bool const wanted = rule.action == stages::Remedy::immediate_rollback && !rule.dry_run;
    if (!has_legacy(config_) || !wanted) return false;
    for (;;) {
        pipeline::Regime const before = switchboard_->load();
        if (before.mode != pipeline::Mode::normal && before.mode != pipeline::Mode::frozen)
            return false;
        pipeline::Regime next = before;
        next.mode = pipeline::Mode::legacy_only;
        if (switchboard_->change(before, next)) return true;
    }
}

void Supervisor::obey_requests() {
    for (Process const process : pipeline::all_processes) {
        Child& one = child(process);
        if (!board_->restart_asked(process) || one.ordered || one.pid == 0) continue;
        one.ordered = true;
        log_.write(
            Level::info, "spyhop",
            fmt::format("{} ({}) is told to end and is started again", to_text(process), one.pid));
        topology_.stop(process);
    }
}

// ---- the end ------------------------------------------------------------------------------------

int Supervisor::drain(int exit_code, Nanoseconds drain_max) {
    notify_stopping();
    log_.write(Level::info, "spyhop", "draining");
    draining_ = true;
    for (Process const process : pipeline::all_processes)
        if (child(process).pid == 0) {
            topology_.give_up(process);
            lost_legacy_ = lost_legacy_ || process == Process::legacy;
        }
    Drain drain(topology_, drawn_.clock(), drain_max);
    while (!drain.over()) {
        int const signal = next_signal(Drain::step);
        if (signal == SIGINT || signal == SIGTERM) {
            log_.write(Level::warning, "spyhop", "ended at once by a second signal");
            kill_all();
            std::_Exit(signal_exit + signal);
        }
        reap();
    }
    for (Process const process : pipeline::all_processes) {
        child(process).ordered = true;
        topology_.stop(process);
    }
    if (!wait_for_ends(drawn_.clock().monotonic() + farewell)) {
        kill_all();
        wait_for_ends(pipeline::never);
    }
    bool const whole = drain.whole() && !lost_legacy_;
    if (whole) mark_clean(config_, log_);
    log_.write(whole ? Level::info : Level::warning, "spyhop",
               whole ? "ended; every alert made is written"
                     : "ended before everything was written; those alerts are lost to the sink");
    return exit_code;
}

bool Supervisor::wait_for_ends(Nanoseconds deadline) {
    for (;;) {
        bool any = false;
        for (Child& one : children_) {
            if (one.pid != 0 && waitpid(one.pid, nullptr, WNOHANG) == one.pid) one.pid = 0;
            any = any || one.pid != 0;
        }
        if (!any) return true;
        if (drawn_.clock().monotonic() >= deadline) return false;
        next_signal(Drain::step);
    }
}

void Supervisor::kill_all() {
    for (Child const& one : children_)
        if (one.pid != 0) kill(one.pid, SIGKILL);
}

} // namespace config
