// The stand-in Subscan's index over recorded and made-up blocks, and the files of scenarios.
#include "decoders/amount.hpp"
#include "decoders/storage_key.hpp"
#include "stages/standin_subscan_faults.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/stages/standin_subscan_fixture.hpp"

namespace {

using namespace standin_subscan_test;
using stages::StandinIndex;

io::CaptureChain chain_record(std::string_view properties) {
    io::CaptureChain chain;
    chain.description = fmt::format(R"({{"name":"x","properties":{}}})", properties);
    return chain;
}

} // namespace

TEST(StandinIndex, reads_properties_as_nodes_write_them) {
    StandinIndex index;
    ASSERT_TRUE(index.add(
        chain_record(R"({"ss58Format":2,"tokenDecimals":[12,9],"tokenSymbol":["KSM","X"]})")));
    EXPECT_EQ(index.name(), "x");
    EXPECT_EQ(index.ss58_prefix(), 2);
    EXPECT_EQ(index.asset(0).symbol, "KSM");
    EXPECT_EQ(index.asset(0).decimals, 12);
    ASSERT_TRUE(index.add(chain_record(R"({"ss58Format":null})")));
    EXPECT_EQ(index.ss58_prefix(), 42);
    EXPECT_EQ(index.asset(0).symbol, "UNIT");
    EXPECT_EQ(index.asset(0).decimals, 0);
    ASSERT_TRUE(index.add(chain_record(R"({"ss58Format":29972})"))); // Mythos', no SS58 prefix
    EXPECT_EQ(index.ss58_prefix(), 29972);
    decoders::Account account;
    account.size = 32;
    EXPECT_EQ(index.address(account), decoders::ss58_encode(account, 42).view());
    account.size = 20;
    EXPECT_EQ(index.address(account), "0x" + std::string(40, '0'));
    io::CaptureChain nameless;
    nameless.description = "{}";
    EXPECT_FALSE(index.add(nameless).has_value());
    nameless.description = "no";
    EXPECT_FALSE(index.add(nameless).has_value());
}

TEST(StandinIndex, a_block_of_a_known_height_takes_the_place_of_the_one_before) {
    World world(3);
    auto const before = world.subscan.index(0).transfers();
    auto const& old = world.subscan.index(0).blocks().at(1001);
    auto const gone = old.transfers.size();
    ASSERT_GT(gone, 0u);
    io::CaptureBlock other;
    other.number = 1001;
    other.hash.fill(9);
    other.spec_version = old.spec_version;
    other.events = {0};
    auto const old_hash = old.hash;
    ASSERT_TRUE(world.subscan.add(0, other));
    auto const& index = world.subscan.index(0);
    EXPECT_EQ(index.transfers(), before - gone);
    EXPECT_EQ(index.find(old_hash), nullptr);
    ASSERT_NE(index.find(other.hash), nullptr);
    EXPECT_EQ(index.undecoded(), 0u);
    EXPECT_EQ(index.newest(), 1002u);
}

TEST(StandinIndex, forgets_the_oldest_blocks) {
    Asker asker(unlimited(), {.blocks_max = 3});
    Source source(polkadot);
    source.fill(asker.subscan, asker.subscan.add_chain(), 5);
    auto const& index = asker.subscan.index(0);
    EXPECT_EQ(index.blocks().size(), 3u);
    EXPECT_EQ(index.blocks().begin()->first, 1002u);
    std::uint64_t left = 0;
    for (auto const& one : source.meant) left += one.transfer.block >= 1002;
    EXPECT_EQ(index.transfers(), left);
    EXPECT_EQ(asker.page(R"({"row":1})").count, left);
}

TEST(StandinIndex, counts_what_cannot_be_decoded) {
    World world(1);
    io::CaptureBlock garbage;
    garbage.number = 1001;
    garbage.hash.fill(1);
    garbage.spec_version = world.subscan.index(0).blocks().at(1000).spec_version;
    garbage.events = {0x10, 0xff};
    ASSERT_TRUE(world.subscan.add(0, garbage));
    garbage.number = 1002;
    garbage.hash.fill(2);
    garbage.spec_version = 7; // of no runtime that is known
    ASSERT_TRUE(world.subscan.add(0, garbage));
    EXPECT_EQ(world.subscan.index(0).undecoded(), 2u);
    EXPECT_EQ(world.subscan.index(0).newest(), 1002u);
    garbage.number = std::uint64_t{1} << 32; // no chain is that high
    ASSERT_TRUE(world.subscan.add(0, garbage));
    EXPECT_EQ(world.subscan.index(0).newest(), 1002u);
}

TEST(StandinIndex, learns_of_assets_from_what_blocks_write) {
    Asker asker;
    Source source(asset_hub);
    source.fill(asker.subscan, asker.subscan.add_chain(), 12);
    auto const used = std::ranges::find(source.meant, "Assets",
                                        [](Meant const& one) { return one.transfer.pallet; });
    ASSERT_NE(used, source.meant.end());
    // Assets.Metadata: deposit u128, name and symbol as bytes, decimals u8, is_frozen bool.
    auto const prefix = decoders::storage_prefix("Assets", "Metadata");
    std::vector<std::uint8_t> key(prefix.begin(), prefix.end());
    decoders::append_map_key(decoders::Hasher::blake2_128_concat, used->transfer.asset, key);
    std::vector<std::uint8_t> value(16, 0);
    for (char const byte : std::string_view("\x10Test\x10TST1\6\0", 12)) {
        value.push_back(static_cast<std::uint8_t>(byte));
    }
    io::CaptureBlock block;
    block.number = 1012;
    block.hash.fill(3);
    block.spec_version = asker.subscan.index(0).blocks().at(1000).spec_version;
    block.events = {0};
    block.storage.emplace_back(key, value);
    ASSERT_TRUE(asker.subscan.add(0, block));
    auto const page = asker.page(R"({"row":100,"asset_symbol":"TST1"})");
    std::uint64_t meant = 0;
    for (auto const& one : source.meant) {
        meant += one.transfer.pallet == "Assets" && one.transfer.asset == used->transfer.asset;
    }
    EXPECT_EQ(page.count, meant);
    for (auto const& row : page.transfers) {
        auto const digits = std::string(row.amount_v2);
        auto const decimals =
            row.amount.size() - std::min(row.amount.size(), row.amount.find('.') + 1);
        EXPECT_LE(decimals, 6u) << row.amount;
    }
}

// Every recorded block that is decoded by @polkadot/types as well: the same transfers, ORML's
// double reports once.
TEST(StandinIndexCorpus, has_the_recorded_transfers) {
    NEEDS_CORPUS();
    std::size_t blocks = 0, transfers = 0, doubled = 0;
    tests::each_block([&](tests::Block const& block) {
        StandinIndex index;
        ASSERT_TRUE(index.add(chain_record("{}")));
        std::string_view file;
        ASSERT_EQ(block.truth["metadata"].get(file), simdjson::SUCCESS);
        auto const metadata = tests::read_file(tests::corpus_dir() / std::string(file));
        io::CaptureRuntime runtime;
        runtime.spec_version = 1;
        runtime.metadata.assign(metadata.begin(), metadata.end());
        ASSERT_TRUE(index.add(runtime));
        io::CaptureBlock record;
        record.number = 5;
        record.spec_version = 1;
        record.events = block.value;
        ASSERT_TRUE(index.add(record));
        std::set<std::pair<std::uint64_t, std::string>> wanted, found;
        simdjson::dom::array truth;
        ASSERT_EQ(block.truth["transfers"].get(truth), simdjson::SUCCESS);
        std::set<std::string> reported;
        for (auto const one : truth) {
            std::string_view pallet, from, to, amount;
            std::uint64_t event = 0;
            ASSERT_EQ(one["pallet"].get(pallet), simdjson::SUCCESS);
            ASSERT_EQ(one["from"].get(from), simdjson::SUCCESS);
            ASSERT_EQ(one["to"].get(to), simdjson::SUCCESS);
            ASSERT_EQ(one["amount"].get(amount), simdjson::SUCCESS);
            ASSERT_EQ(one["eventIndex"].get(event), simdjson::SUCCESS);
            auto const what = fmt::format("{} {} {}", from, to, amount);
            auto const again = fmt::format("{} {}", what, simdjson::minify(one["extrinsicIndex"]));
            if (pallet == "Currencies" && reported.contains(again)) {
                ++doubled;
                continue;
            }
            reported.insert(again);
            wanted.emplace(event, what);
        }
        for (auto const& one : index.blocks().at(5).transfers) {
            found.emplace(one.event_index,
                          fmt::format("{} {} {}", decoders::hex_text(one.from.bytes()),
                                      decoders::hex_text(one.to.bytes()),
                                      decoders::u128_text(one.amount).view()));
        }
        EXPECT_EQ(found, wanted) << block.name;
        EXPECT_EQ(index.undecoded(), 0u) << block.name;
        ++blocks;
        transfers += found.size();
    });
    EXPECT_GT(blocks, 80u);
    EXPECT_GT(transfers, 80u);
    EXPECT_GE(doubled, 4u);
}

TEST(SubscanScenario, reads_every_key) {
    auto const read = stages::parse_subscan_scenario(R"(
quota_per_second = 7
quota_per_day = 0
lag_blocks = 3
finality_lag_blocks = 4
block_time = "500ms"
[[fault]]
kind = "server_error"
at_request = 9
count = 2
endpoint = "/api/now"
status = 500
[[fault]]
kind = "error_in_200"
code = 10005
[[fault]]
kind = "slow"
delay = "3s"
)",
                                                     "s.toml");
    ASSERT_TRUE(read.has_value()) << read.error();
    EXPECT_EQ(read->quota_per_second, 7u);
    EXPECT_EQ(read->quota_per_day, 0u);
    EXPECT_EQ(read->lag_blocks, 3u);
    EXPECT_EQ(read->finality_lag_blocks, 4u);
    EXPECT_EQ(read->block_time, 500 * pipeline::millisecond);
    ASSERT_EQ(read->faults.size(), 3u);
    EXPECT_EQ(read->faults[0],
              (StandinFault{9, StandinFaultKind::server_error, 2, "/api/now", 500, 400}));
    EXPECT_EQ(read->faults[1].code, 10'005);
    EXPECT_EQ(read->faults[2].delay, 3 * pipeline::second);
    auto const nothing = stages::parse_subscan_scenario("", "s.toml").value();
    EXPECT_EQ(nothing.quota_per_second, 5u);
    EXPECT_EQ(nothing.quota_per_day, 100'000u);
    EXPECT_FALSE(nothing.block_time.has_value());
    for (auto const& row : stages::subscan_fault_kinds) {
        auto const one = fmt::format("[[fault]]\nkind = \"{}\"\n", row.name);
        auto const faults = stages::parse_subscan_scenario(one, "s.toml").value().faults;
        EXPECT_EQ(faults.at(0).kind, row.kind);
    }
}

TEST(SubscanScenario, says_where_and_what_is_wrong) {
    auto const refused = [](std::string_view text) {
        auto const read = stages::parse_subscan_scenario(text, "s.toml");
        EXPECT_FALSE(read.has_value()) << text;
        return read ? std::string() : read.error();
    };
    EXPECT_TRUE(refused("quota_per_second = ").starts_with("s.toml:1:"));
    EXPECT_EQ(refused("lag = 1"),
              "s.toml:1:1: unknown key \"lag\"; a scenario has quota_per_second, quota_per_day, "
              "lag_blocks, finality_lag_blocks, block_time and [[fault]] tables");
    EXPECT_EQ(refused("\nlag_blocks = 1000001"),
              "s.toml:2:14: lag_blocks must be a whole number from 0 to 1000000");
    EXPECT_EQ(refused("quota_per_second = -1"),
              "s.toml:1:20: quota_per_second must be a whole number from 0 to 1000000000");
    EXPECT_TRUE(refused("quota_per_day = 1000000001").starts_with("s.toml:1:17: quota_per_day"));
    EXPECT_TRUE(refused("finality_lag_blocks = \"2\"").starts_with("s.toml:1:23: finality_lag"));
    EXPECT_TRUE(refused("block_time = 6").starts_with("s.toml:1:14: block_time must be a text"));
    EXPECT_TRUE(refused("block_time = \"6\"").starts_with("s.toml:1:14: block_time: a duration"));
    EXPECT_TRUE(refused("block_time = \"0s\"").starts_with("s.toml:1:14: block_time must be more"));
    EXPECT_TRUE(refused("fault = 1").starts_with("s.toml:1:9: fault must be a list"));
    EXPECT_TRUE(refused("fault = [1]").starts_with("s.toml:1:10: fault must be a list"));
    EXPECT_EQ(refused("[[fault]]\ncount = 1"), "s.toml:1:1: a fault needs a kind");
    EXPECT_TRUE(refused("[[fault]]\nkind = \"explode\"")
                    .starts_with("s.toml:2:8: unknown kind of fault; known are limited, "));
    auto const in_fault = [&](std::string const& line) {
        return refused("[[fault]]\nkind = \"slow\"\n" + line);
    };
    EXPECT_EQ(in_fault("at_request = 0"),
              "s.toml:3:14: at_request must be a whole number from 1 to 4294967296");
    EXPECT_TRUE(in_fault("count = 4294967297").starts_with("s.toml:3:9: count must be"));
    EXPECT_TRUE(in_fault("status = 501").starts_with("s.toml:3:10: status must be 500, 502"));
    EXPECT_TRUE(in_fault("status = 404").starts_with("s.toml:3:10: status must be"));
    EXPECT_TRUE(in_fault("code = 0").starts_with("s.toml:3:8: code must be"));
    EXPECT_TRUE(in_fault("delay = 2").starts_with("s.toml:3:9: delay must be a text"));
    EXPECT_TRUE(in_fault("endpoint = \"api\"").starts_with("s.toml:3:12: endpoint must be a path"));
    EXPECT_TRUE(in_fault("endpoint = \"/" + std::string(128, 'a') + "\"")
                    .starts_with("s.toml:3:12: endpoint must be a path"));
    EXPECT_TRUE(in_fault("how = 1").starts_with("s.toml:3:1: unknown key \"how\"; a fault has"));
    std::string many;
    for (std::size_t i = 0; i <= stages::subscan_faults_max; ++i)
        many += "[[fault]]\nkind='slow'\n";
    EXPECT_TRUE(refused(many).ends_with("more than 4096 faults"));
}
