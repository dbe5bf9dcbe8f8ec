// The stand-in node's newer methods, as json-rpc-interface-spec has them.
#include "tests/stages/standin_fixture.hpp"

using namespace standin_test;

namespace {

// A node with one subscription that was introduced to blocks 100 (final) and no other.
struct Followed : Node {
    explicit Followed(std::vector<Fault> faults = {}, std::uint64_t blocks = 12)
        : Node(linear_chain(blocks), std::move(faults)) {
        auto const replies =
            send(R"({"jsonrpc":"2.0","id":1,"method":"chainHead_v1_follow","params":[true]})");
        std::string const& reply = replies.at(0);
        id = reply.substr(reply.find("result") + 9, 16);
        for (std::size_t i = 1; i < replies.size(); ++i) events.push_back(event_of(replies[i]));
    }
    // What stands under "result" of a notice of this subscription.
    std::string event_of(std::string const& text) const {
        std::string const head =
            R"({"jsonrpc":"2.0","method":"chainHead_v1_followEvent","params":{"subscription":")" +
            id + R"(","result":)";
        EXPECT_TRUE(text.starts_with(head)) << text;
        return text.substr(head.size(), text.size() - head.size() - 2);
    }
    std::vector<std::string> tick() {
        std::vector<std::string> seen;
        for (std::string const& text : produce()) seen.push_back(event_of(text));
        return seen;
    }
    // The reply's result, then the events behind it.
    std::vector<std::string> ask(std::string_view method, std::string const& params) {
        auto texts = send(R"({"jsonrpc":"2.0","id":7,"method":")" + std::string(method) +
                          R"(","params":[")" + id + "\"" + params + "]}");
        std::vector<std::string> out{texts.at(0).substr(24)};
        for (std::size_t i = 1; i < texts.size(); ++i) out.push_back(event_of(texts[i]));
        return out;
    }
    std::string id;
    std::vector<std::string> events;
};

std::string started(int operation) {
    return R"("result":{"result":"started","operationId":")" + std::to_string(operation) +
           R"(","discardedItems":0}})";
}

} // namespace

TEST(StandinFollow, introduces_itself_with_what_is_final_and_the_best_block) {
    Followed node;
    ASSERT_EQ(node.events.size(), 2u);
    EXPECT_EQ(node.events[0],
              R"({"event":"initialized","finalizedBlockHashes":[")" + node.hash(0) +
                  R"("],"finalizedBlockRuntime":{"type":"valid","spec":{"specName":"polkadot",)"
                  R"("implName":"parity-polkadot","specVersion":1,"implVersion":0,)"
                  R"("authoringVersion":0,"transactionVersion":24,)"
                  R"("apis":{"0xdf6acb689907609b":4}}}})");
    EXPECT_EQ(node.events[1],
              R"({"event":"bestBlockChanged","bestBlockHash":")" + node.hash(0) + "\"}");
}

TEST(StandinFollow, tells_blocks_and_finality_in_order) {
    Followed node;
    auto const one = node.tick();
    ASSERT_EQ(one.size(), 2u);
    EXPECT_EQ(one[0], R"({"event":"newBlock","blockHash":")" + node.hash(1) +
                          R"(","parentBlockHash":")" + node.hash(0) + R"(","newRuntime":null})");
    node.tick();
    auto const three = node.tick();
    ASSERT_EQ(three.size(), 3u); // 103; two behind it 101 is final
    EXPECT_EQ(three[2], R"({"event":"finalized","finalizedBlockHashes":[")" + node.hash(1) +
                            R"("],"prunedBlockHashes":[]})");
}

TEST(StandinFollow, headers_and_bodies_of_pinned_blocks_only) {
    Followed node;
    EXPECT_EQ(node.ask("chainHead_v1_header", ",\"" + node.hash(0) + "\"")[0],
              "\"result\":\"" + hex_text(node.at(0).header) + "\"}");
    EXPECT_NE(node.ask("chainHead_v1_header", ",\"" + node.hash(1) + "\"")[0].find("-32801"),
              std::string::npos); // not told yet
    auto const body = node.ask("chainHead_v1_body", ",\"" + node.hash(0) + "\"");
    ASSERT_EQ(body.size(), 2u);
    EXPECT_EQ(body[0], started(1));
    EXPECT_EQ(body[1], R"({"event":"operationBodyDone","operationId":"1","value":["0x0c040102"]})");
    EXPECT_EQ(node.ask("chainHead_v1_unpin", ",[\"" + node.hash(0) + "\"]")[0], "\"result\":null}");
    EXPECT_NE(node.ask("chainHead_v1_body", ",\"" + node.hash(0) + "\"")[0].find("-32801"),
              std::string::npos);
    EXPECT_NE(node.ask("chainHead_v1_unpin", ",\"" + node.hash(0) + "\"")[0].find("-32801"),
              std::string::npos);
}

TEST(StandinFollow, storage_and_calls_are_operations) {
    Followed node;
    std::string const item = R"({"key":")" + std::string(number_key) + R"(","type":"value"})";
    std::string const none = R"({"key":"0x1234","type":"value"})";
    auto const storage = node.ask("chainHead_v1_storage",
                                  ",\"" + node.hash(0) + "\",[" + item + "," + none + "],null");
    ASSERT_EQ(storage.size(), 3u);
    EXPECT_EQ(storage[0], started(1));
    EXPECT_EQ(storage[1],
              R"({"event":"operationStorageItems","operationId":"1","items":[{"key":")" +
                  std::string(number_key) + R"(","value":"0x64000000"}]})");
    EXPECT_EQ(storage[2], R"({"event":"operationStorageDone","operationId":"1"})");
    auto const call = node.ask("chainHead_v1_call",
                               ",\"" + node.hash(0) + R"(","Metadata_metadata_versions","0x")");
    ASSERT_EQ(call.size(), 2u);
    EXPECT_EQ(call[1],
              R"({"event":"operationCallDone","operationId":"2","output":"0x040f000000"})");
    auto const brief = node.ask("chainHead_v1_call",
                                ",\"" + node.hash(0) + R"(","Metadata_metadata_versions","")");
    EXPECT_NE(brief.at(1).find(R"("output":"0x040f000000")"), std::string::npos); // no input at all
    auto const bad = node.ask("chainHead_v1_call", ",\"" + node.hash(0) + R"(","No_such","0x")");
    EXPECT_NE(bad.at(1).find(R"("event":"operationError")"), std::string::npos);
}

TEST(StandinFollow, too_many_pins_and_the_scenario_stop_it) {
    Followed node({{.at_block = 3, .kind = FaultKind::stop}});
    node.tick();
    node.tick();
    auto const third = node.tick();
    ASSERT_EQ(third.size(), 1u);
    EXPECT_EQ(third[0], R"({"event":"stop"})");
    EXPECT_EQ(node.ask("chainHead_v1_header", ",\"" + node.hash(0) + "\"")[0], "\"result\":null}");
    EXPECT_EQ(node.ask("chainHead_v1_body", ",\"" + node.hash(0) + "\"")[0],
              R"("result":{"result":"limitReached"}})");
    Followed pinning({}, 600); // 100 is pinned; the 512th after it is one too many
    std::size_t stops = 0;
    for (int i = 1; i <= 511; ++i)
        for (std::string const& event : pinning.tick()) stops += event.find("stop") != event.npos;
    EXPECT_EQ(stops, 0u);
    for (std::string const& event : pinning.tick()) stops += event.find("stop") != event.npos;
    EXPECT_EQ(stops, 1u);
}

TEST(StandinFollow, a_fork_is_pruned_when_its_sibling_is_final) {
    Followed node({{.at_block = 2, .kind = FaultKind::fork, .count = 1}});
    std::string all;
    for (int i = 0; i < 8; ++i)
        for (std::string const& event : node.tick()) all += event + "\n";
    std::size_t const pruned = all.find(R"("prunedBlockHashes":["0x)");
    ASSERT_NE(pruned, std::string::npos) << all;
    std::string const lost = all.substr(pruned + 22, 66);
    EXPECT_LT(all.find(R"("newBlock","blockHash":")" + lost), pruned);
}

TEST(StandinArchive, reads_by_height) {
    Node node(linear_chain(5));
    node.produce();
    EXPECT_EQ(node.call("archive_v1_finalizedHeight"), "100");
    EXPECT_EQ(node.call("archive_v1_hashByHeight", "[101]"), list(node.hash(1)));
    EXPECT_EQ(node.call("archive_v1_hashByHeight", "[999]"), "[]");
    EXPECT_EQ(node.call("archive_v1_header", list(node.hash(1))),
              in_quotes(hex_text(node.at(1).header)));
    EXPECT_EQ(node.call("archive_v1_header", list(node.hash(3))), "null");
    EXPECT_EQ(node.call("archive_v1_body", list(node.hash(1))), list("0x0c040102"));
    EXPECT_EQ(node.call("archive_v1_genesisHash"), node.call("chainSpec_v1_genesisHash"));
    EXPECT_EQ(node.call("archive_v1_call",
                        "[\"" + node.hash(1) + R"(","Metadata_metadata_versions","0x"])"),
              R"({"success":true,"value":"0x040f000000"})");
    auto const texts = node.send(
        R"({"jsonrpc":"2.0","id":1,"method":"archive_v1_storage","params":[")" + node.hash(1) +
        R"(",[{"key":")" + std::string(number_key) + R"(","type":"value"}],null]})");
    ASSERT_EQ(texts.size(), 3u);
    EXPECT_NE(texts[1].find(R"("result":{"event":"storage","key":")" + std::string(number_key) +
                            R"(","value":"0x65000000"}})"),
              std::string::npos)
        << texts[1];
    EXPECT_NE(texts[2].find(R"("result":{"event":"storageDone"}})"), std::string::npos);
}

TEST(StandinNode, hashes_by_a_list_of_heights) {
    Node node(linear_chain(5));
    node.produce();
    EXPECT_EQ(node.call("chain_getBlockHash", "[[100,101,4000]]"),
              "[\"" + node.hash(0) + "\",\"" + node.hash(1) + "\",null]");
}

TEST(StandinNode, limits_and_prunes_as_the_scenario_says) {
    Node node(linear_chain(40), {{.at_block = 1, .kind = FaultKind::rate_limit, .count = 2},
                                 {.at_block = 30, .kind = FaultKind::prune, .count = 5}});
    node.produce();
    for (int i = 0; i < 2; ++i)
        EXPECT_NE(node.call("chain_getHeader").find("-32029"), std::string::npos);
    EXPECT_EQ(node.call("chain_getHeader").find("-32029"), std::string::npos);
    for (int i = 0; i < 28; ++i) node.produce();
    EXPECT_NE(node.call("chain_getHeader", list(node.hash(3))), "null");
    node.produce();
    EXPECT_EQ(node.call("chain_getHeader", list(node.hash(3))), "null");
    EXPECT_NE(node.call("chain_getHeader", list(node.hash(28))), "null");
}

TEST(StandinNode, offers_what_it_is_told_to_and_says_so) {
    for (bool const newer : {true, false}) {
        StandinNode::Options options;
        options.newer_methods = newer;
        options.older_methods = !newer;
        auto node = StandinNode::create(std::make_unique<stages::CaptureFeed>(linear_chain(3)),
                                        std::move(options));
        ASSERT_TRUE(node);
        (*node)->opened(1);
        auto const call = [&](std::string const& method) {
            (*node)->request(1, R"({"id":1,"method":")" + method + R"(","params":[true]})");
            std::string const text = (*node)->actions().at(0).bytes;
            (*node)->actions().clear();
            return text;
        };
        std::string const methods = call("rpc_methods");
        for (auto const& [method, of_newer] :
             {std::pair{"chainHead_v1_follow", true}, std::pair{"archive_v1_storage", true},
              std::pair{"chainSpec_v1_properties", true},
              std::pair{"chain_subscribeNewHeads", false}, std::pair{"state_call", false}}) {
            bool const listed = methods.find("\"" + std::string(method) + "\"") != methods.npos;
            EXPECT_EQ(listed, of_newer == newer) << method;
            bool const known = call(method).find("-32601") == std::string::npos;
            EXPECT_EQ(known, listed) << method;
        }
    }
}

TEST(StandinNode, the_hash_of_the_code_differs_where_the_metadata_does) {
    auto records = linear_chain(3);
    Node same(records);
    std::get<io::CaptureRuntime>(records[1]).metadata.push_back(7);
    Node other(records);
    auto const hash = [](Node& node) {
        return node.call("state_getStorageHash", list("0x3a636f6465"));
    };
    EXPECT_EQ(hash(same).size(), 68u);
    EXPECT_NE(hash(same), hash(other));
}
