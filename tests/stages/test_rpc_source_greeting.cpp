// What a source learns before the first block, and how it finds the runtime of each block.
#include "tests/stages/scripted_world.hpp"

#include "decoders/amount.hpp"
#include "decoders/hex.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace scripted;
using stages::SourceMetric;
using Words = std::vector<std::string>;

namespace {

struct Greeting : SourceWorld {
    explicit Greeting(Settings settings = {})
        : SourceWorld(std::move(settings)) {
        chain.serve(node);
        chain.add({{.amount = 5}});
    }
    void start() {
        connect(node);
        chain.announce(node, chain.tip());
        run();
    }
    stages::ChainFacts facts() const {
        return std::get<stages::ChainFacts>(collect->frames.front().body);
    }
    std::uint32_t spec_of_last() const {
        return std::get<stages::BlockBytes>(collect->frames.back().body).spec_version;
    }
    Chain chain;
};

void expect_facts(std::string const& properties, std::string_view symbol, int decimals,
                  int prefix) {
    Greeting world;
    world.chain.properties = properties;
    world.start();
    auto const facts = world.facts();
    EXPECT_EQ(facts.symbol.view(), symbol) << properties;
    EXPECT_EQ(facts.decimals, decimals) << properties;
    EXPECT_EQ(facts.ss58_prefix, prefix) << properties;
    EXPECT_EQ(facts.genesis, world.chain.genesis);
    EXPECT_EQ(world.last_told(), "block 100") << properties;
}

} // namespace

TEST(RpcSourceProperties, scalars) {
    expect_facts(R"({"ss58Format":2,"tokenDecimals":12,"tokenSymbol":"KSM"})", "KSM", 12, 2);
}

TEST(RpcSourceProperties, arrays_name_the_native_token_first) {
    expect_facts(R"({"ss58Format":10,"tokenDecimals":[12,10],"tokenSymbol":["ACA","DOT"]})", "ACA",
                 12, 10);
}

TEST(RpcSourceProperties, absent_ones_get_the_defaults_of_polkadot_sdk) {
    for (std::string_view nothing :
         {"{}", "null", R"({"tokenSymbol":null,"tokenDecimals":null})"}) {
        Greeting world;
        world.chain.properties = nothing;
        world.start();
        EXPECT_EQ(world.facts().symbol.view(), "UNIT") << nothing;
        EXPECT_EQ(world.facts().decimals, 12) << nothing;
        EXPECT_EQ(world.facts().ss58_prefix, 42) << nothing;
        EXPECT_TRUE(world.log.has("does not name its token")) << nothing;
        EXPECT_EQ(world.last_told(), "block 100") << nothing;
    }
}

TEST(RpcSourceProperties, refused_is_one_error_reply_and_no_obstacle) {
    Greeting world;
    world.node.refuse("system_properties");
    world.start();
    EXPECT_EQ(world.facts().symbol.view(), "UNIT");
    EXPECT_EQ(world.last_told(), "block 100");
    EXPECT_EQ(world.metric(SourceMetric::error_replies), 1u);
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
}

TEST(RpcSourceProperties, decimals_nobody_can_have_are_bounded) {
    Greeting world;
    world.chain.properties = R"({"ss58Format":0,"tokenDecimals":255,"tokenSymbol":"X"})";
    world.start();
    EXPECT_LE(world.facts().decimals, decoders::max_decimals);
    EXPECT_EQ(world.last_told(), "block 100");
}

TEST(RpcSourceGreeting, answers_may_come_in_any_order) {
    Greeting world;
    world.node.hold_replies = true;
    world.run_for(pipeline::second);
    ASSERT_EQ(world.node.held.size(), 3u);
    for (std::size_t i = 3; i-- > 0;) world.node.send(world.node.held[i]);
    world.node.hold_replies = false;
    world.run();
    world.chain.announce(world.node, world.chain.tip());
    world.run();
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"}));
}

TEST(RpcSourceGreeting, notices_may_come_before_the_reply_that_names_them) {
    Greeting world;
    world.run_for(pipeline::second);
    world.node.hold_replies = true;
    world.chain.announce(world.node, world.chain.add({{.amount = 1}}));
    world.run();
    world.node.drop(); // the next connection subscribes under hold
    world.node.hold_replies = false;
    for (auto method : {"chain_subscribeNewHeads", "state_subscribeStorage"})
        world.node.answers[method] = [&world](Asked const&) {
            world.chain.announce(world.node, world.chain.tip());
            return "\"result\":\"late\"";
        };
    world.connect(world.node);
    Words const told = world.take_told();
    EXPECT_EQ(std::count(told.begin(), told.end(), "block 101"), 1);
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
}

TEST(RpcSourceGreeting, metadata_15_is_asked_for_and_unstable_versions_never) {
    Greeting world; // the node lists 14, 15 and 4294967295
    world.start();
    EXPECT_EQ(world.node.count("state_call", "0x0f000000"), 1u);
    EXPECT_EQ(world.node.count("state_call", "ffffffff"), 0u);
    EXPECT_EQ(world.node.count("state_getMetadata"), 0u);
    EXPECT_EQ(world.collect->payloads[1], world.chain.known().bytes); // bare metadata, unwrapped
}

TEST(RpcSourceGreeting, versions_that_are_no_list_fall_back_to_plain_metadata) {
    for (std::string_view bad : {"0x", "0x04ffffffff", "0xfeffffff", "0x0c0e000000"}) {
        Greeting world;
        world.chain.versions = bad;
        world.start();
        EXPECT_EQ(world.node.count("state_getMetadata"), 1u) << bad;
        EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"})) << bad;
    }
}

TEST(RpcSourceGreeting, runtimes_without_the_metadata_api_fall_back_to_plain_metadata) {
    Greeting world;
    world.node.refuse("state_call", -32603,
                      "Exported method Metadata_metadata_versions is not found");
    world.start();
    EXPECT_EQ(world.node.count("state_getMetadata"), 1u);
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100"}));
    EXPECT_EQ(world.collect->payloads[1], world.chain.known().bytes);
}

TEST(RpcSourceGreeting, a_version_that_is_listed_but_not_there_falls_back) {
    Greeting world;
    world.node.answers["state_call"] = [](Asked const& question) -> std::string {
        bool const list = question.params.find("versions") != std::string::npos;
        return list ? "\"result\":\"0x080e0000000f000000\"" : "\"result\":\"0x00\"";
    };
    world.start();
    EXPECT_EQ(world.node.count("state_getMetadata"), 1u);
    EXPECT_EQ(world.last_told(), "block 100");
}

TEST(RpcSourceGreeting, no_metadata_at_all_is_said) {
    Greeting world;
    world.node.refuse("state_call");
    world.node.refuse("state_getMetadata", -32000, "wasm trap");
    world.connect(world.node);
    EXPECT_TRUE(world.log.has("the node refused state_getMetadata: wasm trap")) << world.log.all();
    world.node.result("state_getMetadata", "null");
    world.connect(world.node);
    EXPECT_TRUE(world.log.has("the node gives no metadata")) << world.log.all();
    EXPECT_TRUE(world.collect->payloads[0].empty());
}

TEST(RpcSourceGreeting, without_storage_subscription_every_block_is_asked_for_at_once) {
    Greeting world;
    world.node.refuse("state_subscribeStorage");
    world.connect(world.node);
    for (int i = 0; i < 3; ++i) {
        world.node.notice("chain_newHead", world.chain.add({}).header);
        world.run();
    }
    EXPECT_EQ(world.take_told(),
              (Words{"facts DOT", "runtime 2000000", "block 101", "block 102", "block 103"}));
    EXPECT_EQ(world.log.count("no state_subscribeStorage"), 1u);
}

TEST(RpcSourceGreeting, the_grace_comes_back_with_an_endpoint_that_pushes) {
    Greeting world;
    world.node.refuse("state_subscribeStorage");
    world.connect(world.node);
    world.chain.serve(world.node);
    world.node.drop();
    world.run();
    world.connect(world.node);
    world.node.asked.clear();
    for (int i = 0; i < 3; ++i) {
        world.node.notice("chain_newHead", world.chain.add({}).header);
        world.run();
        world.node.notice("state_storage", world.chain.push(world.chain.tip()));
        world.run();
    }
    EXPECT_EQ(world.node.count("state_queryStorageAt"), 0u);
}

TEST(RpcSourceGreeting, without_storage_queries_events_are_read_alone) {
    Greeting world;
    world.node.refuse("state_subscribeStorage");
    world.node.refuse("state_queryStorageAt", -32601, "RPC call is unsafe to be called externally");
    world.connect(world.node);
    world.node.notice("chain_newHead", world.chain.add({{.amount = 77}}).header);
    world.run_for(pipeline::second);
    EXPECT_EQ(world.last_told(), "block 101");
    EXPECT_EQ(world.collect->payloads.back(), world.chain.tip().events);
}

// ---- runtime upgrades --------------------------------------------------------------------------

TEST(RpcSourceUpgrade, the_push_itself_says_which_runtime_executed_the_block) {
    Greeting world;
    world.start();
    world.take_told();
    world.chain.announce(world.node, world.chain.add_upgrade(2'000'001)); // still the old runtime
    world.run();
    EXPECT_EQ(world.spec_of_last(), 2'000'000u);
    Block const& first = world.chain.add({{.amount = 1}}); // executed by the new one
    world.node.notice("chain_newHead", first.header);
    world.node.notice("state_storage", world.chain.push(first, true));
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), (Words{"block 101", "runtime 2000001", "block 102"}));
    EXPECT_EQ(world.spec_of_last(), 2'000'001u);
    world.chain.announce(world.node, world.chain.add({}));
    world.run_for(pipeline::second);
    EXPECT_EQ(world.take_told(), Words{"block 103"});
    EXPECT_EQ(world.spec_of_last(), 2'000'001u);
}

TEST(RpcSourceUpgrade, an_announced_runtime_is_fetched_before_its_first_block) {
    Greeting world;
    world.start();
    world.take_told();
    Block const& last = world.chain.add_upgrade(2'000'001);
    world.chain.announce(world.node, last);
    world.run();
    world.node.notice("state_runtimeVersion", R"({"specName":"polkadot","specVersion":2000001})");
    world.run();
    EXPECT_EQ(world.take_told(), (Words{"block 101", "runtime 2000001"}));
    world.node.asked.clear();
    Block const& first = world.chain.add({});
    world.node.notice("chain_newHead", first.header);
    world.node.notice("state_storage", world.chain.push(first, true));
    world.run();
    EXPECT_EQ(world.take_told(), Words{"block 102"}); // at once: nothing had to be asked
    EXPECT_TRUE(world.node.asked.empty());
}

TEST(RpcSourceUpgrade, a_node_that_does_not_report_it_is_asked_for_the_parents_runtime) {
    Greeting world;
    world.chain.reports_upgrade = false;
    world.start();
    world.take_told();
    Block const& last = world.chain.add_upgrade(2'000'001);
    world.node.notice("state_runtimeVersion", R"({"specName":"polkadot","specVersion":2000001})");
    world.chain.announce(world.node, last);
    world.run_for(2 * pipeline::second);
    ASSERT_EQ(world.last_told(), "block 101");
    EXPECT_EQ(world.spec_of_last(), 2'000'000u); // announced, but executed by the old one
    Block const& first = world.chain.add({});
    world.chain.announce(world.node, first);
    world.run_for(2 * pipeline::second);
    ASSERT_EQ(world.last_told(), "block 102");
    EXPECT_EQ(world.spec_of_last(), 2'000'001u);
    EXPECT_EQ(world.node.count("state_getRuntimeVersion", decoders::hex_text(last.hash)), 1u);
}

TEST(RpcSourceUpgrade, while_disconnected_is_noticed) {
    Greeting world;
    world.start();
    world.chain.announce(world.node, world.chain.add_upgrade(2'000'001));
    world.run();
    world.node.drop();
    world.run();
    world.chain.add({{.amount = 1}});
    world.take_told();
    world.connect(world.node);
    world.chain.announce(world.node, world.chain.add({{.amount = 2}}));
    world.run_for(2 * pipeline::second);
    std::vector<std::uint32_t> specs;
    for (auto const& frame : world.collect->frames)
        if (auto const* block = std::get_if<stages::BlockBytes>(&frame.body))
            if (block->block.number >= 102) specs.push_back(block->spec_version);
    EXPECT_EQ(specs, (std::vector<std::uint32_t>{2'000'001, 2'000'001})) << world.log.all();
}
