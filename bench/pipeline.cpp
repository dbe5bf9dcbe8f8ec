// What a message costs on its way: links, and a busy block from its SCALE bytes to lines of JSON.
//
//   pipeline/link/...          one message, one thread: push, look, pop
//   pipeline/block/...         System.Events of Polkadot traffic (30 to 200 events a block) through
//                              decode, detect, route, enrich and deliver in one
//                              thread; lines go nowhere
#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"
#include "stages/decode.hpp"
#include "stages/deliver.hpp"
#include "stages/detect.hpp"
#include "stages/enrich.hpp"
#include "stages/route.hpp"
#include "stages/traffic.hpp"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

using namespace stages;

void link_push_pop(benchmark::State& state) {
    pipeline::Link<Fact> link("facts", {.depth = 1024});
    Fact const fact;
    for (auto _ : state) {
        link.push(fact);
        benchmark::DoNotOptimize(link.front());
        link.pop();
    }
}
BENCHMARK(link_push_pop)->Name("pipeline/link/push_pop_320_bytes");

void link_payload(benchmark::State& state) {
    pipeline::Link<Frame> link("frames", {.depth = 256, .arena_bytes = 8 << 20});
    std::size_t const size = static_cast<std::size_t>(state.range(0));
    Frame frame;
    for (auto _ : state) {
        auto const room = link.arena().reserve(size);
        room[0] = 1;
        frame.payload = link.arena().commit(size);
        link.push(frame);
        benchmark::DoNotOptimize(link.payload(*link.front()).data());
        link.pop();
    }
}
BENCHMARK(link_payload)->Name("pipeline/link/payload")->Arg(11'000);

class NullSink final : public Sink {
  public:
    bool append(std::string_view line) override {
        benchmark::DoNotOptimize(line.data());
        return true;
    }
    std::size_t pending() const override { return 0; }
    std::size_t room() const override { return 1 << 30; }
    void advance() override {}
    pipeline::Nanoseconds next_deadline() const override { return pipeline::never; }
};

// Gives the frames it was made with, over and over.
struct Player : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 1;
    pipeline::Out<Frame> frames;
    std::vector<Frame> introduction;
    std::vector<std::vector<std::uint8_t>> metadata;
    std::vector<std::vector<std::uint8_t>> blocks;
    std::size_t introduced = 0;
    std::uint64_t played = 0;
    std::uint64_t wanted = 0;

    explicit Player(pipeline::Out<Frame> out)
        : frames(out) {}
    auto outputs() { return std::tie(frames); }

    void send(Frame frame, std::vector<std::uint8_t> const& bytes) {
        auto const room = frames.link().arena().reserve(bytes.size());
        std::copy(bytes.begin(), bytes.end(), room.begin());
        frame.payload = frames.link().arena().commit(bytes.size());
        frames.emit(frame);
    }
    bool tick(pipeline::Turn const&) {
        if (introduced < introduction.size()) {
            send(introduction[introduced], metadata[introduced]);
            ++introduced;
            return true;
        }
        if (played == wanted) return false;
        Frame frame;
        BlockRef const block{{}, static_cast<std::uint32_t>(played), true, 1'700'000'000'000};
        frame.body = BlockBytes{block, 1};
        send(frame, blocks[played++ % blocks.size()]);
        return true;
    }
};

template <pipeline::Message M>
struct Ignore : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<M> const&, pipeline::Turn const&) {}
};

// Without fsync: the disk of the machine is not what is measured here. A file nobody sees.
std::unique_ptr<Journal> scratch_journal() {
    std::string folder = std::filesystem::temp_directory_path() / "spyhop-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) return nullptr;
    auto journal = Journal::open(folder + "/alerts.db", {.database = {.durable = false}});
    std::filesystem::remove_all(folder);
    return journal ? std::move(*journal) : nullptr;
}

std::vector<std::uint8_t> read_metadata() {
    std::ifstream in(SPYHOP_BENCH_METADATA, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Player, decode, detect, route, enrich and deliver on one thread.
Player& wire(pipeline::Topology& topology, Rule const& rule, pipeline::Link<Frame>& frames,
             pipeline::MetricsPage& lines, pipeline::MetricsPage& decoded, pipeline::Log& log,
             pipeline::Clock const& clock) {
    auto& facts = topology.link<Fact>("facts", {.depth = 1024});
    auto& candidates = topology.link<Candidate>("candidates", {.depth = 1024});
    auto& routed = topology.link<Verdict>("routed", {.depth = 256});
    auto& verdicts = topology.link<Verdict>("verdicts", {.depth = 1024});
    auto& book = topology.metrics();
    auto& kept = topology.link<Keep>("kept", {.depth = 8, .when_full = pipeline::WhenFull::drop});
    auto& wants = topology.link<Want>("wants", {.depth = 8, .when_full = pipeline::WhenFull::drop});
    auto& player = topology.stage({"player", pipeline::Process::hybrid, "all"},
                                  std::make_unique<Player>(frames));
    topology.stage(
        {"decode", pipeline::Process::hybrid, "all"},
        std::make_unique<Decode>(std::vector<std::string>{"polkadot"}, log, decoded, facts, kept),
        frames);
    topology.stage({"detect", pipeline::Process::hybrid, "all"},
                   std::make_unique<Detect>(std::vector{rule}, std::vector<std::string>{"polkadot"},
                                            log, book.add("", detect_metrics), candidates),
                   facts);
    topology.stage({"route", pipeline::Process::legacy, "all"},
                   std::make_unique<Route>(nodes_only({"polkadot"}, {"large"}),
                                           Route::Needs{log, book.add("", route_metrics), clock},
                                           routed),
                   candidates);
    EnrichOptions enriched;
    enriched.chains = {{}};
    Enrich::Needs const known{nullptr, book.add("", enrich_metrics), book.add("", cache_metrics)};
    topology.stage(
        {"enrich", pipeline::Process::legacy, "all"},
        std::make_unique<Enrich>(std::move(enriched), known, verdicts, pipeline::Outs<Lookup>({})),
        routed);
    DeliverOptions options;
    options.chains = {"polkadot"};
    options.rules = {{"large", RuleKind::large_transfer}};
    std::vector<Outlet> outlets;
    outlets.push_back({"null", std::make_unique<NullSink>(), 0});
    Deliver::Needs const needs{clock, log, lines, book.add("", custody_metrics)};
    topology.stage({"deliver", pipeline::Process::legacy, "all"},
                   std::make_unique<Deliver>(std::move(options), scratch_journal(),
                                             std::vector<std::optional<std::uint32_t>>{},
                                             std::move(outlets), needs,
                                             pipeline::Outs<Want>({&wants})),
                   verdicts);
    topology.stage({"keeper", pipeline::Process::control, "all"}, std::make_unique<Ignore<Keep>>(),
                   kept);
    topology.stage({"history", pipeline::Process::hybrid, "all"}, std::make_unique<Ignore<Want>>(),
                   wants);
    return player;
}

// The level decides how many transfers become lines: "0" all of them, a high one none.
void block_to_lines(benchmark::State& state, char const* level) {
    auto const metadata = read_metadata();
    auto const runtime = decoders::compile(metadata);
    if (!runtime) return state.SkipWithError("the metadata does not compile");
    auto traffic = Traffic::create({}, **runtime, metadata);
    if (!traffic) return state.SkipWithError(traffic.error().c_str());

    pipeline::SystemClock const clock;
    pipeline::Switchboard const switchboard(pipeline::Regime{});
    pipeline::NoLog log;
    pipeline::Topology topology(clock, switchboard, pipeline::Idle::spin, [&](std::string const&) {
        return std::make_unique<pipeline::Sleeper>(clock);
    });
    auto& frames = topology.link<Frame>("frames", {.depth = 256, .arena_bytes = 8 << 20});
    auto& book = topology.metrics();
    Rule rule;
    rule.name = "large";
    rule.chains = {true};
    rule.assets = {"native"};
    rule.levels[0] = level;
    auto& lines = book.add("", deliver_metrics);
    auto& decoded = book.add("", decode_metrics);

    auto& player = wire(topology, rule, frames, lines, decoded, log, clock);
    if (!topology.finish()) return state.SkipWithError("the wiring is wrong");

    Frame hello;
    hello.body = ChainFacts{{}, pipeline::FixedText<24>("DOT"), 10, 0};
    Frame code;
    code.body = RuntimeBytes{1};
    player.introduction = {hello, code};
    player.metadata = {{}, metadata};
    while (player.blocks.size() < 64) {
        auto const record = (*traffic)->next();
        if (auto const* block = std::get_if<io::CaptureBlock>(&*record))
            player.blocks.push_back(block->events);
    }
    player.wanted = player.blocks.size();
    while (topology.turn()) {} // warm up
    for (auto _ : state) {
        player.wanted += 16;
        while (topology.turn()) {}
    }
    auto const blocks = static_cast<double>(decoded.read(DecodeMetric::blocks));
    state.SetItemsProcessed(static_cast<std::int64_t>(decoded.read(DecodeMetric::events)));
    state.counters["events_a_block"] =
        static_cast<double>(decoded.read(DecodeMetric::events)) / blocks;
    state.counters["lines_a_block"] =
        static_cast<double>(lines.read(DeliverMetric::lines)) / blocks;
    state.counters["blocks"] = benchmark::Counter(blocks, benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(block_to_lines, quiet, "100000000000")->Name("pipeline/block/no_line");
BENCHMARK_CAPTURE(block_to_lines, every, "0")->Name("pipeline/block/every_transfer_a_line");

} // namespace

BENCHMARK_MAIN();
