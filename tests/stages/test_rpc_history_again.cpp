// What an earlier run has read and this one reads once more, with or without a Want.
#include "tests/stages/history_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace scripted;
using pipeline::second;

namespace {

// Blocks 100 to 119 are there, and final.
HistorySettings again(std::uint32_t from, std::uint32_t to) {
    HistorySettings settings;
    settings.history.again = Stretch{from, to};
    return settings;
}

Words blocks_only(Words words) {
    std::erase_if(words, [](std::string const& word) { return word.starts_with("runtime"); });
    return words;
}

} // namespace

TEST(RpcHistoryAgain, begins_by_itself_a_little_later_and_is_told_once) {
    HistoryWorld world(again(105, 119));
    world.run_for(4 * second);
    EXPECT_EQ(world.node.opened, 0u);
    EXPECT_NE(world.history->next_deadline(), pipeline::never);
    world.run_for(2 * second);
    EXPECT_EQ(blocks_only(world.take_told()), blocks_told(105, 119));
    EXPECT_TRUE(world.log.has("test: catching up 15 blocks, 105 to 119")) << world.log.all();
    world.run_for(120 * second);
    EXPECT_TRUE(world.take_told().empty());
    EXPECT_EQ(world.node.opened, 1u);
    EXPECT_FALSE(world.node.connected());
    EXPECT_EQ(world.history->next_deadline(), pipeline::never);
}

TEST(RpcHistoryAgain, a_wish_begins_it_and_blocks_of_both_are_told_once_in_order) {
    HistoryWorld world(again(103, 110));
    world.want({{108, 112}, {115, 116}});
    Words told = blocks_told(103, 119); // what is final at the node ends it
    EXPECT_EQ(blocks_only(world.take_told()), told);
    world.want({{108, 112}});
    world.run_for(20 * second);
    EXPECT_TRUE(world.take_told().empty());
}

TEST(RpcHistoryAgain, a_wish_that_takes_the_place_of_another_does_not_take_its_place) {
    HistorySettings settings = again(101, 290);
    settings.blocks = 200;
    HistoryWorld world(std::move(settings));
    world.node.hold_replies = true;
    world.want({{295, 296}});
    for (int i = 0; i < 8; ++i) { // greeting, hashes, some blocks
        for (auto const& reply : std::exchange(world.node.held, {})) world.node.send(reply);
        world.run();
    }
    world.want({{297, 297}});
    world.node.hold_replies = false;
    for (auto const& reply : std::exchange(world.node.held, {})) world.node.send(reply);
    world.run();
    EXPECT_EQ(blocks_only(world.take_told()), blocks_told(101, 299));
}

TEST(RpcHistoryAgain, over_a_lost_connection_it_goes_on_where_it_was) {
    HistorySettings settings = again(101, 299);
    settings.blocks = 200;
    HistoryWorld world(std::move(settings));
    world.node.hold_replies = true;
    world.run_for(6 * second);
    for (int i = 0; i < 8; ++i) {
        for (auto const& reply : std::exchange(world.node.held, {})) world.node.send(reply);
        world.run();
    }
    ASSERT_GT(world.gathered->blocks.size(), 0u);
    ASSERT_LT(world.gathered->blocks.size(), 199u);
    world.node.hold_replies = false;
    world.node.held.clear();
    world.node.drop();
    world.run_for(30 * second);
    EXPECT_EQ(blocks_only(world.take_told()), blocks_told(101, 299));
}

// The run before has said nothing of what comes behind its cursor: the node says how far that is.
TEST(RpcHistoryAgain, where_nothing_is_known_the_node_says_how_many_there_are) {
    HistoryWorld some(again(117, 116)), none(again(120, 119));
    some.run_for(10 * second);
    EXPECT_EQ(blocks_only(some.take_told()), blocks_told(117, 119));
    none.run_for(100 * second);
    EXPECT_TRUE(none.take_told().empty());
    EXPECT_EQ(none.node.opened, 1u); // a look
    EXPECT_FALSE(none.log.has("catching up")) << none.log.all();
    EXPECT_FALSE(none.log.has("not final there")) << none.log.all();
}

TEST(RpcHistoryAgain, what_no_node_has_any_more_is_said_once) {
    HistorySettings settings = again(101, 119);
    settings.endpoints = 1;
    HistoryWorld world(std::move(settings));
    world.pruned_below = 110;
    world.run_for(60 * second);
    Words const told = blocks_only(world.take_told());
    EXPECT_EQ(std::ranges::count(told, "missing 101 to 109"), 1) << told.size();
    EXPECT_EQ(std::ranges::count(told, "block 119"), 1);
    world.run_for(1'200 * second);
    EXPECT_TRUE(world.take_told().empty());
}

TEST(RpcHistoryAgain, switched_off_it_waits) {
    HistoryWorld world(again(105, 119));
    auto regime = world.switchboard.load();
    auto const before = regime;
    regime.flags = 0;
    ASSERT_TRUE(world.switchboard.change(before, regime));
    world.run_for(60 * second);
    EXPECT_EQ(world.node.opened, 0u);
}
