// Eight chains in one process: one slow or dead chain never delays another.
#include "tests/stages/scripted_world.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>

using namespace scripted;
using pipeline::Process;

namespace {

constexpr std::size_t chain_count = 8;

struct Ignore : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 0;
    auto outputs() { return std::tie(); }
    void on(pipeline::Part<stages::SourceNote> const&, pipeline::Turn const&) {}
    void on(pipeline::Part<stages::Keep> const&, pipeline::Turn const&) {}
};

// Eight sources with a node each, and one pipeline behind them, on one thread.
struct Eight : World {
    Eight() {
        std::vector<std::string> names;
        stages::Rule rule = everything();
        rule.chains.assign(chain_count, true);
        stages::DeliverOptions options;
        options.rules = {{rule.name, rule.kind}};
        std::vector<pipeline::Link<stages::Frame>*> frames;
        std::vector<pipeline::Link<stages::SourceNote>*> notes;
        std::vector<pipeline::Link<stages::Want>*> wants;
        for (std::uint16_t i = 0; i < chain_count; ++i) {
            std::string const name = fmt::format("chain-{}", i);
            names.push_back(name);
            auto const port = static_cast<std::uint16_t>(first_port + 10 + i);
            nodes.push_back(std::make_unique<Node>(network, clock, random, port));
            chains.push_back(std::make_unique<Chain>());
            chains.back()->genesis.fill(static_cast<std::uint8_t>(i + 1));
            chains.back()->serve(*nodes.back());
            chains.back()->add({});
            frames.push_back(&topology.link<stages::Frame>("frames:" + name,
                                                           {.depth = 64, .arena_bytes = 4 << 20}));
            notes.push_back(&topology.link<stages::SourceNote>(
                "notes:" + name, {.depth = 64, .when_full = pipeline::WhenFull::drop}));
            wants.push_back(&topology.link<stages::Want>("wants:" + name, want_room));
            stages::RpcSourceOptions source;
            source.chain = i;
            source.name = name;
            source.endpoints = {*io::parse_url(fmt::format("ws://127.0.0.1:{}", port))};
            stages::RpcSource::Needs const needs{
                network, clock, random, log,
                topology.metrics().add("chain=\"" + name + '"', stages::source_metrics)};
            topology.stage({"source:" + name, Process::hybrid, "one"},
                           std::make_unique<stages::RpcSource>(std::move(source), needs,
                                                               *frames.back(), *notes.back()));
        }
        wire(names, rule, std::move(options), frames, wants);
        topology.stage_over({"observe", Process::hybrid, "one"}, std::make_unique<Ignore>(), notes);
        auto const finished = topology.finish();
        EXPECT_TRUE(finished) << (finished ? "" : finished.error());
    }

    void wire(std::vector<std::string> const& names, stages::Rule const& rule,
              stages::DeliverOptions options,
              std::vector<pipeline::Link<stages::Frame>*> const& frames,
              std::vector<pipeline::Link<stages::Want>*> const& wants) {
        auto& book = topology.metrics();
        auto& facts = topology.link<stages::Fact>("facts", {.depth = 256});
        auto& candidates = topology.link<stages::Candidate>("candidates", {.depth = 256});
        auto& verdicts = topology.link<stages::Verdict>("verdicts", {.depth = 256});
        auto& kept = topology.link<stages::Keep>(
            "kept", {.depth = 8, .arena_bytes = 4 << 20, .when_full = pipeline::WhenFull::drop});
        topology.stage_over({"decode", Process::hybrid, "one"},
                            std::make_unique<stages::Decode>(
                                names, log, book.add("", stages::decode_metrics), facts, kept),
                            frames);
        topology.stage({"keeper", Process::hybrid, "one"}, std::make_unique<Ignore>(), kept);
        topology.stage({"detect", Process::hybrid, "one"},
                       std::make_unique<stages::Detect>(std::vector{rule}, names, log,
                                                        book.add("", stages::detect_metrics),
                                                        candidates),
                       facts);
        topology.stage({"route", Process::hybrid, "one"},
                       std::make_unique<stages::Route>(
                           stages::nodes_only(names, {rule.name}),
                           stages::Route::Needs{log, book.add("", stages::route_metrics), clock},
                           verdicts),
                       candidates);
        options.chains = names;
        stages::Deliver::Needs const needs{clock, log, book.add("", stages::deliver_metrics),
                                           book.add("", stages::custody_metrics)};
        topology.stage({"deliver", Process::hybrid, "one"},
                       std::make_unique<stages::Deliver>(
                           std::move(options), quick_journal(folder / "alerts.db"),
                           std::vector<std::optional<std::uint32_t>>{},
                           one_outlet(std::make_unique<MemorySink>(out)), needs,
                           pipeline::Outs<stages::Want>(wants)),
                       verdicts);
        topology.stage_over({"orders", Process::hybrid, "one"}, std::make_unique<Orders>(), wants);
    }

    void settle() {
        int quiet = 0;
        for (int i = 0; i < 100'000 && quiet < 8; ++i) {
            bool moved = network.step();
            for (auto const& one : nodes) moved |= one->turn();
            moved |= topology.turn();
            quiet = moved ? 0 : quiet + 1;
        }
        ASSERT_GE(quiet, 8) << "the world does not come to rest";
    }

    void block(std::size_t chain) {
        chains[chain]->add({{.amount = 5}});
        chains[chain]->announce(*nodes[chain], chains[chain]->tip());
    }
    std::size_t lines_of(std::size_t chain) const {
        std::string const name = fmt::format("\"chain\":\"chain-{}\"", chain);
        std::istringstream stream(out);
        std::size_t count = 0;
        for (std::string line; std::getline(stream, line);) count += line.find(name) != line.npos;
        return count;
    }

    stages::testing::Directory folder;
    std::string out;
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<std::unique_ptr<Chain>> chains;
};

} // namespace

TEST(ManyChains, one_that_stalls_delays_no_other) {
    Eight world;
    world.settle();
    // 2 never says another word, 5 stops in the middle of a frame, 7 sends what is not JSON-RPC.
    world.chains[5]->add({{.amount = 5}});
    std::string const push = world.chains[5]->push(world.chains[5]->tip());
    // A text frame that promises 16,384 bytes.
    std::string const half = std::string("\x81\x7e\x40\x00", 4) + push.substr(0, 200);
    world.nodes[5]->raw({half.begin(), half.end()});
    world.nodes[7]->send("{\"jsonrpc\":");
    for (std::size_t round = 1; round <= 3; ++round) {
        for (std::size_t chain : {0U, 1U, 3U, 4U, 6U}) world.block(chain);
        world.settle(); // no time passes
        for (std::size_t chain : {0U, 1U, 3U, 4U, 6U})
            EXPECT_EQ(world.lines_of(chain), round) << "chain " << chain;
        EXPECT_EQ(world.lines_of(2) + world.lines_of(5) + world.lines_of(7), 0U);
    }
}

TEST(ManyChains, a_chain_with_a_flood_of_blocks_lets_the_others_through) {
    Eight world;
    world.settle();
    for (int i = 0; i < 200; ++i) world.block(0);
    for (std::size_t chain = 1; chain < chain_count; ++chain) world.block(chain);
    world.settle();
    EXPECT_EQ(world.lines_of(0), 200U);
    for (std::size_t chain = 1; chain < chain_count; ++chain) EXPECT_EQ(world.lines_of(chain), 1U);
}
