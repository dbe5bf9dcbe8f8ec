// Every real block of the corpus, and every damaged one, through decode, detect, route and deliver.
#include "tests/stages/scripted_feed.hpp"

#include "decoders/samples.hpp"
#include "tests/decoders/corpus.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

using namespace scripted;
using stages::DecodeMetric;

namespace {

using simdjson::dom::element;

std::string text(element from) { return simdjson::minify(from); }
std::string plain(element from) { // a string without its quotes, anything else as it stands
    return from.is_string() ? std::string(from.get_string().value()) : text(from);
}

std::vector<std::string> truth_of(element block) {
    std::vector<std::string> words;
    simdjson::dom::array const transfers = block["transfers"].get_array().value();
    for (auto const transfer : transfers) {
        if (transfer["pallet"].get_string().value() == "Currencies") continue; // doubles another
        element asset, extrinsic;
        bool const named = transfer["assetId"].get(asset) == simdjson::SUCCESS && !asset.is_null();
        bool const inside =
            transfer["extrinsicIndex"].get(extrinsic) == simdjson::SUCCESS && !extrinsic.is_null();
        words.push_back(
            fmt::format("{} {} {}.{} {} {} {} {} {}", text(block["blockNumber"].value()),
                        text(transfer["eventIndex"].value()), plain(transfer["pallet"].value()),
                        plain(transfer["event"].value()), plain(transfer["from"].value()),
                        plain(transfer["to"].value()), plain(transfer["amount"].value()),
                        named ? plain(asset) : "native", inside ? text(extrinsic) : "outside"));
    }
    return words;
}

std::string words_of(element alert) {
    element asset, extrinsic;
    bool const named = alert["asset"]["id"].get(asset) == simdjson::SUCCESS;
    bool const inside =
        alert["event"]["phase"]["ApplyExtrinsic"].get(extrinsic) == simdjson::SUCCESS;
    return fmt::format(
        "{} {} {}.{} {} {} {} {} {}", text(alert["block"]["number"].value()),
        text(alert["event"]["index"].value()), plain(alert["event"]["pallet"].value()),
        plain(alert["event"]["name"].value()), plain(alert["from"]["public_key"].value()),
        plain(alert["to"]["public_key"].value()), plain(alert["amount_raw"].value()),
        named ? plain(asset) : "native", inside ? text(extrinsic) : "outside");
}

std::string metadata_bytes(element record) {
    return tests::read_file(tests::corpus_dir() / plain(record["metadata"].value()));
}

stages::BlockBytes bytes_of(element block) {
    auto made = block_bytes(static_cast<std::uint32_t>(block["blockNumber"].get_uint64().value()));
    auto const hash = tests::from_hex(plain(block["blockHash"].value()));
    std::copy_n(hash.begin(), std::min(hash.size(), made.block.hash.size()),
                made.block.hash.begin());
    return made;
}

} // namespace

TEST(DecodeCorpus, alerts_are_the_transfers_of_every_real_block) {
    NEEDS_CORPUS();
    simdjson::dom::parser parser, lines_parser;
    std::size_t blocks = 0, transfers = 0, events = 0;
    for (auto const& path : tests::files_in("events", ".json")) {
        element const truth = parser.load(path.string()).value();
        Feed feed({everything()}, {plain(truth["chain"].value())});
        feed.tell(dot_facts());
        feed.tell(stages::RuntimeBytes{1}, pipeline::as_bytes(metadata_bytes(truth)));
        auto const value = tests::from_hex(plain(truth["eventsHex"].value()));
        feed.tell(bytes_of(truth), value);

        std::vector<std::string> told;
        for (std::string const& line : feed.take_lines()) {
            element const alert = lines_parser.parse(line).value();
            told.push_back(words_of(alert));
            EXPECT_EQ(plain(alert["block"]["hash"].value()), plain(truth["blockHash"].value()));
            EXPECT_EQ(plain(alert["chain"].value()), plain(truth["chain"].value()));
        }
        EXPECT_EQ(told, truth_of(truth)) << path;
        EXPECT_EQ(feed.decode_page.read(DecodeMetric::incomplete), 0u) << path << feed.log.all();
        EXPECT_EQ(feed.decode_page.read(DecodeMetric::events),
                  truth["eventCount"].get_uint64().value());
        EXPECT_EQ(feed.deliver_page.read(stages::DeliverMetric::blocks), 1u);
        ++blocks;
        transfers += told.size();
        events += feed.decode_page.read(DecodeMetric::events);
    }
    std::cerr << blocks << " blocks, " << events << " events, " << transfers << " transfers\n";
    EXPECT_EQ(blocks, 90u);
    EXPECT_EQ(transfers, 94u);
}

TEST(DecodeCorpus, damaged_events_end_the_block_and_nothing_else) {
    NEEDS_CORPUS();
    simdjson::dom::parser parser, truth_parser;
    auto const all = tests::read_file(tests::corpus_dir() / "malformed" / "events.jsonl");
    std::size_t lines = 0;
    for (std::size_t at = 0; at < all.size(); ++lines) {
        std::size_t const end = std::min(all.find('\n', at), all.size());
        element const damaged = parser.parse(all.substr(at, end - at)).value();
        at = end + 1;
        element const good =
            truth_parser.load((tests::corpus_dir() / plain(damaged["from"].value())).string())
                .value();
        Feed feed;
        feed.tell(dot_facts());
        feed.tell(stages::RuntimeBytes{1}, pipeline::as_bytes(metadata_bytes(damaged)));
        feed.tell(block_bytes(7), tests::from_hex(plain(damaged["eventsHex"].value())));
        std::string const what =
            fmt::format("line {}: {}", lines + 1, plain(damaged["kind"].value()));
        EXPECT_EQ(feed.decode_page.read(DecodeMetric::incomplete), 1u) << what;
        EXPECT_EQ(feed.deliver_page.read(stages::DeliverMetric::incomplete), 1u) << what;
        EXPECT_EQ(feed.log.count("polkadot: decode_incomplete: block 7 (0x0007"), 1u)
            << what << feed.log.all();
        EXPECT_TRUE(feed.log.has("byte")) << what << feed.log.all();
        feed.take_lines();

        auto const value = tests::from_hex(plain(good["eventsHex"].value()));
        feed.tell(bytes_of(good), value);
        EXPECT_EQ(feed.take_lines().size(), truth_of(good).size()) << what;
        EXPECT_EQ(feed.decode_page.read(DecodeMetric::incomplete), 1u) << what;
    }
    EXPECT_EQ(lines, 132u);
}

// Moonriver and its like: 20-byte accounts, from the node's bytes to the line.
TEST(DecodeCorpus, chains_with_short_accounts_alert_all_the_same) {
    NEEDS_CORPUS();
    std::string const name = "metadata/moonriver-2302.v14.scale";
    auto const bytes = tests::read_file(tests::corpus_dir() / name);
    auto const& runtime = tests::runtime_of(name);
    ASSERT_EQ(runtime.account_size(), 20);
    Feed feed;
    auto facts = dot_facts();
    facts.symbol.assign("MOVR");
    facts.decimals = 18;
    feed.tell(facts);
    feed.tell(stages::RuntimeBytes{1}, pipeline::as_bytes(bytes));
    std::size_t transfers = 0;
    std::uint32_t number = 0;
    tests::each_generated([&](tests::Block const& block) {
        if (block.runtime != &runtime) return;
        feed.tell(block_bytes(++number), block.value);
        std::vector<std::string> told;
        simdjson::dom::parser parser;
        for (auto const& line : feed.take_lines()) {
            element const alert = parser.parse(line).value();
            std::string const from = plain(alert["from"]["public_key"].value());
            EXPECT_EQ(from.size(), 2U + 40U);
            EXPECT_EQ(plain(alert["from"]["address"].value()), from);
            told.push_back(fmt::format("{} {} {} {}", text(alert["event"]["index"].value()), from,
                                       plain(alert["to"]["public_key"].value()),
                                       plain(alert["amount_raw"].value())));
        }
        std::vector<std::string> truth;
        simdjson::dom::array const listed = block.truth["transfers"].get_array().value();
        for (auto const transfer : listed)
            truth.push_back(fmt::format("{} {} {} {}", text(transfer["eventIndex"].value()),
                                        plain(transfer["from"].value()),
                                        plain(transfer["to"].value()),
                                        plain(transfer["amount"].value())));
        EXPECT_EQ(told, truth) << block.name;
        transfers += truth.size();
    });
    EXPECT_GT(transfers, 0U);
}

// What Tokens has said, Currencies only repeats; what a contract has moved, Currencies alone says.
TEST(DecodeCorpus, a_transfer_that_only_currencies_tells_is_an_alert) {
    NEEDS_CORPUS();
    auto const bytes = tests::read_file(tests::corpus_dir() / "metadata/hydration-207.v14.scale");
    auto const runtime = decoders::compile(pipeline::as_bytes(bytes)).value();
    decoders::SampleRandom random(5);
    Buffer value{12}; // three events
    auto const say = [&](std::string_view pallet, unsigned amount) {
        auto const events = runtime->movements();
        auto const known = std::ranges::find_if(events, [&](auto const& one) {
            return one.pallet == pallet && one.kind == decoders::MovementKind::transfer;
        });
        ASSERT_NE(known, events.end());
        Buffer event;
        ASSERT_TRUE(decoders::encode_movement(
            *runtime, static_cast<std::size_t>(known - events.begin()), account(1), account(2),
            amount, Buffer{222, 0, 0, 0}, random, event));
        decoders::append_record(0, event, value);
    };
    say("Tokens", 5);
    say("Currencies", 5);
    say("Currencies", 6);
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, pipeline::as_bytes(bytes));
    feed.tell(block_bytes(7), value);
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 2u) << feed.log.all();
    EXPECT_NE(lines[0].find(R"("pallet":"Tokens","name":"Transfer")"), std::string::npos);
    EXPECT_NE(lines[1].find(R"("pallet":"Currencies","name":"Transferred")"), std::string::npos);
    EXPECT_NE(lines[1].find(R"("asset":{"id":"222"},"amount_raw":"6")"), std::string::npos);
    // One asset, whoever names it.
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::assets_unknown), 1u);
}

TEST(Decode, transfers_before_the_fault_are_told) {
    auto const& known = known_runtime("polkadot-2000000.v15");
    auto value = events_of(*known.runtime, {{.amount = 1}, {.amount = 2}, {.amount = 3}});
    value.resize(value.size() - 5);
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    feed.tell(block_bytes(7), value);
    EXPECT_EQ(feed.take_lines().size(), 2u);
    EXPECT_TRUE(feed.log.has("in event 2 (Balances.Transfer)")) << feed.log.all();
}

TEST(Decode, a_block_of_an_unknown_runtime_is_incomplete) {
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(block_bytes(7, 99), Buffer{0});
    EXPECT_TRUE(feed.log.has("its runtime is not known")) << feed.log.all();
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::incomplete), 1u);
}

TEST(Decode, a_runtime_that_has_lost_a_transfer_is_an_incident) {
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known_runtime("asset-hub-polkadot-2000000.v15").bytes);
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::incidents), 0u);
    feed.tell(stages::RuntimeBytes{2}, known_runtime("polkadot-2000000.v15").bytes);
    EXPECT_TRUE(feed.log.has("incident: polkadot: runtime 2 has no Assets.Transferred any more"))
        << feed.log.all();
    auto const incidents = feed.decode_page.read(DecodeMetric::incidents);
    EXPECT_GT(incidents, 0u);
    EXPECT_FALSE(feed.log.has("no Balances.Transfer any more"));
    // An older one, read again for an old block, has lost nothing.
    feed.tell(stages::RuntimeBytes{1}, known_runtime("asset-hub-polkadot-2000000.v15").bytes);
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::incidents), incidents);
}

TEST(Decode, refused_metadata_is_said_and_its_blocks_are_incomplete) {
    auto const& known = known_runtime("polkadot-2000000.v15");
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, Buffer{'m', 'e', 't', 'a', 15, 1, 2, 3});
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::runtimes_rejected), 1u);
    EXPECT_TRUE(feed.log.has("the metadata of runtime 1 cannot be used")) << feed.log.all();
    feed.tell(block_bytes(7), events_of(*known.runtime, {{.amount = 1}}));
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::incomplete), 1u);
    feed.tell(stages::RuntimeBytes{2}, known.bytes);
    feed.tell(block_bytes(8, 2), events_of(*known.runtime, {{.amount = 1}}));
    EXPECT_EQ(feed.take_lines().size(), 1u);
}

TEST(Decode, a_large_block_is_worked_through_in_steps) {
    auto const& known = known_runtime("polkadot-2000000.v15");
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    feed.tell(block_bytes(7), events_of(*known.runtime, std::vector<Sent>(1'000, {.amount = 1})));
    EXPECT_EQ(feed.take_lines().size(), 1'000u);
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::blocks), 1u);
}

TEST(Decode, asset_keys_larger_than_their_payload_are_ignored) {
    auto const& known = known_runtime("asset-hub-polkadot-2000000.v15");
    Feed feed;
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    feed.tell(stages::AssetBytes{4'000'000'000}, Buffer(40, 1));
    feed.tell(stages::AssetBytes{40}, Buffer(40, 1)); // no storage map begins like that
    feed.tell(stages::AssetBytes{0}, {});
    EXPECT_EQ(feed.decode_page.read(DecodeMetric::assets), 0u);
}
