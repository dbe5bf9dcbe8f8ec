// What audited accounts hold: which states are asked, how often, by both sets of methods, and what
// becomes of refusals. The values are AccountInfo as pallet_balances writes it.
#include "tests/stages/scripted_feed.hpp"
#include "tests/stages/scripted_pinned.hpp"

#include "decoders/account_data.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace scripted;
using pipeline::second;
using stages::SourceMetric;
using Words = std::vector<std::string>;

namespace {

// nonce, consumers, providers, sufficients: u32; free, reserved, frozen, flags: u128
Buffer account_info(std::uint8_t free, std::uint8_t reserved) {
    Buffer value(80, 0);
    value[0] = 7;
    value[8] = 1;
    value[16] = free;
    value[32] = reserved;
    value[48] = 99;
    return value;
}

std::string key_text(std::uint8_t who) {
    return decoders::hex_text(decoders::account_storage_key(account(who).bytes()));
}

Settings audited(std::vector<std::uint8_t> const& who) {
    Settings settings;
    for (std::uint8_t const one : who) settings.source.audited.push_back(account(one));
    settings.source.audit_every = 60 * second;
    return settings;
}

struct Auditing : SourceWorld {
    explicit Auditing(std::vector<std::uint8_t> const& who = {3, 4})
        : SourceWorld(audited(who)) {
        chain.serve(node);
        node.result("state_getStorage", '"' + decoders::hex_text(account_info(5, 6)) + '"');
        chain.add({});
        connect(node);
    }
    // The tip at first, then a new block each time.
    Block const& grow() {
        Block const& block = std::exchange(grown_, true) ? chain.add({{.amount = 5}}) : chain.tip();
        chain.announce(node, block);
        run();
        node.notice("chain_finalizedHead", block.header);
        run();
        return block;
    }
    // Only what accounts hold.
    Words holdings() {
        Words words = take_told();
        std::erase_if(words, [](std::string const& one) { return !one.starts_with("account"); });
        return words;
    }
    Chain chain;

  private:
    bool grown_ = false;
};

} // namespace

TEST(RpcSourceAudit, asks_for_every_account_in_the_state_of_a_final_block) {
    Auditing world;
    Block const& block = world.grow();
    EXPECT_EQ(world.holdings(), (Words{"account 3 at 100", "account 4 at 100"}));
    for (auto const who : {std::uint8_t{3}, std::uint8_t{4}})
        EXPECT_EQ(world.node.count("state_getStorage", fmt::format("\"{}\",\"{}\"", key_text(who),
                                                                   decoders::hex_text(block.hash))),
                  1u);
    EXPECT_EQ(world.metric(SourceMetric::holdings), 2u);
    ASSERT_FALSE(world.collect->frames.empty());
    auto const& frame = world.collect->frames.back();
    EXPECT_EQ(world.collect->payloads.back(), account_info(5, 6));
    EXPECT_EQ(std::get<stages::AccountBytes>(frame.body).spec_version, 2'000'000u);
    EXPECT_EQ(std::get<stages::AccountBytes>(frame.body).hash, block.hash);
}

TEST(RpcSourceAudit, a_round_begins_with_the_first_final_block_after_its_time) {
    Auditing world({3});
    world.grow();
    world.grow();
    EXPECT_EQ(world.holdings(), Words{"account 3 at 100"});
    world.clock.advance(59 * second);
    world.grow();
    EXPECT_EQ(world.holdings(), Words{});
    world.clock.advance(second);
    world.grow();
    EXPECT_EQ(world.holdings(), Words{"account 3 at 103"});
}

TEST(RpcSourceAudit, of_many_each_has_its_turn_and_the_audited_are_in_every_round) {
    Settings settings = audited({3});
    for (std::uint8_t who = 100; who < 150; ++who) settings.source.balances.push_back(account(who));
    SourceWorld world(settings);
    Chain chain;
    chain.serve(world.node);
    world.node.result("state_getStorage", "null");
    chain.add({});
    world.connect(world.node);
    for (int round = 0; round < 2; ++round) {
        Block const& block = chain.add({{.amount = 5}});
        chain.announce(world.node, block);
        world.run();
        world.node.notice("chain_finalizedHead", block.header);
        world.run_for(second);
        world.clock.advance(60 * second);
    }
    EXPECT_EQ(world.metric(SourceMetric::holdings), 2u * 49);
    EXPECT_EQ(world.node.count("state_getStorage", key_text(3)), 2u);
    for (std::uint8_t who = 100; who < 150; ++who) // 46 of the 50 a second time
        EXPECT_EQ(world.node.count("state_getStorage", key_text(who)), who < 146 ? 2u : 1u)
            << int{who};
}

TEST(RpcSourceAudit, nobody_is_asked_where_nobody_is_audited) {
    Auditing world(std::vector<std::uint8_t>{});
    world.grow();
    EXPECT_EQ(world.node.count("state_getStorage"), 0u);
}

TEST(RpcSourceAudit, an_account_that_is_not_there_holds_nothing) {
    Auditing world({3});
    world.node.result("state_getStorage", "null");
    world.grow();
    ASSERT_EQ(world.holdings(), Words{"account 3 at 100"});
    EXPECT_TRUE(world.collect->payloads.back().empty());
}

TEST(RpcSourceAudit, what_is_refused_is_said_once_and_asked_again) {
    Auditing world;
    world.node.refuse("state_getStorage", -32601, "not here");
    world.grow();
    EXPECT_EQ(world.holdings(), Words{});
    EXPECT_EQ(world.node.count("state_getStorage"), 1u); // the other one is not asked about
    EXPECT_EQ(world.metric(SourceMetric::holdings_refused), 1u);
    EXPECT_TRUE(world.log.has("the node does not tell what accounts hold: not here. It is asked "
                              "again every 60 s; until it does, nothing is audited"))
        << world.log.all();
    world.clock.advance(60 * second);
    world.grow();
    EXPECT_EQ(world.log.count("does not tell"), 1u);
    EXPECT_EQ(world.metric(SourceMetric::connected), 1u);
    world.node.result("state_getStorage", "null");
    world.clock.advance(60 * second);
    world.grow();
    EXPECT_EQ(world.holdings(), (Words{"account 3 at 102", "account 4 at 102"}));
}

TEST(RpcSourceAudit, a_state_that_is_gone_is_nobodys_fault) {
    Auditing world({3});
    world.node.refuse("state_getStorage", -32000,
                      "Client error: UnknownBlock: State already discarded for 0x00");
    world.grow();
    EXPECT_EQ(world.metric(SourceMetric::holdings_refused), 1u);
    EXPECT_FALSE(world.log.has("does not tell")) << world.log.all();
}

TEST(RpcSourceAudit, answers_that_are_no_value_are_not_believed) {
    for (std::string const& bad :
         {std::string("7"), std::string("[]"), '"' + decoders::hex_text(Buffer(1'025, 1)) + '"'}) {
        Auditing world({3});
        world.node.result("state_getStorage", bad);
        world.grow();
        EXPECT_EQ(world.holdings(), Words{}) << bad;
        EXPECT_EQ(world.metric(SourceMetric::holdings_refused), 1u) << bad;
    }
    Auditing world({3});
    world.node.result("state_getStorage", "\"0xzz\"");
    world.grow();
    EXPECT_TRUE(world.log.has("the node sent a balance: ")) << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::disconnects), 1u);
}

TEST(RpcSourceAudit, a_node_of_the_newer_methods_is_asked_by_operations) {
    Pinned world(audited({3, 4}));
    auto const of_blocks = world.node.answers.at("chainHead_v1_storage");
    world.node.answers["chainHead_v1_storage"] = [&](Asked const& question) {
        for (auto const who : {std::uint8_t{3}, std::uint8_t{4}}) {
            if (question.params.find(key_text(who)) == std::string::npos) continue;
            std::string const id = fmt::format("op{}", ++world.operations);
            if (who == 3)
                world.event(fmt::format(
                    R"("event":"operationStorageItems","operationId":"{}","items":[{{"key":"{}",)"
                    R"("value":"{}"}}])",
                    id, key_text(who), decoders::hex_text(account_info(8, 9))));
            world.event(fmt::format(R"("event":"operationStorageDone","operationId":"{}")", id));
            return std::optional<std::string>(Pinned::started(id));
        }
        return of_blocks(question);
    };
    world.start();
    Block const& block = world.grow();
    world.finalize({&block});
    Words words = world.take_told();
    std::erase_if(words, [](std::string const& one) { return !one.starts_with("account"); });
    EXPECT_EQ(words.size(), 2u) << world.log.all();
    EXPECT_EQ(world.metric(SourceMetric::holdings), 2u);
    EXPECT_TRUE(world.collect->payloads.back().empty()); // 4 is not there
    EXPECT_EQ(world.metric(SourceMetric::malformed), 0u);
}

// ---- decode -------------------------------------------------------------------------------------

TEST(DecodeHoldings, free_and_reserved_are_what_is_held) {
    Feed feed({everything()});
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known_runtime("polkadot-2000000.v15").bytes);
    stages::AccountBytes held{.number = 5, .spec_version = 1, .account = account(3)};
    feed.tell(held, account_info(200, 55));
    feed.tell(held, {});
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::holdings), 2u);
    feed.tell(held, Buffer(79, 0)); // cut off
    feed.tell(held, Buffer(81, 0)); // more than one
    held.spec_version = 9;          // of a runtime nobody knows
    feed.tell(held, account_info(1, 1));
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::holdings), 2u);
    EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::holdings_unread), 3u);
    EXPECT_EQ(feed.log.count("holds no `free` and `reserved` that can be read"), 1u);
    EXPECT_TRUE(feed.take_lines().empty());
}
