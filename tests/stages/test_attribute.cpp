// Transfers and their extrinsics: on real blocks, and on bodies nobody should send.
#include "tests/stages/scripted_feed.hpp"

#include "decoders/hex.hpp"
#include "decoders/samples.hpp"
#include "stages/attribute.hpp"
#include "tests/decoders/corpus.hpp"

#include <gtest/gtest.h>
#include <iostream>
#include <simdjson.h>

using namespace scripted;
using simdjson::dom::element;

namespace {

// The bytes of chain_getBlock's extrinsics, one after the other.
Buffer body_of(element block) {
    Buffer body;
    for (auto const extrinsic : block["rpc"]["block"]["extrinsics"]) {
        auto const bytes = tests::from_hex(std::string_view(extrinsic));
        body.insert(body.end(), bytes.begin(), bytes.end());
    }
    return body;
}

// "hash signer": the signer as the truth has it, the SCALE bytes of a MultiAddress (00: Id).
std::string truth_of(element extrinsic) {
    element signer;
    bool const by_id = extrinsic["signer"].get(signer) == simdjson::SUCCESS && signer.is_string() &&
                       std::string_view(signer).starts_with("0x00");
    return std::string(std::string_view(extrinsic["hash"])) + ' ' +
           (by_id ? "0x" + std::string(std::string_view(signer).substr(4)) : "nobody");
}

std::string words_of(element alert) {
    element signer;
    bool const known = alert["extrinsic"]["signer"]["public_key"].get(signer) == simdjson::SUCCESS;
    return std::string(std::string_view(alert["extrinsic"]["hash"])) + ' ' +
           (known ? std::string(std::string_view(signer)) : "nobody");
}

stages::BlockBytes with_body(std::uint32_t number, std::size_t body_bytes) {
    auto block = block_bytes(number);
    block.body_bytes = static_cast<std::uint32_t>(body_bytes);
    return block;
}

} // namespace

TEST(Attribute, transfers_of_real_blocks_name_their_extrinsics) {
    NEEDS_CORPUS();
    simdjson::dom::parser events_parser, block_parser, line_parser;
    std::size_t attributed = 0;
    for (auto const& path : tests::files_in("blocks", ".json")) {
        auto const events_path = tests::corpus_dir() / "events" / path.filename();
        if (!std::filesystem::exists(events_path)) continue;
        element const events = events_parser.load(events_path.string()).value();
        element const block = block_parser.load(path.string()).value();
        Feed feed({everything()}, {"polkadot"});
        feed.tell(dot_facts());
        auto const metadata = std::string(std::string_view(events["metadata"]));
        feed.tell(stages::RuntimeBytes{1},
                  pipeline::as_bytes(tests::read_file(tests::corpus_dir() / metadata)));
        auto payload = tests::from_hex(std::string_view(events["eventsHex"]));
        auto const body = body_of(block);
        payload.insert(payload.end(), body.begin(), body.end());
        feed.tell(with_body(7, body.size()), payload);
        for (std::string const& line : feed.take_lines()) {
            element const alert = line_parser.parse(line).value();
            element phase;
            if (alert["event"]["phase"]["ApplyExtrinsic"].get(phase) != simdjson::SUCCESS) {
                EXPECT_EQ(line.find("\"extrinsic\""), line.npos) << line;
                continue;
            }
            auto const truth = block["expected"].at(std::uint64_t(phase)).value();
            EXPECT_EQ(words_of(alert), truth_of(truth)) << path << line;
            EXPECT_EQ(std::uint64_t(alert["extrinsic"]["index"]), std::uint64_t(phase));
            ++attributed;
        }
    }
    std::cerr << attributed << " transfers\n";
    EXPECT_GE(attributed, 28u);
}

TEST(Attribute, without_a_body_there_is_no_extrinsic) {
    Feed feed;
    auto const& known = known_runtime("polkadot-2000000.v15");
    feed.tell(dot_facts());
    feed.tell(stages::RuntimeBytes{1}, known.bytes);
    feed.tell(block_bytes(7), events_of(*known.runtime, std::vector<Sent>(1, {.amount = 5})));
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].find("\"extrinsic\""), std::string::npos);
}

TEST(Attribute, bodies_that_are_none_attribute_nothing) {
    auto const& known = known_runtime("polkadot-2000000.v15");
    auto const events = events_of(*known.runtime, std::vector<Sent>(3, {.amount = 5}));
    decoders::SampleRandom random(5);
    for (int round = 0; round < 300; ++round) {
        Buffer payload = events;
        std::size_t const size = random.below(200);
        for (std::size_t i = 0; i < size; ++i)
            payload.push_back(static_cast<std::uint8_t>(random.next()));
        Feed feed;
        feed.tell(dot_facts());
        feed.tell(stages::RuntimeBytes{1}, known.bytes);
        feed.tell(with_body(7, size), payload);
        EXPECT_EQ(feed.take_lines().size(), 3u);
        EXPECT_EQ(feed.decode_page.read(stages::DecodeMetric::incomplete), 0u);
    }
}

TEST(Attribute, the_number_of_extrinsics_is_bounded) {
    stages::Attribution attribution;
    Buffer const body(stages::Attribution::extrinsics_max + 10, 0x00); // each of no bytes
    attribution.start(*known_runtime("polkadot-2000000.v15").runtime, body);
    EXPECT_EQ(attribution.find(0), nullptr);
    EXPECT_EQ(attribution.find(stages::Attribution::extrinsics_max + 5), nullptr);
}
