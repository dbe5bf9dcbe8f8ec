// Every real block and every generated batch: canonical JSON to the letter, spans, transfers.
#include "decoders/events.hpp"
#include "decoders/hex.hpp"
#include "decoders/value.hpp"
#include "tests/decoders/corpus.hpp"
#include "tests/decoders/json_ways.hpp"

#include <fmt/format.h>
#include <iostream>
#include <set>

namespace {

using namespace decoders;
using pipeline::u128;
using tests::Block;

std::string text(u128 value) {
    std::string out;
    do out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    while ((value /= 10) != 0);
    return out;
}

// A transfer as one line, ours and the truth's.
std::string line_of(Runtime const& runtime, Movement const& transfer) {
    auto const& movement = runtime.movements()[transfer.source];
    std::string asset = "-";
    if (movement.asset == AssetKind::by_id) {
        asset.clear();
        EXPECT_TRUE(value_to_json(runtime, movement.asset_type, transfer.asset, asset));
    }
    auto const extrinsic = transfer.phase == Phase::apply_extrinsic
                             ? std::to_string(transfer.extrinsic_index)
                             : "null";
    return fmt::format("{} {} {}.{} {} {} {} {}", transfer.event_index, extrinsic, movement.pallet,
                       movement.event, hex_text(transfer.from.bytes()),
                       hex_text(transfer.to.bytes()), text(transfer.amount), asset);
}
std::string line_of(simdjson::dom::element truth) {
    auto const string = [&](char const* key) { return std::string_view(truth[key]); };
    simdjson::dom::element asset;
    bool const native = truth["assetId"].get(asset) != simdjson::SUCCESS || asset.is_null();
    return fmt::format("{} {} {}.{} {} {} {} {}", simdjson::minify(truth["eventIndex"].value()),
                       simdjson::minify(truth["extrinsicIndex"].value()), string("pallet"),
                       string("event"), string("from"), string("to"), string("amount"),
                       native ? "-" : simdjson::minify(asset));
}

std::size_t check_json(Block const& block) {
    auto const told = tests::events_json(*block.runtime, block.value);
    EXPECT_FALSE(told.fault) << block.name << ": " << describe(*block.runtime, *told.fault);
    auto const& lines = told.lines;
    std::size_t index = 0;
    for (auto const event : block.truth["expected"]) {
        auto const expected = tests::expected_line(event);
        if (index >= lines.size() || lines[index] != expected) {
            ADD_FAILURE() << block.name << " event " << index << "\nwant " << expected << "\nhave "
                          << (index < lines.size() ? lines[index] : "nothing");
            return index;
        }
        ++index;
    }
    EXPECT_EQ(lines.size(), index) << block.name;
    return index;
}

// The transfers of the truth, without those that Currencies has only repeated.
std::vector<std::string> expected_transfers(Block const& block) {
    std::vector<std::string> out;
    std::multiset<std::string> unpaired;
    for (auto const transfer : block.truth["transfers"]) {
        auto const index = std::uint64_t(transfer["eventIndex"]);
        auto const phase = block.truth["expected"].at(index)["phase"].value();
        auto const same =
            fmt::format("{} {} {} {}", simdjson::minify(phase), std::string_view(transfer["from"]),
                        std::string_view(transfer["to"]), std::string_view(transfer["amount"]));
        if (std::string_view(transfer["pallet"]) == "Currencies") {
            auto const at = unpaired.find(same);
            if (at != unpaired.end()) {
                unpaired.erase(at);
                continue;
            }
        } else {
            unpaired.insert(same);
        }
        out.push_back(line_of(transfer));
    }
    return out;
}

std::size_t check_transfers(Block const& block) {
    auto const expected = expected_transfers(block);
    std::vector<std::string> found;
    auto const scanned = scan_transfers(*block.runtime, block.value, [&](Movement const& transfer) {
        found.push_back(line_of(*block.runtime, transfer));
    });
    EXPECT_TRUE(scanned.has_value())
        << block.name << ": " << describe(*block.runtime, scanned.error());
    EXPECT_EQ(found, expected) << block.name;
    if (scanned) {
        EXPECT_EQ(scanned->events, block.truth["expected"].get_array().size()) << block.name;
        EXPECT_EQ(scanned->movements, expected.size());
    }
    return expected.size();
}

void check_spans(Block const& block) {
    std::vector<std::array<std::size_t, 2>> expected;
    for (auto const event : block.truth["expected"]) {
        expected.push_back({std::size_t(std::uint64_t(event["span"].at(0))),
                            std::size_t(std::uint64_t(event["span"].at(1)))});
    }
    std::vector<std::array<std::size_t, 2>> found;
    auto const done = walk_event_spans(
        *block.runtime, block.value,
        [&](std::uint32_t, std::size_t begin, std::size_t end) { found.push_back({begin, end}); });
    EXPECT_TRUE(done.has_value()) << block.name;
    EXPECT_EQ(found, expected) << block.name;
}

struct Totals {
    std::size_t values = 0, events = 0, transfers = 0;
};
void check(Block const& block, Totals& totals) {
    ++totals.values;
    totals.events += check_json(block);
    totals.transfers += check_transfers(block);
    check_spans(block);
}

} // namespace

TEST(Events, real_blocks_decode_to_the_letter) {
    NEEDS_CORPUS();
    Totals totals;
    tests::each_block([&](Block const& block) { check(block, totals); });
    std::cerr << totals.values << " blocks, " << totals.events << " events, " << totals.transfers
              << " transfers\n";
    EXPECT_GT(totals.values, 50u);
}

TEST(Events, generated_batches_decode_to_the_letter) {
    NEEDS_CORPUS();
    Totals totals;
    tests::each_generated([&](Block const& block) { check(block, totals); });
    std::cerr << totals.values << " batches, " << totals.events << " events, " << totals.transfers
              << " transfers\n";
    EXPECT_GT(totals.events, 10'000u);
}
