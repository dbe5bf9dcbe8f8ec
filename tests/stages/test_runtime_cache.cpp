// Metadata on disk: a restart that needs no metadata of the node, and everything that must not be
// believed.
#include "tests/stages/scripted_world.hpp"

#include "decoders/hex.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::Hash;
using stages::RuntimeCache;
using stages::SourceMetric;
using Miss = RuntimeCache::Miss;

namespace {

constexpr std::uint32_t version = 2'000'000;

Hash hash_of(std::uint8_t byte) {
    Hash made;
    made.fill(byte);
    return made;
}

// What was kept of one runtime of code 0xaa….
struct Kept {
    Kept() {
        files.files[stages::metadata_file_name(hash_of(0x91), version)] = "meta, and so on";
        files.files[stages::code_file_name(hash_of(0x91), version)] =
            stages::code_text(hash_of(0xaa), pipeline::as_bytes(std::string_view("meta, and so "
                                                                                 "on")));
    }
    std::expected<std::string, Miss> find(Hash const& code) {
        return stages::StoredRuntimes(std::make_unique<BorrowedFiles>(files))
            .find(hash_of(0x91), version, code);
    }
    std::string& scale() { return files.files[stages::metadata_file_name(hash_of(0x91), version)]; }
    std::string& code() { return files.files[stages::code_file_name(hash_of(0x91), version)]; }
    MemoryFiles files;
};

// One run of the service against a node whose runtime has this code.
struct OneRun {
    OneRun(MemoryFiles& files, std::string code_hash) {
        Settings settings;
        settings.files = &files;
        world.emplace("polkadot", std::move(settings));
        chain.serve(world->node);
        if (!code_hash.empty()) world->node.result("state_getStorageHash", '"' + code_hash + '"');
        chain.add({{.amount = 5}});
        world->connect(world->node);
        chain.announce(world->node, chain.tip());
        world->run();
        alerts = world->lines().size();
        metadata_asked = world->node.count("state_call") + world->node.count("state_getMetadata");
    }
    Chain chain;
    std::optional<PipelineWorld> world;
    std::size_t alerts = 0;
    std::size_t metadata_asked = 0;
};

std::string const code_a = decoders::hex_text(hash_of(0xaa));
std::string const code_b = decoders::hex_text(hash_of(0xbb));

} // namespace

TEST(RuntimeCache, gives_what_was_kept_of_the_same_code) {
    EXPECT_EQ(Kept().find(hash_of(0xaa)), "meta, and so on");
}

TEST(RuntimeCache, other_code_under_the_same_version_is_another_runtime) {
    EXPECT_EQ(Kept().find(hash_of(0xbb)), std::unexpected(Miss::other_code));
}

TEST(RuntimeCache, what_is_not_there_is_absent) {
    Kept kept;
    kept.files.files.erase(stages::code_file_name(hash_of(0x91), version));
    EXPECT_EQ(kept.find(hash_of(0xaa)), std::unexpected(Miss::absent));
    EXPECT_EQ(stages::StoredRuntimes(nullptr).find(hash_of(0x91), version, hash_of(0xaa)),
              std::unexpected(Miss::absent));
}

TEST(RuntimeCache, every_damage_is_seen) {
    Kept cut;
    cut.scale().pop_back();
    EXPECT_EQ(cut.find(hash_of(0xaa)), std::unexpected(Miss::damaged));
    Kept flipped;
    flipped.scale()[7] ^= 1;
    EXPECT_EQ(flipped.find(hash_of(0xaa)), std::unexpected(Miss::damaged));
    Kept gone;
    gone.files.files.erase(stages::metadata_file_name(hash_of(0x91), version));
    EXPECT_EQ(gone.find(hash_of(0xaa)), std::unexpected(Miss::damaged));
    for (std::string const& bad : {std::string(), std::string("0x"), std::string(100'000, 'x')}) {
        Kept kept;
        kept.code() = bad;
        EXPECT_EQ(kept.find(hash_of(0xaa)), std::unexpected(Miss::damaged)) << bad.substr(0, 80);
    }
    Kept large;
    large.scale().resize(stages::StoredRuntimes::metadata_bytes_max + 1);
    EXPECT_EQ(large.find(hash_of(0xaa)), std::unexpected(Miss::damaged));
}

TEST(RuntimeCache, a_restart_asks_for_no_metadata) {
    MemoryFiles files;
    OneRun const first(files, code_a);
    EXPECT_EQ(first.metadata_asked, 2u);
    EXPECT_EQ(first.alerts, 1u);
    auto const before = files.files;
    OneRun const second(files, code_a);
    EXPECT_EQ(second.metadata_asked, 0u);
    EXPECT_EQ(second.alerts, 1u); // and it is the right metadata
    EXPECT_EQ(second.world->metric(SourceMetric::runtimes_cached), 1u);
    EXPECT_EQ(files.files, before);
}

TEST(RuntimeCache, a_restart_with_other_code_asks_for_its_metadata_and_keeps_it) {
    MemoryFiles files;
    OneRun const first(files, code_a);
    OneRun const second(files, code_b);
    EXPECT_EQ(second.metadata_asked, 2u);
    EXPECT_EQ(second.alerts, 1u);
    EXPECT_EQ(second.world->metric(SourceMetric::runtimes_damaged), 0u);
    EXPECT_EQ(OneRun(files, code_b).metadata_asked, 0u);
    EXPECT_EQ(OneRun(files, code_a).metadata_asked, 2u);
}

TEST(RuntimeCache, a_node_that_does_not_name_its_code_is_asked_for_metadata) {
    MemoryFiles files;
    OneRun const first(files, code_a);
    for (std::string const& unknown :
         {std::string(), std::string("0x12"), std::string("no hash"), decoders::hex_text(Hash{})}) {
        OneRun const run(files, unknown);
        EXPECT_EQ(run.metadata_asked, 2u) << unknown;
        EXPECT_EQ(run.alerts, 1u) << unknown;
    }
    EXPECT_EQ(OneRun(files, code_a).metadata_asked, 0u); // what was kept is as it was
}

TEST(RuntimeCache, damaged_metadata_is_counted_and_asked_for) {
    MemoryFiles files;
    OneRun const first(files, code_a);
    for (auto& [name, bytes] : files.files)
        if (name.ends_with(".scale")) bytes[bytes.size() / 2] ^= 0x55;
    OneRun const second(files, code_a);
    EXPECT_EQ(second.metadata_asked, 2u);
    EXPECT_EQ(second.alerts, 1u);
    EXPECT_EQ(second.world->metric(SourceMetric::runtimes_damaged), 1u);
    EXPECT_TRUE(second.world->log.has("is damaged; the node is asked for it"));
}
