// Frames of a history reader become a capture that can be read, and what a node answers becomes
// bytes.
#include "config/node_asker.hpp"
#include "config/recorder.hpp"
#include "config/temporary_folder.hpp"
#include "decoders/header.hpp"

#include <gtest/gtest.h>

using namespace config;
using Bytes = std::vector<std::uint8_t>;

namespace {

class Recording : public testing::Test {
  protected:
    void SetUp() override {
        auto writer = io::CaptureWriter::open(path);
        ASSERT_TRUE(writer);
        RecorderQuestions questions{.header = [](auto const& block) { return Bytes{block[0], 1}; },
                                    .version =
                                        [](auto const& state, auto spec) {
                                            return "{\"of\":" + std::to_string(spec) +
                                                   ",\"at\":" + std::to_string(state[0]) + "}";
                                        },
                                    .assets =
                                        [&](auto const& block) {
                                            ++assets_asked;
                                            return std::vector<io::KeyValue>{
                                                {Bytes{block[0]}, Bytes{7}}};
                                        }};
        recorder.emplace(std::move(*writer), std::move(questions));
        ASSERT_TRUE(recorder->begin({hash(0x91), "{}"}));
    }
    static pipeline::Hash hash(std::uint8_t first) {
        pipeline::Hash made{};
        made[0] = first;
        return made;
    }
    void tell(decltype(stages::Frame::body) const& body, Bytes const& payload = {}) {
        stages::Frame frame;
        frame.body = body;
        ASSERT_TRUE(recorder->take(frame, payload));
    }
    void block(std::uint8_t number, std::uint32_t spec, Bytes const& events, Bytes const& body) {
        Bytes both = events;
        both.insert(both.end(), body.begin(), body.end());
        tell(stages::BlockBytes{{hash(number), number, true, 1'000U * number},
                                spec,
                                static_cast<std::uint32_t>(body.size())},
             both);
        tell(stages::Finalized{hash(number), hash(number - 1), number});
    }
    std::vector<io::CaptureRecord> read() {
        EXPECT_TRUE(recorder->finish());
        std::vector<io::CaptureRecord> all;
        auto reader = io::CaptureReader::open(path);
        EXPECT_TRUE(reader);
        io::CaptureRecord record;
        while (true) {
            auto const more = reader->next(record);
            EXPECT_TRUE(more);
            if (!more || !*more) return all;
            all.push_back(record);
        }
    }

    TemporaryFolder folder{"recorder"};
    std::string const path = folder.path() + "/c.cap";
    std::optional<Recorder> recorder;
    int assets_asked = 0;
};

} // namespace

TEST_F(Recording, holds_each_block_with_its_finality_behind_the_runtime_it_needs) {
    tell(stages::RuntimeBytes{5}, {1, 2, 3});
    block(10, 5, {0xE0}, {0x08, 0xAA, 0xBB, 0x04, 0xCC}); // two extrinsics: of 2 bytes, of 1
    tell(stages::RuntimeBytes{5}, {1, 2, 3}); // the reader has forgotten that it said it
    tell(stages::RuntimeBytes{6}, {4});       // and one whose first block comes later
    block(11, 5, {0xE1}, {});
    block(12, 6, {0xE2}, {});
    io::CaptureBlock first{10,
                           hash(10),
                           hash(9),
                           10'000,
                           5,
                           {10, 1},
                           {0xE0},
                           {{0x08, 0xAA, 0xBB}, {0x04, 0xCC}},
                           {{{10}, {7}}}};
    io::CaptureBlock second{11, hash(11), hash(10), 11'000, 5, {11, 1}, {0xE1}, {}, {}};
    io::CaptureBlock third{12, hash(12), hash(11), 12'000, 6, {12, 1}, {0xE2}, {}, {}};
    std::vector<io::CaptureRecord> const expected{
        io::CaptureChain{hash(0x91), "{}"},
        io::CaptureRuntime{5, R"({"of":5,"at":9})", {1, 2, 3}},
        first,
        io::CaptureFinalized{hash(10)},
        second,
        io::CaptureFinalized{hash(11)},
        io::CaptureRuntime{6, R"({"of":6,"at":11})", {4}},
        third,
        io::CaptureFinalized{hash(12)}};
    EXPECT_EQ(read(), expected);
    EXPECT_EQ(assets_asked, 1);
    EXPECT_EQ(recorder->counts().blocks, 3U);
    EXPECT_EQ(recorder->counts().newest, 12U);
    EXPECT_EQ(recorder->counts().without_body, 2U);
}

TEST_F(Recording, counts_what_is_missing_and_goes_on) {
    tell(stages::Missing{4, 6});
    EXPECT_EQ(recorder->counts().missing, 3U);
    EXPECT_EQ(recorder->counts().newest, 6U);
    EXPECT_EQ(read().size(), 1U);
}

TEST(SplitBody, what_cannot_be_told_apart_is_nothing) {
    EXPECT_EQ(split_body(Bytes{})->size(), 0U);
    EXPECT_EQ(split_body(Bytes{0x08, 1}), std::nullopt);    // two bytes promised
    EXPECT_EQ(split_body(Bytes{0x00, 0x01}), std::nullopt); // a length cut short
}

// A header by hand: three hashes, number 5 as a compact integer, one log of two bytes.
TEST(NodeAnswers, a_header_is_its_scale_bytes) {
    simdjson::dom::parser parser;
    auto const digits = [](char c) { return "\"0x" + std::string(64, c) + '"'; };
    std::string const json = R"({"parentHash":)" + digits('1') + R"(,"number":"0x5","stateRoot":)" +
                             digits('2') + R"(,"extrinsicsRoot":)" + digits('3') +
                             R"(,"digest":{"logs":["0x0801"]}})";
    Bytes expected(32, 0x11);
    expected.push_back(5 << 2);
    expected.insert(expected.end(), 32, 0x22);
    expected.insert(expected.end(), 32, 0x33);
    expected.insert(expected.end(), {1 << 2, 0x08, 0x01});
    EXPECT_EQ(header_in(parser.parse(json).value()), expected);
    EXPECT_EQ(header_in(parser.parse(std::string("\"0x0102\"")).value()), (Bytes{1, 2}));
    EXPECT_EQ(header_in(parser.parse(std::string(R"({"number":"0x5"})")).value()), std::nullopt);
    EXPECT_EQ(hash_in(parser.parse(std::string("\"0x01\""))), std::nullopt);
}
