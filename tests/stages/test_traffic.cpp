// Traffic on every runtime of tests/data: each event is consumed by the decoder, and the transfers
// it finds are those the generator meant.
#include "decoders/account_data.hpp"
#include "decoders/events_json.hpp"
#include "decoders/hash.hpp"
#include "decoders/storage_key.hpp"
#include "decoders/value.hpp"
#include "io/files.hpp"
#include "stages/runtime_version.hpp"
#include "stages/standin_header.hpp"
#include "stages/traffic.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <simdjson.h>

namespace {

using stages::Traffic;
using stages::TrafficOptions;
using stages::TrafficTransfer;

std::vector<std::string> metadata_files() {
    std::vector<std::string> files;
    for (auto const& entry : std::filesystem::directory_iterator("tests/data/metadata")) {
        if (entry.path().extension() == ".scale") files.push_back(entry.path().string());
    }
    std::ranges::sort(files);
    return files;
}

std::vector<std::uint8_t> contents(std::string const& path) {
    auto const read = io::read_file(path);
    EXPECT_TRUE(read) << path;
    if (!read) return {};
    return {read->begin(), read->end()};
}

struct Source {
    std::vector<std::uint8_t> metadata;
    std::unique_ptr<decoders::Runtime const> runtime;
    std::unique_ptr<Traffic> traffic;

    explicit Source(std::string const& path, TrafficOptions options = {})
        : metadata(contents(path)) {
        auto compiled = decoders::compile(metadata);
        EXPECT_TRUE(compiled) << path;
        runtime = std::move(*compiled);
        auto made = Traffic::create(std::move(options), *runtime, metadata);
        EXPECT_TRUE(made) << (made ? "" : made.error());
        traffic = std::move(*made);
    }
    io::CaptureBlock block() {
        for (;;) {
            auto record = traffic->next();
            if (auto* found = std::get_if<io::CaptureBlock>(&*record)) return std::move(*found);
        }
    }
};

void expect_same(decoders::Runtime const& runtime, decoders::Movement const& found,
                 TrafficTransfer const& meant) {
    auto const& movement = runtime.movements()[found.source];
    EXPECT_EQ(movement.pallet, meant.pallet);
    EXPECT_EQ(movement.event, meant.event);
    EXPECT_EQ(found.event_index, meant.event_index);
    EXPECT_EQ(found.phase, decoders::Phase::apply_extrinsic);
    EXPECT_EQ(found.extrinsic_index, meant.extrinsic_index);
    EXPECT_TRUE(found.from == meant.from);
    EXPECT_TRUE(found.to == meant.to);
    EXPECT_TRUE(found.amount == meant.amount);
    EXPECT_TRUE(std::ranges::equal(found.asset, meant.asset));
}

class TrafficOn : public testing::TestWithParam<std::string> {};

TEST_P(TrafficOn, decodes_to_the_transfers_that_were_meant) {
    Source source(GetParam());
    for (int i = 0; i < 50; ++i) {
        io::CaptureBlock const block = source.block();
        auto const& meant = source.traffic->transfers();
        std::size_t next = 0;
        auto const scanned =
            scan_transfers(*source.runtime, block.events, [&](decoders::Movement const& found) {
                ASSERT_LT(next, meant.size());
                expect_same(*source.runtime, found, meant[next++]);
            });
        ASSERT_TRUE(scanned) << describe(*source.runtime, scanned.error());
        EXPECT_EQ(next, meant.size());
        EXPECT_GE(scanned->events, 20U);
        EXPECT_LE(scanned->events, 220U);
        auto const told = walk_events_json(*source.runtime, block.events, [](std::string_view) {});
        ASSERT_TRUE(told);
        EXPECT_EQ(*told, scanned->events);
    }
}

TEST_P(TrafficOn, headers_chain_and_hash_to_their_name) {
    Source source(GetParam());
    io::CaptureBlock previous = source.block();
    for (int i = 0; i < 10; ++i) {
        io::CaptureBlock const block = source.block();
        auto const header = stages::decode_header(block.header);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->number, block.number);
        EXPECT_EQ(header->parent, previous.hash);
        EXPECT_EQ(block.parent, previous.hash);
        EXPECT_EQ(block.number, previous.number + 1);
        EXPECT_EQ(block.timestamp_ms, previous.timestamp_ms + 6000);
        EXPECT_EQ(decoders::blake2b_256(block.header), block.hash);
        previous = block;
    }
}

TEST_P(TrafficOn, same_seed_same_bytes) {
    TrafficOptions other;
    other.seed = 2;
    Source first(GetParam());
    Source second(GetParam());
    Source third(GetParam(), other);
    for (int i = 0; i < 5; ++i) {
        io::CaptureBlock const block = first.block();
        EXPECT_EQ(block, second.block());
        EXPECT_NE(block.events, third.block().events);
    }
}

// The version object is the node's own, published with the metadata; see tests/data/NOTICE.
TEST_P(TrafficOn, runtime_version_is_what_the_node_said) {
    Source const source(GetParam());
    std::string path = GetParam();
    path.resize(path.rfind(".v"));
    simdjson::dom::parser parsers[2];
    auto const ours = stages::runtime_version_json(*source.runtime);
    ASSERT_TRUE(ours) << ours.error();
    simdjson::dom::element made;
    simdjson::dom::element published;
    ASSERT_EQ(parsers[0].parse(*ours).get(made), simdjson::SUCCESS) << *ours;
    ASSERT_EQ(parsers[1].load(path + ".version.json").get(published), simdjson::SUCCESS) << path;
    simdjson::dom::object object;
    ASSERT_EQ(published.get(object), simdjson::SUCCESS);
    for (auto const field : object) {
        simdjson::dom::element same;
        ASSERT_EQ(made[field.key].get(same), simdjson::SUCCESS) << field.key;
        EXPECT_EQ(simdjson::minify(same), simdjson::minify(field.value)) << field.key;
    }
}

INSTANTIATE_TEST_SUITE_P(Runtimes, TrafficOn, testing::ValuesIn(metadata_files()),
                         [](auto const& file) {
                             std::string name = std::filesystem::path(file.param).stem().string();
                             for (char& c : name) {
                                 if (!isalnum(static_cast<unsigned char>(c))) c = '_';
                             }
                             return name;
                         });

TEST(Traffic, whales_pass_every_few_blocks_and_a_million_sometimes) {
    Source source("tests/data/metadata/polkadot-2000000.v15.scale");
    int whale_blocks = 0;
    int millions = 0;
    std::size_t all = 0;
    pipeline::u128 const token = 10'000'000'000;
    for (int i = 0; i < 300; ++i) {
        source.block();
        bool whale = false;
        for (auto const& transfer : source.traffic->transfers()) {
            whale = whale || transfer.amount >= 10'000 * token;
            millions += transfer.amount >= 1'000'000 * token;
            ++all;
        }
        whale_blocks += whale;
    }
    EXPECT_GT(whale_blocks, 30);
    EXPECT_LT(whale_blocks, 200);
    EXPECT_GT(millions, 2);
    EXPECT_LT(millions, 60);
    EXPECT_GT(all, 1500U);
}

TEST(Traffic, asset_metadata_is_written_with_the_first_block) {
    Source source("tests/data/metadata/asset-hub-polkadot-2000000.v15.scale");
    io::CaptureBlock const block = source.block();
    ASSERT_FALSE(block.storage.empty());
    auto const* const entry = source.runtime->metadata().find_storage("Assets", "Metadata");
    ASSERT_NE(entry, nullptr);
    bool usdt = false;
    auto const is_account = [](io::KeyValue const& one) {
        auto const prefix = decoders::system_account_key();
        return std::equal(prefix.begin(), prefix.end(), one.first.begin());
    };
    for (auto const& [key, value] : block.storage) {
        if (is_account({key, value})) continue;
        auto const token = token_info(*source.runtime, entry->value, value);
        ASSERT_TRUE(token);
        EXPECT_TRUE(token->symbol && token->decimals);
        usdt = usdt || (token->symbol == "USDT" && token->decimals == 6);
    }
    EXPECT_TRUE(usdt);
    EXPECT_TRUE(std::ranges::all_of(source.block().storage, is_account));
}

// Their balances are in the state of every block as the transfers that were meant have made them.
TEST(Traffic, whales_keep_books) {
    for (std::string const name : {"polkadot-2000000.v15", "asset-hub-polkadot-2000000.v15"}) {
        Source source("tests/data/metadata/" + name + ".scale");
        std::map<std::vector<std::uint8_t>, pipeline::u128> truth, told;
        std::size_t changes = 0;
        for (int i = 0; i < 300; ++i) {
            io::CaptureBlock const block = source.block();
            for (std::size_t whale = 0; i == 0 && whale < 6; ++whale)
                truth[decoders::account_storage_key(source.traffic->population()[whale].bytes())] =
                    pipeline::u128{1'000'000'000} * 10'000'000'000;
            for (auto const& moved : source.traffic->transfers()) {
                if (!moved.asset.empty()) continue;
                auto const from = truth.find(decoders::account_storage_key(moved.from.bytes()));
                auto const to = truth.find(decoders::account_storage_key(moved.to.bytes()));
                if (from != truth.end()) from->second -= moved.amount;
                if (to != truth.end()) to->second += moved.amount;
            }
            for (auto const& [key, value] : block.storage)
                if (truth.contains(key)) {
                    told[key] = decoders::held_in(*source.runtime, value).value();
                    ++changes;
                }
            ASSERT_EQ(told, truth) << name << ", block " << i;
        }
        EXPECT_GT(changes, 40U) << name;
    }
}

} // namespace
