// The history stage with nodes that lack, limit, lie, or go away: nothing is told twice, nothing is
// told wrongly, and what nobody gives is said to be missing.
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

// Answers of the first node, which the test changes for the worse.
struct Spoiled : HistoryWorld {
    explicit Spoiled(HistorySettings settings = {})
        : HistoryWorld(settings)
        , honest(node.answers["state_queryStorageAt"]) {}
    void spoil(std::function<std::optional<std::string>(Asked const&)> answer) {
        node.answers["state_queryStorageAt"] = std::move(answer);
    }
    bool about(Asked const& question, std::uint32_t number) const {
        return question.params.find(hex_text(at(number)->hash)) != std::string::npos;
    }
    Node::Answer const honest;
};

} // namespace

TEST(RpcHistoryBad, pruned_blocks_come_from_another_endpoint) {
    Spoiled world({.blocks = 60});
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        if (world.named(question.params)->number >= 130) return world.honest(question);
        return Node::error(4003, "Client error: UnknownBlock: State already discarded for 0x12");
    });
    world.want({{110, 150}});
    world.run_for(1 * second);
    EXPECT_EQ(world.spare.opened, 1u);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(110, 150)));
    EXPECT_EQ(world.metric(HistoryMetric::pruned), 1u);
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 0u); // no fault of anybody
    EXPECT_TRUE(world.log.has("no state of block 129")) << world.log.all();
}

TEST(RpcHistoryBad, pruned_everywhere_is_missing_once_and_asked_again_later) {
    HistoryWorld world({.blocks = 60});
    world.pruned_below = 130;
    world.want({{110, 150}});
    world.run_for(2 * second);
    Words expected = with_runtime(blocks_told(130, 150));
    expected.insert(expected.begin(), "missing 110 to 129");
    EXPECT_EQ(world.take_told(), expected);
    EXPECT_EQ(world.gathered->missing[0].action.view(), "asked again in 10 min");
    EXPECT_NE(world.gathered->missing[0].reason.view(), "");
    EXPECT_EQ(world.metric(HistoryMetric::missing), 20u);
    EXPECT_TRUE(world.log.has("20 could not be had")) << world.log.all();
    std::size_t const asked = world.node.asked.size() + world.spare.asked.size();
    for (int i = 0; i < 60; ++i) { // said every second while it is a hole
        world.want({{110, 129}});
        world.run_for(1 * second, 1 * second);
    }
    EXPECT_TRUE(world.take_told().empty());
    EXPECT_EQ(world.node.asked.size() + world.spare.asked.size(), asked);
    world.run_for(600 * second, 10 * second);
    world.pruned_below = 0; // an archive has taken its place
    world.want({{110, 129}});
    world.run_for(1 * second);
    EXPECT_EQ(world.take_told(), blocks_told(110, 129));
}

TEST(RpcHistoryBad, a_state_without_its_number_is_gone_and_no_empty_block) {
    HistoryWorld world({.endpoints = 1});
    world.pruned_below = 105;
    world.says_null = true;
    world.want({{101, 106}});
    EXPECT_EQ(world.take_told(),
              (Words{"missing 101 to 104", "runtime 2000000", "block 105", "block 106"}));
}

TEST(RpcHistoryBad, a_limit_is_waited_for_and_is_no_failure) {
    Spoiled world({.endpoints = 1});
    int refusals = 10;
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        if (refusals-- > 0) return Node::error(-32029, "Too many requests, retry in 3 s");
        return world.honest(question);
    });
    world.want({{101, 119}});
    EXPECT_TRUE(world.take_told().empty());
    std::size_t const asked = world.node.count("state_queryStorageAt");
    world.run_for(2 * second);
    EXPECT_EQ(world.node.count("state_queryStorageAt"), asked); // its word is respected
    world.run_for(10 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 119)));
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 0u);
    EXPECT_EQ(world.metric(HistoryMetric::limited), 10u);
}

TEST(RpcHistoryBad, an_endpoint_that_limits_for_ever_gives_way_to_another) {
    HistoryWorld world;
    world.node.refuse("state_queryStorageAt", 429, "rate limit exceeded");
    world.want({{101, 119}});
    world.run_for(60 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 119)));
    EXPECT_EQ(world.spare.opened, 1u);
}

TEST(RpcHistoryBad, a_connection_lost_in_the_middle_goes_on_elsewhere_and_tells_nothing_twice) {
    Spoiled world({.blocks = 300});
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        if (world.about(question, 250)) world.node.drop();
        return world.honest(question);
    });
    world.want({{100, 399}});
    world.run_for(2 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(100, 399)));
    EXPECT_EQ(world.metric(HistoryMetric::disconnects), 1u);
    EXPECT_EQ(world.spare.opened, 1u);
    EXPECT_TRUE(world.log.has("test: 127.0.0.1:9944: ")) << world.log.all();
    EXPECT_FALSE(world.log.has("s3cr3t")) << world.log.all();
}

TEST(RpcHistoryBad, a_wrong_genesis_is_set_aside) {
    stages::RpcHistoryOptions options;
    options.genesis.emplace().fill(0x91); // the chain's
    HistoryWorld world({.history = options});
    world.node.answers["chain_getBlockHash"] = [](Asked const&) {
        return "\"result\":\"0x" + std::string(64, 'e') + '"';
    };
    world.want({{101, 103}});
    world.run_for(10 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_EQ(world.metric(HistoryMetric::wrong_genesis), 1u);
    EXPECT_EQ(world.node.opened, 1u);
    EXPECT_EQ(world.spare.opened, 1u);
}

TEST(RpcHistoryBad, a_block_that_says_another_number_is_a_lie) {
    Spoiled world;
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        std::string text = *world.honest(question);
        std::string const number =
            world.value(*world.named(question.params), hex_text(decoders::system_number_key()));
        return text.replace(text.find(number), number.size(), "\"0x07000000\"");
    });
    world.want({{101, 103}});
    world.run_for(10 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_EQ(world.metric(HistoryMetric::contradictions), 1u);
    EXPECT_TRUE(world.log.has("it shows block 7 where")) << world.log.all();
    EXPECT_EQ(world.node.opened, 1u);
}

TEST(RpcHistoryBad, a_block_with_another_parent_is_not_told) {
    Spoiled world;
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        std::string text = *world.honest(question);
        std::string const parent = hex_text(world.named(question.params)->parent);
        if (world.about(question, 103))
            text.replace(text.find(parent), parent.size(), hex_text(world.at(110)->hash));
        return text;
    });
    world.want({{101, 105}});
    world.run_for(10 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 105)));
    EXPECT_EQ(world.metric(HistoryMetric::contradictions), 1u);
    EXPECT_TRUE(world.log.has("its block 103 has another parent")) << world.log.all();
}

TEST(RpcHistoryBad, the_values_of_another_block_are_no_answer) {
    Spoiled world;
    world.spoil([&](Asked const&) -> std::optional<std::string> {
        return "\"result\":" + world.change_set(*world.at(110), "");
    });
    world.want({{101, 103}});
    world.run_for(10 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_EQ(world.metric(HistoryMetric::malformed), 1u);
}

TEST(RpcHistoryBad, a_block_that_everybody_refuses_is_missing_and_the_rest_is_told) {
    Spoiled world;
    auto const refuse = [&](Asked const& question) -> std::optional<std::string> {
        if (world.about(question, 103)) return Node::error(-32000, "database is damaged");
        return world.honest(question);
    };
    world.spoil(refuse);
    world.spare.answers["state_queryStorageAt"] = refuse;
    world.want({{101, 105}});
    world.run_for(600 * second, 500 * pipeline::millisecond);
    Words const told = world.take_told();
    EXPECT_EQ(told, (Words{"runtime 2000000", "block 101", "block 102", "missing 103 to 103",
                           "block 104", "block 105"}))
        << world.log.all();
    ASSERT_EQ(world.gathered->missing.size(), 1u);
    EXPECT_NE(world.gathered->missing[0].reason.view().find("database is damaged"),
              std::string_view::npos);
}

TEST(RpcHistoryBad, a_block_that_ends_every_connection_is_missing_and_the_rest_is_told) {
    Spoiled world({.endpoints = 1});
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        if (!world.about(question, 103)) return world.honest(question);
        world.node.drop();
        return std::nullopt;
    });
    world.want({{101, 105}});
    world.run_for(600 * second, 500 * pipeline::millisecond);
    EXPECT_EQ(world.take_told(), (Words{"runtime 2000000", "block 101", "block 102",
                                        "missing 103 to 103", "block 104", "block 105"}));
}

TEST(RpcHistoryBad, silence_is_found_out) {
    HistoryWorld world;
    world.node.ignore("state_queryStorageAt");
    world.want({{101, 103}});
    world.run_for(29 * second);
    EXPECT_EQ(world.metric(HistoryMetric::silent), 0u);
    world.run_for(3 * second);
    EXPECT_EQ(world.metric(HistoryMetric::silent), 1u);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_TRUE(world.log.has("no answer within 30 s to state_queryStorageAt")) << world.log.all();
}

TEST(RpcHistoryBad, garbage_ends_the_connection_and_is_counted) {
    for (auto const text :
         {"hello", "[]", R"({"jsonrpc":"2.0","id":1,"method":"x","params":[]})"}) {
        HistoryWorld world;
        world.node.ignore("state_queryStorageAt");
        world.want({{101, 103}});
        world.node.send(text);
        world.run_for(2 * second);
        EXPECT_EQ(world.metric(HistoryMetric::malformed), 1u) << text;
        EXPECT_EQ(world.metric(HistoryMetric::disconnects), 1u) << text;
        EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103))) << text;
    }
}

TEST(RpcHistoryBad, a_node_without_metadata_gives_way_to_another) {
    HistoryWorld world;
    world.node.refuse("state_call");
    world.node.refuse("state_getMetadata", -32000, "no");
    world.want({{101, 103}});
    world.run_for(5 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_TRUE(world.log.has("refused state_getMetadata")) << world.log.all();
}

TEST(RpcHistoryBad, events_too_large_for_the_link_are_told_as_none) {
    std::size_t const room = known_runtime("polkadot-2000000.v15").bytes.size() + 1'000;
    Spoiled world({.arena_bytes = room});
    std::string const large = '"' + std::string("0x") + std::string(2 * room + 2, '0') + '"';
    world.spoil([&](Asked const& question) -> std::optional<std::string> {
        std::string text = *world.honest(question);
        std::string const events = '"' + hex_text(world.named(question.params)->events) + '"';
        if (world.about(question, 102)) text.replace(text.find(events), events.size(), large);
        return text;
    });
    world.want({{101, 103}});
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_TRUE(world.gathered->payloads[1].empty());
    EXPECT_EQ(world.metric(HistoryMetric::malformed), 1u);
}

TEST(RpcHistoryBad, an_endpoint_that_stays_behind_is_left) {
    HistoryWorld world;
    world.node.answers["chain_getFinalizedHead"] = [&](Asked const&) {
        return "\"result\":\"" + hex_text(world.at(100)->hash) + '"';
    };
    world.want({{101, 103}});
    world.run_for(70 * second);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 103)));
    EXPECT_TRUE(world.log.has("block 101 is not final there")) << world.log.all();
}

TEST(RpcHistoryBad, it_goes_back_to_the_preferred_endpoint) {
    HistoryWorld world({.blocks = 60});
    world.node.refuse("chain_getFinalizedHead", -32000, "not now");
    for (std::uint32_t number = 101; number < 150; ++number) { // a wish every 20 s
        world.want({{number, number}});
        world.run_for(20 * second, 1 * second);
        if (number == 110) world.serve(world.node);
    }
    EXPECT_GT(world.node.count("state_queryStorageAt"), 0u);
    EXPECT_EQ(world.take_told(), with_runtime(blocks_told(101, 149)));
}
