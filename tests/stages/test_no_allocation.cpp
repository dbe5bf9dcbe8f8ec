// Steady state: a block on its way through decode, detect and route takes no memory.
#include "tests/stages/scripted_feed.hpp"

#include "tests/decoders/corpus.hpp"
#include "tests/decoders/count_new.hpp"

#include <gtest/gtest.h>

using namespace scripted;

namespace {

using pipeline::Process;

// Takes verdicts and keeps nothing.
class Swallow : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::Verdict> const& part, pipeline::Turn const&) {
        alerts += std::holds_alternative<stages::Alert>(part->body);
    }
    std::size_t alerts = 0;
};

// Keeps nothing of what the keeper would.
class Forget : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::Keep> const&, pipeline::Turn const&) {}
};

// hand -> decode -> detect -> route -> nothing, with two rules of which every transfer meets one.
struct Bench {
    Bench() {
        std::vector<stages::Rule> rules(2);
        for (auto& rule : rules) rule = everything();
        rules[1].levels[0] = "1"; // above what is sent here
        auto const row = [](char const* name) {
            return pipeline::StageRow{name, Process::hybrid, "one"};
        };
        std::vector<std::string> const chains{"polkadot"};
        topology.stage(row("hand"), std::make_unique<Hand>(frames));
        topology.stage(row("decode"),
                       std::make_unique<stages::Decode>(chains, log, decode_page, facts, kept),
                       frames);
        topology.stage(row("forget"), std::make_unique<Forget>(), kept);
        topology.stage(
            row("detect"),
            std::make_unique<stages::Detect>(rules, chains, log, detect_page, candidates), facts);
        topology.stage(row("route"),
                       std::make_unique<stages::Route>(stages::nodes_only({"one"}, {"a", "b"}),
                                                       stages::Route::Needs{log, route_page, clock},
                                                       verdicts),
                       candidates);
        swallow = &topology.stage(row("swallow"), std::make_unique<Swallow>(), verdicts);
        EXPECT_TRUE(topology.finish());
    }
    void tell(decltype(stages::Frame::body) const& body, pipeline::Bytes payload = {}) {
        stages::Frame frame;
        if (!payload.empty()) {
            auto const room = frames.arena().reserve(payload.size());
            CHECK(room.size() == payload.size());
            std::memcpy(room.data(), payload.data(), payload.size());
            frame.payload = frames.arena().commit(payload.size());
        }
        frame.body = body;
        frames.push(frame);
        while (topology.turn()) {}
    }

    pipeline::ManualClock clock;
    RecordedLog log;
    pipeline::Switchboard switchboard{{}};
    pipeline::Topology topology{
        clock, switchboard, pipeline::Idle::spin,
        [this](std::string const&) { return std::make_unique<pipeline::Sleeper>(clock); }};
    pipeline::MetricsPage decode_page{"", stages::decode_metrics};
    pipeline::MetricsPage detect_page{"", stages::detect_metrics};
    pipeline::MetricsPage route_page{"", stages::route_metrics};
    pipeline::Link<stages::Frame>& frames =
        topology.link<stages::Frame>("frames", {.depth = 64, .arena_bytes = 4 << 20});
    pipeline::Link<stages::Fact>& facts = topology.link<stages::Fact>("facts", {.depth = 256});
    pipeline::Link<stages::Candidate>& candidates =
        topology.link<stages::Candidate>("candidates", {.depth = 256});
    pipeline::Link<stages::Verdict>& verdicts =
        topology.link<stages::Verdict>("verdicts", {.depth = 256});
    pipeline::Link<stages::Keep>& kept = topology.link<stages::Keep>(
        "kept", {.depth = 8, .arena_bytes = 4 << 20, .when_full = pipeline::WhenFull::drop});
    Swallow* swallow = nullptr;
};

} // namespace

// Without a counter the tests below still run their code, for the sanitizer's eyes.
TEST(NoAllocation, the_counter_counts) {
    if (!tests::counts_allocations())
        GTEST_SKIP() << "a sanitizer owns operator new; allocations are counted without it";
    std::size_t const before = tests::allocations();
    auto const owned = std::make_unique<std::vector<std::uint64_t>>(1'000, before);
    EXPECT_EQ(owned->back(), before);
    EXPECT_GE(tests::allocations(), before + 2);
}

TEST(NoAllocation, a_busy_block_through_decode_detect_and_route) {
    Bench bench;
    auto const& known = known_runtime("polkadot-2000000.v15");
    bench.tell(dot_facts());
    bench.tell(stages::RuntimeBytes{1}, known.bytes);
    auto const busy = events_of(*known.runtime, std::vector<Sent>(200, {.amount = 5}));
    std::uint32_t number = 1;
    auto const round = [&] {
        auto const block = block_bytes(number++);
        bench.tell(block, busy);
        bench.tell(stages::Finalized{block.block.hash, {}, block.block.number});
    };
    for (int i = 0; i < 10; ++i) round();
    std::size_t const before = tests::allocations();
    for (int i = 0; i < 100; ++i) round();
    EXPECT_EQ(tests::allocations() - before, 0u);
    EXPECT_EQ(bench.swallow->alerts, 110u * 200u);
    EXPECT_EQ(bench.decode_page.read(stages::DecodeMetric::incomplete), 0u) << bench.log.all();
}

TEST(NoAllocation, transfers_of_assets_that_are_known) {
    NEEDS_CORPUS();
    simdjson::dom::parser parser;
    auto const path = tests::corpus_dir() / "events" / "hydration-4624162.json";
    auto const truth = parser.load(path.string()).value();
    auto const metadata =
        tests::read_file(tests::corpus_dir() / truth["metadata"].get_string().value());
    auto const value = tests::from_hex(truth["eventsHex"].get_string().value());
    Bench bench;
    bench.tell(dot_facts());
    bench.tell(stages::RuntimeBytes{1}, pipeline::as_bytes(metadata));
    std::uint32_t number = 1;
    for (int i = 0; i < 10; ++i) bench.tell(block_bytes(number++), value);
    std::size_t const before = tests::allocations();
    for (int i = 0; i < 100; ++i) bench.tell(block_bytes(number++), value);
    EXPECT_EQ(tests::allocations() - before, 0u);
    EXPECT_GT(bench.swallow->alerts, 100u);
}
