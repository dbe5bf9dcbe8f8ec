// The journal: turns, states, cursors, and what a restart finds.
#include "tests/stages/journal_fixture.hpp"

namespace stages::testing {
namespace {

constexpr AlertState seen = AlertState::seen;
constexpr AlertState final = AlertState::final;
constexpr AlertState retracted = AlertState::retracted;

struct Written {
    Directory directory;
    std::string path = directory / "alerts.db";
    Hash genesis = hash_of(0, 0xee);
    std::unique_ptr<Journal> journal = open_journal(path, {.database = {.durable = false}});

    void restart() {
        journal.reset();
        journal = open_journal(path, {.database = {.durable = false}});
    }
    Covered block(ChainKey chain, std::uint32_t number) const {
        journal->block_done(chain, block_of(number));
        return journal->block_final(chain, number, hash_of(number), hash_of(number - 1));
    }
    Words open() const {
        Words words;
        EXPECT_TRUE(journal->open_alerts("dot", [&](JournaledRow const& row) {
            words.push_back(fmt::format("{} at {}", row.row.id[0], row.row.block));
            return true;
        }));
        return words;
    }
    Words incomplete(ChainKey chain) const {
        Words words;
        EXPECT_TRUE(journal->incomplete(chain, [&](IncompleteBlock const& block) {
            words.push_back(
                fmt::format("{} v{} {}", block.number, block.spec_version, block.reason));
            return true;
        }));
        return words;
    }
};

TEST(Journal, speaks_only_after_the_commit) {
    Written world;
    append(*world.journal, 1, seen);
    append(*world.journal, 2, seen);
    EXPECT_EQ(said_text(*world.journal), "");
    EXPECT_EQ(rows_of(*world.journal), Words{});
    commit(*world.journal);
    EXPECT_EQ(said_text(*world.journal), line_of(1, seen) + "\n" + line_of(2, seen) + "\n");
    EXPECT_EQ(world.journal->said()[1].seq, 2);
    EXPECT_EQ(rows_of(*world.journal), (Words{"1 seen", "2 seen"}));
    EXPECT_FALSE(world.journal->pending());
    commit(*world.journal);
    EXPECT_EQ(said_text(*world.journal), "");
}

TEST(Journal, a_row_comes_back_as_it_was) {
    Written world;
    AlertRow row;
    for (std::size_t i = 0; i < row.id.size(); ++i) row.id[i] = static_cast<std::uint8_t>(250 + i);
    row.state = seen;
    row.severity = Severity::critical;
    row.path = Path::legacy;
    row.epoch = 4294967295U;
    row.block = 4294967295U;
    row.chain = "polkadot \"x\"";
    row.rule = "r";
    row.emitted_unix_ms = 1'763'626'512'000;
    row.line = "{\"k\":\"\xc3\xa9\"}";
    world.journal->append(row);
    commit(*world.journal);
    world.restart();
    int rows = 0;
    auto const done = world.journal->rows_of(row.id, [&](JournaledRow const& read) {
        ++rows;
        EXPECT_EQ(read.row.id, row.id);
        EXPECT_EQ(read.row.state, row.state);
        EXPECT_EQ(read.row.severity, row.severity);
        EXPECT_EQ(read.row.path, row.path);
        EXPECT_EQ(read.row.epoch, row.epoch);
        EXPECT_EQ(read.row.block, row.block);
        EXPECT_EQ(read.row.block_hash, Hash{});
        EXPECT_EQ(read.row.chain, row.chain);
        EXPECT_EQ(read.row.rule, row.rule);
        EXPECT_EQ(read.row.emitted_unix_ms, row.emitted_unix_ms);
        EXPECT_EQ(read.row.line, row.line);
        return true;
    });
    EXPECT_TRUE(done);
    EXPECT_EQ(rows, 1);
}

// Every pair of states against the drawing in journal.hpp, one id at a time.
TEST(Journal, says_each_state_once_and_only_in_its_order) {
    struct Case {
        std::vector<AlertState> in;
        Words out;
    };
    Case const cases[] = {
        {{seen, seen}, {"seen"}},
        {{seen, final, final, seen, retracted}, {"seen", "final"}},
        {{final, seen, retracted, final}, {"final"}},
        {{retracted, seen}, {"seen"}},
        {{seen, retracted, retracted, seen, seen, final}, {"seen", "retracted", "seen", "final"}},
        {{seen, retracted, final, retracted}, {"seen", "retracted", "final"}},
    };
    for (bool const one_turn : {true, false}) {
        Written world;
        std::uint32_t id = 0;
        std::uint64_t silenced = 0;
        for (Case const& each : cases) {
            Words expected;
            ++id;
            for (AlertState const state : each.in) {
                append(*world.journal, id, state);
                if (!one_turn) commit(*world.journal);
                if (!one_turn && id % 2 == 0) world.restart();
            }
            commit(*world.journal);
            silenced += each.in.size() - each.out.size();
            for (std::string const& state : each.out)
                expected.push_back(fmt::format("{} {}", id, state));
            Words found;
            for (std::string const& word : rows_of(*world.journal))
                if (word.starts_with(std::to_string(id))) found.push_back(word);
            EXPECT_EQ(found, expected);
        }
        if (one_turn) {
            EXPECT_EQ(world.journal->silenced(), silenced);
        }
    }
}

TEST(Journal, knows_which_alerts_wait_for_finality) {
    Written world;
    append(*world.journal, 1, seen, 12);
    append(*world.journal, 2, seen, 11);
    append(*world.journal, 3, seen, 10);
    append(*world.journal, 4, final, 10);
    commit(*world.journal);
    append(*world.journal, 1, retracted, 12);
    append(*world.journal, 3, final, 10);
    commit(*world.journal);
    EXPECT_EQ(world.open(), Words{"2 at 11"});
    append(*world.journal, 1, seen, 12);
    commit(*world.journal);
    world.restart();
    EXPECT_EQ(world.open(), (Words{"2 at 11", "1 at 12"}));
}

TEST(Journal, finds_rows_by_place_and_by_id) {
    Written world;
    append(*world.journal, 1, seen);
    append(*world.journal, 1, retracted);
    append(*world.journal, 2, seen);
    append(*world.journal, 1, seen);
    commit(*world.journal);
    EXPECT_EQ(*world.journal->last_seq(), 4);
    EXPECT_EQ(*world.journal->last_seq_of(id_of(1), seen), 4);
    EXPECT_EQ(*world.journal->last_seq_of(id_of(1), retracted), 2);
    EXPECT_EQ(*world.journal->last_seq_of(id_of(1), final), 0);
    EXPECT_EQ(*world.journal->last_seq_of(id_of(9), seen), 0);
    EXPECT_EQ(rows_of(*world.journal, 2), (Words{"2 seen", "1 seen"}));
    std::vector<std::int64_t> seqs;
    EXPECT_TRUE(world.journal->rows_up_to(3, [&](JournaledRow const& row) {
        seqs.push_back(row.seq);
        return seqs.size() < 2; // enough
    }));
    EXPECT_EQ(seqs, (std::vector<std::int64_t>{3, 2}));
}

TEST(Journal, the_cursor_moves_with_the_alerts_of_its_block) {
    Written world;
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    EXPECT_FALSE(world.journal->cursor(dot));
    append(*world.journal, 1, final, 5);
    EXPECT_EQ(world.block(dot, 5), Covered::added);
    world.restart(); // before the commit: neither
    EXPECT_EQ(rows_of(*world.journal), Words{});
    EXPECT_FALSE(world.journal->cursor(world.journal->enter(world.genesis, "dot")));

    append(*world.journal, 1, final, 5);
    EXPECT_EQ(world.block(dot, 5), Covered::added);
    commit(*world.journal);
    world.restart(); // after it: both
    ChainKey const again = world.journal->enter(world.genesis, "renamed");
    ASSERT_TRUE(world.journal->cursor(again));
    EXPECT_EQ(world.journal->cursor(again)->number, 5U);
    EXPECT_EQ(world.journal->cursor(again)->hash, hash_of(5));
    EXPECT_EQ(rows_of(*world.journal), Words{"1 final"});
}

TEST(Journal, a_gap_filled_later_does_not_move_the_cursor_back) {
    Written world;
    ChainKey const dot = world.journal->enter(world.genesis, "dot", 1);
    world.block(dot, 2);
    world.block(dot, 9);
    commit(*world.journal);
    world.block(dot, 3);
    commit(*world.journal);
    world.restart();
    EXPECT_EQ(world.journal->cursor(dot)->number, 9U);
    EXPECT_EQ(world.journal->holes(dot),
              (std::vector<Hole>{{1, 1, "not read yet", ""}, {4, 8, "not read yet", ""}}));
}

TEST(Journal, coverage_survives_a_restart_at_every_block) {
    Written world;
    Coverage expected;
    for (std::uint32_t const number : {4U, 5U, 9U, 8U, 1U, 2U, 6U, 7U, 3U}) {
        ChainKey const dot = world.journal->enter(world.genesis, "dot");
        BlockDone const block = block_of(number);
        expected.add(number, block.hash, hash_of(number - 1),
                     block_digest(number, block.hash, block.events));
        ASSERT_EQ(world.block(dot, number), Covered::added);
        if (number == 9) world.journal->explain_hole(dot, 6, 7, "pruned", "asking elsewhere");
        commit(*world.journal);
        world.restart();
        auto const ranges = world.journal->coverage(dot).ranges();
        ASSERT_EQ(ranges.size(), expected.ranges().size());
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            EXPECT_EQ(ranges[i].from, expected.ranges()[i].from);
            EXPECT_EQ(ranges[i].to, expected.ranges()[i].to);
            EXPECT_EQ(ranges[i].from_parent, expected.ranges()[i].from_parent);
            EXPECT_EQ(ranges[i].to_hash, expected.ranges()[i].to_hash);
            EXPECT_EQ(ranges[i].blocks, expected.ranges()[i].blocks);
            EXPECT_EQ(ranges[i].digest, expected.ranges()[i].digest);
        }
        if (number == 1) {
            EXPECT_EQ(world.journal->holes(dot),
                      (std::vector<Hole>{{2, 3, "not read yet", ""},
                                         {6, 7, "pruned", "asking elsewhere"}}));
        }
    }
    EXPECT_EQ(world.journal->holes(0), std::vector<Hole>{});
}

TEST(Journal, chains_are_told_apart_by_their_genesis) {
    Written world;
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    ChainKey const ksm = world.journal->enter(hash_of(1, 0xee), "ksm");
    EXPECT_NE(dot, ksm);
    EXPECT_EQ(world.journal->enter(world.genesis, "dot"), dot);
    world.block(dot, 5);
    world.block(ksm, 100);
    commit(*world.journal);
    world.restart();
    EXPECT_EQ(world.journal->cursor(world.journal->enter(hash_of(1, 0xee), "ksm"))->number, 100U);
    EXPECT_EQ(world.journal->cursor(world.journal->enter(world.genesis, "dot"))->number, 5U);
}

TEST(Journal, only_what_was_done_is_covered) {
    Written world;
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    EXPECT_EQ(world.journal->block_final(dot, 5, hash_of(5), hash_of(5 - 1)), Covered::untold);
    world.journal->block_done(dot, block_of(5));
    EXPECT_EQ(world.journal->block_final(dot, 6, hash_of(5), hash_of(6 - 1)), Covered::untold);
    EXPECT_EQ(world.block(dot, 5), Covered::added);
    EXPECT_EQ(world.block(dot, 5), Covered::known);
    world.journal->block_done(dot, block_of(6));
    world.journal->block_abandoned(dot, hash_of(6));
    EXPECT_EQ(world.journal->block_final(dot, 6, hash_of(6), hash_of(6 - 1)), Covered::untold);
}

TEST(Journal, blocks_that_wait_for_finality_are_bounded) {
    Written world;
    world.journal.reset();
    world.journal = open_journal(world.path, {.database = {.durable = false}, .told_max = 4});
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    for (std::uint32_t number = 1; number <= 5; ++number)
        world.journal->block_done(dot, block_of(number));
    EXPECT_EQ(world.journal->block_final(dot, 1, hash_of(1), hash_of(1 - 1)), Covered::untold);
    for (std::uint32_t number = 2; number <= 5; ++number)
        EXPECT_EQ(world.journal->block_final(dot, number, hash_of(number), hash_of(number - 1)),
                  Covered::added);
    for (std::uint32_t number = 6; number <= 400; ++number)
        ASSERT_EQ(world.block(dot, number), Covered::added);
    EXPECT_EQ(world.journal->coverage(dot).ranges().size(), 1U);
}

// Two sets of nodes for one chain: each name has a ledger and alerts of its own.
TEST(Journal, a_chain_may_be_watched_under_two_names) {
    Written world;
    for (int start = 0; start < 2; ++start) {
        ChainKey const one = world.journal->enter(world.genesis, "one");
        ChainKey const two = world.journal->enter(world.genesis, "two");
        ASSERT_NE(one, two);
        std::uint32_t const number = start == 0 ? 5 : 6;
        world.journal->block_done(two, block_of(number));
        EXPECT_EQ(world.journal->block_final(two, number, hash_of(number), hash_of(number - 1)),
                  Covered::added);
        EXPECT_FALSE(world.journal->cursor(one));
        for (char const* name : {"one", "two"}) {
            AlertRow row;
            row.id = id_of(number);
            row.chain = name;
            row.line = "{}";
            world.journal->append(row);
        }
        commit(*world.journal);
        EXPECT_EQ(world.journal->said().size(), 2U);
        EXPECT_EQ(world.journal->cursor(two)->number, number);
        world.restart();
    }
}

TEST(Journal, incomplete_blocks_are_kept_until_they_are_read_whole) {
    Written world;
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    BlockDone block = block_of(5);
    block.spec_version = 1'002'000;
    block.incomplete.assign("bad variant at byte 17");
    world.journal->block_done(dot, block);
    EXPECT_EQ(world.incomplete(dot), Words{});
    world.journal->block_final(dot, 5, block.hash, hash_of(4));
    commit(*world.journal);
    world.restart();
    EXPECT_EQ(world.incomplete(dot), Words{"5 v1002000 bad variant at byte 17"});
    world.journal->block_completed(dot, 5, block.hash);
    EXPECT_TRUE(world.journal->pending());
    commit(*world.journal);
    EXPECT_EQ(world.incomplete(dot), Words{});
}

TEST(Journal, delivery_marks_go_along_with_a_turn) {
    Written world;
    EXPECT_FALSE(world.journal->delivered("file"));
    world.journal->mark_delivered("file", 3);
    EXPECT_FALSE(world.journal->pending());
    commit(*world.journal);
    world.restart();
    EXPECT_FALSE(world.journal->delivered("file"));
    world.journal->mark_delivered("file", 4);
    append(*world.journal, 1, seen);
    commit(*world.journal);
    world.restart();
    EXPECT_EQ(world.journal->delivered("file"), 4);
    world.journal->mark_delivered("file", 5);
    EXPECT_TRUE(world.journal->pending(Journal::Marks::too));
    commit(*world.journal, Journal::Marks::too);
    EXPECT_FALSE(world.journal->pending(Journal::Marks::too));
    world.restart();
    EXPECT_EQ(world.journal->delivered("file"), 5);
}

TEST(Journal, a_turn_is_bounded) {
    Written world;
    world.journal.reset();
    world.journal = open_journal(
        world.path, {.database = {.durable = false}, .turn_bytes_max = 40'000, .turn_rows_max = 9});
    for (std::uint32_t id = 0; id < 9; ++id) {
        ASSERT_TRUE(world.journal->room());
        append(*world.journal, id, seen);
    }
    EXPECT_FALSE(world.journal->room()); // rows
    commit(*world.journal);
    EXPECT_TRUE(world.journal->room());
    std::string const line(Journal::line_bytes_max - 1, 'x');
    AlertRow row;
    row.line = line;
    for (std::uint32_t id = 100; id < 102; ++id) {
        ASSERT_TRUE(world.journal->room());
        row.id = id_of(id);
        world.journal->append(row);
    }
    EXPECT_FALSE(world.journal->room()); // bytes
    commit(*world.journal);
    EXPECT_EQ(said_text(*world.journal), line + "\n" + line + "\n");
    ChainKey const dot = world.journal->enter(world.genesis, "dot");
    for (std::uint32_t number = 1; number <= 9; ++number) world.block(dot, number);
    EXPECT_FALSE(world.journal->room()); // blocks
}

} // namespace
} // namespace stages::testing
