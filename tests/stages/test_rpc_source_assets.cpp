// Assets besides the native token: asked for while greeting, described by the chain's own metadata.
#include "tests/stages/scripted_feed.hpp"

#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace scripted;
using stages::SourceMetric;
using Words = std::vector<std::string>;

namespace {

Buffer prefix() {
    auto const key = decoders::storage_prefix("Assets", "Metadata");
    return {key.begin(), key.end()};
}

// Assets.Metadata of asset `id`: blake2_128_concat of a u32.
Buffer key_of(std::uint32_t id) {
    Buffer key = prefix(), number;
    for (int i = 0; i < 4; ++i) number.push_back(static_cast<std::uint8_t>(id >> (8 * i)));
    decoders::append_map_key(decoders::Hasher::blake2_128_concat, number, key);
    return key;
}

// {deposit: u128, name: Vec<u8>, symbol: Vec<u8>, decimals: u8, is_frozen: bool}
Buffer description(std::string_view symbol, std::uint8_t decimals) {
    Buffer value(16, 0);
    for (std::string_view text : {std::string_view("a name"), symbol}) {
        decoders::append_compact(text.size(), value);
        value.insert(value.end(), text.begin(), text.end());
    }
    value.push_back(decimals);
    value.push_back(0);
    return value;
}

struct Assets : SourceWorld {
    static Settings settings() {
        Settings made;
        made.source.asset_maps = {prefix()};
        made.source.name = "hub";
        return made;
    }
    // A node with `count` assets, listed in pages as nodes do.
    explicit Assets(std::uint32_t count)
        : SourceWorld(settings()) {
        chain.serve(node);
        chain.add({});
        node.answers["state_getKeysPaged"] = [count](Asked const& question) {
            std::string list;
            std::uint32_t first = 1;
            for (std::uint32_t i = 1; i <= count; ++i)
                if (question.params.find(decoders::hex_text(key_of(i))) != std::string::npos)
                    first = i + 1;
            for (std::uint32_t i = first; i <= count && i < first + 500; ++i)
                list +=
                    fmt::format("{}\"{}\"", list.empty() ? "" : ",", decoders::hex_text(key_of(i)));
            return "\"result\":[" + list + ']';
        };
        node.result("state_getStorage", '"' + decoders::hex_text(description("USDt", 6)) + '"');
    }
    std::size_t assets() {
        auto const words = take_told();
        return static_cast<std::size_t>(std::count(words.begin(), words.end(), "asset"));
    }
    Chain chain;
};

} // namespace

TEST(RpcSourceAssets, are_described_before_the_first_block) {
    Assets world(3);
    world.connect(world.node);
    world.chain.announce(world.node, world.chain.tip());
    world.run();
    EXPECT_EQ(world.take_told(),
              (Words{"facts DOT", "runtime 2000000", "asset", "asset", "asset", "block 100"}));
    EXPECT_TRUE(world.log.has("hub: 127.0.0.1:9944: 3 assets known")) << world.log.all();
    Buffer payload = key_of(1);
    auto const value = description("USDt", 6);
    payload.insert(payload.end(), value.begin(), value.end());
    EXPECT_EQ(world.collect->payloads[2], payload);
}

TEST(RpcSourceAssets, come_in_pages) {
    Assets world(1'203);
    world.connect(world.node);
    world.run_for(pipeline::second);
    EXPECT_EQ(world.node.count("state_getKeysPaged"), 3u);
    EXPECT_EQ(world.assets(), 1'203u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
}

TEST(RpcSourceAssets, exactly_one_page_asks_for_one_more) {
    Assets world(500);
    world.connect(world.node);
    EXPECT_EQ(world.assets(), 500u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
}

TEST(RpcSourceAssets, refused_or_bad_lists_are_no_obstacle) {
    for (std::string_view bad : {R"("result":null)", R"("result":7)", R"("result":["0xzz"])",
                                 R"("error":{"code":-32601,"message":"no"})"}) {
        Assets world(3);
        world.node.answer("state_getKeysPaged", std::string(bad));
        world.connect(world.node);
        world.chain.announce(world.node, world.chain.tip());
        world.run();
        EXPECT_EQ(world.last_told(), "block 100") << bad << world.log.all();
    }
}

TEST(RpcSourceAssets, values_that_are_not_there_are_no_obstacle) {
    for (std::string_view bad : {R"("result":null)", R"("error":{"code":-1,"message":"no"})"}) {
        Assets world(3);
        world.node.answer("state_getStorage", std::string(bad));
        world.connect(world.node);
        world.chain.announce(world.node, world.chain.tip());
        world.run();
        EXPECT_EQ(world.assets(), 0u) << bad;
        EXPECT_EQ(world.metric(SourceMetric::connected), 1u) << world.log.all();
    }
}

TEST(RpcSourceAssets, a_described_asset_is_shown_in_its_own_tokens) {
    auto const& known = known_runtime("asset-hub-polkadot-2000000.v15");
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    Buffer payload = key_of(1984);
    auto const key_bytes = static_cast<std::uint32_t>(payload.size());
    auto const value = description("USDt", 6);
    payload.insert(payload.end(), value.begin(), value.end());
    feed.tell(stages::AssetBytes{key_bytes}, payload);
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::assets), 1u);

    auto const movements = known.runtime->movements();
    std::size_t row = 0;
    while (movements[row].pallet != "Assets") ++row;
    decoders::SampleRandom random(3);
    Buffer event, events{4};
    ASSERT_TRUE(decoders::encode_movement(*known.runtime, row, account(1), account(2), 1'500'000,
                                          Buffer{0xc0, 0x07, 0, 0}, random, event));
    decoders::append_record(0, event, events);
    feed.tell(block_bytes(7), events);
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find(R"("asset":{"symbol":"USDt","decimals":6,"id":"1984"},"amount":"1.5")"),
              std::string::npos)
        << lines[0];
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::assets_unknown), 0u);
}
