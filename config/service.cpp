#include "config/service.hpp"

#include "config/delivery.hpp"
#include "config/exit_codes.hpp"
#include "config/flags_file.hpp"
#include "config/io_thread.hpp"
#include "config/label_files.hpp"
#include "config/notify.hpp"
#include "config/stage_options.hpp"
#include "config/state_folder.hpp"
#include "stages/deliver.hpp"
#include "stages/rpc_source.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <sys/prctl.h>

namespace config {

namespace {

constexpr pipeline::Nanoseconds drain_by_signal = 8 * pipeline::second;

sigset_t service_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, pipeline::StopRequest::signal})
        sigaddset(&set, signal);
    return set;
}

// The next signal, or 0 after `wait`.
int next_signal(pipeline::Nanoseconds wait) {
    sigset_t const set = service_signals();
    timespec const limit{static_cast<time_t>(wait / pipeline::second),
                         static_cast<long>(wait % pipeline::second)};
    int const signal = sigtimedwait(&set, nullptr, &limit);
    return signal > 0 ? signal : 0;
}

// A thread without its ring cannot be wired at all; this happens at start-up or not at all.
std::unique_ptr<pipeline::Poller> make_poller(pipeline::Clock const& clock, pipeline::Log& log) {
    auto proactor = io::Proactor::create(clock);
    if (proactor) return std::make_unique<IoThread>(std::move(*proactor));
    log.write(pipeline::Level::error, "spyhop", io::describe(proactor.error()));
    std::_Exit(exit_failed);
}

// Tells the service manager that the service lives, as long as every thread makes passes.
class Heartbeat {
  public:
    explicit Heartbeat(pipeline::Topology& topology)
        : topology_(topology)
        , interval_(watchdog_interval() / 3) {}

    pipeline::Nanoseconds interval() const { return interval_; } // 0: nobody listens

    void beat() {
        if (interval_ == 0) return;
        std::uint64_t const passes = topology_.slowest_passes();
        if (passes != last_passes_) notify_alive();
        last_passes_ = passes;
        topology_.wake(); // so that idle threads make one before the next beat
    }

  private:
    pipeline::Topology& topology_;
    pipeline::Nanoseconds const interval_;
    std::uint64_t last_passes_ = ~std::uint64_t{0};
};

} // namespace

void block_signals() {
    sigset_t const set = service_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

Service::Service(Config const& config, pipeline::Log& log)
    : config_(config)
    , log_(log)
    , switchboard_(first_regime(config))
    , topology_(clock_, switchboard_, config.service.idle,
                [this](std::string const&) { return make_poller(clock_, log_); }) {}

Service::~Service() = default;

std::expected<std::unique_ptr<Service>, Failure> Service::make(Config const& config,
                                                               pipeline::Log& log) {
    std::unique_ptr<Service> service(new Service(config, log));
    if (auto const built = service->build(); !built) return std::unexpected(built.error());
    return service;
}

std::expected<void, Failure> Service::build() {
    open_store();
    auto const io_of = [](pipeline::Driver& driver) -> IoThread& {
        return static_cast<IoThread&>(driver.poller());
    };
    World const world{
        config_,
        clock_,
        random_,
        log_,
        switchboard_,
        [&](pipeline::Driver& driver) -> io::Network& { return io_of(driver).network(); },
        [this] { return open_journal(); },
        [this](pipeline::Driver& driver, stages::Journal* journal) {
            return open_outlets(driver, journal);
        },
        [this](pipeline::Driver& driver) { return open_socket(driver); },
        [this] { return std::make_unique<StateFolder>(config_.service.state_dir); },
        [this](pipeline::Nanoseconds drain_max) { stop_.request(exit_ok, drain_max); },
        [this] { return stages::read_ledgers(journal_path(config_)); },
        [this] { return open_labels(); },
        open_key(),
        store_.get(),
        [this] { return open_governor(); }};
    auto const built = build_topology(topology_, world);
    if (!trouble_.empty()) return std::unexpected(Failure{exit_failed, trouble_});
    if (!built) return std::unexpected(Failure{exit_failed, built.error()});
    return {};
}

std::unique_ptr<stages::Journal> Service::open_journal() {
    auto journal = config::open_journal(config_);
    if (journal) return std::move(*journal);
    if (trouble_.empty()) trouble_ = journal.error();
    return nullptr;
}

std::vector<stages::Outlet> Service::open_outlets(pipeline::Driver& driver,
                                                  stages::Journal* journal) {
    if (journal == nullptr) return {};
    auto& proactor = static_cast<IoThread&>(driver.poller()).proactor();
    auto outlets = config::open_outlets(config_, *journal, {proactor, random_, log_, stop_});
    if (outlets) return std::move(*outlets);
    if (trouble_.empty()) trouble_ = outlets.error();
    return {};
}

// After the journal, whose lock says that this service is the only one of its state directory.
std::unique_ptr<stages::Governor> Service::open_governor() {
    if (!trouble_.empty()) return nullptr;
    stages::FlagState state = start_flags(config_, log_);
    switchboard_.start(stages::regime_of(state));
    auto trail = stages::AuditTrail::open(journal_path(config_));
    if (!trail) {
        trouble_ = io::describe(trail.error());
        return nullptr;
    }
    stages::Governor::Needs needs{
        switchboard_,
        clock_,
        log_,
        [this](stages::FlagState const& next) { return store_flags(config_, next); },
        [this] { topology_.wake(); },
        std::move(*trail)};
    return std::make_unique<stages::Governor>(std::move(state), has_legacy(config_),
                                              std::move(needs));
}

std::unique_ptr<io::UnixServer> Service::open_socket(pipeline::Driver& driver) {
    auto& network = static_cast<IoThread&>(driver.poller()).network();
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(std::filesystem::path(config_.service.socket).parent_path(),
                                        ignored);
    auto server = io::UnixServer::create(network, config_.service.socket, clock_);
    if (server) return std::move(*server);
    if (trouble_.empty())
        trouble_ =
            to_text(config_, {config_.service.socket_where, io::describe(server.error()), false});
    return nullptr;
}

// A process that holds a secret leaves no core file: nobody knows in which buffers it lies.
std::string Service::open_key() {
    auto key = subscan_key(config_);
    if (!key && trouble_.empty()) trouble_ = key.error();
    if (!key || key->empty()) return {};
    prctl(PR_SET_DUMPABLE, 0);
    return std::move(*key);
}

// Without it the service runs as well, and asks Subscan more often.
void Service::open_store() {
    if (!has_legacy(config_)) return;
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(config_.service.state_dir, ignored);
    auto opened = io::Store::open(config_.service.state_dir + "/state.lmdb",
                                  {std::string(stages::cache_table_name)});
    if (!opened) {
        log_.write(pipeline::Level::warning, "cache",
                   io::describe(opened.error()) + ". The cache begins anew with each start.");
        return;
    }
    if (!opened->note.empty()) log_.write(pipeline::Level::warning, "cache", opened->note);
    store_ = std::move(opened->store);
}

stages::LabelBook Service::open_labels() {
    LoadedLabels labels = read_labels(config_);
    for (std::string const& problem : labels.problems)
        log_.write(pipeline::Level::warning, "labels", problem);
    return std::move(labels.book);
}

int Service::run(std::function<bool()> const& finished) {
    constexpr pipeline::Nanoseconds glance = 200 * pipeline::millisecond;
    topology_.start();
    notify_ready();
    log_.write(pipeline::Level::info, "spyhop",
               fmt::format("{} is watching {} chains; ask it with: spyhop status -s {}",
                           SPYHOP_VERSION, config_.chains.size(), config_.service.socket));
    Heartbeat heartbeat(topology_);
    pipeline::Nanoseconds wait = 3'600 * pipeline::second;
    if (heartbeat.interval() != 0) wait = heartbeat.interval();
    if (finished) wait = std::min(wait, glance);
    for (;;) {
        int const signal = next_signal(wait);
        heartbeat.beat();
        if (signal == SIGHUP)
            log_.write(pipeline::Level::warning, "spyhop",
                       "SIGHUP: this version cannot reload its configuration; restart it");
        if (signal == SIGINT || signal == SIGTERM) return drain(exit_ok, drain_by_signal);
        if (stop_.requested()) return drain(stop_.exit_code(), stop_.drain_max());
        if (finished && finished()) return drain(exit_ok, drain_by_signal);
    }
}

// Everything has passed: links empty, sinks written. Asked of threads that are woken for it, twice,
// because a message may be between a link and a sink while one looks.
bool Service::flushed() const {
    if (!topology_.settled()) return false;
    for (auto const& page : topology_.metrics().pages())
        for (std::size_t i = 0; i < page->rows().size(); ++i)
            if (page->rows()[i].name ==
                    stages::deliver_metrics[static_cast<std::size_t>(
                                                stages::DeliverMetric::bytes_pending)]
                        .name &&
                page->read(i) > 0)
                return false;
    return true;
}

// A block that is still being asked for is in no link; only the source's own numbers show it.
bool Service::caught_up() const {
    auto const index = [](stages::SourceMetric metric) { return static_cast<std::size_t>(metric); };
    std::size_t const best = index(stages::SourceMetric::best);
    std::size_t const finalized = index(stages::SourceMetric::finalized);
    for (auto const& page : topology_.metrics().pages()) {
        bool const of_source = page->rows().size() == stages::source_metrics.size() &&
                               page->rows()[best].name == stages::source_metrics[best].name;
        if (of_source && page->read(best) != page->read(finalized)) return false;
    }
    return topology_.settled();
}

int Service::drain(int exit_code, pipeline::Nanoseconds drain_max) {
    constexpr pipeline::Nanoseconds step = 2 * pipeline::millisecond;
    constexpr std::uint64_t passes_between_looks = 2;
    notify_stopping();
    log_.write(pipeline::Level::info, "spyhop", "draining");
    pipeline::Nanoseconds const deadline = clock_.monotonic() + drain_max;
    topology_.drain();
    int calm = 0;
    std::uint64_t asked_at = topology_.slowest_passes();
    while (calm < 2 && clock_.monotonic() < deadline) {
        topology_.wake();
        int const signal = next_signal(step);
        if (signal == SIGINT || signal == SIGTERM) {
            log_.write(pipeline::Level::warning, "spyhop", "ended at once by a second signal");
            std::_Exit(128 + signal);
        }
        if (topology_.slowest_passes() < asked_at + passes_between_looks) continue;
        asked_at = topology_.slowest_passes();
        calm = flushed() ? calm + 1 : 0;
    }
    topology_.stop();
    bool const whole = calm >= 2;
    if (whole) mark_clean(config_, log_);
    log_.write(whole ? pipeline::Level::info : pipeline::Level::warning, "spyhop",
               whole ? "ended; every alert made is written"
                     : "ended before everything was written; those alerts are lost to the sink");
    return exit_code;
}

} // namespace config
