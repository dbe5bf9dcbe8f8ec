// Stalls and finality: told at their bounds, once, until they end; and what is none of them.
#include "tests/stages/health_fixture.hpp"

#include <map>

using namespace stages;
using namespace stages::testing;

// ---- stalls -------------------------------------------------------------------------------------

TEST(ChainHealth, a_stall_is_one_alert_from_its_bound_to_its_end) {
    Chain chain;
    chain.well(10);
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(59);
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(1); // ten times 6 s, and the floor
    EXPECT_EQ(chain.take(), Texts{R"(stalled 109: "for_s":60,"limit_s":60,"block_ms":6000)"});
    chain.pass(59);
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(1);
    EXPECT_EQ(chain.take(), Texts{R"(stalled 109 more: "for_s":120,"limit_s":60,"block_ms":6000)"});
    chain.block(30);
    Texts const ended = chain.take();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_TRUE(ended[0].starts_with(R"(stalled 109 more: "for_s":150,"limit_s":)")) << ended[0];
    EXPECT_TRUE(ended[0].ends_with(R"("ended":true)")) << ended[0];
    chain.well(20);
    EXPECT_EQ(chain.take(), Texts{});
}

TEST(ChainHealth, patience_grows_with_the_cadence_and_never_below_the_floor) {
    for (auto const& [cadence_s, limit_s] :
         std::map<std::uint64_t, std::uint64_t>{{1, 60}, {6, 60}, {7, 70}, {30, 300}}) {
        Chain chain;
        chain.well(10, cadence_s);
        chain.pass(limit_s - 1);
        EXPECT_EQ(chain.take(), Texts{}) << cadence_s;
        chain.pass(1);
        EXPECT_EQ(chain.take().size(), 1U) << cadence_s;
    }
    Chain unknown; // two blocks are one interval
    unknown.block();
    unknown.block();
    unknown.pass(ChainHealth::first_patience_s - 1);
    EXPECT_EQ(unknown.take(), Texts{});
    unknown.pass(1);
    EXPECT_EQ(unknown.take().size(), 1U);
    Chain silent; // nothing is known of it
    silent.pass(10'000);
    EXPECT_EQ(silent.take(), Texts{});
    EXPECT_EQ(silent.health.next_deadline(), pipeline::never);
}

TEST(ChainHealth, time_that_nobody_saw_pass_is_no_stall) {
    Chain chain;
    chain.well(10);
    chain.look(8 * 3'600); // the machine slept
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(49);
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(1); // ten seconds of the sleep count
    EXPECT_EQ(chain.take().size(), 1U);
}

TEST(ChainHealth, who_looks_when_asked_to_sees_a_stall_at_its_bound) {
    Chain chain;
    chain.well(10);
    Nanoseconds const last = chain.now;
    while (chain.said.empty()) {
        ASSERT_GT(chain.health.next_deadline(), chain.now);
        chain.now = chain.health.next_deadline();
        chain.health.at(chain.now);
        chain.hear();
        ASSERT_LE(chain.now, last + 60 * second);
    }
    EXPECT_EQ(chain.now, last + 60 * second);
}

TEST(ChainHealth, old_blocks_that_are_read_late_neither_are_a_stall_nor_end_one) {
    Chain chain;
    chain.well(10);
    for (std::uint32_t number = 50; number < 60; ++number) { // a hole is filled, slowly
        chain.pass(5);
        BlockEnd old = Chain::made(number, start_ms - 1'000'000);
        old.block.finalized = true;
        chain.end(old);
        chain.finalize(number);
    }
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(10);
    EXPECT_EQ(chain.take().size(), 1U);
    chain.end(Chain::made(60, start_ms - 900'000));
    EXPECT_EQ(chain.take(), Texts{});
    // Years of history, one block after the other: their times are far apart, they are not.
    Chain behind;
    for (std::uint32_t i = 0; i < 50; ++i) {
        behind.look(1);
        behind.end(Chain::made(100 + i, start_ms + i * 6'000));
        behind.finalize(100 + i);
    }
    EXPECT_EQ(behind.take(), Texts{});
}

TEST(ChainHealth, stalls_within_the_cooldown_are_one_alert) {
    Chain chain;
    chain.well(10);
    chain.pass(60);
    chain.well(1);
    EXPECT_EQ(chain.take().size(), 2U); // it, and its end
    chain.well(20);
    chain.pass(70); // not twice as long
    chain.well(20);
    EXPECT_EQ(chain.take(), Texts{});
    chain.pass(200);
    Texts const more = chain.take();
    ASSERT_GE(more.size(), 1U);
    for (std::string const& one : more) EXPECT_TRUE(one.starts_with("stalled 109 more")) << one;
    chain.well(1);
    EXPECT_EQ(chain.take().size(), 1U);
    chain.well(602); // more than an hour
    std::uint32_t const at = chain.best;
    chain.pass(200);
    Texts const other = chain.take();
    ASSERT_GE(other.size(), 1U);
    EXPECT_TRUE(other[0].starts_with(fmt::format("stalled {}: ", at))) << other[0];
}

// ---- finality -----------------------------------------------------------------------------------

TEST(ChainHealth, finality_that_stands_still_while_blocks_come_is_told_and_ends) {
    Chain chain;
    chain.well(20);
    std::uint32_t const final = chain.best - 2;
    for (int i = 0; i < 29; ++i) chain.block();
    EXPECT_EQ(chain.take(), Texts{});
    chain.block(); // 180 s
    EXPECT_EQ(chain.take(), Texts{fmt::format(R"(finality_stalled {}: "for_s":180,"behind":32,)"
                                              R"("usual_behind":2,"best":{})",
                                              final, chain.best)});
    for (int i = 0; i < 31; ++i) chain.block();
    EXPECT_EQ(chain.take(), Texts{});
    chain.block(); // 64 behind: twice as far
    EXPECT_EQ(chain.take().size(), 1U);
    chain.finalize(chain.best - 2);
    Texts const ended = chain.take();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_TRUE(ended[0].starts_with(fmt::format("finality_stalled {} more: ", final)));
    EXPECT_TRUE(ended[0].ends_with(R"("ended":true)"));
    chain.well(50);
    EXPECT_EQ(chain.take(), Texts{});
}

TEST(ChainHealth, a_chain_that_stands_still_is_one_fact_not_two) {
    Chain chain;
    chain.well(20);
    chain.pass(3'600);
    for (std::string const& one : chain.take()) EXPECT_TRUE(one.starts_with("stalled")) << one;
    for (int i = 0; i < 5; ++i) chain.block(); // finality follows after some blocks
    chain.finalize(chain.best - 2);
    chain.well(20);
    for (std::string const& one : chain.take()) EXPECT_TRUE(one.starts_with("stalled")) << one;
}

TEST(ChainHealth, finality_that_falls_behind_is_told_when_that_lasts) {
    Chain chain(only(HealthWhat::finality));
    chain.well(1'000);
    std::uint32_t final = chain.best - 2;
    // It moves by one block for every two: never still, ever farther away.
    std::uint32_t far_since = 0;
    while (chain.said.empty() && chain.best < 2'000) {
        chain.block();
        chain.block();
        chain.finalize(++final);
        if (far_since == 0 && chain.best - final >= 100) far_since = chain.best;
    }
    ASSERT_EQ(chain.said.size(), 1U);
    EXPECT_GE(chain.best, far_since + 29); // 180 s
    EXPECT_LE(chain.best, far_since + 33);
}
