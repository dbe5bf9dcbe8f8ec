// The source with an honest node: greeting, fast path, fetching, finality, forks, back-pressure.
#include "tests/stages/scripted_world.hpp"

#include "decoders/hex.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::SourceMetric;
using Words = std::vector<std::string>;

namespace {

// A source that follows `chain`, whose first block was told.
struct Following : SourceWorld {
    explicit Following(Settings settings = {}, bool other_hashing = false)
        : SourceWorld(std::move(settings)) {
        chain.other_hashing = other_hashing;
        chain.serve(node);
        chain.add({{.amount = 5}});
        connect(node);
        chain.announce(node, chain.tip());
        run();
    }
    Block const& next(std::vector<Sent> const& sent = {{.amount = 5}}) {
        Block const& block = chain.add(sent);
        chain.announce(node, block);
        run();
        return block;
    }
    void finalize(Block const& block) {
        node.notice("chain_finalizedHead", block.header);
        run();
    }
    Chain chain;
};

} // namespace

TEST(RpcSource, greets_then_tells_the_first_block) {
    Following world;
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"}));
    EXPECT_EQ(world.metric(SourceMetric::connects), 1u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
    EXPECT_EQ(world.metric(SourceMetric::best), 100u);
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
    ASSERT_FALSE(world.collect->notes.empty());
    EXPECT_EQ(world.collect->notes.back().state, stages::SourceState::following);
    EXPECT_EQ(world.collect->notes.back().best, 100u);
}

// Headers with more in them than ours: the node is asked what each head is called.
TEST(RpcSource, follows_a_chain_that_hashes_its_headers_otherwise) {
    Following world({}, true);
    Block const& second = world.next();
    world.finalize(second);
    world.run_for(5 * pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100", "block 101",
                                        "final 100", "final 101"}));
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
    EXPECT_EQ(world.metric(SourceMetric::holes), 0u);
}

TEST(RpcSource, one_push_is_one_block_and_no_question) {
    Following world;
    world.take_told();
    world.collect->payloads.clear();
    world.node.asked.clear();
    for (int i = 0; i < 5; ++i) world.next({{.amount = 7}, {.amount = 8}});
    world.run_for(5 * pipeline::second);
    EXPECT_EQ(world.take_told(),
              (Words{"block 101", "block 102", "block 103", "block 104", "block 105"}));
    EXPECT_TRUE(world.node.asked.empty()) << world.node.asked.front().method;
    EXPECT_EQ(world.metric(SourceMetric::blocks_pushed), 6u);
    EXPECT_EQ(world.metric(SourceMetric::blocks_fetched), 0u);
    EXPECT_EQ(world.collect->payloads[2], world.chain.tip().events);
}

TEST(RpcSource, frame_carries_hash_number_time_and_runtime) {
    Following world;
    world.clock.advance(6 * pipeline::second);
    Block const& block = world.next();
    auto const& frame = world.collect->frames.back();
    auto const& body = std::get<stages::BlockBytes>(frame.body);
    EXPECT_EQ(body.block.hash, block.hash);
    EXPECT_EQ(body.block.number, 101u);
    EXPECT_EQ(body.block.timestamp_ms, block.timestamp_ms);
    EXPECT_FALSE(body.block.finalized);
    EXPECT_EQ(body.spec_version, 2'000'000u);
    EXPECT_EQ(frame.header.received, world.clock.now);
}

TEST(RpcSource, push_may_come_before_its_head) {
    Following world;
    world.take_told();
    Block const& block = world.chain.add({});
    world.node.notice("state_storage", world.chain.push(block));
    world.run();
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    world.node.notice("chain_newHead", block.header);
    world.run_for(2 * pipeline::second);
    EXPECT_EQ(world.take_told(), Words{}); // and is not told again
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 0u);
}

TEST(RpcSource, the_same_push_twice_is_one_block) {
    Following world;
    world.take_told();
    Block const& block = world.next();
    world.chain.announce(world.node, block);
    world.chain.announce(world.node, block);
    world.run_for(2 * pipeline::second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
}

TEST(RpcSource, a_block_without_push_is_asked_for_after_the_grace) {
    Following world;
    world.take_told();
    Block const& block = world.chain.add({{.amount = 9}});
    world.node.notice("chain_newHead", block.header);
    world.run_for(400 * pipeline::millisecond);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 0u);
    world.run_for(200 * pipeline::millisecond);
    EXPECT_EQ(world.node.count("state_queryStorageAt", decoders::hex_text(block.hash)), 1u);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.collect->payloads.back(), block.events);
    EXPECT_EQ(world.metric(SourceMetric::blocks_fetched), 1u);
}

TEST(RpcSource, a_push_while_the_answer_is_on_its_way_is_told_once) {
    Following world;
    world.take_told();
    world.node.hold_replies = true;
    Block const& block = world.chain.add({{.amount = 9}});
    world.node.notice("chain_newHead", block.header);
    world.run_for(600 * pipeline::millisecond);
    ASSERT_EQ(world.node.held.size(), 1u);
    world.node.notice("state_storage", world.chain.push(block));
    world.run();
    world.node.send(world.node.held[0]);
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
}

TEST(RpcSource, heads_that_skip_heights_are_closed_by_parent_hash) {
    Following world;
    world.take_told();
    for (int i = 0; i < 4; ++i) world.chain.add({{.amount = 3}});
    world.chain.announce(world.node, world.chain.tip());
    world.run_for(2 * pipeline::second);
    Words told = world.take_told();
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Words{"block 101", "block 102", "block 103", "block 104"}));
}

TEST(RpcSource, finalized_heads_that_skip_make_every_block_final_in_order) {
    Following world;
    for (int i = 0; i < 4; ++i) world.next();
    world.take_told();
    world.finalize(world.chain.tip());
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(),
              (Words{"final 100", "final 101", "final 102", "final 103", "final 104"}));
    EXPECT_EQ(world.metric(SourceMetric::finalized), 104u);
}

TEST(RpcSource, a_fork_is_told_and_the_losing_sibling_abandoned) {
    Following world;
    Block const& root = world.chain.tip();
    world.finalize(root);
    Block const& left = world.chain.add({{.amount = 1}}, &root);
    Block const& right = world.chain.add({{.amount = 2}}, &root);
    world.chain.announce(world.node, left);
    world.run();
    world.chain.announce(world.node, right);
    world.run();
    world.take_told();
    world.finalize(right);
    Words const told = world.take_told();
    EXPECT_EQ(told, (Words{"final 101", "abandoned 101"}));
    stages::Hash gone{};
    for (auto const& frame : world.collect->frames)
        if (auto const* body = std::get_if<stages::Abandoned>(&frame.body)) gone = body->hash;
    EXPECT_EQ(gone, left.hash);
}

TEST(RpcSource, follow_finalized_tells_only_final_blocks) {
    Settings settings;
    settings.source.follower.finalized_only = true;
    Following world(std::move(settings));
    Block const& first = world.chain.tip();
    world.next();
    world.run_for(2 * pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000"}));
    world.finalize(first);
    world.run_for(2 * pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"block 100", "final 100"}));
    EXPECT_TRUE(std::get<stages::BlockBytes>(world.collect->frames[2].body).block.finalized);
}

TEST(RpcSource, after_a_restart_it_begins_at_the_finalized_head) {
    Settings settings;
    settings.source.follower.from_finalized = true;
    SourceWorld world(std::move(settings));
    Chain chain;
    chain.serve(world.node);
    for (int i = 0; i < 6; ++i) chain.add({{.amount = 1}}); // 100 .. 105
    Hash const third = chain.tip().parent;
    world.connect(world.node);
    chain.announce(world.node, chain.tip());
    world.run_for(3 * pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000"}));
    world.node.notice("chain_finalizedHead",
                      chain.find('"' + decoders::hex_text(third) + '"')->header);
    world.run_for(3 * pipeline::second);
    Words told = world.take_told();
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Words{"block 104", "block 105", "final 104"}));
}

TEST(RpcSource, an_arena_that_is_full_holds_the_message_and_loses_nothing) {
    Settings settings;
    settings.arena_bytes = 260'000; // metadata fits, little else beside it
    Following world(std::move(settings));
    world.take_told();
    world.collect->open = false;
    std::vector<Sent> const many(250, Sent{.amount = 4});
    for (int i = 0; i < 40; ++i) {
        world.chain.add(many);
        world.chain.announce(world.node, world.chain.tip());
    }
    world.run_for(3 * pipeline::second);
    EXPECT_TRUE(world.take_told().empty());
    world.collect->open = true;
    world.run_for(3 * pipeline::second);
    Words const told = world.take_told();
    ASSERT_EQ(told.size(), 40u);
    for (std::size_t i = 0; i < told.size(); ++i)
        EXPECT_EQ(told[i], "block " + std::to_string(101 + i));
    EXPECT_EQ(world.collect->payloads.back(), world.chain.tip().events);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
}

TEST(RpcSource, a_link_that_is_full_stops_reading_and_loses_nothing) {
    Settings settings;
    settings.frames_depth = 4;
    Following world(std::move(settings));
    world.take_told();
    world.collect->open = false;
    for (int i = 0; i < 30; ++i) {
        world.chain.add({{.amount = 4}});
        world.chain.announce(world.node, world.chain.tip());
    }
    world.run_for(3 * pipeline::second);
    world.collect->open = true;
    world.run_for(3 * pipeline::second);
    EXPECT_EQ(world.take_told().size(), 30u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
}

TEST(RpcSource, draining_falls_silent_and_closes_the_socket) {
    Following world;
    world.take_told();
    world.topology.drain();
    world.run();
    EXPECT_FALSE(world.node.connected());
    world.run_for(60 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.node.opened, 1u);
    EXPECT_TRUE(world.take_told().empty());
    EXPECT_EQ(world.metric(SourceMetric::connected), 0u);
    EXPECT_EQ(world.source->next_deadline(), pipeline::never);
}

TEST(RpcSource, enable_hybrid_rpc_switches_it_off_and_on) {
    Following world;
    world.take_told();
    auto const on = world.switchboard.load();
    auto off = on;
    off.flags = 0;
    ASSERT_TRUE(world.switchboard.change(on, off));
    world.run();
    EXPECT_FALSE(world.node.connected());
    EXPECT_EQ(world.collect->notes.back().state, stages::SourceState::off);
    for (int i = 0; i < 3; ++i) world.chain.add({{.amount = 1}});
    world.run_for(30 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.node.opened, 1u);

    ASSERT_TRUE(world.switchboard.change(world.switchboard.load(), on));
    world.connect(world.node);
    world.chain.announce(world.node, world.chain.tip());
    world.run_for(3 * pipeline::second);
    Words told = world.take_told();
    std::sort(told.begin(), told.end());
    // what passed in between is closed by parent hash
    EXPECT_EQ(told, (Words{"block 101", "block 102", "block 103", "facts DOT"}));
}

TEST(RpcSource, disabled_from_the_start_never_connects) {
    SourceWorld world;
    auto const on = world.switchboard.load();
    auto off = on;
    off.flags = 0;
    ASSERT_TRUE(world.switchboard.change(on, off));
    world.run_for(60 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.node.opened, 0u);
}
