// One process is started again while the other lives on: facts are said again, a block that was
// being told is a hole and is ordered, assets that have other numbers now keep their names.
#include "tests/stages/scripted_feed.hpp"

#include "pipeline/board.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using namespace stages;
using pipeline::Process;

namespace {

BlockRef block(std::uint32_t number) { return block_bytes(number).block; }

Transfer transfer(std::uint32_t number, std::uint32_t event, std::uint32_t asset = native_asset) {
    Transfer made;
    made.block = block(number);
    made.event_index = event;
    made.asset = asset;
    made.amount = 5;
    return made;
}

Finalized final_of(std::uint32_t number) {
    return {block(number).hash, block(number - 1).hash, number};
}

AssetFacts asset(std::uint32_t slot, std::string_view symbol) {
    AssetFacts facts;
    facts.slot = slot;
    facts.symbol.assign(symbol);
    facts.decimals_known = true;
    return facts;
}

// The end of hybrid: detect, and what it has pushed.
struct Hybrid {
    explicit Hybrid(pipeline::ProcessBoard const& board)
        : detect({everything()}, {"polkadot"}, log, page, candidates,
                 {board.generation(Process::hybrid).load(), board.generation(Process::legacy)}) {}
    void tell(decltype(Fact::body) const& body) {
        ASSERT_TRUE(detect.accepting());
        Fact fact;
        fact.body = body;
        detect.on({fact, {}}, {});
    }
    void block_of_one(std::uint32_t number) {
        tell(transfer(number, 0));
        tell(BlockEnd{block(number)});
        tell(final_of(number));
    }
    RecordedLog log;
    pipeline::MetricsPage page{"", detect_metrics};
    pipeline::Link<Candidate> candidates{"candidates", {.depth = 1'024}};
    Detect detect;
};

// Legacy: route and deliver, over a journal that outlives them.
struct Legacy {
    explicit Legacy(std::string const& path)
        : route(nodes_only({"polkadot"}, {"everything"}), {log, route_page, clock}, verdicts)
        , deliver(options(), quick_journal(path), {}, {}, {clock, log, page, custody_page},
                  pipeline::Outs<Want>({&wants})) {
        deliver.upkeep({});
    }
    static DeliverOptions options() { return {{"polkadot"}, {{"everything", RuleKind{}}}}; }
    // Reads everything that waits; what is committed survives.
    void read(pipeline::Link<Candidate>& candidates) {
        for (; candidates.front() != nullptr; candidates.pop()) {
            route.on({*candidates.front(), {}}, turn());
            for (; verdicts.front() != nullptr; verdicts.pop())
                EXPECT_TRUE(deliver.on({*verdicts.front(), {}}, turn()));
        }
    }
    void commit() {
        clock.now += Deliver::ledger_patience + pipeline::second;
        deliver.upkeep(turn());
        deliver.upkeep(turn());
    }
    std::vector<Stretch> wanted() {
        deliver.tick(turn());
        std::vector<Stretch> all;
        for (; wants.front() != nullptr; wants.pop())
            all.assign(wants.front()->stretches.begin(),
                       wants.front()->stretches.begin() + wants.front()->count);
        return all;
    }
    pipeline::Turn turn() {
        return {clock.now, clock.unix_ms, {.mode = pipeline::Mode::hybrid_only}, false};
    }
    pipeline::ManualClock clock;
    RecordedLog log;
    pipeline::MetricsPage route_page{"", route_metrics};
    pipeline::MetricsPage page{"", deliver_metrics};
    pipeline::MetricsPage custody_page{"", custody_metrics};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 1'024}};
    pipeline::Link<Want> wants{"wants", {.depth = 16, .when_full = pipeline::WhenFull::drop}};
    Route route;
    Deliver deliver;
};

struct Restarts : ::testing::Test {
    std::vector<std::string> lines() {
        std::vector<std::string> all;
        auto const opened = Journal::open(path, {.database = {.read_only = true, .lock = false}});
        EXPECT_TRUE(opened);
        EXPECT_TRUE((*opened)->rows_after(0, [&](JournaledRow const& row) {
            all.emplace_back(row.row.line);
            return true;
        }));
        return all;
    }
    stages::testing::Directory folder;
    std::string const path = folder / "alerts.db";
    pipeline::ProcessBoard board;
};

} // namespace

TEST_F(Restarts, facts_are_said_again_before_anything_else) {
    board.ended(Process::hybrid); // this is its second run
    Hybrid hybrid(board);
    hybrid.tell(dot_facts());
    hybrid.tell(asset(3, "C"));
    hybrid.tell(asset(1, "old"));
    hybrid.tell(asset(1, "A"));
    EXPECT_FALSE(hybrid.detect.tick({}));
    while (hybrid.candidates.front() != nullptr) hybrid.candidates.pop();
    board.ended(Process::legacy);
    EXPECT_FALSE(hybrid.detect.accepting());
    EXPECT_TRUE(hybrid.detect.tick({}));
    EXPECT_TRUE(hybrid.detect.accepting());
    EXPECT_FALSE(hybrid.detect.tick({}));
    auto const next = [&] {
        auto const body = hybrid.candidates.front()->body;
        hybrid.candidates.pop();
        return body;
    };
    ASSERT_EQ(hybrid.candidates.waiting(), 3U);
    EXPECT_EQ(std::get<ChainFacts>(next()).run, 1U);
    EXPECT_EQ(std::get<AssetFacts>(next()).symbol.view(), "A");
    EXPECT_EQ(std::get<AssetFacts>(next()).symbol.view(), "C");
    EXPECT_EQ(hybrid.page.read(DetectMetric::repeated), 3U);
}

TEST_F(Restarts, more_facts_than_a_turn_may_say_are_said_in_several) {
    Hybrid hybrid(board);
    hybrid.tell(dot_facts());
    for (std::uint32_t slot = 1; slot <= 2 * Detect::max_burst; ++slot)
        hybrid.tell(asset(slot, "A"));
    while (hybrid.candidates.front() != nullptr) hybrid.candidates.pop();
    board.ended(Process::legacy);
    int turns = 0;
    for (; !hybrid.detect.accepting(); ++turns) EXPECT_TRUE(hybrid.detect.tick({}));
    EXPECT_EQ(turns, 3); // 513 facts, 256 at most in each
    EXPECT_EQ(hybrid.candidates.waiting(), 2 * Detect::max_burst + 1);
}

// Legacy dies with half of block 8 read and not committed, while the rest of it and block 9 are
// told to its successor.
TEST_F(Restarts, what_died_with_legacy_is_a_hole_that_is_ordered) {
    Hybrid hybrid(board);
    hybrid.tell(dot_facts());
    hybrid.block_of_one(7);
    {
        Legacy first(path);
        first.read(hybrid.candidates);
        first.commit();
        hybrid.tell(transfer(8, 0));
        first.read(hybrid.candidates);
    }
    EXPECT_EQ(lines().size(), 2U); // of block 7: seen, final
    board.ended(Process::legacy);
    EXPECT_TRUE(hybrid.detect.tick({}));
    hybrid.tell(transfer(8, 1));
    hybrid.tell(BlockEnd{block(8)});
    hybrid.tell(final_of(8));
    hybrid.block_of_one(9);
    Legacy second(path);
    second.read(hybrid.candidates);
    second.commit();
    auto const wanted = second.wanted();
    ASSERT_EQ(wanted.size(), 1U);
    EXPECT_EQ(wanted[0].from, 8U);
    EXPECT_EQ(wanted[0].to, 8U);
    EXPECT_EQ(lines().size(), 6U); // event 1 of block 8 and the one of block 9, both final
    // History tells it whole: the first event is said, the second has been.
    hybrid.tell(transfer(8, 0));
    hybrid.tell(transfer(8, 1));
    hybrid.tell(BlockEnd{block(8)});
    hybrid.tell(final_of(8));
    second.read(hybrid.candidates);
    second.commit();
    EXPECT_EQ(lines().size(), 8U);
    EXPECT_TRUE(second.wanted().empty());
}

// The same, where the rest of the block lay in the link already: nobody may take it for the whole.
TEST_F(Restarts, the_end_of_a_block_alone_does_not_cover_it) {
    Hybrid hybrid(board);
    hybrid.tell(dot_facts());
    hybrid.block_of_one(7);
    {
        Legacy first(path);
        first.read(hybrid.candidates);
        first.commit();
        hybrid.tell(transfer(8, 0));
        first.read(hybrid.candidates);
    }
    hybrid.tell(BlockEnd{block(8)}); // before the death is seen
    board.ended(Process::legacy);
    EXPECT_TRUE(hybrid.detect.tick({}));
    hybrid.tell(final_of(8));
    hybrid.block_of_one(9);
    Legacy second(path);
    second.read(hybrid.candidates);
    second.commit();
    EXPECT_EQ(second.route_page.read(RouteMetric::unheard), 1U);
    auto const wanted = second.wanted();
    ASSERT_EQ(wanted.size(), 1U);
    EXPECT_EQ(wanted[0].from, 8U);
}

// A new run of hybrid meets its assets in another order. What was seen under the old numbers is
// settled from the journal, under the name it was said with.
TEST_F(Restarts, assets_of_an_earlier_run_keep_their_names) {
    Legacy legacy(path);
    {
        Hybrid first(board);
        first.tell(dot_facts());
        first.tell(asset(1, "OLD"));
        first.tell(transfer(8, 0, 1));
        legacy.read(first.candidates);
        legacy.commit();
    }
    board.ended(Process::hybrid);
    Hybrid second(board);
    second.tell(dot_facts());
    second.tell(asset(1, "NEW"));
    second.tell(final_of(8));
    legacy.read(second.candidates);
    legacy.commit();
    auto const said = lines();
    ASSERT_EQ(said.size(), 2U);
    EXPECT_NE(said[1].find("\"state\":\"final\""), std::string::npos) << said[1];
    EXPECT_NE(said[1].find("\"symbol\":\"OLD\""), std::string::npos) << said[1];
}

// A new run begins where it likes: what is told again is said once.
TEST_F(Restarts, a_block_told_again_by_a_new_run_is_said_once) {
    Legacy legacy(path);
    {
        Hybrid first(board);
        first.tell(dot_facts());
        first.tell(transfer(8, 0)); // and dies in the middle of the block
        legacy.read(first.candidates);
        legacy.commit();
    }
    board.ended(Process::hybrid);
    Hybrid second(board);
    second.tell(dot_facts());
    second.tell(transfer(8, 0));
    second.tell(transfer(8, 1));
    second.tell(BlockEnd{block(8)});
    second.tell(final_of(8));
    legacy.read(second.candidates);
    legacy.commit();
    EXPECT_EQ(lines().size(), 4U); // two alerts, seen and final each
}
