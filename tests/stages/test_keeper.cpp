// What the keeper puts on disk: metadata once, dead letters as text that can be read back.
#include "tests/stages/scripted_feed.hpp"

#include "decoders/hex.hpp"
#include "decoders/runtime.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

using namespace scripted;
using stages::DecodeMetric;
using stages::KeeperMetric;

namespace {

// One event of a pallet that no runtime has.
Buffer const garbage{0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfe, 0x00, 0x00};

struct Kept : Feed {
    Kept() {
        tell(dot_facts());
        tell(stages::RuntimeBytes{1}, known_runtime("polkadot-2000000.v15").bytes);
    }
    std::string genesis() const { return decoders::hex_text(dot_facts().genesis); }
};

} // namespace

TEST(Keeper, metadata_is_written_once_under_its_chain_and_version) {
    Kept feed;
    std::string const name = "metadata/" + feed.genesis() + "-1.scale";
    ASSERT_EQ(feed.files->files.size(), 1u);
    ASSERT_TRUE(feed.files->exists(name));
    EXPECT_EQ(pipeline::as_bytes(feed.files->files[name]).size(),
              known_runtime("polkadot-2000000.v15").bytes.size());
    feed.files->files[name] = "as it was";
    feed.tell(stages::RuntimeBytes{1}, known_runtime("polkadot-2000000.v15").bytes);
    EXPECT_EQ(feed.files->files[name], "as it was");
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::runtimes), 1u);
}

TEST(Keeper, a_dead_letter_holds_the_fault_and_every_byte) {
    Kept feed;
    feed.tell(block_bytes(7), garbage);
    ASSERT_EQ(feed.keeper_page.read(KeeperMetric::dead_letters), 1u) << feed.log.all();
    auto const block = block_bytes(7).block;
    std::string const name =
        "dead-letters/polkadot-7-" + decoders::hex_text(block.hash).substr(2, 8) + ".json";
    ASSERT_TRUE(feed.files->exists(name));
    simdjson::dom::parser parser;
    simdjson::dom::element const letter = parser.parse(feed.files->files[name]).value();
    EXPECT_EQ(std::string_view(letter["events"]), decoders::hex_text(garbage));
    EXPECT_EQ(std::string_view(letter["metadata"]), "metadata/" + feed.genesis() + "-1.scale");
    EXPECT_EQ(std::uint64_t(letter["spec_version"]), 1u);
    EXPECT_EQ(std::uint64_t(letter["block"]["number"]), 7u);
    EXPECT_EQ(std::string_view(letter["block"]["hash"]), decoders::hex_text(block.hash));
    EXPECT_EQ(std::string_view(letter["chain"]), "polkadot");
    EXPECT_EQ(std::uint64_t(letter["events_read"]), 0u);
    std::string_view const fault = letter["fault"];
    EXPECT_NE(fault.find("at byte 6"), fault.npos) << fault;
    EXPECT_NE(fault.find("event 0"), fault.npos) << fault;
}

TEST(Keeper, a_block_without_its_runtime_is_a_dead_letter_too) {
    Feed feed;
    feed.tell(dot_facts());
    feed.tell(block_bytes(7, 99), garbage);
    ASSERT_EQ(feed.files->files.size(), 1u);
    EXPECT_NE(feed.files->files.begin()->second.find("its runtime is not known"),
              std::string::npos);
}

TEST(Keeper, names_of_chains_do_not_leave_the_folder) {
    Feed feed({everything()}, {"../../etc/x"});
    feed.tell(dot_facts());
    feed.tell(block_bytes(7, 99), garbage);
    ASSERT_EQ(feed.files->files.size(), 1u);
    EXPECT_EQ(feed.files->files.begin()->first.substr(0, 27), "dead-letters/______etc_x-7-");
}

TEST(Keeper, a_full_disk_is_said_and_the_chain_goes_on) {
    Kept feed;
    feed.files->full = true;
    feed.tell(block_bytes(7), garbage);
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::not_kept), 1u);
    EXPECT_TRUE(feed.log.has("no space left on device")) << feed.log.all();
    EXPECT_EQ(feed.deliver_page.read(stages::DeliverMetric::incomplete), 1u);
}

TEST(Keeper, dead_letters_have_a_limit) {
    Kept feed;
    std::uint32_t const beyond = stages::Keeper::dead_letters_max + 3;
    for (std::uint32_t i = 0; i < beyond; ++i) feed.tell(block_bytes(10 + i), garbage);
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::dead_letters), stages::Keeper::dead_letters_max);
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::not_kept), 3u);
    EXPECT_TRUE(feed.log.has("no more until the next start"));
}

TEST(Keeper, what_finds_no_room_in_the_link_is_counted) {
    Kept feed;
    Buffer const large(5 << 20, 0x01); // more than the link's arena
    Buffer const value = [&] {
        Buffer bytes = garbage;
        bytes.insert(bytes.end(), large.begin(), large.end());
        return bytes;
    }();
    feed.tell(block_bytes(7), Buffer(value.begin(), value.begin() + (3 << 20)));
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::dead_letters), 1u);
    for (std::uint32_t i = 0; i < 2; ++i)
        feed.push(block_bytes(8 + i), Buffer(value.begin(), value.begin() + (1 << 20)));
    feed.run();
    EXPECT_EQ(feed.keeper_page.read(KeeperMetric::dead_letters) +
                  feed.decode_page.read(DecodeMetric::not_kept) +
                  feed.keeper_page.read(KeeperMetric::not_kept),
              3u);
}
