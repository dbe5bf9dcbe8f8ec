// The stand-in node's blocks: what subscribers hear, finality, forks and every kind of fault.
#include "stages/standin_header.hpp"
#include "tests/stages/standin_fixture.hpp"

#include <simdjson.h>

namespace {

using namespace standin_test;
using Lines = std::vector<std::string>;

// "chain_newHead 0x64", "state_storage 0x046500 0x65000000", …: a notification in short.
std::string brief(std::string const& text) {
    simdjson::dom::parser parser;
    simdjson::dom::element frame;
    std::string_view method;
    if (parser.parse(text).get(frame) != simdjson::SUCCESS ||
        frame["method"].get(method) != simdjson::SUCCESS) {
        return text;
    }
    std::string out(method);
    auto const result = frame["params"]["result"];
    std::string_view number;
    std::int64_t spec = 0;
    simdjson::dom::array changes;
    if (result["number"].get(number) == simdjson::SUCCESS) out += " " + std::string(number);
    if (result["specVersion"].get(spec) == simdjson::SUCCESS) out += " " + std::to_string(spec);
    if (result["changes"].get(changes) == simdjson::SUCCESS) {
        for (auto const change : changes) {
            std::string_view value = "null";
            if (change.at(1).get(value) != simdjson::SUCCESS) value = "null";
            out += " " + std::string(value);
        }
    }
    return out;
}

Lines brief(Lines const& lines) {
    Lines out;
    for (auto const& line : lines) out.push_back(brief(line));
    return out;
}

// Subscribes and returns what came behind the reply.
Lines follow(Node& node, std::string_view method, std::string_view params = "[]") {
    auto lines = node.send(R"({"id":1,"method":")" + std::string(method) + R"(","params":)" +
                           std::string(params) + "}");
    EXPECT_FALSE(lines.empty());
    lines.erase(lines.begin());
    return brief(lines);
}

TEST(StandinPlay, a_subscription_begins_with_what_is_there) {
    Node node(linear_chain(3));
    EXPECT_EQ(follow(node, "chain_subscribeNewHeads"), Lines{"chain_newHead 0x64"});
    EXPECT_EQ(follow(node, "chain_subscribeAllHeads"), Lines{"chain_allHead 0x64"});
    EXPECT_EQ(follow(node, "chain_subscribeFinalizedHeads"), Lines{"chain_finalizedHead 0x64"});
    EXPECT_EQ(follow(node, "state_subscribeRuntimeVersion"), Lines{"state_runtimeVersion 1"});
    EXPECT_EQ(follow(node, "state_subscribeStorage",
                     "[[" + in_quotes(events_key) + "," + in_quotes(number_key) + "]]"),
              Lines{"state_storage 0x046400 0x64000000"});
}

TEST(StandinPlay, best_comes_first_and_finality_follows_behind) {
    Node node(linear_chain(5));
    follow(node, "chain_subscribeNewHeads");
    follow(node, "chain_subscribeFinalizedHeads");
    EXPECT_EQ(brief(node.produce()), Lines{"chain_newHead 0x65"});
    EXPECT_EQ(brief(node.produce()), Lines{"chain_newHead 0x66"});
    EXPECT_EQ(brief(node.produce()), (Lines{"chain_newHead 0x67", "chain_finalizedHead 0x65"}));
    EXPECT_EQ(brief(node.produce()), (Lines{"chain_newHead 0x68", "chain_finalizedHead 0x66"}));
    EXPECT_EQ(node.call("chain_getFinalizedHead"), in_quotes(node.hash(2)));
}

TEST(StandinPlay, at_the_end_of_a_capture_finality_catches_up_and_then_all_is_quiet) {
    Node node(linear_chain(3));
    follow(node, "chain_subscribeFinalizedHeads");
    EXPECT_TRUE(node.node->produce_block());
    EXPECT_TRUE(node.node->produce_block());
    EXPECT_TRUE(node.node->produce_block());
    EXPECT_TRUE(node.node->produce_block());
    EXPECT_FALSE(node.node->produce_block());
    EXPECT_EQ(brief(node.sent()), (Lines{"chain_finalizedHead 0x65", "chain_finalizedHead 0x66"}));
    EXPECT_EQ(node.node->finalized_number(), node.node->best_number());
}

TEST(StandinPlay, storage_subscribers_hear_the_keys_that_changed) {
    Records records = linear_chain(3);
    std::get<io::CaptureBlock>(records[4]).storage = {{{1, 2}, {7}}};
    Node node(std::move(records));
    EXPECT_EQ(
        follow(node, "state_subscribeStorage", "[[" + in_quotes(events_key) + ",\"0x0102\"]]"),
        Lines{"state_storage 0x046400 null"});
    EXPECT_EQ(brief(node.produce()), Lines{"state_storage 0x046500"});
    EXPECT_EQ(brief(node.produce()), Lines{"state_storage 0x046600 0x07"});
}

TEST(StandinPlay, an_upgrade_is_told_with_the_block_that_made_it) {
    Records records = linear_chain(2);
    records.emplace_back(runtime(2));
    records.emplace_back(block(102, block_of(records, 1).hash, 2));
    Node node(std::move(records));
    follow(node, "state_subscribeRuntimeVersion");
    EXPECT_EQ(brief(node.produce()), Lines{"state_runtimeVersion 2"});
    EXPECT_EQ(brief(node.produce()), Lines{});
}

TEST(StandinPlay, unsubscribed_and_closed_connections_hear_nothing) {
    Node node(linear_chain(4));
    std::string const id = node.call("chain_subscribeNewHeads");
    node.produce();
    node.call("chain_unsubscribeNewHeads", "[" + id + "]");
    EXPECT_TRUE(node.produce().empty());
    follow(node, "chain_subscribeNewHeads");
    node.node->closed(1);
    EXPECT_TRUE(node.produce().empty());
    EXPECT_TRUE(node.send(R"({"id":1,"method":"system_chain"})").empty());
}

TEST(StandinPlay, waits_for_a_follower_of_heads_or_storage) {
    Node node(linear_chain(2));
    follow(node, "state_subscribeRuntimeVersion");
    EXPECT_FALSE(node.node->followed());
    follow(node, "chain_subscribeFinalizedHeads");
    EXPECT_TRUE(node.node->followed());
}

TEST(StandinPlay, history_is_pruned_but_storage_lives_on) {
    Records records = linear_chain(600);
    std::get<io::CaptureBlock>(records[2]).storage = {{{1, 2}, {7}}};
    Node node(std::move(records));
    for (int i = 0; i < 599; ++i) node.produce();
    EXPECT_EQ(node.call("chain_getHeader", list(node.hash(0))), "null");
    EXPECT_NE(node.call("chain_getHeader", list(node.hash(599 - 511))), "null");
    EXPECT_EQ(node.call("state_getStorage", list("0x0102")), "\"0x07\"");
}

// -- faults --------------------------------------------------------------------------------------

Lines faulty(FaultKind kind, std::uint64_t count, std::size_t blocks = 1) {
    Node node(linear_chain(8), {{1, kind, count}});
    follow(node, "chain_subscribeNewHeads");
    Lines lines;
    for (std::size_t i = 0; i < blocks; ++i) {
        for (auto& line : node.produce()) lines.push_back(brief(line));
    }
    return lines;
}

TEST(StandinFault, close_and_reset_come_instead_of_the_block) {
    EXPECT_EQ(faulty(FaultKind::close, 1, 2), Lines{"close:"});
    EXPECT_EQ(faulty(FaultKind::reset, 1, 2), Lines{"reset:"});
}

TEST(StandinFault, silent_for_some_blocks) {
    EXPECT_EQ(faulty(FaultKind::silent, 2, 3), Lines{"chain_newHead 0x67"});
}

TEST(StandinFault, a_silent_node_does_not_answer_but_a_new_connection_is_served) {
    Node node(linear_chain(8), {{1, FaultKind::silent, 1000}});
    node.produce();
    EXPECT_EQ(node.call("system_chain"), "nothing");
    node.node->opened(2);
    node.node->request(2, R"({"id":1,"method":"system_chain"})");
    EXPECT_EQ(node.sent().size(), 1U);
}

TEST(StandinFault, malformed_json_goes_before_the_block) {
    auto const lines = faulty(FaultKind::malformed_json, 1);
    ASSERT_EQ(lines.size(), 2U);
    simdjson::dom::parser parser;
    EXPECT_NE(parser.parse(lines[0]).error(), simdjson::SUCCESS);
    EXPECT_EQ(lines[1], "chain_newHead 0x65");
}

// RFC 6455 section 5.2: 0x81 FIN and text, 127: the length follows in 8 bytes, big-endian.
TEST(StandinFault, oversize_frame_promises_what_no_client_may_take) {
    std::string const head("raw:\x81\x7f\0\0\0\0\x02\x10\0\0", 14);
    auto const lines = faulty(FaultKind::oversize_frame, 33U << 20);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].substr(0, head.size()), head);
}

TEST(StandinFault, truncated_frame_ends_in_a_reset) {
    auto const lines = faulty(FaultKind::truncated_frame, 1);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(lines[0].starts_with("raw:\x81\x7f"));
    EXPECT_EQ(lines[1], "reset:");
}

TEST(StandinFault, invalid_utf8_is_a_whole_frame) {
    auto const lines = faulty(FaultKind::invalid_utf8, 1);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], "raw:\x81\x06\"\xff\xfe\xc0\xaf\"");
}

TEST(StandinFault, error_reply_refuses_so_many_requests) {
    Node node(linear_chain(3), {{1, FaultKind::error_reply, 2}});
    node.produce();
    EXPECT_TRUE(node.call("system_chain").starts_with(R"({"code":-32000,)"));
    EXPECT_TRUE(node.call("system_chain").starts_with(R"({"code":-32000,)"));
    EXPECT_EQ(node.call("system_chain"), "\"polkadot\"");
}

TEST(StandinFault, wrong_genesis_is_seen_after_a_reconnect) {
    Node node(linear_chain(4), {{1, FaultKind::wrong_genesis, 2}});
    EXPECT_EQ(node.produce(), Lines{"close:"});
    node.node->closed(1);
    node.node->opened(1);
    EXPECT_EQ(node.call("chain_getBlockHash", "[0]"),
              in_quotes("0x" + std::string(62, '1') + "ee"));
    node.produce();
    node.produce();
    EXPECT_EQ(node.call("chain_getBlockHash", "[0]"), in_quotes("0x" + std::string(64, '1')));
}

TEST(StandinFault, garbage_events_of_one_block) {
    Node node(linear_chain(3), {{1, FaultKind::garbage_events, 1}});
    follow(node, "state_subscribeStorage", "[[" + in_quotes(events_key) + "]]");
    EXPECT_EQ(brief(node.produce()), Lines{"state_storage 0x10ffffffff"});
    EXPECT_EQ(brief(node.produce()), Lines{"state_storage 0x046600"});
}

TEST(StandinFault, skip_finality_leaves_a_gap_in_the_announcements) {
    Node node(linear_chain(6), {{2, FaultKind::skip_finality, 1}});
    follow(node, "chain_subscribeFinalizedHeads");
    Lines lines;
    for (int i = 0; i < 5; ++i) {
        for (auto& line : node.produce()) lines.push_back(brief(line));
    }
    EXPECT_EQ(lines, (Lines{"chain_finalizedHead 0x65", "chain_finalizedHead 0x67"}));
}

TEST(StandinFault, fork_shows_a_block_that_is_abandoned) {
    Node node(linear_chain(6), {{2, FaultKind::fork, 1}});
    follow(node, "chain_subscribeNewHeads");
    follow(node, "state_subscribeStorage", "[[" + in_quotes(events_key) + "]]");
    node.produce();
    // The branch's block has the height of the real one and the events of the block before.
    EXPECT_EQ(brief(node.produce()), (Lines{"chain_newHead 0x66", "state_storage 0x046500"}));
    std::string const stale = node.call("chain_getBlockHash");
    EXPECT_EQ(node.call("chain_getBlockHash", "[102]"), stale);
    EXPECT_NE(stale, in_quotes(node.hash(2)));
    EXPECT_EQ(brief(node.produce()), (Lines{"chain_newHead 0x66", "state_storage 0x046600"}));
    EXPECT_EQ(node.call("chain_getBlockHash", "[102]"), in_quotes(node.hash(2)));
    // It can still be asked for, and its header hashes to its name.
    EXPECT_NE(node.call("chain_getHeader", "[" + stale + "]"), "null");
    EXPECT_EQ(brief(node.produce()), (Lines{"chain_newHead 0x67", "state_storage 0x046700"}));
    for (int i = 0; i < 8; ++i) node.produce();
    EXPECT_EQ(node.node->finalized_number(), 105U);
}

TEST(StandinFault, a_deep_fork_is_left_in_one_step) {
    Node node(linear_chain(8), {{2, FaultKind::fork, 3}});
    follow(node, "chain_subscribeNewHeads");
    follow(node, "chain_subscribeFinalizedHeads");
    Lines lines;
    for (int i = 0; i < 5; ++i) {
        for (auto& line : node.produce()) lines.push_back(brief(line));
    }
    EXPECT_EQ(lines,
              (Lines{"chain_newHead 0x65", "chain_newHead 0x66", "chain_newHead 0x67",
                     "chain_newHead 0x68", "chain_newHead 0x68", "chain_finalizedHead 0x66"}));
    EXPECT_EQ(node.call("chain_getBlockHash"), in_quotes(node.hash(4)));
    EXPECT_EQ(node.call("chain_getBlockHash", "[102]"), in_quotes(node.hash(2)));
}

TEST(StandinFault, every_kind_has_a_row_of_its_own) {
    for (std::size_t i = 0; i < stages::fault_kinds.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(stages::fault_kinds[i].kind), i);
        EXPECT_LE(stages::fault_kinds[i].count, stages::fault_kinds[i].count_max);
    }
}

// -- scenario files ------------------------------------------------------------------------------

TEST(Scenario, is_read) {
    auto const faults = stages::parse_scenario(
        "[[fault]]\nat_block = 5\nkind = \"fork\"\ncount = 2\n[[fault]]\nkind = \"close\"\n", "s");
    ASSERT_TRUE(faults) << faults.error();
    EXPECT_EQ(*faults, (std::vector<Fault>{{5, FaultKind::fork, 2}, {1, FaultKind::close, 1}}));
}

TEST(Scenario, errors_name_the_place) {
    auto const message = [](std::string_view text) {
        auto const faults = stages::parse_scenario(text, "s.toml");
        return faults ? "accepted" : faults.error();
    };
    EXPECT_TRUE(message("[[fault]]\nkind = \"cloes\"").starts_with("s.toml:2:8: unknown kind"));
    EXPECT_TRUE(
        message("[[fault]]\nkind = \"close\"\nwhen = 1").starts_with("s.toml:3:1: unknown"));
    EXPECT_TRUE(message("[[fault]]\nkind = \"fork\"\ncount = 65").starts_with("s.toml:3:9: count"));
    EXPECT_TRUE(
        message("[[fault]]\nat_block = 0\nkind = \"fork\"").starts_with("s.toml:2:12: at_"));
    EXPECT_TRUE(message("[[fault]]\nat_block = 1").starts_with("s.toml:1:"));
    EXPECT_TRUE(message("[fault]\n").starts_with("s.toml:1:"));
    EXPECT_TRUE(message("[[fault]\n").starts_with("s.toml:1:"));
}

} // namespace
