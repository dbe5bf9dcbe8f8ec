// Blocks with their extrinsics: asked for together, told together, and told without where the node
// does not show a body.
#include "tests/stages/scripted_world.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::SourceMetric;
using Words = std::vector<std::string>;

namespace {

Settings attributing() {
    Settings settings;
    settings.source.attribute = true;
    return settings;
}

struct Attributing : SourceWorld {
    Attributing()
        : SourceWorld(attributing()) {
        chain.serve(node);
        node.answers["chain_getBlock"] = [this](Asked const& question) {
            Block const* const block = chain.find(question.params);
            return R"("result":{"block":{"header":)" + block->header +
                   R"(,"extrinsics":["0x080400","0x0c040102"]},"justifications":null})";
        };
        chain.add({{.amount = 5}});
    }
    void follow() {
        connect(node);
        node.notice("chain_newHead", chain.tip().header);
        run_for(pipeline::second);
    }
    // The extrinsics behind the events of the last block told.
    Buffer last_body() const {
        for (std::size_t i = collect->frames.size(); i-- > 0;)
            if (auto const* block = std::get_if<stages::BlockBytes>(&collect->frames[i].body)) {
                Buffer const& payload = collect->payloads[i];
                return {payload.end() - static_cast<std::ptrdiff_t>(block->body_bytes),
                        payload.end()};
            }
        return {};
    }
    Chain chain;
};

Buffer const both{0x08, 0x04, 0x00, 0x0c, 0x04, 0x01, 0x02};

} // namespace

TEST(RpcSourceBodies, a_block_comes_with_its_extrinsics) {
    Attributing world;
    world.follow();
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"}));
    EXPECT_EQ(world.last_body(), both);
    EXPECT_EQ(world.node.count("chain_getBlock"), 1u);
    EXPECT_EQ(world.node.count("state_subscribeStorage"), 0u);
}

TEST(RpcSourceBodies, the_block_waits_for_its_body) {
    Attributing world;
    world.connect(world.node);
    world.node.hold_replies = true;
    world.node.notice("chain_newHead", world.chain.tip().header);
    world.run();
    ASSERT_EQ(world.node.held.size(), 2u);
    ASSERT_NE(world.node.held[0].find("extrinsics"), std::string::npos);
    world.node.hold_replies = false;
    world.node.send(world.node.held[1]); // the events
    world.run();
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000"}));
    world.node.send(world.node.held[0]);
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"block 100"}));
    EXPECT_EQ(world.last_body(), both);
}

TEST(RpcSourceBodies, a_node_that_refuses_costs_the_attribution_only) {
    Attributing world;
    world.node.refuse("chain_getBlock", -32601, "Method not found");
    world.follow();
    EXPECT_EQ(world.last_told(), "block 100");
    EXPECT_EQ(world.last_body(), Buffer{});
    EXPECT_EQ(world.metric(SourceMetric::bodies_missing), 1u);
    EXPECT_TRUE(world.log.has("Method not found. Its alerts go out without their extrinsics"))
        << world.log.all();
}

TEST(RpcSourceBodies, what_is_no_body_costs_the_attribution_only) {
    for (std::string const reply :
         {"null", "17", "{}", R"({"block":{"header":{},"extrinsics":["0x0"]}})",
          R"({"block":{"header":{},"extrinsics":["zz"]}})"}) {
        Attributing world;
        world.node.result("chain_getBlock", reply);
        world.follow();
        EXPECT_EQ(world.last_told(), "block 100") << reply;
        EXPECT_EQ(world.last_body(), Buffer{}) << reply;
        EXPECT_EQ(world.metric(SourceMetric::bodies_missing), 1u) << reply;
        EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << reply << world.log.all();
    }
}
