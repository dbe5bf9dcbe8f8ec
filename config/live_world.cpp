#include "config/live_world.hpp"

#include "config/delivery.hpp"
#include "config/exit_codes.hpp"
#include "config/flags_file.hpp"
#include "config/io_thread.hpp"
#include "config/label_files.hpp"
#include "config/rollout_plan.hpp"
#include "config/service.hpp"
#include "config/stage_options.hpp"
#include "config/state_folder.hpp"
#include "decoders/hash.hpp"
#include "io/files.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <sys/prctl.h>

namespace config {

using pipeline::Process;

namespace {

IoThread& io_of(pipeline::Driver& driver) { return static_cast<IoThread&>(driver.poller()); }

// Letters, digits, '-', '_' and dots inside are as they are, all else is %XX: no two names are one.
std::string file_name_of(std::string_view name) {
    std::string safe;
    for (char const c : name) {
        bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool const plain =
            letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && !safe.empty());
        safe += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return safe;
}

} // namespace

LiveWorld::LiveWorld(Config const& config, pipeline::Log& log, pipeline::Switchboard& switchboard,
                     pipeline::StopRequest& stop, std::optional<Process> mine)
    : config_(config)
    , log_(log)
    , switchboard_(switchboard)
    , stop_(stop)
    , mine_(mine) {}

LiveWorld::~LiveWorld() = default;

std::unique_ptr<pipeline::Poller> LiveWorld::make_poller(pipeline::Clock const& clock,
                                                         pipeline::Log& log, int wake_fd) {
    auto proactor = io::Proactor::create(clock, {.wake_fd = wake_fd});
    if (proactor) return std::make_unique<IoThread>(std::move(*proactor));
    log.write(pipeline::Level::error, "spyhop", io::describe(proactor.error()));
    std::_Exit(exit_failed);
}

World LiveWorld::open() {
    if (owns(Process::legacy)) open_store();
    return World{config_,
                 clock_,
                 random_,
                 log_,
                 switchboard_,
                 [this](pipeline::Driver& driver) -> io::Network& { return network(driver); },
                 [this] { return open_journal(); },
                 [this](pipeline::Driver& driver, stages::Journal* journal) {
                     return open_outlets(driver, journal);
                 },
                 [this](pipeline::Driver& driver) { return open_socket(driver); },
                 [this] { return std::make_unique<StateFolder>(config_.service.state_dir); },
                 [this](pipeline::Nanoseconds drain_max) { stop_.request(exit_ok, drain_max); },
                 [this] { return stages::read_ledgers(journal_path(config_)); },
                 [this](stages::AlertFilter const& filter) {
                     return stages::read_alerts(journal_path(config_), filter);
                 },
                 [this] { return open_labels(); },
                 open_key(),
                 store_.get(),
                 {},
                 {},
                 {},
                 [this](pipeline::Driver& driver) { return open_http(driver); },
                 open_admin_token(),
                 [this](pipeline::Driver& driver, stages::Governor& governor,
                        pipeline::Out<stages::Steer> steer) {
                     return open_steward(driver, governor, steer);
                 },
                 {},
                 {},
                 [this](std::function<void()> wake) { return open_governor(std::move(wake)); },
                 [this](std::uint16_t chain) { return open_patterns(chain); }};
}

io::Network& LiveWorld::network(pipeline::Driver& driver) {
    bool const elsewhere = mine_ && driver.process() != mine_;
    if (elsewhere) return nowhere_;
    return io_of(driver).network();
}

std::unique_ptr<stages::Journal> LiveWorld::open_journal() {
    if (owns(Process::legacy)) {
        auto journal = config::open_journal(config_);
        if (journal) return std::move(*journal);
        if (trouble_.empty()) trouble_ = journal.error();
        return nullptr;
    }
    if (!owns(Process::hybrid)) return nullptr;
    auto journal = stages::Journal::open(journal_path(config_),
                                         {.database = {.read_only = true, .lock = false}});
    if (journal) return std::move(*journal);
    log_.write(pipeline::Level::warning, "journal",
               io::describe(journal.error()) +
                   ". The nodes are followed as if nothing were known of their chains; what is "
                   "missing is read afterwards.");
    return nullptr;
}

std::vector<stages::Outlet> LiveWorld::open_outlets(pipeline::Driver& driver,
                                                    stages::Journal* journal) {
    if (journal == nullptr || !owns(Process::legacy)) return {};
    auto outlets =
        config::open_outlets(config_, *journal, {io_of(driver).proactor(), random_, log_, stop_});
    if (outlets) return std::move(*outlets);
    if (trouble_.empty()) trouble_ = outlets.error();
    return {};
}

std::unique_ptr<io::UnixServer> LiveWorld::open_socket(pipeline::Driver& driver) {
    if (!owns(Process::control)) return nullptr;
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(std::filesystem::path(config_.service.socket).parent_path(),
                                        ignored);
    auto server = io::UnixServer::create(io_of(driver).network(), config_.service.socket, clock_);
    if (server) return std::move(*server);
    if (trouble_.empty())
        trouble_ =
            to_text(config_, {config_.service.socket_where, io::describe(server.error()), false});
    return nullptr;
}

// A process that holds a secret leaves no core file: nobody knows in which buffers it lies.
std::string LiveWorld::open_key() {
    if (!owns(Process::legacy)) return {};
    auto key = subscan_key(config_);
    if (!key && trouble_.empty()) trouble_ = key.error();
    if (!key || key->empty()) return {};
    prctl(PR_SET_DUMPABLE, 0);
    return std::move(*key);
}

// Without it the service runs as well, and asks Subscan more often.
void LiveWorld::open_store() {
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

// Without it the service runs as well; patterns begin anew with each start. The disk is not waited
// for: a power cut costs what they know, a kill does not.
std::unique_ptr<stages::PatternStore> LiveWorld::open_patterns(std::uint16_t chain) {
    if (!owns(Process::hybrid)) return nullptr;
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(config_.service.state_dir, ignored);
    auto opened =
        stages::PatternStore::open(fmt::format("{}/patterns-{}.mdb", config_.service.state_dir,
                                               file_name_of(config_.chains[chain].name)),
                                   {.wait_for_disk = false});
    if (!opened) {
        log_.write(pipeline::Level::warning, "detect",
                   io::describe(opened.error()) + ". Patterns begin anew with each start.");
        return nullptr;
    }
    if (!opened->note.empty()) log_.write(pipeline::Level::warning, "detect", opened->note);
    return std::move(opened->store);
}

// After the journal, whose lock says that this service is the only one of its state directory. In
// processes the supervisor has begun the run, and control may be in its second life.
std::unique_ptr<stages::Governor> LiveWorld::open_governor(std::function<void()> wake) {
    if (!trouble_.empty() || !owns(Process::control)) return nullptr;
    stages::FlagState state = mine_ ? stored_flags(config_) : start_flags(config_, log_);
    if (!mine_) switchboard_.start(stages::regime_of(state));
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
        std::move(wake),
        std::move(*trail)};
    return std::make_unique<stages::Governor>(std::move(state), has_legacy(config_),
                                              std::move(needs));
}

std::unique_ptr<io::HttpServer> LiveWorld::open_http(pipeline::Driver& driver) {
    if (!config_.http || !owns(Process::control) || !trouble_.empty()) return nullptr;
    auto const address = io::parse_host_port(config_.http->listen);
    auto listener = address ? io_of(driver).network().listen(address->host, address->port)
                            : std::unexpected(address.error());
    if (!listener) {
        trouble_ = to_text(config_, {config_.http->where,
                                     "http.listen: " + io::describe(listener.error()), false});
        return nullptr;
    }
    auto server = std::make_unique<io::HttpServer>(std::move(*listener), clock_);
    log_.write(pipeline::Level::info, "http",
               fmt::format("listening on http://{}:{}", address->host, server->port()));
    return server;
}

// Only its hash is kept.
std::optional<stages::Hash> LiveWorld::open_admin_token() {
    if (!config_.http || config_.http->admin_token_file.empty() || !owns(Process::control))
        return std::nullopt;
    auto const token = io::read_secret(config_.http->admin_token_file);
    if (token) return decoders::blake2b_256(pipeline::as_bytes(*token));
    if (trouble_.empty()) trouble_ = "http.admin_token_file: " + io::describe(token.error());
    return std::nullopt;
}

std::unique_ptr<stages::Steward> LiveWorld::open_steward(pipeline::Driver& driver,
                                                         stages::Governor& governor,
                                                         pipeline::Out<stages::Steer> steer) {
    LoadedPlan loaded = rollout_plan_of(config_);
    if (!loaded.usable()) {
        if (trouble_.empty())
            trouble_ = loaded.problems.empty() ? loaded.file + ": no plan"
                                               : to_text(loaded.file, loaded.problems[0]);
        return nullptr;
    }
    auto sinks = open_operator_sinks(config_, {io_of(driver).proactor(), random_, log_, stop_});
    if (!sinks) {
        if (trouble_.empty()) trouble_ = sinks.error();
        return nullptr;
    }
    constexpr std::size_t state_bytes_max = 4'096;
    constexpr char const* state_name = "rollout.state";
    StateFolder const folder(config_.service.state_dir);
    auto const stored = folder.exists(state_name)
                          ? folder.read(state_name, state_bytes_max)
                          : std::expected<std::string, std::string>(std::string());
    stages::HealthOptions health;
    health.rules = config_.health.rules;
    health.chains = static_cast<std::uint32_t>(config_.chains.size());
    health.processes = static_cast<std::uint32_t>(pipeline::all_processes.size());
    stages::IncidentOptions incidents;
    incidents.after_ms = config_.health.escalate_after_ms;
    stages::Steward::Needs needs{
        governor,
        log_,
        [this](std::string const& text) {
            return StateFolder(config_.service.state_dir).write(state_name, text);
        },
        restart_,
        [steer](std::uint16_t chain, bool hold) mutable {
            stages::Steer message;
            message.chain = chain;
            message.hold = hold;
            steer.emit(message);
        },
        std::move(*sinks)};
    return std::make_unique<stages::Steward>(std::move(loaded.plan),
                                             stored ? *stored : "unreadable: " + stored.error(),
                                             health, incidents, std::move(needs));
}

stages::LabelBook LiveWorld::open_labels() {
    if (!owns(Process::legacy) && !owns(Process::hybrid)) return {};
    LoadedLabels labels = read_labels(config_);
    if (!owns(Process::legacy))
        return std::move(labels.book); // who has said what is wrong with them
    for (std::string const& problem : labels.problems)
        log_.write(pipeline::Level::warning, "labels", problem);
    return std::move(labels.book);
}

} // namespace config
