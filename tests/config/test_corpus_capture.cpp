// The recorded blocks as captures: every block is there, whole, under its real hash where the
// recording has its header.
#include "config/corpus_capture.hpp"
#include "tests/decoders/corpus.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sodium.h>

using namespace config;
namespace fs = std::filesystem;

namespace {

using Key = std::pair<std::string, std::uint64_t>; // chain, number
using Blocks = std::map<Key, io::CaptureBlock>;

Blocks blocks_of(CorpusCaptures const& captures) {
    Blocks blocks;
    for (stages::ChainCapture const& chain : captures.chains)
        for (io::CaptureRecord const& record : chain.records)
            if (auto const* block = std::get_if<io::CaptureBlock>(&record)) {
                EXPECT_TRUE(blocks.emplace(Key{chain.name, block->number}, *block).second)
                    << chain.name << ' ' << block->number << " twice";
            }
    return blocks;
}

std::vector<std::uint8_t> bytes_of(pipeline::Hash const& hash) {
    return {hash.begin(), hash.end()};
}

std::vector<std::uint8_t> blake2b(std::vector<std::uint8_t> const& data) {
    std::vector<std::uint8_t> hash(32);
    crypto_generichash(hash.data(), hash.size(), data.data(), data.size(), nullptr, 0);
    return hash;
}

// Where the recording has the block, too: its header and its extrinsics.
void expect_recorded(io::CaptureBlock const& block, simdjson::dom::element recorded,
                     std::string_view hash, fs::path const& path) {
    EXPECT_EQ(blake2b(block.header), tests::from_hex(hash)) << path;
    EXPECT_EQ(bytes_of(block.hash), tests::from_hex(hash)) << path;
    auto const parent = recorded["block"]["header"]["parentHash"].get_string().value();
    EXPECT_EQ(bytes_of(block.parent), tests::from_hex(parent)) << path;
    auto const extrinsics = recorded["block"]["extrinsics"].get_array().value();
    ASSERT_EQ(block.extrinsics.size(), extrinsics.size()) << path;
    std::size_t index = 0;
    for (auto const extrinsic : extrinsics)
        EXPECT_EQ(block.extrinsics[index++], tests::from_hex(extrinsic.get_string().value()))
            << path;
}

} // namespace

TEST(CorpusCapture, has_every_recorded_block_whole) {
    NEEDS_CORPUS();
    auto const captures = load_corpus(tests::corpus_dir().string());
    ASSERT_TRUE(captures) << captures.error();
    Blocks const blocks = blocks_of(*captures);
    std::size_t all = 0, real = 0;
    simdjson::dom::parser events_parser, block_parser;
    for (fs::path const& path : tests::files_in("events", ".json")) {
        auto const truth = events_parser.load(path.string()).value();
        Key const key{std::string(truth["chain"].get_string().value()),
                      truth["blockNumber"].get_uint64().value()};
        auto const found = blocks.find(key);
        ASSERT_NE(found, blocks.end()) << path;
        EXPECT_EQ(found->second.events, tests::from_hex(truth["eventsHex"].get_string().value()))
            << path;
        EXPECT_EQ(blake2b(found->second.header), bytes_of(found->second.hash)) << path;
        ++all;
        fs::path const recorded = tests::corpus_dir() / "blocks" / path.filename();
        if (!fs::exists(recorded)) continue;
        expect_recorded(found->second, block_parser.load(recorded.string()).value()["rpc"],
                        truth["blockHash"].get_string().value(), path);
        ++real;
    }
    EXPECT_GT(real, 50U);
    std::cout << all << " blocks, " << real << " of them with their real header\n";
}

TEST(CorpusCapture, is_in_the_order_a_node_needs) {
    NEEDS_CORPUS();
    auto const captures = load_corpus(tests::corpus_dir().string());
    ASSERT_TRUE(captures) << captures.error();
    EXPECT_FALSE(captures->notes.empty()); // headers that are made up are told
    for (stages::ChainCapture const& chain : captures->chains) {
        ASSERT_FALSE(chain.records.empty());
        EXPECT_TRUE(std::holds_alternative<io::CaptureChain>(chain.records.front())) << chain.name;
        std::set<std::uint32_t> runtimes;
        std::uint64_t last = 0;
        for (io::CaptureRecord const& record : chain.records) {
            if (auto const* runtime = std::get_if<io::CaptureRuntime>(&record)) {
                runtimes.insert(runtime->spec_version);
                EXPECT_EQ(std::string(runtime->metadata.begin(), runtime->metadata.begin() + 4),
                          "meta");
            }
            auto const* const block = std::get_if<io::CaptureBlock>(&record);
            if (!block) continue;
            EXPECT_TRUE(runtimes.contains(block->spec_version))
                << chain.name << ' ' << block->number;
            EXPECT_GT(block->number, last) << chain.name;
            last = block->number;
        }
    }
}

TEST(CorpusCapture, names_the_folder_that_is_not_there) {
    auto const captures = load_corpus("/nowhere/at/all");
    ASSERT_FALSE(captures);
    EXPECT_NE(captures.error().find("/nowhere/at/all"), std::string::npos) << captures.error();
}

TEST(CorpusCapture, names_the_file_it_cannot_read) {
    fs::path const folder = fs::path(testing::TempDir()) / "damaged-corpus";
    fs::create_directories(folder / "events");
    std::ofstream(folder / "events" / "dot-1.json") << "{\"chain\": ";
    auto const captures = load_corpus(folder.string());
    ASSERT_FALSE(captures);
    EXPECT_NE(captures.error().find("dot-1.json"), std::string::npos) << captures.error();
    fs::remove_all(folder);
}
