// Several endpoints of one chain: preference, going back, wrong ones, and nodes that contradict
// each other about what is final.
#include "tests/stages/scripted_failover.hpp"

#include "decoders/hex.hpp"

using namespace scripted;
using pipeline::second;

namespace {

std::size_t count(Words const& told, std::string_view what) {
    return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
}

// Blocks every six seconds at both nodes, so that nobody is silent.
void pass(TwoEndpoints& world, pipeline::Nanoseconds time) {
    for (pipeline::Nanoseconds passed = 0; passed < time; passed += 6 * second) {
        Block const& block = world.chain.add({});
        for (Node* node : {&world.node, &world.spare})
            if (node->connected()) world.chain.announce(*node, block);
        world.run_for(6 * second, second);
    }
}

struct Disputed : TwoEndpoints {
    Disputed() {
        first = &chain.tip();
        for (int i = 0; i < 3; ++i) { // 101 to 103
            chain.announce(node, chain.add({{.amount = 1}}));
            node.notice("chain_finalizedHead", chain.tip().header);
            run();
        }
        take_told();
        truth = &chain.tip();
        lie = &chain.add({{.amount = 66}}, chain.find(decoders::hex_text(truth->parent)));
    }
    Block const* first = nullptr;
    Block const* truth = nullptr; // 103
    Block const* lie = nullptr;   // another 103
};

} // namespace

TEST(RpcSourceChoice, the_first_endpoint_is_preferred) {
    TwoEndpoints world;
    world.node.drop();
    world.connect(world.spare); // at once
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
    world.spare.drop();
    world.run_for(second);
    EXPECT_EQ(world.node.opened, 2u);
    EXPECT_EQ(world.spare.opened, 1u);
}

TEST(RpcSourceChoice, it_goes_back_to_the_preferred_one_and_loses_nothing) {
    TwoEndpoints world;
    world.node.drop();
    world.connect(world.spare);
    pass(world, 590 * second);
    EXPECT_EQ(world.node.opened, 1u);
    pass(world, 30 * second);
    EXPECT_EQ(world.node.opened, 2u) << world.log.all();
    EXPECT_FALSE(world.spare.connected());
    EXPECT_TRUE(world.log.has("127.0.0.1:9945: left for 127.0.0.1:9944, which is preferred"));
    pass(world, 30 * second);
    Words const told = world.take_told();
    std::uint32_t const newest = world.chain.tip().number;
    EXPECT_GT(newest, 200u);
    for (std::uint32_t number = 101; number <= newest; ++number)
        EXPECT_EQ(count(told, fmt::format("block {}", number)), 1u) << number;
    EXPECT_FALSE(world.log.has(secret));
}

TEST(RpcSourceChoice, it_does_not_go_back_while_something_is_asked) {
    TwoEndpoints world;
    world.node.drop();
    world.connect(world.spare);
    pass(world, 590 * second);
    world.spare.ignore("state_queryStorageAt");
    world.spare.notice("chain_newHead", world.chain.add({}).header); // without its events
    world.run_for(20 * second, second);
    EXPECT_EQ(world.node.opened, 1u);
}

TEST(RpcSourceChoice, an_endpoint_of_another_chain_is_named_once_and_tried_rarely) {
    TwoEndpoints world;
    world.spare.result("chain_getBlockHash", '"' + decoders::hex_text(stages::Hash{1}) + '"');
    for (int i = 0; i < 5; ++i) { // the good one breaks again and again
        world.node.drop();
        world.run_for(60 * second, second);
        if (!world.node.connected()) world.connect(world.node);
    }
    EXPECT_EQ(world.spare.opened, 1u);
    EXPECT_EQ(world.log.count("this endpoint serves another chain"), 1u);
    world.run_for(3'600 * second, 10 * second);
    world.node.drop();
    world.run_for(60 * second, second);
    EXPECT_EQ(world.spare.opened, 2u); // nothing is excluded for good
    EXPECT_EQ(world.log.count("this endpoint serves another chain"), 1u);
    EXPECT_EQ(world.metric(SourceMetric::wrong_genesis), 2u);
}

TEST(RpcSourceChoice, a_node_that_contradicts_what_is_final_is_left_and_not_believed) {
    Disputed world;
    world.node.notice("chain_newHead", world.lie->header);
    world.node.notice("chain_finalizedHead", world.lie->header);
    world.connect(world.spare);
    EXPECT_TRUE(world.log.has(fmt::format(
        "127.0.0.1:9944: finality_conflict: block 103 is {} by this node's finality, but {} was "
        "final before",
        decoders::hex_text(world.lie->hash), decoders::hex_text(world.truth->hash))))
        << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::conflicts), 1u);
    Block const& next = world.chain.add({{.amount = 1}}, world.truth);
    world.chain.announce(world.spare, next);
    world.spare.notice("chain_finalizedHead", next.header);
    world.run_for(second);
    Words const told = world.take_told();
    EXPECT_EQ(count(told, "final 103"), 0u); // it was, and stays so
    EXPECT_EQ(count(told, "final 104"), 1u);
    EXPECT_EQ(world.metric(SourceMetric::conflicts), 1u);
    EXPECT_FALSE(world.log.has("every endpoint"));
}

TEST(RpcSourceChoice, when_every_node_contradicts_their_history_is_followed_and_that_is_said) {
    Disputed world;
    Block const& next = world.chain.add({{.amount = 67}}, world.lie);
    for (Node* node : {&world.node, &world.spare}) {
        if (!node->connected()) world.connect(*node);
        world.chain.announce(*node, next);
        node->notice("chain_finalizedHead", next.header);
        world.run_for(second);
    }
    EXPECT_EQ(world.metric(SourceMetric::conflicts), 2u);
    EXPECT_EQ(world.log.count("every endpoint of this chain contradicts"), 1u) << world.log.all();
    EXPECT_TRUE(world.spare.connected());
    world.run_for(5 * second);
    Words const told = world.take_told();
    EXPECT_EQ(count(told, "final 104"), 1u);
}

// HTTP 429 and 503 at the upgrade, with the time the server names.
TEST(RpcSourceChoice, a_server_that_wants_to_be_left_alone_is) {
    Settings settings;
    settings.urls = {"ws://127.0.0.1:9950"};
    SourceWorld world(std::move(settings));
    auto listener = world.network.listen("loopback", 9950);
    ASSERT_TRUE(listener);
    std::vector<std::unique_ptr<io::Stream>> streams;
    auto const refuse = [&] {
        world.run();
        while (auto stream = (*listener)->accept()) {
            std::string_view const answer =
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n";
            EXPECT_EQ(stream->write(pipeline::as_bytes(answer)), answer.size());
            streams.push_back(std::move(stream));
        }
        world.run();
    };
    refuse();
    ASSERT_EQ(streams.size(), 1u);
    EXPECT_TRUE(world.log.has("HTTP status 429")) << world.log.all();
    EXPECT_TRUE(world.log.has("Next attempt at 127.0.0.1:9950 in 90.0 s")) << world.log.all();
    world.run_for(89 * second, second);
    refuse();
    EXPECT_EQ(streams.size(), 1u);
    world.run_for(second, second);
    refuse();
    EXPECT_EQ(streams.size(), 2u);
}
