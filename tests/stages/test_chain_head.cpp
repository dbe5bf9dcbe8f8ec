// Pins and operations of one follow subscription, without a node.
#include "stages/chain_head.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

Hash block(std::uint8_t number, std::uint8_t fork = 0) {
    Hash made{};
    made[0] = number;
    made[1] = fork;
    return made;
}

decoders::Header header_of(std::uint8_t number) {
    decoders::Header header;
    header.hash = block(number);
    header.parent = block(static_cast<std::uint8_t>(number - 1));
    header.number = number;
    return header;
}

auto const nobody = [](Hash const&) { return false; };

// 8, 9 and 10 are final, of runtime 1.
struct Following : ChainHead {
    Following() {
        std::vector<Hash> const final{block(8), block(9), block(10)};
        EXPECT_TRUE(initialized(final, 1));
        EXPECT_TRUE(described(header_of(10)));
    }
    Done add(std::uint8_t number, std::uint8_t fork = 0, std::uint8_t parent_fork = 0) {
        return new_block(block(number, fork),
                         block(static_cast<std::uint8_t>(number - 1), parent_fork), {});
    }
    Done make_final(Hash const& hash, std::vector<Hash> const& pruned = {}) {
        return finalized(std::span(&hash, 1), pruned);
    }
};

} // namespace

TEST(ChainHead, numbers_and_parents_follow_from_one_header) {
    Following head;
    ASSERT_TRUE(head.add(11));
    EXPECT_EQ(head.find(block(8))->number, 8u);
    EXPECT_EQ(head.find(block(8))->parent, Hash{}); // nobody said
    EXPECT_EQ(head.find(block(9))->parent, block(8));
    EXPECT_EQ(head.find(block(11))->number, 11u);
    EXPECT_EQ(head.find(block(11))->parent, block(10));
    EXPECT_FALSE(head.find(block(12)));
    EXPECT_EQ(head.final(), block(10));
    EXPECT_EQ(head.best(), block(10));
}

TEST(ChainHead, nothing_has_a_number_before_the_header_is_here) {
    ChainHead head;
    ASSERT_TRUE(head.initialized(std::vector{block(10)}, 1));
    EXPECT_FALSE(head.find(block(10)));
    EXPECT_TRUE(head.pinned(block(10)));
}

TEST(ChainHead, runtimes_are_inherited_until_a_block_brings_another) {
    Following head;
    ASSERT_TRUE(head.add(11));
    ASSERT_TRUE(head.new_block(block(12), block(11), 2));
    ASSERT_TRUE(head.add(13));
    EXPECT_EQ(head.spec_of(block(11)), 1u);
    EXPECT_EQ(head.spec_of(block(12)), 2u); // in its state; 1 executed it
    EXPECT_EQ(head.spec_of(block(13)), 2u);
    EXPECT_EQ(head.spec_of(block(14)), std::nullopt);
    EXPECT_TRUE(head.state_with(2) == block(12) || head.state_with(2) == block(13));
    EXPECT_EQ(head.state_with(3), std::nullopt);
}

TEST(ChainHead, the_newest_final_block_stays_pinned_and_what_lies_below_goes) {
    Following head;
    EXPECT_TRUE(head.unpin(nobody).empty());
    head.said_final(block(10));
    EXPECT_EQ(head.unpin(nobody), (std::vector{block(8), block(9)}));
    ASSERT_TRUE(head.add(11));
    ASSERT_TRUE(head.make_final(block(11)));
    EXPECT_TRUE(head.unpin(nobody).empty()); // final at the node, not yet told here
    head.said_final(block(11));
    EXPECT_EQ(head.unpin(nobody), std::vector{block(10)});
    EXPECT_EQ(head.pins(), 1u);
    EXPECT_TRUE(head.pinned(block(11)));
    EXPECT_TRUE(head.unpin(nobody).empty()); // once
}

TEST(ChainHead, a_pruned_block_stays_while_its_events_are_wanted) {
    Following head;
    ASSERT_TRUE(head.add(11));
    ASSERT_TRUE(head.add(11, 1));
    ASSERT_TRUE(head.make_final(block(11), {block(11, 1), block(77)}));
    EXPECT_TRUE(head.unpin([](Hash const& hash) { return hash == block(11, 1); }).empty());
    EXPECT_TRUE(head.pinned(block(11, 1)));
    EXPECT_EQ(head.unpin(nobody), std::vector{(block(11, 1))});
    EXPECT_FALSE(head.pinned(block(11, 1)));
}

TEST(ChainHead, pins_are_bounded_whatever_the_node_does) {
    Following head;
    for (std::uint32_t i = 0; i < 2'000; ++i) {
        Hash hash{}, parent = head.best();
        hash[2] = static_cast<std::uint8_t>(i);
        hash[3] = static_cast<std::uint8_t>(i >> 8);
        hash[4] = 1;
        ASSERT_TRUE(head.new_block(hash, parent, {}));
        ASSERT_TRUE(head.best_changed(hash));
        ASSERT_TRUE(head.make_final(hash)); // and is never told here
        ASSERT_LE(head.pins(), ChainHead::pins_max);
        ASSERT_LE(head.unpin(nobody).size(), ChainHead::unpins_max);
    }
    Following forks; // without finality nothing can go
    bool refused = false;
    for (std::uint32_t i = 0; i < 2'000 && !refused; ++i) {
        Hash hash{};
        hash[2] = static_cast<std::uint8_t>(i);
        hash[3] = static_cast<std::uint8_t>(i >> 8);
        refused = !forks.new_block(hash, block(10), {});
        ASSERT_LE(forks.pins(), ChainHead::pins_max + 1);
    }
    EXPECT_TRUE(refused);
}

TEST(ChainHead, what_contradicts_the_protocol_is_a_sentence) {
    Following head;
    EXPECT_FALSE(head.initialized(std::vector{block(10)}, 1));
    EXPECT_FALSE(ChainHead().initialized({}, 1));
    EXPECT_FALSE(ChainHead().initialized(std::vector{block(1), block(1)}, 1));
    EXPECT_FALSE(ChainHead().initialized(std::vector<Hash>(ChainHead::pins_max + 1), 1));
    EXPECT_FALSE(head.add(13));
    ASSERT_TRUE(head.add(11));
    EXPECT_FALSE(head.add(11));
    EXPECT_FALSE(head.best_changed(block(12)));
    EXPECT_FALSE(head.make_final(block(12)));
    ASSERT_TRUE(head.add(12));
    EXPECT_FALSE(head.make_final(block(12))); // 11 is not final yet
    ChainHead low;
    ASSERT_TRUE(low.initialized(std::vector{block(0), block(1), block(2)}, 1));
    auto one_too_low = header_of(2);
    one_too_low.number = 1;
    EXPECT_FALSE(low.described(one_too_low));
    EXPECT_TRUE(low.described(header_of(2)));
    EXPECT_EQ(low.find(block(0))->number, 0u);
}

TEST(ChainHead, stop_forgets_all_and_too_many_are_counted) {
    Following head;
    for (unsigned i = 0; i < ChainHead::stops_max; ++i) {
        EXPECT_TRUE(head.stopped());
        EXPECT_FALSE(head.following());
        EXPECT_EQ(head.pins(), 0u);
        ASSERT_TRUE(head.initialized(std::vector{block(10)}, 1));
    }
    EXPECT_FALSE(head.stopped()); // no block in between
    ASSERT_TRUE(head.initialized(std::vector{block(10)}, 1));
    ASSERT_TRUE(head.add(11));
    EXPECT_TRUE(head.stopped());
}

TEST(Operations, weigh_what_a_server_counts) {
    Operations operations;
    EXPECT_EQ(operations.oldest(), pipeline::never);
    operations.started("a", {.ask = Ask::events, .asked_at = 7});
    operations.started("b", {.ask = Ask::body, .asked_at = 5});
    EXPECT_EQ(operations.weight(), 5u);
    EXPECT_EQ(operations.oldest(), 5u);
    ASSERT_NE(operations.find("a"), nullptr);
    EXPECT_EQ(operations.find("a")->question.ask, Ask::events);
    EXPECT_EQ(operations.find("c"), nullptr);
    operations.ended("b");
    operations.ended("c");
    EXPECT_EQ(operations.weight(), 4u);
    operations.clear();
    EXPECT_TRUE(operations.empty());
}
