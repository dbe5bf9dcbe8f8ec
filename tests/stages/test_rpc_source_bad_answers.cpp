// Answers that are no good: of another chain, refused, garbage. One clear sentence, one counter,
// and nothing else disturbed.
#include "tests/stages/scripted_failover.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"

using namespace scripted;

TEST(RpcSourceBadInput, wrong_genesis) {
    TwoEndpoints world;
    world.spare.result("chain_getBlockHash", '"' + decoders::hex_text(stages::Hash{1}) + '"');
    world.node.drop();
    world.run();
    if (world.spare.opened == 0) world.connect(world.spare);
    EXPECT_EQ(world.metric(SourceMetric::wrong_genesis), 1u);
    EXPECT_TRUE(world.log.has("test: 127.0.0.1:9945: this endpoint serves another chain"))
        << world.log.all();
    EXPECT_TRUE(world.log.has("Correct `endpoints` of chain test"));
    if (!world.node.connected()) world.connect(world.node); // and goes back to the good one
    world.chain.announce(world.node, world.chain.add({}));
    world.run();
    Words const told = world.take_told();
    EXPECT_EQ(std::count(told.begin(), told.end(), "block 101"), 1);
}

TEST(RpcSourceBadInput, a_genesis_that_is_no_hash) {
    for (std::string_view bad : {"null", "\"0x12\"", "7", "[]"}) {
        SourceWorld world;
        Chain chain;
        chain.serve(world.node);
        chain.add({});
        world.node.result("chain_getBlockHash", std::string(bad));
        world.connect(world.node);
        EXPECT_TRUE(world.log.has("the node sent a genesis hash")) << bad << world.log.all();
        EXPECT_GE(world.metric(SourceMetric::malformed), 1u) << bad;
        EXPECT_EQ(world.metric(SourceMetric::malformed), world.metric(SourceMetric::disconnects));
        chain.serve(world.node);
        world.connect(world.node);
        EXPECT_EQ(world.metric(SourceMetric::connected), 1u) << bad;
    }
}

TEST(RpcSourceBadInput, error_replies_to_what_is_needed) {
    for (std::string_view method :
         {"chain_getBlockHash", "chain_getHeader", "state_getRuntimeVersion",
          "chain_subscribeNewHeads", "chain_subscribeFinalizedHeads"}) {
        SourceWorld world;
        Chain chain;
        chain.serve(world.node);
        chain.add({});
        world.node.refuse(method, -32603, "not today");
        world.connect(world.node);
        EXPECT_TRUE(
            world.log.has(fmt::format("the node refused {}: not today (code -32603)", method)))
            << world.log.all();
        EXPECT_GE(world.metric(SourceMetric::error_replies), 1u) << method;
        EXPECT_EQ(world.metric(SourceMetric::malformed), 0u) << method;
        EXPECT_EQ(world.metric(SourceMetric::disconnects),
                  world.metric(SourceMetric::error_replies));
        chain.serve(world.node);
        world.connect(world.node);
        EXPECT_EQ(world.metric(SourceMetric::connected), 1u) << method;
    }
}

TEST(RpcSourceBadInput, answers_to_nothing_are_counted_and_ignored) {
    TwoEndpoints world;
    world.node.send(R"({"jsonrpc":"2.0","id":999,"result":"0x"})");
    world.node.send(
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})");
    world.node.send(R"({"jsonrpc":"2.0","id":"abc","result":null})");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 3u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << world.log.all();
    world.chain.announce(world.node, world.chain.add({}));
    world.run();
    EXPECT_EQ(world.take_told(), Words{"block 101"});
}

TEST(RpcSourceBadInput, unknown_notices_are_ignored) {
    TwoEndpoints world;
    world.node.notice("grandpa_justifications", "\"0x00\"");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << world.log.all();
}

TEST(RpcSourceBadInput, garbage_event_hex_ends_the_block_not_the_chain) {
    TwoEndpoints world;
    Block const& block = world.chain.add({{.amount = 1}});
    std::string notice = world.chain.push(block);
    notice.replace(notice.find(decoders::hex_text(block.events)) + 10, 2, "zz");
    world.node.notice("chain_newHead", block.header);
    world.node.notice("state_storage", notice);
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_TRUE(world.collect->payloads.back().empty()); // decode reports it as incomplete
    EXPECT_EQ(world.metric(SourceMetric::malformed), 1u);
    EXPECT_TRUE(world.log.has(
        fmt::format("the events of block 101 ({}) cannot be read", decoders::hex_text(block.hash))))
        << world.log.all();
    world.chain.announce(world.node, world.chain.add({}));
    world.run();
    EXPECT_EQ(world.take_told(), Words{"block 102"});
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
}

TEST(RpcSourceBadInput, events_larger_than_the_arena_end_the_block_not_the_chain) {
    Settings settings;
    settings.arena_bytes = 260'000;
    SourceWorld world(std::move(settings));
    Chain chain;
    chain.serve(world.node);
    chain.add({});
    world.connect(world.node);
    chain.announce(world.node, chain.tip());
    chain.announce(world.node, chain.add(std::vector<Sent>(4'000, Sent{.amount = 1})));
    chain.announce(world.node, chain.add({{.amount = 1}}));
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(),
              (Words{"facts DOT", "runtime 2000000", "block 100", "block 101", "block 102"}));
    EXPECT_TRUE(world.collect->payloads[3].empty());
    EXPECT_EQ(world.collect->payloads[4], chain.tip().events);
}

TEST(RpcSourceBadInput, a_header_that_is_not_the_one_asked_for) {
    TwoEndpoints world;
    world.chain.add({});
    world.chain.add({});
    world.node.result("chain_getHeader", world.chain.tip().header); // whatever is asked
    world.chain.announce(world.node, world.chain.tip());
    world.run_for(pipeline::second);
    EXPECT_TRUE(world.log.has("which was asked for")) << world.log.all();
    world.chain.announce(world.spare, world.chain.tip());
    world.run_for(5 * pipeline::second);
    Words const told = world.take_told();
    EXPECT_EQ(std::count(told.begin(), told.end(), "block 101"), 1);
    EXPECT_EQ(std::count(told.begin(), told.end(), "block 102"), 1);
}

TEST(RpcSourceBadInput, change_sets_of_another_block_are_not_taken_for_the_one_asked_for) {
    TwoEndpoints world;
    Block const& other = world.chain.tip();
    Block const& block = world.chain.add({{.amount = 42}});
    world.node.result("state_queryStorageAt", '[' + world.chain.push(other) + ']');
    world.node.notice("chain_newHead", block.header);
    world.run_for(600 * pipeline::millisecond);
    EXPECT_EQ(world.take_told(), Words{});
    EXPECT_GE(world.metric(SourceMetric::malformed), 1u);
    world.node.result("state_queryStorageAt", '[' + world.chain.push(block) + ']');
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.collect->payloads.back(), block.events);
}

TEST(RpcSourceBadInput, a_block_nobody_has_is_a_hole_said_once) {
    TwoEndpoints world;
    world.node.refuse("state_queryStorageAt", 4003, "State already discarded");
    world.node.refuse("state_getStorage", 4003, "State already discarded");
    Block const& lost = world.chain.add({{.amount = 1}});
    world.node.notice("chain_newHead", lost.header);
    world.run_for(6 * pipeline::second);
    EXPECT_EQ(world.log.count("blocks 101 to 101 are left to the history reader"), 1u)
        << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::holes), 1u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
    world.chain.announce(world.node, world.chain.add({}));
    world.run();
    EXPECT_EQ(world.take_told(), Words{"block 102"});
}

TEST(RpcSourceBadInput, a_timestamp_beyond_every_calendar_is_unknown) {
    TwoEndpoints world;
    Block const& block = world.chain.add({});
    std::string notice = world.chain.push(block);
    std::string const key = decoders::hex_text(decoders::timestamp_now_key());
    notice.replace(notice.find(key) + key.size() + 3, 18, "0xffffffffffffffff");
    world.node.notice("state_storage", notice);
    world.run();
    ASSERT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(std::get<stages::BlockBytes>(world.collect->frames.back().body).block.timestamp_ms,
              0u);
}

TEST(RpcSourceBadInput, a_number_beyond_u32_is_not_cut_to_one_that_fits) {
    TwoEndpoints world;
    Block const& block = world.chain.add({});
    std::string notice = world.chain.push(block);
    std::string const key = decoders::hex_text(decoders::system_number_key());
    notice.replace(notice.find(key) + key.size() + 3, 10, "0x6500000001000000"); // 2^32 + 101
    world.node.notice("state_storage", notice);
    world.run();
    EXPECT_EQ(world.take_told(), Words{});
}

TEST(RpcSourceBadInput, refused_connection_and_refused_upgrade) {
    Settings settings;
    settings.urls = {"ws://127.0.0.1:1/" + std::string(secret), "ws://127.0.0.1:9944"};
    SourceWorld world(std::move(settings));
    Chain chain;
    chain.serve(world.node);
    chain.add({});
    world.connect(world.node);
    EXPECT_TRUE(world.log.has("test: 127.0.0.1:1: ")) << world.log.all();
    EXPECT_TRUE(world.log.has("refused")) << world.log.all();
    EXPECT_FALSE(world.log.has(secret));
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 1u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
}
