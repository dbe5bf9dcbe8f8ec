// Blocks that a node does not have: found by bisection, asked of another, or missing.
#include "tests/stages/backfill_fixture.hpp"

using namespace filling;

TEST(Backfill, finds_what_is_still_there_by_bisection) {
    Filling filling;
    filling.pruned_below = 777'777;
    filling.want({{1'000, 900'000}});
    filling.run();
    EXPECT_TRUE(filling.told.empty());
    EXPECT_EQ(filling.backfill.pruned(), 777'776u);
    EXPECT_EQ(filling.backfill.pruned(), std::nullopt); // said once
    EXPECT_LE(filling.block_questions, 8u + 21u);
    filling.backfill.give_up({0, 777'776}, "pruned", filling.now);
    ASSERT_TRUE(filling.backfill.missing());
    EXPECT_EQ(filling.backfill.missing()->stretch.from, 1'000u);
    EXPECT_EQ(filling.backfill.missing()->stretch.to, 777'776u);
    filling.backfill.missing_told();
    EXPECT_FALSE(filling.backfill.missing());
    filling.want({{1'000, 777'800}});
    EXPECT_FALSE(filling.backfill.missing());
    filling.run();
    EXPECT_EQ(filling.told, from_to(777'777, 777'800));
    filling.now += 600 * second; // the archive may be back
    filling.want({{1'000, 1'001}});
    EXPECT_EQ(filling.backfill.lowest(), 1'000u);
}

TEST(Backfill, one_block_that_is_gone_needs_no_bisection) {
    Filling filling;
    filling.pruned_below = 10;
    filling.want({{5, 5}});
    filling.run();
    EXPECT_EQ(filling.backfill.pruned(), 5u);
    EXPECT_EQ(filling.block_questions, 1u);
}

TEST(Backfill, all_of_it_gone_is_seen_with_the_highest_block) {
    Filling filling;
    filling.pruned_below = 1'000;
    filling.want({{5, 900}});
    filling.run();
    EXPECT_EQ(filling.backfill.pruned(), 900u);
    EXPECT_LE(filling.block_questions, 9u);
}

TEST(Backfill, a_number_without_a_hash_is_a_block_the_node_does_not_have) {
    Filling filling;
    filling.named_below = 0;
    filling.want({{5, 900}});
    filling.run();
    EXPECT_EQ(filling.backfill.pruned(), 900u);
}

TEST(Backfill, another_node_gives_what_the_first_has_lost_and_the_order_holds) {
    Filling filling;
    filling.want({{1, 20}});
    auto const asked = filling.ask();
    filling.answer(3); // here, and above one that is gone
    filling.backfill.gone(1);
    EXPECT_FALSE(filling.backfill.ready());
    filling.backfill.disconnected();
    filling.backfill.connected(1'000);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 20));
}

TEST(Backfill, a_want_that_ends_ends_the_bisection) {
    Filling filling;
    filling.want({{1, 1'000}});
    filling.ask();
    filling.backfill.gone(1);
    ASSERT_EQ(filling.ask(), Numbers{1'000});
    filling.want({});
    EXPECT_EQ(filling.backfill.open(), 0u);
    filling.want({{2'000, 2'001}});
    filling.run();
    EXPECT_EQ(filling.told, from_to(2'000, 2'001));
}

TEST(Backfill, is_careful_where_a_question_ends_the_connection) {
    Filling filling;
    filling.want({{1, 100}});
    filling.ask();
    filling.backfill.disconnected();
    filling.backfill.be_careful();
    filling.backfill.connected(1'000);
    EXPECT_EQ(filling.ask(), Numbers{1});
}

TEST(Backfill, what_is_lowest_is_asked_for_however_much_waits_for_it) {
    Filling filling;
    filling.want({{1, 8}});
    filling.ask();
    for (std::uint32_t number = 2; number <= 8; ++number) filling.answer(number);
    filling.backfill.disconnected();
    filling.backfill.be_careful();
    filling.backfill.connected(1'000);
    EXPECT_EQ(filling.ask(), Numbers{1});
    filling.answer(1);
    EXPECT_TRUE(filling.ask().empty()); // and no more, while it is not told
    filling.tell();
    EXPECT_EQ(filling.told, from_to(1, 8));
}
