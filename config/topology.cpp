#include "config/topology.hpp"

#include "config/flags_file.hpp"
#include "config/stage_options.hpp"
#include "stages/decode.hpp"
#include "stages/detect.hpp"
#include "stages/route.hpp"
#include "stages/rpc_history.hpp"
#include "stages/rpc_source.hpp"
#include "stages/shadow.hpp"
#include "stages/swallow.hpp"

#include <algorithm>
#include <unistd.h>

namespace config {

using namespace stages;
using pipeline::Process;

namespace {

// Where a stage runs. Layouts differ in threads only; links and stages are the same in each.
struct Placement {
    pipeline::Topology& topology;
    Layout layout;
    bool processes; // a thread has stages of one process only
    int next_cpu = 0;
    int const cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));

    // `crew`: the thread the stage shares in the compact layout.
    pipeline::Driver& thread(Process process, std::string const& stage, std::string const& crew) {
        if (layout == Layout::single)
            return topology.thread(processes ? std::string(to_text(process)) : "all");
        if (layout == Layout::compact) return topology.thread(crew);
        // More stages than cores: pinning would make them wait for each other.
        return topology.thread(stage, next_cpu < cpus ? next_cpu++ : -1);
    }
    pipeline::StageRow row(std::string const& stage, Process process, std::string const& crew) {
        return {stage, process, thread(process, stage, crew).options().name};
    }
};

constexpr pipeline::LinkOptions frame_room{.depth = 256, .arena_bytes = std::size_t{8} << 20};
constexpr pipeline::LinkOptions keep_room{
    .depth = 64, .arena_bytes = std::size_t{8} << 20, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions want_room{.depth = 16, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions note_room{.depth = 64, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions twin_room{.depth = 4'096, .when_full = pipeline::WhenFull::drop};
constexpr pipeline::LinkOptions asking_room{.depth = 256, .when_full = pipeline::WhenFull::drop};

// How full the fullest link is that makes its writer wait.
double fullest(pipeline::Topology const& t) {
    double most = 0;
    for (auto const& link : t.links())
        if (link->options.when_full == pipeline::WhenFull::wait)
            most = std::max(most, static_cast<double>(link->waiting()) / link->options.depth);
    return most;
}

// What there is of each chain, in the order of the configuration.
struct ChainLinks {
    std::vector<pipeline::Link<Frame>*> frames; // of the source, then of the history
    std::vector<pipeline::Link<SourceNote>*> notes;
    std::vector<pipeline::Link<HistoryNote>*> catch_ups;
    std::vector<pipeline::Link<HistoryNote>*> rereadings;
    std::vector<pipeline::Link<Want>*> wants;
};

// What there is of the comparator, where a chain has both paths: one of each, else none.
struct ShadowLinks {
    std::vector<pipeline::Link<Twin>*> twins;
    std::vector<pipeline::Link<ShadowNote>*> notes;
    std::vector<pipeline::Link<ShadowMismatch>*> mismatches;
};

// What there is of Subscan, where a chain has it: one of each, else none.
struct LegacyLinks {
    std::vector<pipeline::Link<Candidate>*> candidates;
    std::vector<pipeline::Link<Lookup>*> lookups;
    std::vector<pipeline::Link<Finding>*> findings;
    std::vector<pipeline::Link<LegacyNote>*> notes;
};

// What patterns know of each chain, and what they have to hear again to go on from there.
struct KeptPatterns {
    std::vector<DetectKept> kept;
    std::vector<std::optional<Stretch>> again;
};

KeptPatterns kept_patterns(World const& world, Journal const* journal) {
    KeptPatterns all;
    for (std::uint16_t i = 0; std::size_t{i} < world.config.chains.size(); ++i) {
        DetectKept& kept = all.kept.emplace_back();
        auto& again = all.again.emplace_back();
        if (!has_patterns(world.config, i)) continue;
        kept.store = world.patterns(i);
        auto const reread =
            reread_of(world.config, i, journal, kept.store ? kept.store->stamp() : std::nullopt);
        if (!reread) continue;
        again = reread->blocks;
        kept.resume = reread->blocks.from;
        kept.told_to = reread->told_to;
        kept.usable = reread->from_snapshot;
    }
    return all;
}

// clang-format off: a table reads across
void add_chain(pipeline::Topology& t, World const& world, Placement& place, std::uint16_t i,
               Journal const* journal, std::optional<Stretch> const& again, ChainLinks& links) {
    std::string const& name = world.config.chains[i].name;
    auto& book  = t.metrics();
    auto& live  = t.link<Frame>      ("frames:" + name,    frame_room);
    auto& notes = t.link<SourceNote> ("notes:" + name,     note_room);
    auto& past  = t.link<Frame>      ("past:" + name,      frame_room);
    auto& wants = t.link<Want>       ("wants:" + name,     want_room);
    auto& told  = t.link<HistoryNote>("catch-ups:" + name, note_room);
    links.frames.insert(links.frames.end(), {&live, &past});
    links.notes.push_back(&notes);
    links.catch_ups.push_back(&told);
    links.wants.push_back(&wants);

    std::string const label = "chain=\"" + name + '"';
    auto& thread = place.thread(Process::hybrid, "source:" + name, "data");
    RpcSource::Needs const needs{world.network(thread), world.clock, world.random, world.log,
                                 book.add(label, source_metrics)};
    t.stage({"source:" + name, Process::hybrid, thread.options().name},
            std::make_unique<RpcSource>(source_options(world.config, i, journal), needs, live,
                                        notes, std::make_unique<StoredRuntimes>(world.files())));
    auto& behind = place.thread(Process::hybrid, "history:" + name, "data");
    RpcHistory::Needs const reading{world.network(behind), world.clock, world.random, world.log,
                                    book.add(label, history_metrics)};
    RpcHistoryOptions history = history_options(world.config, i, journal);
    history.again = again;
    t.stage({"history:" + name, Process::hybrid, behind.options().name},
            std::make_unique<RpcHistory>(std::move(history), reading, past, told), wants);
}

void add_legacy(pipeline::Topology& t, World const& world, Placement& place,
                Journal const* journal, std::vector<RuleOnChain> const& rules,
                LegacyLinks& links) {
    if (!has_legacy(world.config)) return;
    auto& book       = t.metrics();
    auto& facts      = t.link<Fact>      ("legacy-facts",      {.depth = 256});
    auto& candidates = t.link<Candidate> ("legacy-candidates", {.depth = 256});
    auto& lookups    = t.link<Lookup>    ("lookups",           asking_room);
    auto& findings   = t.link<Finding>   ("findings",          asking_room);
    auto& notes      = t.link<LegacyNote>("legacy-notes",      note_room);
    links = {{&candidates}, {&lookups}, {&findings}, {&notes}};

    auto& thread = place.thread(Process::legacy, "subscan", "legacy");
    SubscanSource::Needs needs{world.network(thread), world.clock, world.log,
                               book.add("", legacy_metrics), book.add("", subscan_metrics),
                               world.files(), std::make_unique<SubscanGreetings>(
                                   world.config.cache.metadata / pipeline::millisecond,
                                   world.cache_store,
                                   book.add("cache=\"chains\"", cache_metrics))};
    t.stage({"subscan", Process::legacy, thread.options().name},
            std::make_unique<SubscanSource>(
                subscan_options(world.config, journal, world.subscan_key),
                std::move(needs), facts,
                findings, notes),
            lookups);
    t.stage(place.row("detect-legacy", Process::legacy, "legacy"),
            std::make_unique<Detect>(world.config.rules, chain_names(world.config), world.log,
                                     book.add("path=\"legacy\"", detect_metrics), candidates,
                                     DetectProcesses{}, watched_accounts(world.config),
                                     DetectPatterns{.labels = world.labels},
                                     legacy_pages(world.config, rules)),
            facts);
}

// Its reader of blocks to be read again stays silent, without a connection, until there is one.
ShadowLinks add_shadow(pipeline::Topology& t, World const& world, Placement& place,
                       Journal const* journal, ChainLinks& links) {
    ShadowOptions options = shadow_options(world.config);
    if (std::none_of(options.chains.begin(), options.chains.end(),
                     [](auto const& chain) { return chain.compared; })) return {};
    auto& book       = t.metrics();
    auto& twins      = t.link<Twin>          ("twins",      twin_room);
    auto& notes      = t.link<ShadowNote>    ("comparison", note_room);
    auto& mismatches = t.link<ShadowMismatch>("mismatches", asking_room);
    std::vector<pipeline::Link<Want>*> doubts;
    for (std::uint16_t i = 0; std::size_t{i} < options.chains.size(); ++i) {
        std::string const& name = options.chains[i].name;
        auto& doubt = t.link<Want>("doubts:" + name, want_room);
        auto& again = t.link<Frame>("again:" + name, frame_room);
        auto& told  = t.link<HistoryNote>("rereading:" + name, note_room);
        doubts.push_back(&doubt);
        links.frames.push_back(&again);
        links.rereadings.push_back(&told);
        auto& thread = place.thread(Process::hybrid, "recheck:" + name, "data");
        RpcHistory::Needs const reading{world.network(thread), world.clock, world.random, world.log,
                                        book.add("lane=\"recheck\",chain=\"" + name + '"',
                                                 history_metrics)};
        RpcHistoryOptions reader = history_options(world.config, i, journal);
        reader.lane = Lane::recheck;
        t.stage({"recheck:" + name, Process::hybrid, thread.options().name},
                std::make_unique<RpcHistory>(std::move(reader), reading, again, told), doubt);
    }
    t.stage(place.row("shadow", Process::control, "control"),
            std::make_unique<Shadow>(std::move(options), book.add("", shadow_metrics),
                                     pipeline::Outs<Want>(doubts), notes, mismatches),
            twins);
    return {{&twins}, {&notes}, {&mismatches}};
}

std::unique_ptr<Detect> make_detect(pipeline::Topology& t, World const& world,
                                    Journal const* journal, std::vector<DetectKept> kept,
                                    std::vector<RuleOnChain> const& rules,
                                    pipeline::Out<Candidate> candidates) {
    DetectPatterns patterns = patterns_of(world.config, journal);
    patterns.kept = std::move(kept);
    patterns.labels = world.labels;
    patterns.options.seed = world.random.next();
    return std::make_unique<Detect>(world.config.rules, chain_names(world.config), world.log,
                                    t.metrics().add("", detect_metrics), candidates, world.detect,
                                    watched_accounts(world.config), std::move(patterns),
                                    hybrid_pages(world.config, rules));
}

// A drawn world has no files, and nobody to route for.
RouteOptions route_options(World const& world) {
    RouteOptions options = route_options(world.config);
    auto const files = world.files();
    if (!files) return options;
    for (PinEntry const& pin : stored_pins(*files))
        options.pins.push_back({pin.account, pin.pin, pin.until_unix_ms});
    return options;
}

// From enrich to detect, where a rule has levels in dollars and somebody knows prices.
std::vector<pipeline::Link<Finding>*> price_links(pipeline::Topology& t, Config const& config) {
    for (std::uint16_t i = 0; std::size_t{i} < config.chains.size(); ++i)
        if (priced(config, i) && config.chains[i].subscan_url)
            return {&t.link<Finding>("prices", asking_room)};
    return {};
}

std::unique_ptr<Enrich> make_enrich(pipeline::Topology& t, World const& world,
                                    LegacyLinks const& legacy, pipeline::Out<Verdict> verdicts,
                                    std::vector<pipeline::Link<Finding>*> const& prices) {
    auto& book = t.metrics();
    EnrichOptions options = enrich_options(world.config);
    options.labels = world.labels();
    options.cache.seed = world.random.next();
    Enrich::Needs const needs{world.cache_store, book.add("", enrich_metrics),
                              book.add("", cache_metrics)};
    return std::make_unique<Enrich>(std::move(options), needs, verdicts,
                                    pipeline::Outs<Lookup>(legacy.lookups),
                                    pipeline::Outs<Finding>(prices));
}
// clang-format on

} // namespace

//   source ───Frame──▶ decode ──Fact──▶ detect ──Candidate──┐
//   history ──Frame──▶    └──Keep (drop)──▶ keeper          ├▶ route ─Verdict─▶ enrich ─▶ deliver
//      ▲            subscan ──Fact──▶ detect ──Candidate────┘                     │ ▲         │
//      │               └◀──────────Lookup, Finding (drop)─────────────────────────┴─┘         │
//      └──────────────────────────────────Want (drop)─────────────────────────────────────────┘
//   enrich ──Finding (drop): prices, where a rule has levels in dollars──▶ detect
//   source, history (one of each a chain), subscan ──notes (drop)──▶ control
//   route ──Twin (drop)──▶ shadow ──ShadowNote, ShadowMismatch (drop)──▶ control
//                            └──Want (drop)──▶ recheck ──Frame──▶ decode
// clang-format off: a table reads across
std::expected<void, std::string> build_topology(pipeline::Topology& t, World const& world) {
    Config const& config = world.config;
    auto const chains = chain_names(config);
    bool const processes = config.service.isolation == Isolation::process;
    Placement place{t, config.service.layout, processes};
    auto& book = t.metrics();
    auto journal = world.journal();

    auto& facts      = t.link<Fact>     ("facts",      {.depth = 1024});
    auto& candidates = t.link<Candidate>("candidates", {.depth = 1024});
    auto& verdicts   = t.link<Verdict>  ("verdicts",   {.depth = 1024});
    auto& kept       = t.link<Keep>     ("kept",       keep_room);
    auto& routed     = t.link<Verdict>  ("routed",     {.depth = 256});
    auto& steer      = t.link<Steer>    ("steer",      asking_room);
    ChainLinks links; LegacyLinks legacy;
    auto rules = rules_on_chains(config, book);
    KeptPatterns patterns = kept_patterns(world, journal.get());
    for (std::uint16_t i = 0; std::size_t{i} < chains.size(); ++i)
        add_chain(t, world, place, i, journal.get(), patterns.again[i], links);
    ShadowLinks const shadow = add_shadow(t, world, place, journal.get(), links);
    t.stage_over(place.row("decode", Process::hybrid, "data"),
                 std::make_unique<Decode>(chains, world.log, book.add("", decode_metrics), facts,
                                          kept, movement_kinds(config)), links.frames);
    auto const prices = price_links(t, config);
    t.stage_over(place.row("detect", Process::hybrid, "data"),
                 make_detect(t, world, journal.get(), std::move(patterns.kept), rules, candidates),
                 std::vector{&facts}, prices);
    add_legacy(t, world, place, journal.get(), rules, legacy);
    std::vector both{&candidates};
    both.insert(both.end(), legacy.candidates.begin(), legacy.candidates.end());
    t.stage_over(place.row("route", Process::legacy, processes ? "route" : "data"),
                 std::make_unique<Route>(route_options(world),
                                         Route::Needs{world.log, book.add("", route_metrics),
                                                      world.clock, &world.switchboard},
                                         routed, pipeline::Outs<Twin>(shadow.twins)),
                 both, std::vector{&steer});
    t.stage_over(place.row("enrich", Process::legacy, "deliver"),
                 make_enrich(t, world, legacy, verdicts, prices), std::vector{&routed},
                 legacy.findings);
    auto& delivery = place.thread(Process::legacy, "deliver", "deliver");
    auto outlets = world.outlets(delivery, journal.get());
    Deliver::Needs const custody{world.clock, world.log, book.add("", deliver_metrics),
                                 book.add("", custody_metrics)};
    t.stage({"deliver", Process::legacy, delivery.options().name},
            std::make_unique<Deliver>(deliver_options(config), std::move(journal), starts(config),
                                      std::move(outlets), custody,
                                      pipeline::Outs<Want>(links.wants)),
            verdicts);
    auto& desk = place.thread(Process::control, "control", "control");
    Control::Needs needs{world.switchboard, book, world.shutdown, world.ledgers, world.alerts,
                         world.processes, world.restart, world.resource_ratio,
                         [&t] { return fullest(t); }, world.memory_shares,
                         world.governor([&t] { t.wake(); }), world.http(desk), {}, &world.clock,
                         std::move(rules)};
    ControlOptions desk_options = control_options(config);
    desk_options.admin_token = world.admin_token;
    if (needs.governor) needs.steward = world.steward(desk, *needs.governor, steer);
    t.stage_over({"control", Process::control, desk.options().name},
                 std::make_unique<Control>(std::move(desk_options), world.admin_socket(desk),
                                           std::move(needs), world.clock.monotonic(), steer),
                 links.notes, links.catch_ups, legacy.notes, shadow.notes, shadow.mismatches);
    if (!links.rereadings.empty())
        t.stage_over(place.row("rereadings", Process::control, "control"),
                     std::make_unique<Swallow<HistoryNote>>(), links.rereadings);
    t.stage({"keeper", Process::control, desk.options().name},
            std::make_unique<Keeper>(chains, world.files(), world.log,
                                     book.add("", keeper_metrics)),
            kept);
    return t.finish();
}
// clang-format on

} // namespace config
