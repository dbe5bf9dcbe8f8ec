// What becomes of a match whose paths come at different times, while the regime changes.
#include "tests/stages/crossing.hpp"

using namespace stages;
using stages::testing::Crossing;
using stages::testing::share;

TEST(Route, an_event_withheld_before_the_switch_is_said_after_it) {
    Crossing crossing;
    Match const up = crossing.event();
    crossing.say(up, Path::hybrid, share(0)); // legacy's, which has not come yet
    EXPECT_FALSE(crossing.passed());
    crossing.say(up, Path::legacy, share(10'000)); // hybrid's by now
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_EQ(said->path, Path::hybrid);
    EXPECT_TRUE(said->speaks);
    Match const down = crossing.event();
    crossing.say(down, Path::hybrid, share(10'000));
    EXPECT_TRUE(crossing.passed());
    crossing.say(down, Path::legacy, share(10'000, pipeline::Mode::legacy_only));
    EXPECT_FALSE(crossing.passed()); // it has been said
}

TEST(Route, what_was_withheld_and_has_become_final_is_said_as_final) {
    Crossing crossing;
    Match const event = crossing.event();
    crossing.say(event, Path::hybrid, share(0));
    crossing.say(Finalized{event.transfer.block.hash, {}, event.transfer.block.number},
                 Path::hybrid);
    crossing.verdicts.pop();
    crossing.say(event, Path::legacy, share(10'000));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->match.transfer.block.finalized);
}

TEST(Route, a_silent_path_is_stood_in_for_after_its_deadline) {
    Crossing crossing;
    crossing.say(crossing.event(), Path::legacy, share(10'000));
    EXPECT_FALSE(crossing.tick(share(10'000)));
    EXPECT_EQ(crossing.route->next_deadline(), crossing.clock.now + 10 * pipeline::second);
    crossing.clock.advance(10 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(10'000)));
    auto const by_legacy = crossing.passed();
    ASSERT_TRUE(by_legacy);
    EXPECT_TRUE(by_legacy->fallback);
    crossing.say(crossing.event(), Path::hybrid, share(1));
    crossing.clock.advance(120 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(1)));
    auto const by_hybrid = crossing.passed();
    ASSERT_TRUE(by_hybrid);
    EXPECT_EQ(by_hybrid->path, Path::hybrid);
    EXPECT_EQ(crossing.page.read(RouteMetric::fallbacks), 2U);
}

// After a rollback legacy's rows wait for nobody, and after a promotion neither do hybrid's.
TEST(Route, what_is_held_is_said_at_once_when_the_regime_makes_it_its_paths_turn) {
    auto const in_epoch = [](std::uint32_t epoch, bool on_hybrid) {
        pipeline::Regime regime = share(on_hybrid ? 10'000 : 0);
        regime.epoch = epoch;
        return regime;
    };
    for (Path const path : {Path::legacy, Path::hybrid}) {
        auto const before = in_epoch(1, path == Path::legacy);
        auto const after = in_epoch(2, path == Path::hybrid);
        Crossing crossing;
        crossing.tick(before);
        for (int i = 0; i < 50; ++i) crossing.say(crossing.event(), path, before);
        EXPECT_FALSE(crossing.tick(before));
        EXPECT_EQ(crossing.verdicts.front(), nullptr);
        while (crossing.tick(after)) {}
        int said = 0;
        for (; auto const alert = crossing.passed(); ++said) {
            EXPECT_TRUE(alert->speaks && !alert->fallback);
            EXPECT_EQ(alert->path, path);
        }
        EXPECT_EQ(said, 50);
        EXPECT_EQ(crossing.page.read(RouteMetric::late), 50U);
        EXPECT_EQ(crossing.route->next_deadline(), pipeline::never);
    }
}

TEST(Route, hybrid_stands_in_for_nobody_in_the_shadow_and_after_a_rollback) {
    Crossing crossing;
    for (auto const& regime : {share(0), share(10'000, pipeline::Mode::legacy_only)}) {
        crossing.say(crossing.event(), Path::hybrid, regime);
        crossing.clock.advance(120 * pipeline::second);
        EXPECT_TRUE(crossing.tick(regime));
        EXPECT_FALSE(crossing.passed());
    }
    EXPECT_EQ(crossing.page.read(RouteMetric::let_go), 2U);
}

// Hybrid has said an alert and has not lived to see it final.
TEST(Route, legacys_final_row_settles_what_hybrid_said_after_a_minute) {
    Crossing crossing;
    Match event = crossing.event();
    crossing.say(event, Path::hybrid, share(10'000));
    EXPECT_TRUE(crossing.passed());
    event.transfer.block.finalized = true;
    crossing.say(event, Path::legacy, share(10'000));
    auto const quiet = crossing.passed();
    ASSERT_TRUE(quiet);
    EXPECT_FALSE(quiet->speaks);
    crossing.clock.advance(60 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(10'000)));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->speaks && said->match.transfer.block.finalized);
    EXPECT_EQ(said->path, Path::legacy);
}

TEST(Route, what_was_held_of_an_abandoned_block_is_not_said) {
    Crossing crossing;
    Match const event = crossing.event();
    crossing.say(event, Path::hybrid, share(1));
    crossing.say(Abandoned{event.transfer.block.hash, event.transfer.block.number}, Path::hybrid);
    crossing.verdicts.pop();
    crossing.clock.advance(200 * pipeline::second);
    EXPECT_FALSE(crossing.tick(share(1)));
    EXPECT_FALSE(crossing.passed());
}

// A reading of legacy's ends when its block is settled, with the final rows that were part of it.
TEST(Route, a_final_row_that_is_held_outlives_its_reading) {
    Crossing crossing;
    Match const event = crossing.event(1, 2, true);
    crossing.say(event, Path::legacy, share(10'000));
    EXPECT_FALSE(crossing.passed()->speaks);
    crossing.say(Abandoned{event.transfer.block.hash, event.transfer.block.number}, Path::legacy);
    crossing.verdicts.pop();
    crossing.clock.advance(10 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(10'000)));
    auto const said = crossing.passed();
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->speaks && said->fallback);
}

// What is held would be lost with the process, and legacy brings nothing again below its cursor.
TEST(Route, legacys_cursor_waits_for_what_is_held_of_it) {
    Crossing crossing;
    auto const cursor = [&]() -> std::uint32_t {
        if (crossing.verdicts.front() == nullptr) return 0;
        std::uint32_t const number = std::get<Settled>(crossing.verdicts.front()->body).number;
        crossing.verdicts.pop();
        return number;
    };
    crossing.block = 99;
    crossing.say(crossing.event(), Path::legacy, share(10'000)); // in block 100
    EXPECT_FALSE(crossing.passed());
    crossing.say(Settled{120}, Path::legacy);
    ASSERT_NE(crossing.verdicts.front(), nullptr);
    EXPECT_EQ(crossing.verdicts.front()->header.received, Crossing::received);
    EXPECT_EQ(cursor(), 99U);
    EXPECT_FALSE(crossing.tick(share(10'000)));
    crossing.clock.advance(10 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(10'000))); // it is said
    EXPECT_TRUE(crossing.passed());
    EXPECT_TRUE(crossing.tick(share(10'000))); // and then the cursor goes on
    EXPECT_EQ(cursor(), 120U);
    EXPECT_FALSE(crossing.tick(share(10'000)));
    crossing.say(Settled{130}, Path::legacy);
    EXPECT_EQ(cursor(), 130U);
}

// Hybrid has said it as seen; if it dies with all it knows, only legacy can say that it is final.
TEST(Route, legacys_cursor_waits_until_hybrid_is_as_final_as_legacy) {
    Crossing crossing;
    Match event = crossing.event();
    std::uint32_t const block = event.transfer.block.number;
    crossing.say(event, Path::hybrid, share(10'000));
    EXPECT_TRUE(crossing.passed());
    event.transfer.block.finalized = true;
    crossing.say(event, Path::legacy, share(10'000));
    EXPECT_FALSE(crossing.passed()->speaks);
    crossing.say(Settled{block + 20}, Path::legacy);
    EXPECT_EQ(std::get<Settled>(crossing.verdicts.front()->body).number, block - 1);
    crossing.verdicts.pop();
    EXPECT_FALSE(crossing.tick(share(10'000)));
    crossing.say(Finalized{event.transfer.block.hash, {}, block}, Path::hybrid);
    crossing.verdicts.pop();
    EXPECT_TRUE(crossing.tick(share(10'000)));
    ASSERT_NE(crossing.verdicts.front(), nullptr);
    EXPECT_EQ(std::get<Settled>(crossing.verdicts.front()->body).number, block + 20);
}

// Legacy begins later than hybrid, or has read the block whole: it will not bring that any more.
TEST(Route, what_legacy_has_passed_by_is_hybrids_to_say_at_once) {
    for (std::uint16_t const buckets : {std::uint16_t{0}, std::uint16_t{1}}) {
        Crossing crossing;
        Match const before = crossing.event();
        crossing.say(before, Path::hybrid, share(buckets));
        Match const behind = crossing.event();
        crossing.say(behind, Path::hybrid, share(buckets));
        EXPECT_FALSE(crossing.tick(share(buckets)));
        crossing.say(Settled{before.transfer.block.number}, Path::legacy);
        crossing.verdicts.pop();
        EXPECT_EQ(crossing.route->next_deadline(), 0);
        EXPECT_TRUE(crossing.tick(share(buckets)));
        auto const said = crossing.passed();
        EXPECT_EQ(said.has_value(), buckets != 0); // in the shadow it stays silent
        if (said) {
            EXPECT_EQ(said->match.transfer.block.number, before.transfer.block.number);
        }
        EXPECT_FALSE(crossing.tick(share(buckets)));
        EXPECT_EQ(crossing.route->next_deadline(), crossing.clock.now + 120 * pipeline::second);
    }
}

// Another run of hybrid's process numbers assets anew; what is held names one of the old numbers.
TEST(Route, what_is_held_of_an_asset_goes_with_the_run_that_numbered_it) {
    Crossing crossing;
    Match of_asset = crossing.event();
    of_asset.transfer.asset = 3;
    Match const of_native = crossing.event();
    crossing.say(of_asset, Path::hybrid, share(1));
    crossing.say(of_native, Path::hybrid, share(1));
    ChainFacts facts;
    facts.run = 1;
    crossing.say(facts, Path::hybrid);
    crossing.verdicts.pop();
    crossing.clock.advance(120 * pipeline::second);
    EXPECT_TRUE(crossing.tick(share(1)));
    EXPECT_EQ(crossing.passed()->match.transfer.block.number, of_native.transfer.block.number);
    EXPECT_FALSE(crossing.tick(share(1)));
}
