// Planning what to read behind the head: order, windows, what is not asked twice.
#include "tests/stages/backfill_fixture.hpp"

#include <random>

using namespace filling;

TEST(Backfill, asks_nothing_where_nothing_is_wanted) {
    Filling filling;
    EXPECT_TRUE(filling.ask().empty());
    EXPECT_FALSE(filling.backfill.wanting());
    EXPECT_EQ(filling.backfill.next_time(filling.now), pipeline::never);
}

TEST(Backfill, fills_a_stretch_in_order_with_few_questions_for_hashes) {
    Filling filling;
    filling.want({{1'000, 2'999}});
    EXPECT_EQ(filling.backfill.left(), 2'000u);
    EXPECT_EQ(filling.backfill.lowest(), 1'000u);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1'000, 2'999));
    EXPECT_EQ(filling.block_questions, 2'000u);
    EXPECT_LE(filling.hash_questions, 16u); // eight at best, of 256 each
    EXPECT_FALSE(filling.backfill.wanting());
}

TEST(Backfill, several_stretches_even_if_badly_told_are_read_in_ascending_order) {
    Filling filling;
    filling.want({{50, 52}, {10, 12}, {11, 14}, {9, 3}, {15, 15}});
    filling.run();
    EXPECT_EQ(filling.told, (Numbers{10, 11, 12, 13, 14, 15, 50, 51, 52}));
}

TEST(Backfill, the_highest_number_there_is_ends_a_stretch) {
    Filling filling;
    std::uint32_t const top = ~std::uint32_t{0} - 1;
    filling.named_below = ~std::uint32_t{0};
    filling.backfill.finalized(~std::uint32_t{0});
    filling.want({{top - 2, top}});
    filling.run();
    EXPECT_EQ(filling.told, (Numbers{top - 2, top - 1, top}));
}

TEST(Backfill, answers_in_any_order_are_told_in_order) {
    Filling filling;
    filling.want({{1, 300}});
    std::mt19937 random(5);
    for (auto asked = filling.ask(); !asked.empty(); asked = filling.ask()) {
        std::ranges::shuffle(asked, random);
        for (std::uint32_t const number : asked) filling.answer(number);
        filling.tell();
    }
    EXPECT_EQ(filling.told, from_to(1, 300));
    EXPECT_EQ(filling.block_questions, 300u);
}

TEST(Backfill, the_window_grows_while_all_goes_well_and_is_bounded) {
    Filling filling;
    filling.want({{1, 2'000}});
    EXPECT_EQ(filling.ask().size(), 8u);
    for (std::uint32_t i = 1; i <= 8; ++i) filling.answer(i);
    filling.tell();
    filling.run();
    EXPECT_EQ(filling.told.size(), 2'000u - 0u);
    EXPECT_EQ(filling.most_open, BackfillOptions{}.window_max);
}

TEST(Backfill, large_blocks_make_the_window_small) {
    Filling filling;
    filling.want({{1, 1'000}});
    std::size_t open = 0;
    for (auto asked = filling.ask(); !asked.empty(); asked = filling.ask()) {
        open = filling.backfill.open();
        for (std::uint32_t const number : asked) filling.answer(number, 4 << 20);
        filling.tell();
    }
    EXPECT_EQ(filling.told.size(), 1'000u);
    EXPECT_LE(open, 4u); // of 4 MiB each, 16 MiB in all
}

TEST(Backfill, an_early_block_that_is_late_stops_the_asking) {
    Filling filling;
    filling.want({{1, 1'000}});
    for (auto asked = filling.ask(); !asked.empty(); asked = filling.ask())
        for (std::uint32_t const number : asked)
            if (number != 1) filling.answer(number);
    EXPECT_LE(filling.block_questions, BackfillOptions{}.window_max);
    EXPECT_FALSE(filling.backfill.ready());
}

TEST(Backfill, what_was_told_lately_or_is_on_its_way_is_not_asked_twice) {
    Filling filling;
    filling.want({{1, 20}});
    auto const asked = filling.ask();
    filling.answer(1);
    filling.tell();
    filling.want({{1, 20}}); // the ledger runs behind
    for (std::uint32_t const number : asked)
        if (number != 1) filling.answer(number);
    filling.tell();
    filling.run();
    filling.want({{1, 20}});
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 20));
    EXPECT_EQ(filling.block_questions, 20u);
    filling.now += 30 * second; // it is still a hole
    filling.want({{5, 6}});
    filling.run();
    EXPECT_EQ(filling.told.size(), 22u);
    EXPECT_EQ(filling.told.back(), 6u);
}

TEST(Backfill, a_want_takes_the_place_of_the_one_before) {
    Filling filling;
    filling.want({{100, 900}});
    auto const asked = filling.ask();
    ASSERT_EQ(asked.front(), 100u);
    filling.want({{10, 12}, {103, 104}}); // the rest came on another way
    for (std::uint32_t const number : asked) filling.answer(number);
    filling.run();
    EXPECT_EQ(filling.told, (Numbers{10, 11, 12, 103, 104}));
    filling.want({});
    EXPECT_FALSE(filling.backfill.wanting());
    EXPECT_TRUE(filling.ask().empty());
}

TEST(Backfill, nothing_above_the_nodes_finalized_head_is_asked_for) {
    Filling filling;
    filling.backfill.finalized(104);
    filling.want({{100, 110}});
    filling.run();
    EXPECT_EQ(filling.told, from_to(100, 104));
    EXPECT_TRUE(filling.backfill.ahead_of_node());
    filling.backfill.finalized(110);
    filling.run();
    EXPECT_EQ(filling.told, from_to(100, 110));
}

TEST(Backfill, without_lists_numbers_are_asked_for_one_by_one) {
    Filling filling;
    filling.want({{1, 100}});
    BackfillAsk const first = filling.backfill.ask(filling.now);
    ASSERT_EQ(first.kind, Kind::hashes);
    EXPECT_EQ(first.numbers.size(), 100u);
    filling.backfill.no_lists();
    filling.backfill.hashes_again(first.id);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 100));
    EXPECT_EQ(filling.hash_questions, 100u);
}

TEST(Backfill, a_list_of_another_length_is_no_answer) {
    Filling filling;
    filling.want({{1, 3}});
    BackfillAsk const ask = filling.backfill.ask(filling.now);
    std::vector<std::optional<Hash>> const two{hash_of(1), hash_of(2)};
    EXPECT_FALSE(filling.backfill.hashes(ask.id, two));
}

TEST(Backfill, after_a_lost_connection_it_goes_on_and_tells_nothing_twice) {
    Filling filling;
    filling.want({{1, 30}});
    auto const asked = filling.ask();
    for (std::uint32_t const number : {1u, 2u, 4u, 5u}) filling.answer(number); // 3 is lost
    filling.tell();
    filling.backfill.disconnected();
    EXPECT_TRUE(filling.ask().empty());
    for (std::uint32_t const number : asked) filling.answer(number); // nobody listens
    filling.tell();
    EXPECT_EQ(filling.told, from_to(1, 2));
    filling.backfill.connected(1'000'000);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 30));
}

TEST(Backfill, a_parent_that_is_another_block_is_seen) {
    Filling filling;
    filling.want({{1, 3}});
    filling.ask();
    filling.backfill.block(1, parent_of(1), 10);
    filling.tell();
    filling.backfill.block(2, hash_of(77), 10);
    ASSERT_TRUE(filling.backfill.ready());
    EXPECT_TRUE(filling.backfill.ready()->contradicts);
    filling.backfill.distrust();
    EXPECT_FALSE(filling.backfill.ready());
    filling.backfill.connected(10);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 3));
}

TEST(Backfill, refusals_because_of_too_many_questions_make_it_slower) {
    Filling filling;
    filling.want({{1, 500}});
    auto const asked = filling.ask();
    ASSERT_EQ(asked.size(), 8u);
    Nanoseconds const asked_at = filling.now;
    filling.now += 1;
    for (std::uint32_t const number : asked) { // one refusal of eight questions, not eight
        filling.backfill.block_again(number);
        filling.backfill.slow_down(asked_at, filling.now, 0);
    }
    EXPECT_EQ(filling.backfill.limits_in_a_row(), 1u);
    EXPECT_TRUE(filling.ask().empty());
    Nanoseconds const next = filling.backfill.next_time(filling.now);
    EXPECT_EQ(next, filling.now + 500 * pipeline::millisecond);
    filling.now = next;
    EXPECT_EQ(filling.ask(), from_to(1, 4)); // half of eight
    filling.now += 1;
    filling.backfill.block_again(1);
    filling.backfill.slow_down(filling.now - 1, filling.now, 7 * second); // the node's own word
    EXPECT_EQ(filling.backfill.next_time(filling.now), filling.now + 7 * second);
    filling.now += 7 * second;
    for (std::uint32_t const number : {2u, 3u, 4u}) filling.answer(number);
    EXPECT_EQ(filling.backfill.limits_in_a_row(), 0u);
    filling.run();
    EXPECT_EQ(filling.told, from_to(1, 500));
}

TEST(Backfill, the_pause_doubles_up_to_a_bound) {
    Filling filling;
    filling.want({{1, 2}});
    Nanoseconds longest = 0;
    for (int i = 0; i < 12; ++i) {
        for (std::uint32_t const number : filling.ask()) filling.backfill.block_again(number);
        filling.backfill.slow_down(filling.now, filling.now, 0);
        Nanoseconds const next = filling.backfill.next_time(filling.now);
        longest = std::max(longest, next - filling.now);
        filling.now = next;
    }
    EXPECT_EQ(longest, 60 * second);
}

TEST(Backfill, an_error_is_asked_again_after_a_pause_and_then_given_back) {
    Filling filling;
    filling.want({{1, 1}});
    for (unsigned i = 1; i <= Backfill::attempts_max; ++i) {
        ASSERT_EQ(filling.ask(), Numbers{1}) << i;
        EXPECT_EQ(filling.backfill.failed(1, filling.now), i == Backfill::attempts_max);
        EXPECT_TRUE(filling.ask().empty());
        filling.now = filling.backfill.next_time(filling.now);
    }
    filling.backfill.give_up({1, 1}, "nobody has it", filling.now);
    ASSERT_TRUE(filling.backfill.missing());
    EXPECT_EQ(filling.backfill.missing()->why, "nobody has it");
}
