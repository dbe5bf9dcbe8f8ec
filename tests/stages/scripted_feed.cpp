#include "tests/stages/scripted_feed.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace scripted {

using pipeline::Process;

Feed::Feed(std::vector<stages::Rule> rules, std::vector<std::string> const& chains,
           std::unique_ptr<stages::Journal> journal, std::optional<std::int64_t> sink_has,
           std::size_t open_alerts_max)
    : decode_page(topology.metrics().add("", stages::decode_metrics))
    , detect_page(topology.metrics().add("", stages::detect_metrics))
    , route_page(topology.metrics().add("", stages::route_metrics))
    , deliver_page(topology.metrics().add("", stages::deliver_metrics))
    , custody_page(topology.metrics().add("", stages::custody_metrics))
    , keeper_page(topology.metrics().add("", stages::keeper_metrics))
    , frames(topology.link<stages::Frame>("frames", {.depth = 64, .arena_bytes = 4 << 20})) {
    auto& facts = topology.link<stages::Fact>("facts", {.depth = 256});
    auto& candidates = topology.link<stages::Candidate>("candidates", {.depth = 256});
    auto& verdicts = topology.link<stages::Verdict>("verdicts", {.depth = 256});
    auto& kept = topology.link<stages::Keep>(
        "kept", {.depth = 8, .arena_bytes = 4 << 20, .when_full = pipeline::WhenFull::drop});
    std::vector<std::string> names;
    stages::DeliverOptions options;
    options.chains = chains;
    options.open_alerts_max = open_alerts_max;
    for (stages::Rule& rule : rules) {
        rule.chains.resize(chains.size(), true);
        names.push_back(rule.name);
        options.rules.push_back({rule.name, rule.kind});
    }
    auto const row = [](std::string name) {
        return pipeline::StageRow{std::move(name), Process::hybrid, "one"};
    };
    topology.stage(row("hand"), std::make_unique<Hand>(frames));
    topology.stage(row("decode"),
                   std::make_unique<stages::Decode>(chains, log, decode_page, facts, kept), frames);
    auto made = std::make_unique<MemoryFiles>();
    files = made.get();
    topology.stage(row("keeper"),
                   std::make_unique<stages::Keeper>(chains, std::move(made), log, keeper_page),
                   kept);
    topology.stage(
        row("detect"),
        std::make_unique<stages::Detect>(std::move(rules), chains, log, detect_page, candidates),
        facts);
    topology.stage(row("route"),
                   std::make_unique<stages::Route>(stages::nodes_only(chains, names),
                                                   stages::Route::Needs{log, route_page, clock},
                                                   verdicts),
                   candidates);
    auto owned = std::make_unique<MemorySink>(out);
    sink = owned.get();
    std::vector<pipeline::Link<stages::Want>*> wants;
    for (std::string const& chain : chains)
        wants.push_back(&topology.link<stages::Want>("wants:" + chain, want_room));
    if (!journal) journal = quick_journal(folder / "alerts.db");
    std::int64_t const after = sink_has ? *sink_has : journal->last_seq().value_or(0);
    topology.stage(row("deliver"),
                   std::make_unique<stages::Deliver>(
                       std::move(options), std::move(journal),
                       std::vector<std::optional<std::uint32_t>>{},
                       one_outlet(std::move(owned), after),
                       stages::Deliver::Needs{clock, log, deliver_page, custody_page},
                       pipeline::Outs<stages::Want>(wants)),
                   verdicts);
    auto ordered = std::make_unique<Orders>();
    orders = ordered.get();
    topology.stage_over(row("orders"), std::move(ordered), wants);
    auto const finished = topology.finish();
    EXPECT_TRUE(finished) << (finished ? "" : finished.error());
}

void Feed::push(Body const& body, pipeline::Bytes payload, std::uint16_t chain) {
    stages::Frame frame;
    frame.header.received = clock.now;
    frame.chain = chain;
    if (!payload.empty()) {
        auto const room = frames.arena().reserve(payload.size());
        ASSERT_EQ(room.size(), payload.size()) << "the arena is full";
        std::memcpy(room.data(), payload.data(), payload.size());
        frame.payload = frames.arena().commit(payload.size());
    }
    frame.body = body;
    frames.push(frame);
}

void Feed::run() {
    for (int i = 0; i < 10'000 && topology.turn(); ++i) {}
}

void Feed::tell(Body const& body, pipeline::Bytes payload, std::uint16_t chain) {
    push(body, payload, chain);
    run();
}

std::vector<std::string> Feed::take_lines() {
    std::vector<std::string> all;
    std::istringstream stream(std::exchange(out, {}));
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
}

stages::ChainFacts dot_facts() {
    stages::ChainFacts facts;
    facts.genesis.fill(0x91);
    facts.symbol.assign("DOT");
    facts.decimals = 10;
    facts.ss58_prefix = 0;
    return facts;
}

stages::BlockBytes block_bytes(std::uint32_t number, std::uint32_t spec, std::uint8_t fork) {
    stages::BlockRef block;
    block.hash.fill(static_cast<std::uint8_t>(number));
    block.hash[0] = fork;
    block.number = number;
    block.timestamp_ms = 1'763'626'512'000; // 2025-11-20T08:15:12Z
    return {block, spec};
}

} // namespace scripted
