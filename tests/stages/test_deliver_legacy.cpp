// Legacy's alerts at the end of the pipeline: states, restarts, and what is learned later.
#include "stages/journal_schema.hpp"
#include "stages/route.hpp"
#include "tests/stages/scripted_feed.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using namespace stages;
using Words = std::vector<std::string>;

namespace {

Transfer transfer(std::uint32_t block, std::uint32_t event, bool finalized) {
    Transfer made;
    made.block.number = block;
    made.block.hash.fill(0xff);
    made.block.hash[0] = static_cast<std::uint8_t>(block);
    made.block.hash_known = false;
    made.block.finalized = finalized;
    made.block.timestamp_ms = 1'763'626'512'000;
    made.phase_known = false;
    made.event_index = event;
    made.amount = 5;
    made.from = account(1);
    made.to = account(2);
    return made;
}

// Deliver alone, told what route and enrich would tell it, with a journal that outlives it.
struct Desk {
    explicit Desk(std::string const& path)
        : journal(quick_journal(path))
        , written(journal->last_seq().value())
        , deliver(options(), std::move(journal), {},
                  one_outlet(std::make_unique<MemorySink>(out), written),
                  {clock, log, page, custody_page}, pipeline::Outs<Want>({&wants})) {
        deliver.upkeep({}); // what earlier runs left comes first: nothing
        ChainFacts facts = dot_facts();
        say(facts);
        say(facts, Path::hybrid);
    }
    static DeliverOptions options() {
        DeliverOptions made;
        made.chains = {"polkadot"};
        made.rules = {{"rule", {}}};
        return made;
    }
    void say(decltype(Verdict::body) const& body, Path path = Path::legacy) {
        Verdict verdict;
        verdict.path = path;
        verdict.body = body;
        EXPECT_TRUE(deliver.on({verdict, {}}, {}));
    }
    static Alert alert(std::uint32_t block, std::uint32_t event, bool finalized = false,
                       bool speaks = true) {
        Alert made;
        made.path = Path::legacy;
        made.speaks = speaks;
        made.match.transfer = transfer(block, event, finalized);
        made.id = alert_id(dot_facts().genesis, made.match.transfer, "rule");
        return made;
    }
    void reading_gone(std::uint32_t block) {
        say(Abandoned{transfer(block, 0, false).block.hash, block});
    }
    // "seen 100/1": the states in the order they were said.
    Words said() {
        pipeline::Turn turn;
        turn.draining = true;
        deliver.upkeep(turn);
        Words words;
        std::istringstream lines(std::exchange(out, {}));
        for (std::string line; std::getline(lines, line);) {
            auto const field = [&](std::string_view name, std::string_view end) {
                std::size_t const at = line.find(name) + name.size();
                return line.substr(at, line.find_first_of(end, at) - at);
            };
            words.push_back(field("\"state\":\"", "\"") + " " + field("\"number\":", ",}") + "/" +
                            field("\"index\":", ","));
            last = line;
        }
        return words;
    }
    std::unique_ptr<Journal> journal;
    std::int64_t written = 0; // the sink has everything that earlier runs said
    std::string out, last;
    pipeline::ManualClock clock;
    RecordedLog log;
    pipeline::MetricsPage page{"", deliver_metrics};
    pipeline::MetricsPage custody_page{"", custody_metrics};
    pipeline::Link<Want> wants{"wants", want_room};
    Deliver deliver;
};

struct DeliverLegacy : ::testing::Test {
    stages::testing::Directory folder;
    std::string path = folder / "alerts.db";
};

} // namespace

TEST_F(DeliverLegacy, lines_lack_what_nobody_knows) {
    Desk desk(path);
    desk.say(Desk::alert(100, 1));
    EXPECT_EQ(desk.said(), (Words{"seen 100/1"}));
    EXPECT_NE(desk.last.find(R"("block":{"number":100,"timestamp":"2025-11-20T08:15:12.000Z"},)"
                             R"("event":{"index":1,"pallet":"Balances","name":"Transfer"},)"),
              std::string::npos)
        << desk.last;
    EXPECT_NE(desk.last.find(R"("path":"legacy")"), std::string::npos) << desk.last;
}

TEST_F(DeliverLegacy, final_rows_are_final_and_vanished_ones_retracted) {
    Desk desk(path);
    desk.say(Desk::alert(100, 1));
    desk.say(Desk::alert(100, 2));
    desk.say(Desk::alert(100, 1, true));
    desk.reading_gone(100);
    desk.say(Settled{100});
    EXPECT_EQ(desk.said(), (Words{"seen 100/1", "seen 100/2", "final 100/1", "retracted 100/2"}));
}

TEST_F(DeliverLegacy, the_nodes_finality_says_nothing_of_legacys_alerts) {
    Desk desk(path);
    desk.say(Desk::alert(100, 1));
    desk.say(Finalized{Hash{7}, Hash{6}, 100}, Path::hybrid);
    EXPECT_EQ(desk.said(), (Words{"seen 100/1"}));
}

TEST_F(DeliverLegacy, an_event_both_paths_speak_for_is_said_once) {
    Desk desk(path);
    Alert other = Desk::alert(100, 1);
    other.path = Path::hybrid;
    other.match.transfer.block.hash_known = true;
    desk.say(Desk::alert(100, 1));
    desk.say(other, Path::hybrid);
    EXPECT_EQ(desk.said(), (Words{"seen 100/1"}));
}

TEST_F(DeliverLegacy, what_an_earlier_run_saw_is_settled_by_what_this_one_reads) {
    {
        Desk desk(path);
        desk.say(Desk::alert(100, 1));
        desk.say(Desk::alert(100, 2));
        desk.say(Desk::alert(101, 1));
        EXPECT_EQ(desk.said().size(), 3U);
    }
    Desk desk(path);
    // The path has lost the right to speak meanwhile: what it said is still its own.
    desk.say(Desk::alert(100, 1, true, false));
    desk.say(Desk::alert(103, 1, true, false));
    desk.say(Settled{100});
    EXPECT_EQ(desk.said(), (Words{"final 100/1", "retracted 100/2"}));
    desk.say(Settled{105});
    EXPECT_EQ(desk.said(), (Words{"retracted 101/1"}));
    desk.say(Settled{106});
    EXPECT_EQ(desk.said(), Words{});
}

TEST_F(DeliverLegacy, the_nodes_block_does_not_settle_legacys_strangers) {
    {
        Desk desk(path);
        desk.say(Desk::alert(100, 1));
        desk.said();
    }
    Desk desk(path);
    desk.say(Finalized{Hash{7}, Hash{6}, 100}, Path::hybrid);
    EXPECT_EQ(desk.said(), Words{});
    desk.say(Desk::alert(100, 1, true));
    desk.say(Settled{100});
    EXPECT_EQ(desk.said(), (Words{"final 100/1"}));
}

TEST_F(DeliverLegacy, the_cursor_outlives_the_run_and_never_goes_back) {
    {
        Desk desk(path);
        desk.say(Settled{100});
        desk.say(Settled{90});
        desk.said();
    }
    auto const journal = quick_journal(path);
    EXPECT_EQ(journal->legacy_cursor_of("polkadot"), 100U);
    EXPECT_EQ(journal->legacy_cursor_of("kusama"), std::nullopt);
}

TEST_F(DeliverLegacy, an_amendment_is_a_further_line_of_the_state_the_alert_is_in) {
    Desk desk(path);
    Alert alert = Desk::alert(100, 1);
    desk.say(alert);
    alert.from.label.assign("Binance");
    alert.from.label_by = KnownBy::subscan_tag;
    alert.amended = Amended::from_label;
    desk.say(Amendment{alert});
    EXPECT_EQ(desk.said(), (Words{"seen 100/1", "seen 100/1"}));
    EXPECT_NE(desk.last.find(R"("amended":["from.label"])"), std::string::npos) << desk.last;
    desk.say(Desk::alert(100, 1, true));
    // The row that comes again knows nothing; a pending line of the record does.
    EXPECT_EQ(desk.said(), (Words{"final 100/1"}));
    EXPECT_EQ(desk.last.find("amended"), std::string::npos) << desk.last;
}

TEST_F(DeliverLegacy, an_amendment_after_the_last_state_still_finds_it) {
    Desk desk(path);
    Alert alert = Desk::alert(100, 1, true);
    desk.say(alert);
    EXPECT_EQ(desk.said(), (Words{"final 100/1"}));
    alert.price.usd.assign("4.2");
    alert.price.by = KnownBy::subscan;
    alert.amended = Amended::usd;
    desk.say(Amendment{alert});
    EXPECT_EQ(desk.said(), (Words{"final 100/1"}));
    EXPECT_NE(desk.last.find(R"("usd":{"value":"0.0000000021","price":"4.2","source":"subscan",)"),
              std::string::npos)
        << desk.last;
    desk.say(Amendment{Desk::alert(100, 9)}); // never said: nothing to amend
    EXPECT_EQ(desk.said(), Words{});
}

TEST_F(DeliverLegacy, a_restated_alert_keeps_what_was_learned_and_not_that_it_was_news) {
    {
        Desk desk(path);
        Alert alert = Desk::alert(100, 1);
        desk.say(alert);
        desk.said();
        alert.from.label.assign("Binance");
        alert.amended = Amended::from_label;
        desk.say(Amendment{alert});
        desk.said();
    }
    Desk desk(path);
    desk.say(Settled{100});
    EXPECT_EQ(desk.said(), (Words{"retracted 100/1"}));
    EXPECT_NE(desk.last.find(R"("label":"Binance")"), std::string::npos) << desk.last;
    EXPECT_EQ(desk.last.find("amended"), std::string::npos) << desk.last;
}

// ---- the journal --------------------------------------------------------------------------------

TEST_F(DeliverLegacy, amendments_have_their_place_among_all_lines_and_none_among_alerts) {
    auto journal = stages::testing::open_journal(path);
    using stages::testing::append;
    auto const amend = [&](std::uint32_t id, AlertState state) {
        std::string const line = stages::testing::line_of(id, state, 99);
        AlertRow row;
        row.id = stages::testing::id_of(id);
        row.state = state;
        row.chain = "dot";
        row.rule = "big";
        row.line = line;
        row.amendment = true;
        journal->append(row);
    };
    append(*journal, 1, AlertState::seen);
    amend(1, AlertState::seen);
    append(*journal, 2, AlertState::seen);
    append(*journal, 1, AlertState::final);
    amend(1, AlertState::seen); // it has moved on
    amend(3, AlertState::seen); // never said
    stages::testing::commit(*journal);
    EXPECT_EQ(stages::testing::rows_of(*journal), (Words{"1 seen", "1 seen", "2 seen", "1 final"}));
    EXPECT_EQ(journal->silenced(), 2U);
    EXPECT_EQ(journal->last_seq().value(), 4);
    journal.reset();
    auto raw = io::Database::open(path, journal_schema, {.lock = false});
    ASSERT_TRUE(raw);
    auto count = (*raw)->prepare("SELECT count(*) FROM alerts");
    ASSERT_TRUE(count && count->step().value());
    EXPECT_EQ(count->integer(0), 3); // one row per id and state reached
    count->reset();
    raw->reset();
    journal = stages::testing::open_journal(path);
    append(*journal, 5, AlertState::seen);
    stages::testing::commit(*journal);
    EXPECT_EQ(journal->last_seq().value(), 5); // numbers go on behind an amendment's too
}

TEST_F(DeliverLegacy, a_journal_of_the_first_version_is_brought_to_this_one) {
    {
        constexpr std::array first{journal_version_1};
        auto old = io::Database::open(path, {0x73707968, first});
        ASSERT_TRUE(old);
        ASSERT_TRUE((*old)->run("INSERT INTO cursors VALUES('0x" + std::string(64, 'a') +
                                "', 'dot', NULL, NULL, NULL)"));
        ASSERT_TRUE(
            (*old)->run("INSERT INTO alerts(id, state, chain, block, rule, severity, path, epoch, "
                        "emitted_unix_ms, open, line) VALUES('" +
                        std::string(32, '0') +
                        "', 'seen', 'dot', 7, 'big', 'critical', 'hybrid', 1, 1, 1, 'x')"));
    }
    auto const journal = stages::testing::open_journal(path);
    EXPECT_EQ(journal->legacy_cursor_of("dot"), std::nullopt);
    EXPECT_EQ(stages::testing::rows_of(*journal), (Words{"0 seen"}));
    journal->legacy_settled(0, 12);
    stages::testing::append(*journal, 1, AlertState::seen);
    stages::testing::commit(*journal);
    EXPECT_EQ(journal->last_seq().value(), 2);
}
