// Where the two paths of a chain begin, by what the journal knows of it.
#include "config/stage_options.hpp"
#include "tests/stages/journal_fixture.hpp"
#include "texts.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {

using Number = std::optional<std::uint32_t>;

struct Begin : ::testing::Test {
    stages::SubscanPollOptions poll() {
        auto const options = subscan_options(loaded.config, journal.get(), "key");
        return options.chains.at(0).poll;
    }
    stages::testing::Directory folder;
    std::unique_ptr<stages::Journal> journal = stages::testing::open_journal(folder / "alerts.db");
    Loaded loaded =
        load_text(tests::chain + "subscan_url = \"https://dot.example\"\n" + tests::rule, "f");
};

} // namespace

TEST_F(Begin, subscan_goes_on_where_it_was_else_where_the_node_was_else_where_the_node_began) {
    ASSERT_TRUE(loaded.usable());
    EXPECT_EQ(poll().resume, Number());
    EXPECT_EQ(poll().start, Number()); // the head
    auto const dot = journal->enter(stages::testing::hash_of(0), "dot");
    journal->want_from(dot, 100);
    EXPECT_EQ(poll().resume, Number());
    EXPECT_EQ(poll().start, Number(100));
    journal->want_from(dot, 90); // it has begun
    EXPECT_EQ(poll().start, Number(100));
    auto const block = stages::testing::block_of(101);
    journal->block_done(dot, block);
    ASSERT_EQ(journal->block_final(dot, 101, block.hash, {}), stages::Covered::added);
    EXPECT_EQ(poll().resume, Number(101));
    journal->legacy_settled(dot, 95);
    EXPECT_EQ(poll().resume, Number(95));
}

TEST(SourceOptions, balances_are_read_of_the_audited_and_of_the_watched_that_have_marks) {
    std::string const head = tests::chain + tests::rule;
    std::string const watch = "[[watch]]\naddress = \"0x" + std::string(64, '2') +
                              "\"\nlabel = \"cold\"\n[[rule]]\nname = \"w\"\nkind = \"watch\"\n";
    auto const options = [](std::string const& text) {
        Loaded const loaded = load_text(text, "f");
        EXPECT_TRUE(loaded.usable()) << text;
        return source_options(loaded.config, 0, nullptr);
    };
    EXPECT_TRUE(options(head + watch).balances.empty()); // any movement is told, whatever is held
    ASSERT_EQ(options(head + watch + "low = \"5\"\n").balances.size(), 1U);
    EXPECT_EQ(options(head + watch + "low = \"5\"\n").balances[0].key[0], 0x22);
    std::string const health = "[[rule]]\nname = \"h\"\nkind = \"chain_health\"\n";
    std::string const audit = health + "audit = [\"0x" + std::string(64, '3') + "\"]\n";
    EXPECT_TRUE(options(head + health).audited.empty());
    ASSERT_EQ(options(head + audit).audited.size(), 1U);
    EXPECT_EQ(options(head + audit).audit_every, 60 * pipeline::second);
    EXPECT_EQ(options(head + audit + "audit_every = \"7s\"\n").audit_every, 7 * pipeline::second);
    // What movements come to is asked of all kinds of events.
    auto const kinds = [](std::string const& text) {
        return movement_kinds(load_text(text, "f").config);
    };
    EXPECT_FALSE(kinds(head + health).has(decoders::MovementKind::burn));
    EXPECT_TRUE(kinds(head + audit).has(decoders::MovementKind::burn));
}

TEST(Routing, waits_as_long_as_the_configuration_says) {
    Loaded const loaded = load_text(tests::chain + tests::rule +
                                        "[routing]\nhybrid_patience = \"3s\"\n"
                                        "legacy_patience = \"7s\"\n",
                                    "f");
    ASSERT_TRUE(loaded.usable());
    auto const options = route_options(loaded.config);
    EXPECT_EQ(options.handover.hybrid_patience, 3 * pipeline::second);
    EXPECT_EQ(options.handover.legacy_patience, 7 * pipeline::second);
}

TEST(EnrichOptions, a_service_without_subscan_keeps_no_room_for_answers) {
    std::string const subscan = "subscan_url = \"http://127.0.0.1:1\"\n";
    Loaded const nodes = load_text(tests::chain + tests::rule, "f");
    Loaded const both = load_text(tests::chain + subscan + tests::rule, "f");
    ASSERT_TRUE(nodes.usable() && both.usable());
    EXPECT_LT(enrich_options(nodes.config).cache.warm_entries, 100U);
    EXPECT_GT(enrich_options(both.config).cache.warm_entries, 10'000U);
}
