// What `spyhop coverage` shows of the journal's ledger.
#include "tests/stages/journal_fixture.hpp"

#include "stages/ledger_view.hpp"

#include <simdjson.h>

using namespace stages;
using namespace stages::testing;

namespace {

struct Ledger {
    Directory folder;
    std::string path = folder / "alerts.db";
    std::unique_ptr<Journal> journal = open_journal(path, {.database = {.durable = false}});
    Hash genesis = hash_of(0, 7);
    ChainKey dot = journal->enter(genesis, "dot", 3);

    void cover(std::uint32_t from, std::uint32_t to) {
        for (std::uint32_t number = from; number <= to; ++number) {
            journal->block_done(dot, block_of(number));
            EXPECT_EQ(journal->block_final(dot, number, hash_of(number), hash_of(number - 1)),
                      Covered::added);
        }
        commit(*journal);
    }
    LedgerView view() const {
        auto const views = read_ledgers(path);
        EXPECT_TRUE(views) << views.error();
        return views && views->size() == 1 ? (*views)[0] : LedgerView{};
    }
};

} // namespace

TEST(LedgerView, is_read_beside_the_service_that_writes_it) {
    Ledger ledger;
    ledger.cover(5, 7);
    ledger.cover(10, 12);
    LedgerView const view = ledger.view();
    EXPECT_EQ(view.name, "dot");
    EXPECT_EQ(view.genesis, ledger.genesis);
    EXPECT_EQ(view.cursor->number, 12U);
    ASSERT_EQ(view.ranges.size(), 2U);
    ASSERT_EQ(view.holes.size(), 2U); // 3..4, for the chain starts at 3, and 8..9
    EXPECT_EQ(view.holes[0].from, 3U);
    EXPECT_EQ(view.holes[1].to, 9U);
}

TEST(LedgerView, a_journal_that_cannot_be_read_is_a_sentence) {
    auto const views = read_ledgers("/nonexistent/alerts.db");
    ASSERT_FALSE(views);
    EXPECT_NE(views.error().find("/nonexistent/alerts.db"), std::string::npos) << views.error();
}

TEST(LedgerView, holes_say_what_is_being_done_about_them) {
    Ledger ledger;
    ledger.cover(5, 7);
    ledger.cover(10, 12);
    ledger.journal->explain_hole(ledger.dot, 3, 4, "pruned everywhere", "asked again in 10 min");
    commit(*ledger.journal);
    LedgerView view = ledger.view();
    HistoryNote note;
    note.state = SourceState::following;
    note.left = 12'345;
    note.blocks_per_second = 2'000;
    describe_filling(view, note);
    EXPECT_EQ(view.holes[0].action, "asked again in 10 min");
    EXPECT_EQ(view.holes[1].action, "being read: 12,345 blocks left, 2,000 a second, 7 s to go");
    view = ledger.view();
    note.state = SourceState::waiting;
    note.trouble.assign("connection refused");
    describe_filling(view, note);
    EXPECT_EQ(view.holes[1].action,
              "the history reader looks for an endpoint (connection refused)");
}

TEST(LedgerView, table_and_json_name_ranges_holes_and_incomplete_blocks) {
    Ledger ledger;
    BlockDone torn = block_of(4);
    torn.incomplete.assign("byte 17");
    ledger.journal->block_done(ledger.dot, torn);
    ledger.journal->block_final(ledger.dot, 4, torn.hash, hash_of(3));
    ledger.cover(6, 7);
    std::vector<LedgerView> const views{ledger.view(), LedgerView{.name = "new \"chain\""}};
    std::string const table = coverage_table(views);
    for (char const* part : {"dot", "hole 3 to 3, 1 blocks: not read yet", "hole 5 to 5",
                             "1 blocks have events that could not be read, the newest is 4",
                             "new \"chain\"", "nothing yet"})
        EXPECT_NE(table.find(part), std::string::npos) << part << " in\n" << table;
    simdjson::dom::parser parser;
    simdjson::dom::element chains;
    ASSERT_FALSE(parser.parse(coverage_json(views)).get(chains));
    EXPECT_EQ(std::int64_t(chains.at(0)["ranges"].at(1)["from"]), 6);
    EXPECT_EQ(std::int64_t(chains.at(0)["ranges"].at(1)["blocks"]), 2);
    EXPECT_EQ(std::string_view(chains.at(0)["holes"].at(1)["reason"]), "not read yet");
    EXPECT_EQ(std::int64_t(chains.at(0)["incomplete"].at(0)), 4);
    EXPECT_EQ(std::string_view(chains.at(1)["name"]), "new \"chain\"");
    EXPECT_TRUE(chains.at(1)["genesis"].is_null());
}
