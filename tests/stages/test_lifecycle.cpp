// The states of an alert, over forks.
#include "stages/lifecycle.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace stages;
using Words = std::vector<std::string>;

namespace {

Hash hash_of(std::uint8_t block) {
    Hash hash{};
    hash.fill(block);
    return hash;
}

struct Walk {
    explicit Walk(std::size_t capacity = 100)
        : lifecycle(capacity) {}

    Words told(Verdict const& verdict) {
        lifecycle.begin(verdict);
        Words words;
        while (auto const line = lifecycle.next())
            words.push_back(fmt::format("{} {} in {}", to_text(line->state), line->alert.id[0],
                                        line->alert.match.transfer.block.hash[0]));
        return words;
    }
    // Blocks are named by a number of their own; their height is the same unless it is given.
    Words alert(std::uint8_t id, std::uint8_t block, bool finalized = false,
                std::uint32_t height = 0) {
        Alert made;
        made.id.fill(id);
        made.match.transfer.block.hash = hash_of(block);
        made.match.transfer.block.number = height == 0 ? block : height;
        made.match.transfer.block.finalized = finalized;
        Verdict verdict;
        verdict.body = made;
        return told(verdict);
    }
    Words final(std::uint8_t block, std::uint32_t height = 0, std::uint16_t chain = 0) {
        Verdict verdict;
        verdict.chain = chain;
        verdict.body = Finalized{hash_of(block), {}, height == 0 ? block : height};
        return told(verdict);
    }
    Words abandon(std::uint8_t block) {
        Verdict verdict;
        verdict.body = Abandoned{hash_of(block), block};
        return told(verdict);
    }
    Lifecycle lifecycle;
};

} // namespace

TEST(Lifecycle, seen_then_final_each_once) {
    Walk walk;
    EXPECT_EQ(walk.alert(1, 10), Words{"seen 1 in 10"});
    EXPECT_EQ(walk.lifecycle.waiting(), 1u);
    EXPECT_EQ(walk.final(10), Words{"final 1 in 10"});
    EXPECT_EQ(walk.final(10), Words{});
    EXPECT_EQ(walk.abandon(10), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, an_abandoned_block_retracts_what_only_it_held) {
    Walk walk;
    walk.alert(1, 10);
    walk.alert(2, 10);
    EXPECT_EQ(walk.abandon(10), (Words{"retracted 1 in 10", "retracted 2 in 10"}));
    EXPECT_EQ(walk.final(10), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, the_same_event_on_two_forks_is_said_once_and_final_once) {
    Walk walk;
    EXPECT_EQ(walk.alert(1, 10), Words{"seen 1 in 10"});
    EXPECT_EQ(walk.alert(1, 11), Words{});
    EXPECT_EQ(walk.final(11), Words{"final 1 in 11"});
    EXPECT_EQ(walk.abandon(10), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, the_order_of_finality_and_abandonment_does_not_matter) {
    Walk walk;
    walk.alert(1, 10);
    walk.alert(1, 11);
    EXPECT_EQ(walk.abandon(10), Words{}); // block 11 still holds it
    EXPECT_EQ(walk.final(11), Words{"final 1 in 11"});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, retracted_only_when_no_fork_holds_it) {
    Walk walk;
    walk.alert(1, 10);
    walk.alert(1, 11);
    EXPECT_EQ(walk.abandon(10), Words{});
    EXPECT_EQ(walk.abandon(11), Words{"retracted 1 in 11"});
}

TEST(Lifecycle, a_retracted_alert_that_comes_back_is_seen_again) {
    Walk walk;
    walk.alert(1, 10);
    walk.abandon(10);
    EXPECT_EQ(walk.alert(1, 12), Words{"seen 1 in 12"});
    EXPECT_EQ(walk.final(12), Words{"final 1 in 12"});
}

TEST(Lifecycle, a_block_that_was_final_when_read_needs_no_seen) {
    Walk walk;
    EXPECT_EQ(walk.alert(1, 10, true), Words{"final 1 in 10"});
    EXPECT_EQ(walk.final(10), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, final_on_one_fork_while_seen_on_another) {
    Walk walk;
    walk.alert(1, 10);
    EXPECT_EQ(walk.alert(1, 11, true), Words{"final 1 in 11"});
    EXPECT_EQ(walk.alert(1, 12, true), Words{}); // said already
    EXPECT_EQ(walk.alert(1, 13), Words{});
    EXPECT_EQ(walk.abandon(10), Words{}); // not retracted: it did happen
    EXPECT_EQ(walk.abandon(13), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, finality_of_blocks_without_alerts_says_nothing) {
    Walk walk;
    walk.alert(1, 10);
    EXPECT_EQ(walk.final(9), Words{});
    EXPECT_EQ(walk.abandon(9), Words{});
    EXPECT_EQ(walk.lifecycle.waiting(), 1u);
}

TEST(Lifecycle, beyond_its_capacity_the_oldest_are_forgotten_and_counted) {
    Walk walk(3);
    for (std::uint8_t i = 1; i <= 3; ++i) walk.alert(i, static_cast<std::uint8_t>(10 + i));
    EXPECT_EQ(walk.alert(4, 14), Words{"seen 4 in 14"});
    EXPECT_EQ(walk.lifecycle.forgotten(), 1u);
    EXPECT_EQ(walk.lifecycle.waiting(), 3u);
    EXPECT_EQ(walk.final(11), Words{}); // forgotten
    EXPECT_EQ(walk.final(12), Words{"final 2 in 12"});
}

TEST(Lifecycle, one_block_with_more_alerts_than_the_capacity_does_not_break_it) {
    Walk walk(3);
    for (std::uint8_t i = 1; i <= 10; ++i) walk.alert(i, 10);
    EXPECT_LE(walk.lifecycle.waiting(), 3u);
    EXPECT_EQ(walk.lifecycle.forgotten() + walk.lifecycle.waiting(), 10u);
    EXPECT_EQ(walk.final(10).size(), walk.lifecycle.forgotten() == 9 ? 1u : 10u - 9u);
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

// A history reader says what is final of heights it was never told the forks of.
TEST(Lifecycle, whatever_else_lies_at_a_final_height_is_retracted) {
    Walk walk;
    walk.alert(1, 10, false, 7);
    walk.alert(2, 11, false, 7);
    walk.alert(3, 12, false, 8);
    EXPECT_EQ(walk.final(99, 7, 1), Words{}); // another chain
    EXPECT_EQ(walk.final(11, 7), (Words{"final 2 in 11", "retracted 1 in 10"}));
    EXPECT_EQ(walk.final(98, 8), Words{"retracted 3 in 12"});
    EXPECT_EQ(walk.lifecycle.waiting(), 0u);
}

TEST(Lifecycle, heights_of_what_was_forgotten_can_be_asked_for) {
    Walk walk(2);
    for (std::uint8_t i = 1; i <= 3; ++i) walk.alert(i, static_cast<std::uint8_t>(10 + i));
    auto const places = walk.lifecycle.take_forgotten();
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(places[0], (Place{0, 11}));
    EXPECT_TRUE(walk.lifecycle.take_forgotten().empty());
}

TEST(Lifecycle, the_same_chain_under_two_names_is_two_chains) {
    Walk walk;
    auto const told = [&](std::uint16_t chain, auto const& body) {
        Verdict verdict;
        verdict.chain = chain;
        verdict.body = body;
        return walk.told(verdict);
    };
    Alert alert;
    alert.id.fill(1);
    alert.match.transfer.block.hash = hash_of(10);
    alert.match.transfer.block.number = 10;
    EXPECT_EQ(told(0, alert), Words{"seen 1 in 10"});
    EXPECT_EQ(told(1, alert), Words{"seen 1 in 10"});
    EXPECT_EQ(told(1, Finalized{hash_of(10), {}, 10}), Words{"final 1 in 10"});
    EXPECT_EQ(walk.lifecycle.waiting(), 1U);
    EXPECT_EQ(told(0, Abandoned{hash_of(10), 10}), Words{"retracted 1 in 10"});
}

// Another run of the other process has begun: the journal, not this record, knows what was said.
TEST(Lifecycle, forgets_a_chain_and_says_where_it_has) {
    Walk walk;
    EXPECT_EQ(walk.alert(1, 10), Words{"seen 1 in 10"});
    EXPECT_EQ(walk.alert(2, 11), Words{"seen 2 in 11"});
    walk.lifecycle.forget(1); // another chain
    EXPECT_TRUE(walk.lifecycle.take_forgotten().empty());
    walk.lifecycle.forget(0);
    EXPECT_EQ(walk.lifecycle.take_forgotten(), (std::vector<Place>{{0, 10}, {0, 11}}));
    EXPECT_EQ(walk.lifecycle.waiting(), 0U);
    EXPECT_EQ(walk.final(10), Words{});
    EXPECT_EQ(walk.alert(2, 11), Words{"seen 2 in 11"}); // told again; the journal leaves it out
}
