// The stand-in node's answers, one question a test.
#include "tests/stages/standin_fixture.hpp"

namespace {

using namespace standin_test;

TEST(StandinNode, says_what_it_is) {
    Node node(linear_chain(1));
    EXPECT_EQ(node.call("system_chain"), "\"polkadot\"");
    EXPECT_EQ(node.call("system_properties"),
              R"({"ss58Format":0,"tokenDecimals":10,"tokenSymbol":"DOT"})");
    EXPECT_EQ(node.call("system_health"),
              R"({"peers":8,"isSyncing":false,"shouldHavePeers":true})");
}

TEST(StandinNode, knows_block_hashes_by_number) {
    Node node(linear_chain(3));
    node.produce();
    std::string const genesis = in_quotes("0x" + std::string(64, '1'));
    EXPECT_EQ(node.call("chain_getBlockHash"), in_quotes(node.hash(1)));
    EXPECT_EQ(node.call("chain_getBlockHash", "[null]"), in_quotes(node.hash(1)));
    EXPECT_EQ(node.call("chain_getBlockHash", "[100]"), in_quotes(node.hash(0)));
    EXPECT_EQ(node.call("chain_getBlockHash", "[\"0x64\"]"), in_quotes(node.hash(0)));
    EXPECT_EQ(node.call("chain_getBlockHash", "[0]"), genesis);
    EXPECT_EQ(node.call("chain_getBlockHash", "[99]"), "null");
    EXPECT_EQ(node.call("chain_getBlockHash", "[102]"), "null"); // not produced yet
    EXPECT_EQ(node.call("chain_getBlockHash", "[[0,101,7]]"),
              "[" + genesis + "," + in_quotes(node.hash(1)) + ",null]");
}

TEST(StandinNode, headers_are_unpadded_and_hash_to_their_name) {
    Node node(linear_chain(1));
    std::string const zero = std::string(64, '0');
    EXPECT_EQ(node.call("chain_getHeader"), R"({"parentHash":"0x)" + zero +
                                                R"(","number":"0x64","stateRoot":"0x)" + zero +
                                                R"(","extrinsicsRoot":"0x)" + zero +
                                                R"(","digest":{"logs":["0x0661757261080102"]}})");
    EXPECT_EQ(node.call("chain_getHeader", list(node.hash(0))), node.call("chain_getHeader"));
    EXPECT_EQ(node.call("chain_getHeader", list("0x" + zero)), "null"); // pruned parent
}

TEST(StandinNode, blocks_carry_their_extrinsics) {
    Node node(linear_chain(1));
    std::string const header = node.call("chain_getHeader");
    EXPECT_EQ(node.call("chain_getBlock"),
              R"({"block":{"header":)" + header +
                  R"(,"extrinsics":["0x0c040102"]},"justifications":null})");
    EXPECT_EQ(node.call("chain_getBlock", list("0x" + std::string(64, '9'))), "null");
}

TEST(StandinNode, storage_of_a_block_is_made_from_the_block) {
    Node node(linear_chain(2));
    node.produce();
    EXPECT_EQ(node.call("state_getStorage", list(events_key)), "\"0x046500\"");
    EXPECT_EQ(node.call("state_getStorage", list(number_key)), "\"0x65000000\"");
    EXPECT_EQ(node.call("state_getStorage", list(now_key)), "\"0x6568e5cf8b010000\"");
    EXPECT_EQ(node.call("state_getStorage", list(upgrade_key)), "\"0x0420706f6c6b61646f74\"");
    EXPECT_EQ(node.call("state_getStorage", "[\"0x3a68656170\"]"), "null");
    EXPECT_EQ(node.call("state_getStorage",
                        "[" + in_quotes(events_key) + "," + in_quotes(node.hash(0)) + "]"),
              "\"0x046400\"");
}

TEST(StandinNode, further_keys_live_on_until_they_are_written_again) {
    Records records = linear_chain(3);
    std::get<io::CaptureBlock>(records[2]).storage = {{{1, 2}, {7}}, {{1, 3}, {8}}};
    std::get<io::CaptureBlock>(records[4]).storage = {{{1, 2}, {9}}, {{1, 3}, {}}};
    Node node(std::move(records));
    node.produce();
    EXPECT_EQ(node.call("state_getStorage", list("0x0102")), "\"0x07\"");
    EXPECT_EQ(node.call("state_getKeysPaged", R"(["0x01",10])"), R"(["0x0102","0x0103"])");
    EXPECT_EQ(node.call("state_getKeysPaged", R"(["0x01",1])"), R"(["0x0102"])");
    EXPECT_EQ(node.call("state_getKeysPaged", R"(["0x01",1,"0x0102"])"), R"(["0x0103"])");
    node.produce();
    EXPECT_EQ(node.call("state_getStorage", list("0x0102")), "\"0x09\"");
    EXPECT_EQ(node.call("state_getStorage", list("0x0103")), "null");
    EXPECT_EQ(node.call("state_getKeysPaged", R"(["0x01",10])"), R"(["0x0102"])");
}

TEST(StandinNode, state_of_an_unknown_block_is_discarded) {
    Node node(linear_chain(1));
    std::string const nowhere = "0x" + std::string(64, '9');
    std::string const error =
        R"({"code":4003,"message":"Client error: UnknownBlock: State already discarded for )" +
        nowhere + "\"}";
    EXPECT_EQ(node.call("state_getStorage", "[" + in_quotes(events_key) + ",\"" + nowhere + "\"]"),
              error);
    EXPECT_EQ(node.call("state_getRuntimeVersion", list(nowhere)), error);
    EXPECT_EQ(node.call("state_getMetadata", list(nowhere)), error);
}

// Blocks 100, 101 were executed by runtime 1, 102 by runtime 2: the state of 101 has runtime 2.
TEST(StandinNode, the_runtime_at_a_block_is_the_one_that_executes_its_child) {
    Records records = linear_chain(2);
    records.emplace_back(runtime(2, 14));
    records.emplace_back(block(102, block_of(records, 1).hash, 2));
    Node node(std::move(records));
    std::string const first = node.hash(0);
    std::string const second = node.hash(1);
    EXPECT_EQ(node.call("state_getMetadata"), "\"0x6d6574610fab\"");
    node.produce();
    EXPECT_EQ(node.call("state_getMetadata", list(first)), "\"0x6d6574610fab\"");
    EXPECT_EQ(node.call("state_getMetadata", list(second)), "\"0x6d6574610eab\"");
    EXPECT_NE(node.call("state_getRuntimeVersion").find(R"("specVersion":2)"), std::string::npos);
    EXPECT_EQ(node.call("state_getStorage", list(upgrade_key)), "\"0x0420706f6c6b61646f74\"");
    node.produce();
    EXPECT_EQ(node.call("state_getStorage", list(upgrade_key)), "\"0x0820706f6c6b61646f74\"");
}

TEST(StandinNode, knows_the_runtime_of_a_parent_it_does_not_have) {
    pipeline::Hash far{};
    far.fill(0x77);
    Records records = linear_chain(1);
    records.emplace_back(runtime(2));
    records.emplace_back(block(500, far, 2));
    Node node(std::move(records));
    node.produce();
    EXPECT_EQ(node.call("chain_getHeader", list(hex_text(far))), "null");
    EXPECT_NE(node.call("state_getRuntimeVersion", list(hex_text(far))).find(R"("specVersion":2)"),
              std::string::npos);
}

// Expected bytes: SCALE of sp_version::RuntimeVersion by hand.
TEST(StandinNode, runtime_calls) {
    Node node(linear_chain(1));
    EXPECT_EQ(node.call("state_call", R"(["Metadata_metadata_versions","0x"])"),
              "\"0x040f000000\"");
    EXPECT_EQ(node.call("state_call", R"(["Metadata_metadata_at_version","0x0f000000"])"),
              "\"0x01186d6574610fab\"");
    EXPECT_EQ(node.call("state_call", R"(["Metadata_metadata_at_version","0x0e000000"])"),
              "\"0x00\"");
    EXPECT_EQ(node.call("state_call", R"(["Metadata_metadata","0x"])"), "\"0x186d6574610fab\"");
    EXPECT_EQ(node.call("state_call", R"(["Core_version","0x"])"),
              "\"0x20706f6c6b61646f74"
              "3c7061726974792d706f6c6b61646f74"
              "000000000100000000000000"
              "04df6acb689907609b04000000"
              "1800000001\"");
}

TEST(StandinNode, an_old_runtime_lacks_the_versioned_metadata_calls) {
    Records records = linear_chain(1);
    records[1] = runtime(1, 14);
    Node node(std::move(records));
    EXPECT_TRUE(node.call("state_call", R"(["Metadata_metadata_versions","0x"])")
                    .starts_with(R"({"code":-32603,)"));
    EXPECT_EQ(node.call("state_call", R"(["Metadata_metadata","0x"])"), "\"0x186d6574610eab\"");
}

TEST(StandinNode, bad_requests_get_the_errors_of_the_specification) {
    Node node(linear_chain(1));
    auto const parse_error =
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}})";
    auto const invalid =
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request"}})";
    EXPECT_EQ(node.send("{").front(), parse_error);
    EXPECT_EQ(node.send("").front(), parse_error);
    EXPECT_EQ(node.send("\"\xff\"").front(), parse_error);
    EXPECT_EQ(node.send("7").front(), invalid);
    EXPECT_EQ(node.send("[]").front(), invalid);
    EXPECT_EQ(node.send(R"({"id":1})").front(), invalid);
    EXPECT_EQ(node.send(R"({"id":{},"method":"system_chain"})").front(), invalid);
    EXPECT_EQ(node.call("no_such_method"), R"({"code":-32601,"message":"Method not found"})");
    for (auto const& [method, params] : std::initializer_list<std::pair<char const*, char const*>>{
             {"chain_getHeader", "[7]"},
             {"chain_getHeader", "[\"0x12\"]"},
             {"chain_getHeader", "[\"0xzz\"]"},
             {"chain_getHeader", "{}"},
             {"chain_getBlockHash", "[\"x\"]"},
             {"chain_getBlockHash", "[-1]"},
             {"chain_getBlockHash", "[1.5]"},
             {"state_getStorage", "[]"},
             {"state_queryStorageAt", "[[]]"},
             {"state_subscribeStorage", "[]"},
             {"state_call", "[\"Core_version\"]"},
             {"state_getKeysPaged", "[\"0x\"]"},
             {"chain_unsubscribeNewHeads", "[]"}}) {
        EXPECT_TRUE(node.call(method, params).starts_with(R"({"code":-32602,)"))
            << method << params;
    }
}

TEST(StandinNode, ids_come_back_as_they_were) {
    Node node(linear_chain(1));
    EXPECT_EQ(node.send(R"({"id":"a b","method":"system_chainType"})").front(),
              R"({"jsonrpc":"2.0","id":"a b","result":"Live"})");
    EXPECT_EQ(node.send(R"({"id":null,"method":"system_chainType"})").front(),
              R"({"jsonrpc":"2.0","id":null,"result":"Live"})");
    EXPECT_TRUE(node.send(R"({"method":"system_chainType"})").empty()); // a notification
}

TEST(StandinNode, a_batch_is_answered_by_one_list) {
    Node node(linear_chain(1));
    auto const replies =
        node.send(R"([{"id":1,"method":"system_chainType"},{"method":"system_chain"},)"
                  R"({"id":2,"method":"x"}])");
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies.front(),
              R"([{"jsonrpc":"2.0","id":1,"result":"Live"},)"
              R"({"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}])");
}

TEST(StandinNode, a_batch_above_the_limit_is_refused) {
    Node node(linear_chain(1));
    std::string batch = "[";
    for (int i = 0; i < 257; ++i) batch += R"({"id":1,"method":"system_chain"},)";
    batch.back() = ']';
    EXPECT_NE(node.send(batch).front().find("-32600"), std::string::npos);
}

TEST(StandinNode, subscriptions_are_limited_and_named_as_servers_do) {
    Node node(linear_chain(1));
    std::string const id = node.call("chain_subscribeNewHeads");
    EXPECT_EQ(id.size(), 18U); // 16 characters in quotes
    for (int i = 1; i < 64; ++i) node.call("chain_subscribeNewHeads");
    EXPECT_TRUE(node.call("chain_subscribeNewHeads").starts_with(R"({"code":-32006,)"));
    EXPECT_EQ(node.call("chain_unsubscribeNewHeads", "[" + id + "]"), "true");
    EXPECT_EQ(node.call("chain_unsubscribeNewHeads", "[" + id + "]"), "false");
}

TEST(StandinNode, lists_every_method_it_has) {
    Node node(linear_chain(1));
    std::string const methods = node.call("rpc_methods");
    for (char const* const name : {"state_subscribeStorage", "state_unsubscribeStorage",
                                   "chain_getBlockHash", "rpc_methods", "state_call"}) {
        EXPECT_NE(methods.find(in_quotes(name)), std::string::npos) << name;
    }
}

TEST(StandinNode, a_connection_above_the_limit_is_closed) {
    Node node(linear_chain(1));
    for (stages::ConnectionId id = 2; id <= 65; ++id) node.node->opened(id);
    EXPECT_EQ(node.sent(), std::vector<std::string>{"close:"});
}

TEST(StandinNode, refuses_a_chain_it_cannot_play) {
    for (Records const& records : {Records{}, Records{runtime(1)}, Records{chain()},
                                   Records{chain(), runtime(1)}, Records{chain(), block(1, {})},
                                   Records{io::CaptureChain{{}, "{"}, runtime(1), block(1, {})}}) {
        auto const node = StandinNode::create(std::make_unique<stages::CaptureFeed>(records), {});
        EXPECT_FALSE(node);
    }
}

} // namespace
