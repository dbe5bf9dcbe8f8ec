// The history stage with honest nodes: what is wanted is told in order, once; then it is quiet.
#include "tests/stages/history_world.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace scripted;
using decoders::hex_text;
using pipeline::second;
using stages::SourceState;

namespace {

Words with_runtime(Words words) {
    words.insert(words.begin(), "runtime 2000000");
    return words;
}

} // namespace

TEST(RpcHistory, without_a_wish_there_is_no_connection) {
    HistoryWorld world;
    world.run_for(60 * second);
    EXPECT_EQ(world.node.opened, 0u);
    EXPECT_TRUE(world.gathered->told.empty());
    EXPECT_EQ(world.history->next_deadline(), pipeline::never);
}

TEST(RpcHistory, fills_three_hundred_blocks_in_order_with_one_question_each) {
    HistoryWorld world({.blocks = 320});
    world.want({{105, 404}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(105, 404)));
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 300u);
    EXPECT_LE(world.node.count("chain_getBlockHash"), 5u); // genesis, and lists
    EXPECT_EQ(world.metric(HistoryMetric::blocks), 300u);
    EXPECT_EQ(world.metric(HistoryMetric::malformed), 0u);
    EXPECT_EQ(world.metric(HistoryMetric::left), 0u);
    auto const& tenth = world.gathered->blocks[9];
    Block const& block = *world.at(114);
    EXPECT_EQ(tenth.block.hash, block.hash);
    EXPECT_EQ(tenth.block.timestamp_ms, block.timestamp_ms);
    EXPECT_EQ(tenth.spec_version, 2'000'000u);
    EXPECT_EQ(tenth.body_bytes, 0u);
    EXPECT_EQ(world.gathered->payloads[9], block.events);
}

TEST(RpcHistory, says_when_it_begins_and_ends_and_closes_after_a_while) {
    HistoryWorld world;
    world.want({{101, 105}, {110, 110}});
    EXPECT_TRUE(world.log.has("test: catching up 6 blocks, 101 to 110")) << world.log.all();
    EXPECT_TRUE(world.log.has("test: caught up: 6 blocks in 0.0 s")) << world.log.all();
    EXPECT_TRUE(world.node.connected());
    EXPECT_EQ(world.gathered->notes.back().state, SourceState::following);
    EXPECT_EQ(world.gathered->notes.back().left, 0u);
    EXPECT_EQ(world.gathered->notes.back().told, 6u);
    world.run_for(11 * second);
    EXPECT_FALSE(world.node.connected());
    EXPECT_EQ(world.gathered->notes.back().state, SourceState::off);
    EXPECT_FALSE(world.log.has("s3cr3t")) << world.log.all();
    world.want({{112, 113}}); // and comes back
    EXPECT_EQ(world.node.opened, 2u);
    EXPECT_EQ(world.gathered->told.back(), "block 113");
}

TEST(RpcHistory, a_repeated_wish_is_not_told_twice) {
    HistoryWorld world;
    world.want({{101, 105}});
    world.want({{101, 106}});
    world.want({{101, 106}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 106)));
}

TEST(RpcHistory, a_wish_that_is_replaced_while_it_works_is_worked_no_more) {
    HistoryWorld world({.blocks = 200});
    world.node.hold_replies = true;
    world.want({{101, 280}});
    for (int i = 0; i < 4; ++i) { // greeting and hashes
        for (auto const& reply : std::exchange(world.node.held, {})) world.node.send(reply);
        world.run();
    }
    world.want({{290, 291}});
    world.node.hold_replies = false;
    for (auto const& reply : std::exchange(world.node.held, {})) world.node.send(reply);
    world.run();
    Words const told = world.take_told();
    EXPECT_EQ(Words(told.end() - 2, told.end()), blocks_told(290, 291));
    EXPECT_EQ(std::ranges::count(told, "block 280"), 0);
    EXPECT_LT(world.node.count("state_queryStorageAt"), 60u);
}

TEST(RpcHistory, replies_in_any_order_are_told_in_order) {
    HistoryWorld world({.blocks = 120});
    world.want({{100, 100}});
    world.take_told();
    world.node.hold_replies = true;
    world.want({{101, 200}});
    for (int i = 0; i < 100 && world.metric(HistoryMetric::left) > 0; ++i) {
        auto held = std::exchange(world.node.held, {});
        std::ranges::reverse(held);
        for (auto const& reply : held) world.node.send(reply);
        world.run();
    }
    EXPECT_EQ(world.take_told(), blocks_told(101, 200));
}

TEST(RpcHistory, a_runtime_is_sent_before_its_first_block_and_once) {
    HistoryWorld world({.blocks = 10});
    world.blocks.push_back(&world.chain.add_upgrade(2'000'001)); // 110, executed by the old one
    for (int i = 0; i < 5; ++i) world.blocks.push_back(&world.chain.add({}));
    world.want({{108, 115}});
    EXPECT_EQ(world.take_told(),
              (Words{"runtime 2000000", "block 108", "block 109", "block 110", "runtime 2000001",
                     "block 111", "block 112", "block 113", "block 114", "block 115"}));
    EXPECT_EQ(world.gathered->blocks[2].spec_version, 2'000'000u);
    EXPECT_EQ(world.gathered->blocks[3].spec_version, 2'000'001u);
    // Of the state of the parent: block 110 holds the code that executes 111.
    EXPECT_EQ(world.node.count("state_call", hex_text(world.at(110)->hash)), 2u);
    world.want({{101, 102}});
    EXPECT_EQ(world.take_told(), blocks_told(101, 102)); // it is known still
}

TEST(RpcHistory, a_state_without_the_last_upgrade_costs_a_question_about_the_parent) {
    HistoryWorld world;
    world.absent = {hex_text(decoders::last_runtime_upgrade_key())};
    world.want({{105, 107}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(105, 107)));
    EXPECT_EQ(world.node.count("state_getRuntimeVersion", hex_text(world.at(104)->hash)), 1u);
}

TEST(RpcHistory, a_state_without_the_parents_hash_costs_a_header) {
    HistoryWorld world;
    world.absent = {hex_text(decoders::system_parent_hash_key())};
    world.want({{105, 107}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(105, 107)));
    EXPECT_EQ(world.node.count("chain_getHeader", hex_text(world.at(105)->hash)), 1u);
}

TEST(RpcHistory, a_state_without_events_is_a_block_without_events) {
    HistoryWorld world;
    world.absent = {hex_text(decoders::system_events_key())};
    world.want({{105, 105}});
    EXPECT_EQ(world.take_told(), with_runtime({"block 105"}));
    EXPECT_EQ(world.gathered->payloads.back(), Buffer{0});
}

TEST(RpcHistory, a_node_that_refuses_lists_is_asked_one_by_one) {
    HistoryWorld world;
    auto const honest = world.node.answers["chain_getBlockHash"];
    world.node.answers["chain_getBlockHash"] = [&](Asked const& question) {
        if (question.params.starts_with('[')) return std::optional(Node::error(-32602, "a list"));
        return honest(question);
    };
    world.want({{101, 119}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 119)));
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 0u);
}

TEST(RpcHistory, a_node_without_query_storage_is_asked_key_by_key) {
    HistoryWorld world;
    world.node.refuse("state_queryStorageAt");
    world.want({{101, 119}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 119)));
    EXPECT_EQ(world.gathered->payloads.back(), world.at(119)->events);
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 0u);
}

TEST(RpcHistory, key_by_key_an_empty_state_is_gone_too) {
    HistoryWorld world({.endpoints = 1});
    world.node.refuse("state_queryStorageAt");
    world.absent = {hex_text(decoders::system_events_key()),
                    hex_text(decoders::system_number_key())};
    world.want({{101, 102}});
    EXPECT_EQ(world.take_told(), Words{"missing 101 to 102"});
}

TEST(RpcHistory, a_node_with_the_new_interface_alone_is_read_through_it) {
    HistoryWorld world;
    world.serve_archive(world.node);
    world.absent = {hex_text(decoders::timestamp_now_key())};
    world.want({{101, 119}});
    for (int i = 0; i < 100 && world.metric(HistoryMetric::left) > 0; ++i) {
        for (auto const& event : std::exchange(world.node.held, {})) world.node.send(event);
        world.run();
    }
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 119)));
    EXPECT_EQ(world.gathered->payloads.back(), world.at(119)->events);
    EXPECT_EQ(world.gathered->blocks.back().block.timestamp_ms, 0u);
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 0u);
}

TEST(RpcHistory, bodies_come_with_the_events_where_they_are_wanted) {
    stages::RpcHistoryOptions options;
    options.attribute = true;
    HistoryWorld world({.history = options});
    world.node.answers["chain_getBlock"] = [&](Asked const& question) -> std::string {
        Block const* const block = world.named(question.params);
        if (block->number == 103) return Node::error(-32000, "no bodies here");
        return fmt::format(R"("result":{{"block":{{"header":{},"extrinsics":["0x0804{:02x}"]}}}})",
                           block->header, block->number);
    };
    world.want({{101, 105}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 105)));
    auto expected = world.at(102)->events;
    expected.insert(expected.end(), {0x08, 0x04, 102});
    EXPECT_EQ(world.gathered->blocks[1].body_bytes, 3u);
    EXPECT_EQ(world.gathered->payloads[1], expected);
    EXPECT_EQ(world.gathered->blocks[2].body_bytes, 0u); // told nevertheless
    EXPECT_EQ(world.metric(HistoryMetric::bodies_missing), 1u);
}

TEST(RpcHistory, a_slow_reader_stops_the_asking) {
    HistoryWorld world({.blocks = 300});
    world.gathered->open = false;
    world.want({{100, 399}});
    world.run_for(5 * second);
    std::size_t const asked = world.node.count("state_queryStorageAt");
    EXPECT_LT(asked, 100u);
    world.gathered->open = true;
    world.run_for(1 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(100, 399)));
}

TEST(RpcHistory, a_small_arena_is_filled_and_emptied_many_times) {
    std::size_t const room = known_runtime("polkadot-2000000.v15").bytes.size() + 1'000;
    HistoryWorld world({.blocks = 300, .arena_bytes = room});
    world.want({{100, 399}});
    world.run_for(2 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(100, 399)));
}

TEST(RpcHistory, what_the_node_has_not_finalized_yet_is_waited_for) {
    HistoryWorld world;
    std::uint32_t final = 103;
    world.node.answers["chain_getFinalizedHead"] = [&](Asked const&) {
        return "\"result\":\"" + hex_text(world.at(final)->hash) + '"';
    };
    world.want({{101, 105}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    final = 106;
    world.run_for(7 * second);
    EXPECT_EQ(world.take_told(), blocks_told(104, 105));
}

TEST(RpcHistory, switched_off_it_is_silent_and_goes_on_later) {
    HistoryWorld world({.blocks = 100});
    auto const switch_to = [&](std::uint8_t flags) {
        auto regime = world.switchboard.load();
        auto const before = regime;
        regime.flags = flags;
        ASSERT_TRUE(world.switchboard.change(before, regime));
        world.run();
    };
    switch_to(0);
    world.want({{101, 103}});
    world.run_for(60 * second);
    EXPECT_EQ(world.node.opened, 0u);
    switch_to(pipeline::Flag::hybrid_rpc);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
}
