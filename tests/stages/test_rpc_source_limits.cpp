// A node that is asked too often, and one that has not what it is asked for.
#include "tests/stages/scripted_failover.hpp"

#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"

using namespace scripted;
using pipeline::second;

namespace {

// Refuses the next `count` questions of a method, then answers as before.
void limit(Node& node, std::string const& method, std::size_t count, int code = -32029,
           std::string const& why = "rate limit") {
    auto const before = node.answers.at(method);
    node.answers[method] = [=, left = count](Asked const& question) mutable {
        if (left == 0) return before(question);
        --left;
        return std::optional<std::string>(Node::error(code, why));
    };
}

std::size_t count(Words const& told, std::string_view what) {
    return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
}

} // namespace

TEST(RpcSourceLimits, a_refused_block_is_asked_for_again_and_lost_to_nobody) {
    for (int code : {-32029, -32005, 429, -32999}) {
        TwoEndpoints world;
        limit(world.node, "state_queryStorageAt", 5, code);
        for (int i = 0; i < 4; ++i) world.chain.add({{.amount = 1}});
        world.chain.announce(world.node, world.chain.tip()); // 104 pushed, 101 to 103 asked for
        world.run_for(60 * second);
        Words const told = world.take_told();
        for (int number = 101; number <= 104; ++number)
            EXPECT_EQ(count(told, fmt::format("block {}", number)), 1u) << number << ' ' << code;
        EXPECT_EQ(world.metric(SourceMetric::limited), 5u) << code;
        EXPECT_EQ(world.metric(SourceMetric::holes), 0u);
        EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
        EXPECT_EQ(world.node.count("state_getStorage"), 0u); // not taken for an unknown method
        EXPECT_TRUE(world.log.has("limits how often it may be asked: rate limit"));
    }
}

TEST(RpcSourceLimits, every_question_of_the_greeting_may_be_refused_at_first) {
    for (std::string method :
         {"chain_getBlockHash", "system_properties", "chain_getHeader", "state_getRuntimeVersion",
          "state_call", "chain_subscribeNewHeads", "chain_subscribeFinalizedHeads",
          "state_subscribeStorage", "state_subscribeRuntimeVersion"}) {
        SourceWorld world;
        Chain chain;
        chain.serve(world.node);
        chain.add({{.amount = 5}});
        limit(world.node, method, 2, -32005, "Too many requests");
        world.connect(world.node);
        world.run_for(5 * second);
        chain.announce(world.node, chain.tip());
        world.run();
        EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"}))
            << method;
        EXPECT_EQ(world.metric(SourceMetric::limited), 2u) << method;
        EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << method << world.log.all();
        EXPECT_GE(world.node.count(method), 3u) << method;
    }
}

TEST(RpcSourceLimits, waits_as_long_as_the_node_asks) {
    TwoEndpoints world;
    limit(world.node, "state_queryStorageAt", 1, 429, "Too many requests, retry after 8s");
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    world.run_for(8 * second);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 1u);
    EXPECT_EQ(world.take_told(), Words{});
    world.run_for(second);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 2u);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
}

// The pause holds back our questions, nothing else.
TEST(RpcSourceLimits, what_is_pushed_and_finalized_is_told_meanwhile) {
    TwoEndpoints world;
    limit(world.node, "state_queryStorageAt", 1, 429, "retry after 20 s");
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    world.run_for(second);
    Block const& next = world.chain.add({{.amount = 2}});
    world.chain.announce(world.node, next);
    world.node.notice("chain_finalizedHead",
                      world.chain.find(decoders::hex_text(next.parent))->header);
    world.run_for(second);
    Words const told = world.take_told();
    EXPECT_EQ(count(told, "block 102"), 1u);
    EXPECT_EQ(count(told, "final 100"), 1u);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 1u);
}

TEST(RpcSourceLimits, a_node_that_only_refuses_is_left_for_another) {
    TwoEndpoints world;
    limit(world.node, "state_queryStorageAt", 1'000'000);
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    // Heads go on, so silence is not what ends it.
    for (int i = 0; i < 40 && world.spare.opened == 0; ++i) {
        world.chain.announce(world.node, world.chain.add({{.amount = 1}}));
        world.run_for(6 * second);
    }
    EXPECT_EQ(world.spare.opened, 1u);
    EXPECT_TRUE(world.log.has("answers nothing but that it is asked too often")) << world.log.all();
    EXPECT_LE(world.node.count("state_queryStorageAt"), 200u); // it was not hammered
    world.chain.announce(world.spare, world.chain.add({{.amount = 1}}));
    world.run_for(5 * second);
    EXPECT_EQ(count(world.take_told(), "block 101"), 1u);
}

TEST(RpcSourceLimits, a_node_that_wants_to_rest_for_long_is_left_that_long) {
    TwoEndpoints world;
    limit(world.node, "state_queryStorageAt", 1, 429, "try again in 9 minutes");
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    world.connect(world.spare);
    world.chain.announce(world.spare, world.chain.tip());
    world.spare.drop();
    world.run_for(second);
    world.connect(world.spare); // not the preferred one
    EXPECT_EQ(world.node.opened, 1u);
    EXPECT_EQ(count(world.take_told(), "block 101"), 1u);
}

TEST(RpcSourceLimits, a_state_that_is_gone_is_a_hole_at_once) {
    TwoEndpoints world;
    world.node.refuse("state_queryStorageAt", 4003, "State already discarded for 0x12");
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    world.run_for(second);
    EXPECT_EQ(world.metric(SourceMetric::holes), 1u);
    EXPECT_EQ(world.metric(SourceMetric::pruned), 1u);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 1u);
    EXPECT_EQ(world.node.count("state_getStorage"), 0u);
}

// An empty state is no empty block.
TEST(RpcSourceLimits, nulls_for_everything_are_a_state_that_is_gone) {
    TwoEndpoints world;
    Block const& block = world.chain.add({{.amount = 1}});
    std::string changes;
    for (auto const& key : {decoders::system_events_key(), decoders::system_number_key(),
                            decoders::timestamp_now_key(), decoders::last_runtime_upgrade_key()})
        changes +=
            fmt::format(R"({}["{}",null])", changes.empty() ? "" : ",", decoders::hex_text(key));
    world.node.result("state_queryStorageAt", fmt::format(R"([{{"block":"{}","changes":[{}]}}])",
                                                          decoders::hex_text(block.hash), changes));
    world.node.notice("chain_newHead", block.header);
    world.run_for(second);
    EXPECT_EQ(world.take_told(), Words{});
    EXPECT_EQ(world.metric(SourceMetric::pruned), 1u);
    EXPECT_EQ(world.metric(SourceMetric::holes), 1u);
}

namespace {

// Nodes without state_queryStorageAt: each value is a question.
struct Plain : TwoEndpoints {
    Plain() {
        node.refuse("state_queryStorageAt");
        node.answers["state_getStorage"] = [this](Asked const& question) {
            auto const key = decoders::hex_text(decoders::system_number_key());
            bool const of_number = question.params.find(key) != std::string::npos;
            return "\"result\":" + (of_number ? number : std::string("null"));
        };
    }
    std::string number = "null";
};

} // namespace

TEST(RpcSourceLimits, no_events_and_no_number_are_a_state_that_is_gone) {
    Plain world;
    world.node.notice("chain_newHead", world.chain.add({{.amount = 1}}).header);
    world.run_for(second);
    EXPECT_EQ(world.take_told(), Words{});
    EXPECT_EQ(world.metric(SourceMetric::pruned), 1u);
}

TEST(RpcSourceLimits, no_events_but_a_number_are_a_block_without_events) {
    Plain world;
    world.number = "\"0x65000000\""; // 101
    world.node.notice("chain_newHead", world.chain.add({}).header);
    world.run_for(second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.collect->payloads.back(), Buffer{0});
    EXPECT_EQ(world.metric(SourceMetric::pruned), 0u);
}

TEST(RpcSourceLimits, the_state_of_another_block_is_not_taken) {
    Plain world;
    world.number = "\"0x66000000\"";
    world.node.notice("chain_newHead", world.chain.add({}).header);
    world.run_for(second);
    EXPECT_EQ(world.take_told(), Words{});
    EXPECT_GE(world.metric(SourceMetric::malformed), 1u);
}
