// A node that has chainHead_v1 and nothing else (json-rpc-interface-spec).
#include "tests/stages/scripted_pinned.hpp"

using namespace scripted;
using pipeline::second;

namespace {

std::size_t count(Words const& told, std::string_view what) {
    return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
}

} // namespace

TEST(RpcSourceChainHead, follows_a_node_that_has_nothing_else) {
    Pinned world;
    world.start();
    EXPECT_EQ(world.take_told(), (Words{"facts DOT", "runtime 2000000", "block 100", "final 100"}))
        << world.log.all();
    EXPECT_EQ(world.collect->payloads[1], world.chain.known().bytes);
    EXPECT_EQ(world.collect->payloads[2], world.first->events);
    auto const& body = std::get<stages::BlockBytes>(world.collect->frames[2].body);
    EXPECT_EQ(body.block.hash, world.first->hash);
    EXPECT_EQ(body.block.timestamp_ms, world.first->timestamp_ms);
    EXPECT_EQ(body.spec_version, 2'000'000u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
}

TEST(RpcSourceChainHead, the_older_methods_are_preferred_where_they_are_offered) {
    Pinned world;
    world.chain.serve(world.node);
    world.connect(world.node);
    world.chain.announce(world.node, world.chain.tip());
    world.run();
    EXPECT_EQ(world.last_told(), "block 100");
    EXPECT_EQ(world.node.count("chainHead_v1_follow"), 0u);
}

TEST(RpcSourceChainHead, a_new_block_is_one_question) {
    Pinned world;
    world.start();
    world.take_told();
    world.node.asked.clear();
    Block const& block = world.grow();
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.collect->payloads.back(), block.events);
    EXPECT_EQ(world.node.count("chainHead_v1_storage"), 1u);
    EXPECT_EQ(world.node.asked.size(), 1u);
}

TEST(RpcSourceChainHead, finality_forks_and_pins) {
    Pinned world;
    world.start();
    Block const& left = world.grow(world.first);
    Block const& right = world.grow(world.first);
    Block const& next = world.grow(&right);
    world.take_told();
    world.finalize({&right, &next}, {&left});
    EXPECT_EQ(world.take_told(), (Words{"final 101", "abandoned 101", "final 102"}));
    EXPECT_TRUE(world.unpinned(*world.first));
    EXPECT_TRUE(world.unpinned(left));
    EXPECT_TRUE(world.unpinned(right));
    EXPECT_FALSE(world.unpinned(next)); // its state executes the next block
    world.grow(&next);
    EXPECT_EQ(world.take_told(), Words{"block 103"});
    EXPECT_EQ(world.metric(SourceMetric::holes), 0u);
}

TEST(RpcSourceChainHead, pins_stay_few_on_a_long_chain) {
    Pinned world;
    world.start();
    for (int i = 0; i < 700; ++i) {
        Block const& block = world.grow();
        if (i >= 3) world.finalize({world.open.front()});
        ASSERT_FALSE(world.unpinned(block));
    }
    EXPECT_EQ(world.metric(SourceMetric::finalized), 797u);
    std::size_t unpinned = 0;
    for (Asked const& asked : world.node.asked)
        if (asked.method == "chainHead_v1_unpin")
            unpinned += static_cast<std::size_t>(std::ranges::count(asked.params, 'x'));
    EXPECT_EQ(unpinned, 697u); // of 701: the three open ones and the newest final one stay
}

TEST(RpcSourceChainHead, no_more_operations_than_every_server_takes) {
    Pinned world;
    world.start();
    world.take_told();
    world.node.asked.clear();
    world.paused = true; // operations are started and not answered
    std::vector<std::string> heads;
    for (int i = 0; i < 12; ++i) world.grow();
    for (std::string const& one : std::exchange(world.queue, {}))
        world.node.notice("chainHead_v1_followEvent", one);
    world.run();
    EXPECT_EQ(world.node.count("chainHead_v1_storage"), 4u); // of four items each
    world.paused = false;
    world.settle();
    Words const told = world.take_told();
    EXPECT_EQ(told.size(), 12u);
    for (int number = 101; number <= 112; ++number)
        EXPECT_EQ(count(told, fmt::format("block {}", number)), 1u) << number;
}

TEST(RpcSourceChainHead, a_busy_server_is_asked_again) {
    Pinned world;
    world.start();
    world.take_told();
    auto const before = world.node.answers["chainHead_v1_storage"];
    int left = 3;
    world.node.answers["chainHead_v1_storage"] = [&](Asked const& question) {
        if (left-- > 0) return std::optional<std::string>(R"("result":{"result":"limitReached"})");
        return before(question);
    };
    world.grow();
    EXPECT_EQ(world.take_told(), Words{});
    world.pass(10 * second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.metric(SourceMetric::limited), 3u);
}

TEST(RpcSourceChainHead, items_that_were_left_out_are_asked_for_again) {
    Pinned world;
    world.start();
    world.take_told();
    auto const before = world.node.answers["chainHead_v1_storage"];
    bool first = true;
    world.node.answers["chainHead_v1_storage"] = [&](Asked const& question) {
        if (!std::exchange(first, false)) return before(question);
        world.event(R"("event":"operationStorageDone","operationId":"cut")");
        return std::optional<std::string>(
            R"("result":{"result":"started","operationId":"cut","discardedItems":3})");
    };
    Block const& block = world.grow();
    EXPECT_EQ(world.take_told(), Words{}); // not an empty block
    world.pass(5 * second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    EXPECT_EQ(world.collect->payloads.back(), block.events);
}

TEST(RpcSourceChainHead, failed_operations_are_tried_again_and_waiting_ones_continued) {
    for (std::string const outcome : {"operationInaccessible", "operationError"}) {
        Pinned world;
        world.start();
        world.take_told();
        auto const before = world.node.answers["chainHead_v1_storage"];
        int left = 2;
        world.node.answers["chainHead_v1_storage"] = [&](Asked const& question) {
            if (left-- <= 0) return before(question);
            std::string const id = fmt::format("bad{}", left);
            world.event(
                fmt::format(R"("event":"operationWaitingForContinue","operationId":"{}")", id));
            world.event(
                fmt::format(R"("event":"{}","operationId":"{}","error":"no")", outcome, id));
            return std::optional<std::string>(Pinned::started(id));
        };
        world.grow();
        world.pass(5 * second);
        EXPECT_EQ(world.take_told(), Words{"block 101"}) << outcome;
        EXPECT_EQ(world.node.count("chainHead_v1_continue", "\"s1\",\"bad1\""), 1u);
    }
}

TEST(RpcSourceChainHead, stop_at_any_time_is_followed_anew_and_nothing_is_lost_or_told_twice) {
    Pinned world;
    world.start();
    for (int i = 0; i < 5; ++i) {
        world.paused = true;
        world.grow();
        for (std::string const& one : std::exchange(world.queue, {}))
            world.node.notice("chainHead_v1_followEvent", one);
        world.run(); // its values are asked for
        world.queue.clear();
        world.paused = false;
        world.stop();
    }
    world.pass(second);
    Words const told = world.take_told();
    for (int number = 100; number <= 105; ++number)
        EXPECT_EQ(count(told, fmt::format("block {}", number)), 1u) << number << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::stops), 5u);
    EXPECT_EQ(world.node.count("chainHead_v1_follow"), 6u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
    EXPECT_EQ(world.metric(SourceMetric::holes), 0u);
}

TEST(RpcSourceChainHead, a_node_that_only_stops_is_left) {
    Pinned world(two_urls());
    world.start();
    world.node.answers["chainHead_v1_follow"] = [&](Asked const&) {
        world.event(R"("event":"stop")");
        return "\"result\":\"s1\"";
    };
    world.stop();
    EXPECT_TRUE(world.log.has("ends every subscription before it has told a block"))
        << world.log.all();
    EXPECT_EQ(world.spare.opened, 1u);
}

TEST(RpcSourceChainHead, a_block_that_is_not_pinned_is_left_to_history) {
    Pinned world;
    world.start();
    world.take_told();
    world.node.refuse("chainHead_v1_storage", -32801, "Invalid block hash");
    world.grow();
    world.pass(second);
    EXPECT_EQ(world.metric(SourceMetric::holes), 1u);
    EXPECT_EQ(world.metric(SourceMetric::pruned), 1u);
    EXPECT_EQ(world.take_told(), Words{});
}

TEST(RpcSourceChainHead, a_block_is_decoded_with_the_runtime_of_its_parents_state) {
    for (bool const reported : {true, false}) {
        Pinned world;
        world.reports_upgrade = reported;
        world.start();
        world.take_told();
        Block const& last = world.chain.add_upgrade(2'000'001);
        world.tell(last);
        world.grow();
        world.pass(second);
        Words const told = world.take_told();
        EXPECT_EQ(count(told, "runtime 2000001"), 1u) << reported;
        std::vector<std::uint32_t> specs;
        for (auto const& frame : world.collect->frames)
            if (auto const* block = std::get_if<stages::BlockBytes>(&frame.body))
                specs.push_back(block->spec_version);
        EXPECT_EQ(specs, (std::vector<std::uint32_t>{2'000'000, 2'000'000, 2'000'001})) << reported;
    }
}

TEST(RpcSourceChainHead, extrinsics_come_as_an_operation) {
    Settings settings;
    settings.source.attribute = true;
    Pinned world(std::move(settings));
    world.start();
    world.take_told();
    Block const& block = world.grow();
    world.pass(second);
    EXPECT_EQ(world.take_told(), Words{"block 101"});
    Buffer with_body = block.events;
    with_body.insert(with_body.end(), {0x08, 0x04, 0x00});
    EXPECT_EQ(world.collect->payloads.back(), with_body);
}

TEST(RpcSourceChainHead, what_breaks_the_protocol_is_the_nodes_fault) {
    std::string const hash = "\"0x" + std::string(64, '7') + '"';
    for (std::string const& bad :
         {R"("event":"newBlock","blockHash":)" + hash + R"(,"parentBlockHash":)" + hash +
              R"(,"newRuntime":null)",
          R"("event":"bestBlockChanged","bestBlockHash":)" + hash,
          R"("event":"finalized","finalizedBlockHashes":[)" + hash + R"(],"prunedBlockHashes":[])",
          std::string(R"("event":"newBlock","blockHash":"0x12")"),
          std::string(R"("event":"initialized","finalizedBlockHashes":[])"),
          std::string(R"("event":"finalized","finalizedBlockHashes":7)"),
          std::string(R"("x":1)")}) {
        Pinned world(two_urls());
        world.start();
        bool const nameless = bad == R"("x":1)";
        world.event(bad);
        world.settle();
        EXPECT_EQ(world.metric(SourceMetric::disconnects) > 0, !nameless) << bad;
        EXPECT_EQ(world.metric(SourceMetric::malformed), nameless ? 0u : 1u) << bad;
    }
}

TEST(RpcSourceChainHead, notices_of_another_subscription_are_nobodys) {
    Pinned world;
    world.start();
    world.node.send(R"({"jsonrpc":"2.0","method":"chainHead_v1_followEvent",)"
                    R"("params":{"subscription":"other","result":{"event":"stop"}}})");
    world.settle();
    EXPECT_EQ(world.metric(SourceMetric::stops), 0u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
}

TEST(RpcSourceChainHead, a_node_with_neither_is_said_so_and_asked_both_ways_again) {
    SourceWorld world;
    Chain chain;
    world.connect(world.node);
    EXPECT_TRUE(world.log.has("the node refused chainSpec_v1_genesisHash: Method not found"))
        << world.log.all();
    chain.serve(world.node);
    chain.add({});
    world.connect(world.node);
    world.run_for(second);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u) << world.log.all();
}

TEST(RpcSourceChainHead, assets_are_read_before_the_first_block) {
    Settings settings;
    settings.source.asset_maps = {Buffer(32, 0xa0)};
    Pinned world(std::move(settings));
    world.assets = 5;
    world.start();
    world.pass(second);
    Words const told = world.take_told();
    EXPECT_EQ(count(told, "asset"), 5u);
    ASSERT_EQ(told.size(), 9u);
    EXPECT_EQ(told[7], "block 100");
    for (std::size_t i = 0; i < world.collect->frames.size(); ++i)
        if (auto const* asset = std::get_if<stages::AssetBytes>(&world.collect->frames[i].body)) {
            EXPECT_EQ(asset->key_bytes, 32u);
            EXPECT_EQ(world.collect->payloads[i].size(), 35u);
        }
    EXPECT_TRUE(world.log.has("5 assets known")) << world.log.all();
}

TEST(RpcSourceChainHead, stop_in_the_middle_of_the_greeting_begins_it_again) {
    Pinned world;
    world.paused = true;
    world.start();
    for (std::string const& one : std::exchange(world.queue, {}))
        world.node.notice("chainHead_v1_followEvent", one);
    world.run(); // metadata is being asked for
    world.queue.clear();
    world.paused = false;
    world.stop();
    world.pass(second);
    Words const told = world.take_told();
    EXPECT_EQ(count(told, "runtime 2000000"), 1u) << world.log.all();
    EXPECT_EQ(count(told, "block 100"), 1u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u);
}
