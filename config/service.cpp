#include "config/service.hpp"

#include "config/drain.hpp"
#include "config/exit_codes.hpp"
#include "config/flags_file.hpp"
#include "config/notify.hpp"
#include "config/signals.hpp"
#include "config/stage_options.hpp"
#include "stages/rpc_source.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace config {

namespace {

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

Service::Service(Config const& config, pipeline::Log& log)
    : config_(config)
    , log_(log)
    , switchboard_(first_regime(config))
    , live_(config, log, switchboard_, stop_, std::nullopt)
    , topology_(clock_, switchboard_, config.service.idle,
                [this](std::string const&) { return LiveWorld::make_poller(clock_, log_, -1); }) {}

Service::~Service() = default;

std::expected<std::unique_ptr<Service>, Failure> Service::make(Config const& config,
                                                               pipeline::Log& log) {
    std::unique_ptr<Service> service(new Service(config, log));
    if (auto const built = service->build(); !built) return std::unexpected(built.error());
    return service;
}

std::expected<void, Failure> Service::build() {
    auto const built = build_topology(topology_, live_.open());
    if (!live_.trouble().empty()) return std::unexpected(Failure{exit_failed, live_.trouble()});
    if (!built) return std::unexpected(Failure{exit_failed, built.error()});
    return {};
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
        if (signal == SIGINT || signal == SIGTERM) return drain(exit_ok, Drain::by_signal);
        if (stop_.requested()) return drain(stop_.exit_code(), stop_.drain_max());
        if (finished && finished()) return drain(exit_ok, Drain::by_signal);
    }
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
    notify_stopping();
    log_.write(pipeline::Level::info, "spyhop", "draining");
    Drain drain(topology_, clock_, drain_max);
    while (!drain.over()) {
        int const signal = next_signal(Drain::step);
        if (signal != SIGINT && signal != SIGTERM) continue;
        log_.write(pipeline::Level::warning, "spyhop", "ended at once by a second signal");
        std::_Exit(128 + signal);
    }
    topology_.stop();
    if (drain.whole()) mark_clean(config_, log_);
    log_.write(drain.whole() ? pipeline::Level::info : pipeline::Level::warning, "spyhop",
               drain.whole()
                   ? "ended; every alert made is written"
                   : "ended before everything was written; those alerts are lost to the sink");
    return exit_code;
}

} // namespace config
