// A connection that is no good: one fault gives one clear sentence and one counter, and the next
// endpoint goes on where this one stopped.
#include "tests/stages/scripted_failover.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"

using namespace scripted;

TEST(RpcSourceBadInput, node_closes) {
    TwoEndpoints world;
    world.node.close(1012, "service restart");
    world.run();
    world.expect_failover("1012");
}

TEST(RpcSourceBadInput, a_close_reason_cannot_forge_log_lines) {
    TwoEndpoints world;
    world.node.close(1000, "x\nerror: forged \x1b[31m");
    world.run();
    for (auto const& line : world.log.lines)
        for (char c : line.text) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line.text;
    world.expect_failover("1000");
}

TEST(RpcSourceBadInput, node_resets) {
    TwoEndpoints world;
    auto faults = world.network.faults;
    faults.reset_after_bytes = 0;
    world.network.apply(faults);
    world.run();
    world.expect_failover("reset");
}

TEST(RpcSourceBadInput, node_drops_without_a_close_frame) {
    TwoEndpoints world;
    world.node.drop();
    world.run();
    world.expect_failover("closed");
}

TEST(RpcSourceBadInput, node_stays_silent) {
    TwoEndpoints world;
    world.run_for(59 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.metric(SourceMetric::silent), 0u);
    world.run_for(3 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.metric(SourceMetric::silent), 1u) << world.log.all();
    world.expect_failover("no new block for 60 s");
}

TEST(RpcSourceBadInput, silence_is_measured_by_the_cadence_of_the_chain) {
    TwoEndpoints world;
    for (int i = 0; i < 20; ++i) {
        world.run_for(2 * pipeline::second, pipeline::second);
        world.chain.announce(world.node, world.chain.add({}));
        world.run();
    }
    world.run_for(18 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.metric(SourceMetric::silent), 0u) << world.log.all();
    world.run_for(4 * pipeline::second, pipeline::second);
    EXPECT_EQ(world.metric(SourceMetric::silent), 1u);
    EXPECT_TRUE(world.log.has("this chain makes one every 2.0 s")) << world.log.all();
}

TEST(RpcSourceBadInput, a_question_is_never_answered) {
    TwoEndpoints world;
    world.node.ignore("state_queryStorageAt");
    for (int i = 0; i < 8; ++i) { // heads go on, so it is not silence
        world.node.notice("chain_newHead", world.chain.add({}).header);
        world.run_for(4 * pipeline::second, 500 * pipeline::millisecond);
    }
    EXPECT_EQ(world.metric(SourceMetric::silent), 1u);
    world.expect_failover("no answer within 30 s to state_queryStorageAt");
}

TEST(RpcSourceBadInput, malformed_json) {
    TwoEndpoints world;
    world.node.send(R"({"jsonrpc":"2.0","method":"chain_newHead","params":{"result":)");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 1u);
    world.expect_failover("the node sent a message that is not JSON-RPC");
}

TEST(RpcSourceBadInput, a_head_that_is_no_header) {
    TwoEndpoints world;
    world.node.notice("chain_newHead", R"({"number":"0x65","parentHash":"0x12"})");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 1u);
    world.expect_failover("the node sent a head that is no header");
}

TEST(RpcSourceBadInput, a_storage_notice_that_is_none) {
    TwoEndpoints world;
    world.node.notice("state_storage", R"({"block":"0x01","changes":7})");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 1u);
    world.expect_failover("the node sent a storage notice");
}

TEST(RpcSourceBadInput, a_node_that_asks_questions) {
    TwoEndpoints world;
    world.node.send(R"({"jsonrpc":"2.0","id":1,"method":"chain_getHeader","params":[]})");
    world.run();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 1u);
    world.expect_failover("the node sent a request");
}

TEST(RpcSourceBadInput, oversize_message) {
    TwoEndpoints world;
    world.node.send('"' + std::string(2 << 20, 'x') + '"');
    world.run();
    world.expect_failover("over the limit");
}

TEST(RpcSourceBadInput, frame_that_announces_more_than_is_allowed) {
    TwoEndpoints world;
    world.node.raw({0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}); // 2^63 - 1 bytes
    world.run();
    world.expect_failover("over the limit");
}

TEST(RpcSourceBadInput, truncated_frame) {
    TwoEndpoints world;
    world.node.raw({0x81, 100, '{', '"', 'j'});
    world.run();
    world.node.drop();
    world.run();
    world.expect_failover("closed");
}

TEST(RpcSourceBadInput, reserved_bits_and_unknown_opcodes) {
    TwoEndpoints world;
    world.node.raw({0xf3, 1, 'x'});
    world.run();
    world.expect_failover("protocol");
}

TEST(RpcSourceBadInput, invalid_utf8) {
    TwoEndpoints world;
    world.node.raw_text_frame("{\"a\":\"\xff\xfe\"}");
    world.run();
    world.expect_failover("UTF-8");
}

TEST(RpcSourceBadInput, binary_frame) {
    TwoEndpoints world;
    world.node.raw_text_frame("{}", 2);
    world.run();
    world.expect_failover("binary");
}
