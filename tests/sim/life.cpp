#include "life.hpp"

#include "config/flags_file.hpp"
#include "config/rollout_plan.hpp"
#include "config/stage_options.hpp"
#include "stages/admin_alerts.hpp"

#include <fmt/format.h>

namespace sim {

namespace {

constexpr char const* sink_name = "ndjson:alerts";
constexpr char const* rollout_name = "rollout.state";

// Steps of seconds, so that the machine goes up, and down, by itself.
constexpr char const* rollout_plan = R"(
cooldown = "15s"
hold = "2s"
ladder = [50, 10, 0]
[[step]]
name = "nobody"
phase = "foundation"
tiers = 0
percent = 0
bake = "3s"
[[step]]
name = "few"
phase = "migration"
tiers = 2
percent = 10
bake = "4s"
samples = 2
[step.gates]
accuracy = { at_least = "50%" }
[[step]]
name = "half"
phase = "cutover"
tiers = "all"
percent = 50
bake = "4s"
samples = 4
[step.gates]
accuracy = { at_least = "50%" }
[[step]]
name = "everybody"
phase = "cutover"
tiers = "all"
percent = 100
bake = "4s"
confirm = true
)";

// Time is moved by the simulation, so nobody sleeps.
class Awake final : public pipeline::Poller {
  public:
    bool poll() override { return false; }
    void park(pipeline::Nanoseconds) override {}
    void wake() noexcept override {}
};

std::expected<stages::FlagState, std::string> stored_flags(stages::StateFiles const& files) {
    constexpr std::size_t bytes_max = 1 << 20;
    auto const text = files.read(config::flags_file_name, bytes_max);
    if (!text) return std::unexpected(text.error());
    return config::flags_from(*text);
}

} // namespace

Life::Life(Ground ground)
    : ground_(ground)
    , nowhere_(ground.clock)
    , switchboard_(config::first_regime(ground.config))
    , topology_(ground.clock, switchboard_, pipeline::Idle::spin,
                [](std::string const&) { return std::make_unique<Awake>(); }) {
    wire(std::nullopt);
}

Life::~Life() = default;

void Life::wire(std::optional<Process> mine) {
    config::World const made = world(mine);
    auto const built = config::build_topology(topology_, made);
    if (!built) fail(built.error());
}

config::World Life::world(std::optional<Process> mine) {
    auto const owns = [mine](Process process) { return !mine || *mine == process; };
    config::World made{ground_.config,
                       ground_.clock,
                       ground_.random,
                       ground_.log,
                       switchboard_,
                       [this, mine](pipeline::Driver& driver) -> io::Network& {
                           bool const here = !mine || driver.options().name == to_text(*mine);
                           return here ? ground_.network : nowhere_;
                       },
                       [this, mine] { return open_journal(mine); },
                       [this, owns](pipeline::Driver&, stages::Journal* journal) {
                           if (journal == nullptr || !owns(Process::legacy))
                               return std::vector<stages::Outlet>();
                           return open_outlets(*journal);
                       },
                       [this, owns](pipeline::Driver&) -> std::unique_ptr<io::UnixServer> {
                           if (!owns(Process::control)) return nullptr;
                           auto server = io::UnixServer::create(
                               ground_.network, ground_.config.service.socket, ground_.clock);
                           if (server) return std::move(*server);
                           fail(io::describe(server.error()));
                           return nullptr;
                       },
                       [this] { return std::make_unique<DiskFiles>(ground_.disk); },
                       [this](pipeline::Nanoseconds) { shutdown_ = true; },
                       [] { return stages::read_ledgers(journal_name); },
                       [](stages::AlertFilter const& filter) {
                           return stages::read_alerts(journal_name, filter);
                       }};
    if (has_legacy(ground_.config)) made.subscan_key = "made-up";
    if (ground_.config.service.isolation == config::Isolation::process)
        made.detect = {board_.generation(mine.value_or(Process::hybrid)).load(),
                       board_.generation(Process::legacy)};
    if (owns(Process::control)) {
        made.governor = [this, first = !mine](std::function<void()> wake) {
            return open_governor(std::move(wake), first);
        };
        if (ground_.config.file == "with steward")
            made.steward = [this](pipeline::Driver&, stages::Governor& governor,
                                  pipeline::Out<stages::Steer> steer) {
                return open_steward(governor, steer);
            };
    }
    return made;
}

// ---- what it opens ------------------------------------------------------------------------------

std::unique_ptr<stages::Journal> Life::open_journal(std::optional<Process> mine) {
    if (mine == Process::control) return nullptr;
    own(mine.value_or(Process::legacy));
    stages::JournalOptions options;
    if (mine == Process::hybrid) options.database = {.read_only = true, .lock = false};
    auto journal = stages::Journal::open(journal_name, options);
    if (journal) return std::move(*journal);
    // Hybrid does without: what is missing is read afterwards.
    if (mine != Process::hybrid) fail(io::describe(journal.error()));
    return nullptr;
}

std::vector<stages::Outlet> Life::open_outlets(stages::Journal& journal) {
    StreamEnd end(ground_.stream);
    auto const start = stages::reconcile(end, journal, sink_name);
    if (!start) {
        fail(start.error());
        return {};
    }
    ground_.log.write(pipeline::Level::info, "sink", stages::describe(*start, "alerts"));
    stages::Outlet outlet;
    outlet.name = sink_name;
    outlet.after = start->after;
    outlet.sink = std::make_unique<StreamSink>(ground_.stream, ground_.disk, ground_.random);
    if (start->newline_first) fail("the stream ends with what nobody has written");
    std::vector<stages::Outlet> outlets;
    outlets.push_back(std::move(outlet));
    return outlets;
}

std::unique_ptr<stages::Governor> Life::open_governor(std::function<void()> wake, bool first) {
    own(Process::control);
    if (!trouble_.empty()) return nullptr;
    auto stored = stored_flags(files_);
    stages::FlagState state = first || !stored
                                ? config::start_flags(ground_.config, files_, ground_.log)
                                : std::move(*stored);
    if (first) switchboard_.start(stages::regime_of(state));
    auto trail = stages::AuditTrail::open(journal_name);
    if (!trail) {
        fail(io::describe(trail.error()));
        return nullptr;
    }
    stages::Governor::Needs needs{switchboard_,
                                  ground_.clock,
                                  ground_.log,
                                  [this](stages::FlagState const& next) {
                                      return files_.write(config::flags_file_name,
                                                          config::flags_text(next));
                                  },
                                  std::move(wake),
                                  std::move(*trail)};
    return std::make_unique<stages::Governor>(std::move(state), has_legacy(ground_.config),
                                              std::move(needs));
}

std::unique_ptr<stages::Steward> Life::open_steward(stages::Governor& governor,
                                                    pipeline::Out<stages::Steer> steer) {
    constexpr std::size_t bytes_max = 4'096;
    auto loaded = config::load_rollout_plan_text(rollout_plan, "simulated");
    CHECK(loaded.usable());
    auto const stored = files_.exists(rollout_name)
                          ? files_.read(rollout_name, bytes_max)
                          : std::expected<std::string, std::string>(std::string());
    stages::HealthOptions health;
    health.rules = ground_.config.health.rules;
    health.chains = static_cast<std::uint32_t>(ground_.config.chains.size());
    health.processes = static_cast<std::uint32_t>(pipeline::all_processes.size());
    stages::Steward::Needs needs{
        governor, ground_.log,
        [this](std::string const& text) { return files_.write(rollout_name, text); },
        [](std::uint32_t) {}, // a restart in order is one of the simulation's own
        [steer, held = ground_.held](std::uint16_t chain, bool hold) mutable {
            if (hold) held();
            stages::Steer message;
            message.chain = chain;
            message.hold = hold;
            steer.emit(message);
        }};
    return std::make_unique<stages::Steward>(std::move(loaded.plan),
                                             stored ? *stored : "unreadable: " + stored.error(),
                                             health, stages::IncidentOptions{}, std::move(needs));
}

// ---- life and death -----------------------------------------------------------------------------

bool Life::turn(std::size_t thread) {
    pipeline::Driver& driver = *topology_.drivers()[thread];
    for (Process const process : pipeline::all_processes)
        if (driver.options().name == to_text(process)) own(process);
    return driver.turn();
}

void Life::bury(Process process) {
    ground_.disk.kill(static_cast<int>(process) + 1);
    up_[pipeline::index_of(process)] = false;
    topology_.bury(process);
}

// As Supervisor::ended(): nobody may wait for a path that is gone.
void Life::ended(Process process) {
    pipeline::Regime const before = switchboard_.load();
    bool const moves =
        before.mode == pipeline::Mode::normal || before.mode == pipeline::Mode::frozen;
    if (process == Process::hybrid && moves && has_legacy(ground_.config)) {
        pipeline::Regime next = before;
        next.mode = pipeline::Mode::legacy_only;
        CHECK(switchboard_.change(before, next)); // there is no other thread
    }
    board_.ended(process);
    board_.died(process, 0, ground_.clock.monotonic(), 0);
    topology_.revive(process);
}

void Life::revive(Process process) {
    board_.restarted(process);
    topology_.succeed(process);
    wire(process);
    up_[pipeline::index_of(process)] = true;
}

void Life::end_in_order() {
    auto state = stored_flags(files_);
    if (!state) return;
    state->clean = true;
    static_cast<void>(files_.write(config::flags_file_name, config::flags_text(*state)));
}

} // namespace sim
