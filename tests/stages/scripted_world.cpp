#include "tests/stages/scripted_world.hpp"

#include "io/url.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>

namespace scripted {

using pipeline::Process;

void Collect::on(pipeline::Part<stages::Frame> const& part, pipeline::Turn const&) {
    stages::Frame const& frame = part.message;
    frames.push_back(frame);
    payloads.emplace_back(part.payload.begin(), part.payload.end());
    if (auto const* facts = std::get_if<stages::ChainFacts>(&frame.body))
        told.push_back(fmt::format("facts {}", facts->symbol.view()));
    if (auto const* runtime = std::get_if<stages::RuntimeBytes>(&frame.body))
        told.push_back(fmt::format("runtime {}", runtime->spec_version));
    if (std::holds_alternative<stages::AssetBytes>(frame.body)) told.emplace_back("asset");
    if (auto const* held = std::get_if<stages::AccountBytes>(&frame.body))
        told.push_back(fmt::format("account {} at {}", held->account.key[0], held->number));
    if (auto const* block = std::get_if<stages::BlockBytes>(&frame.body))
        told.push_back(fmt::format("block {}", block->block.number));
    if (auto const* final = std::get_if<stages::Finalized>(&frame.body))
        told.push_back(fmt::format("final {}", final->number));
    if (auto const* gone = std::get_if<stages::Abandoned>(&frame.body))
        told.push_back(fmt::format("abandoned {}", gone->number));
}

void Orders::on(pipeline::Part<stages::Want> const& part, pipeline::Turn const&) {
    std::string text = fmt::format("{}:", part->chain);
    for (std::size_t i = 0; i < part->count; ++i)
        text += fmt::format(" {}-{}", part->stretches[i].from, part->stretches[i].to);
    orders.push_back(text);
}

std::unique_ptr<stages::Journal> quick_journal(std::string const& path) {
    return stages::testing::open_journal(path, {.database = {.durable = false}});
}

std::vector<stages::Outlet> one_outlet(std::unique_ptr<stages::Sink> sink, std::int64_t after) {
    std::vector<stages::Outlet> outlets;
    outlets.push_back({"ndjson:test", std::move(sink), after});
    return outlets;
}

void World::run() {
    int quiet = 0;
    for (int i = 0; i < 100'000 && quiet < 8; ++i) {
        bool moved = node.turn();
        moved |= spare.turn();
        moved |= network.step();
        moved |= topology.turn();
        quiet = moved ? 0 : quiet + 1;
    }
    ASSERT_GE(quiet, 8) << "the world does not come to rest";
}

void World::run_for(pipeline::Nanoseconds time, pipeline::Nanoseconds step) {
    run();
    for (pipeline::Nanoseconds passed = 0; passed < time; passed += step) {
        clock.advance(step);
        run();
    }
}

void World::connect(Node& to) {
    std::size_t const before = to.opened;
    for (int i = 0; i < 600 && to.opened == before; ++i) run_for(100 * pipeline::millisecond);
    ASSERT_GT(to.opened, before) << log.all();
    run();
}

stages::RpcSource& World::add_source(Settings settings, pipeline::Link<stages::Frame>& frames,
                                     pipeline::Link<stages::SourceNote>& notes) {
    source_page = &topology.metrics().add("chain=\"test\"", stages::source_metrics);
    if (settings.source.name.empty()) settings.source.name = "test";
    for (std::string const& url : settings.urls)
        settings.source.endpoints.push_back(*io::parse_url(url));
    std::unique_ptr<stages::RuntimeCache> cache;
    if (settings.files)
        cache = std::make_unique<stages::StoredRuntimes>(
            std::make_unique<BorrowedFiles>(*settings.files));
    source =
        &topology.stage({"source", Process::hybrid, "one"},
                        std::make_unique<stages::RpcSource>(
                            std::move(settings.source),
                            stages::RpcSource::Needs{network, clock, random, log, *source_page},
                            frames, notes, std::move(cache)));
    return *source;
}

SourceWorld::SourceWorld(Settings settings) {
    auto& frames = topology.link<stages::Frame>(
        "frames", {.depth = settings.frames_depth, .arena_bytes = settings.arena_bytes});
    auto& notes = topology.link<stages::SourceNote>(
        "notes", {.depth = 64, .when_full = pipeline::WhenFull::drop});
    add_source(std::move(settings), frames, notes);
    collect = &topology.stage({"collect", Process::hybrid, "one"}, std::make_unique<Collect>(),
                              frames, notes);
    auto const finished = topology.finish();
    EXPECT_TRUE(finished) << (finished ? "" : finished.error());
}

stages::Rule everything() {
    stages::Rule rule;
    rule.name = "every-transfer";
    rule.chains = {true};
    rule.assets = {"*"};
    rule.levels[0] = "0";
    return rule;
}

namespace {

// Notes have an observer of their own, as in the service.
class Observe : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::SourceNote> const&, pipeline::Turn const&) {}
};

} // namespace

PipelineWorld::PipelineWorld(std::string const& chain, Settings settings,
                             std::vector<stages::Rule> rules) {
    auto& frames = topology.link<stages::Frame>(
        "frames", {.depth = settings.frames_depth, .arena_bytes = settings.arena_bytes});
    auto& notes = topology.link<stages::SourceNote>(
        "notes", {.depth = 64, .when_full = pipeline::WhenFull::drop});
    auto& facts = topology.link<stages::Fact>("facts", {.depth = 256});
    auto& candidates = topology.link<stages::Candidate>("candidates", {.depth = 256});
    auto& verdicts = topology.link<stages::Verdict>("verdicts", {.depth = 256});
    auto& kept = topology.link<stages::Keep>(
        "kept", {.depth = 8, .arena_bytes = 4 << 20, .when_full = pipeline::WhenFull::drop});
    auto& book = topology.metrics();
    decode_page = &book.add("", stages::decode_metrics);
    deliver_page = &book.add("", stages::deliver_metrics);
    auto& detect_page = book.add("", stages::detect_metrics);
    auto& route_page = book.add("", stages::route_metrics);
    std::vector<std::string> names;
    stages::DeliverOptions deliver;
    deliver.chains = {chain};
    for (stages::Rule const& rule : rules) {
        names.push_back(rule.name);
        deliver.rules.push_back({rule.name, rule.kind});
    }
    settings.source.name = chain;
    std::unique_ptr<stages::StateFiles> kept_in = std::make_unique<MemoryFiles>();
    if (settings.files) kept_in = std::make_unique<BorrowedFiles>(*settings.files);
    add_source(std::move(settings), frames, notes);
    topology.stage(
        {"decode", Process::hybrid, "one"},
        std::make_unique<stages::Decode>(std::vector{chain}, log, *decode_page, facts, kept),
        frames);
    topology.stage({"keeper", Process::hybrid, "one"},
                   std::make_unique<stages::Keeper>(std::vector{chain}, std::move(kept_in), log,
                                                    book.add("", stages::keeper_metrics)),
                   kept);
    topology.stage({"detect", Process::hybrid, "one"},
                   std::make_unique<stages::Detect>(std::move(rules), std::vector{chain}, log,
                                                    detect_page, candidates),
                   facts);
    topology.stage({"route", Process::hybrid, "one"},
                   std::make_unique<stages::Route>(stages::nodes_only({chain}, names),
                                                   stages::Route::Needs{log, route_page, clock},
                                                   verdicts),
                   candidates);
    auto& wants = topology.link<stages::Want>("wants", want_room);
    stages::Deliver::Needs const needs{clock, log, *deliver_page,
                                       book.add("", stages::custody_metrics)};
    topology.stage({"deliver", Process::hybrid, "one"},
                   std::make_unique<stages::Deliver>(std::move(deliver),
                                                     quick_journal(folder / "alerts.db"),
                                                     std::vector<std::optional<std::uint32_t>>{},
                                                     one_outlet(std::make_unique<MemorySink>(out)),
                                                     needs, pipeline::Outs<stages::Want>({&wants})),
                   verdicts);
    topology.stage({"orders", Process::hybrid, "one"}, std::make_unique<Orders>(), wants);
    topology.stage({"observe", Process::hybrid, "one"}, std::make_unique<Observe>(), notes);
    auto const finished = topology.finish();
    EXPECT_TRUE(finished) << (finished ? "" : finished.error());
}

std::vector<std::string> PipelineWorld::lines() const {
    std::vector<std::string> all;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
}

} // namespace scripted
