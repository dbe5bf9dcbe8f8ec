// The audit trail: its seal, and what breaks it.
#include "stages/journal_audit.hpp"
#include "stages/journal_schema.hpp"
#include "tests/io/faulty_vfs.hpp"
#include "tests/stages/journal_fixture.hpp"

namespace stages::testing {
namespace {

constexpr AuditEntry first{1'763'626'512'000, 7, "uid 0 (root)", "flag set", "0", "15",
                           "first canary"};
constexpr AuditEntry second{1'763'626'513'000, 8, "health", "rollback", "15", "0", ""};
// Worked out with Python's hashlib.
constexpr std::string_view first_hash =
    "0xc3018795d52aef3b7a366ae8db2baf27ba61a454c125b47086eebd3a9f1438cc";
constexpr std::string_view second_hash =
    "0x503a55209164622dfca84c4e604bbca45968d62d58d1e1ab7f8394ecf3a58ee9";

struct Trail {
    Directory directory;
    std::string path = directory / "alerts.db";
    std::unique_ptr<AuditTrail> trail = open();

    std::unique_ptr<AuditTrail> open(io::DatabaseOptions const& options = {}) const {
        auto opened = AuditTrail::open(path, options);
        EXPECT_TRUE(opened) << describe(opened.error());
        return opened ? std::move(*opened) : nullptr;
    }
    Words read(std::uint64_t since = 0) const {
        Words words;
        EXPECT_TRUE(trail->read(since, [&](AuditRow const& row) {
            AuditEntry const& entry = row.entry;
            words.push_back(fmt::format("{} {} {} {} {}->{} '{}' {} {}", row.seq, entry.time_ms,
                                        entry.actor, entry.action, entry.from, entry.to,
                                        entry.reason, entry.epoch, decoders::hex_text(row.hash)));
            return true;
        }));
        return words;
    }
    std::optional<std::int64_t> forgery() const {
        auto const found = trail->find_forgery();
        EXPECT_TRUE(found) << describe(found.error());
        return found ? *found : std::nullopt;
    }
};

TEST(JournalAudit, rows_are_sealed_as_an_independent_implementation_does) {
    Trail world;
    EXPECT_EQ(world.forgery(), std::nullopt);
    EXPECT_EQ(*world.trail->record(first), 1);
    world.trail.reset();
    world.trail = world.open();
    EXPECT_EQ(*world.trail->record(second), 2);
    EXPECT_EQ(world.read(),
              (Words{"1 1763626512000 uid 0 (root) flag set 0->15 'first canary' 7 " +
                         std::string(first_hash),
                     "2 1763626513000 health rollback 15->0 '' 8 " + std::string(second_hash)}));
    EXPECT_EQ(world.read(second.time_ms).size(), 1U);
    EXPECT_EQ(world.forgery(), std::nullopt);
}

TEST(JournalAudit, every_change_of_a_row_is_found) {
    for (auto const& [forgery, where] : std::initializer_list<std::pair<char const*, int>>{
             {"UPDATE audit SET actor = 'nobody' WHERE seq = 2", 2},
             {"UPDATE audit SET action = 'x' WHERE seq = 2", 2},
             {"UPDATE audit SET \"from\" = '1' WHERE seq = 2", 2},
             {"UPDATE audit SET \"to\" = '1' WHERE seq = 2", 2},
             {"UPDATE audit SET reason = '' WHERE seq = 2", 2},
             {"UPDATE audit SET epoch = epoch + 1 WHERE seq = 3", 3},
             {"UPDATE audit SET time_ms = -1 WHERE seq = 3", 3},
             {"UPDATE audit SET hash = 'none' WHERE seq = 1", 1},
             {"UPDATE audit SET actor = actor || action, action = '' WHERE seq = 2", 2},
             {"DELETE FROM audit WHERE seq = 1", 2},
             {"DELETE FROM audit WHERE seq = 2", 3},
             {"UPDATE audit SET seq = 9 WHERE seq = 3", 9}}) {
        Trail world;
        for (AuditEntry const& entry : {first, first, second})
            ASSERT_TRUE(world.trail->record(entry));
        constexpr std::array<std::string_view, journal_steps.size()> version{};
        auto raw = io::Database::open(world.path, {0x73707968, version}, {.lock = false});
        ASSERT_TRUE(raw && (*raw)->run(forgery)) << forgery;
        EXPECT_EQ(world.forgery(), where) << forgery;
    }
}

TEST(JournalAudit, lives_beside_the_journal_and_readers) {
    Trail world;
    auto const journal = open_journal(world.path);
    auto const reader = world.open({.read_only = true});
    append(*journal, 1, AlertState::seen);
    ASSERT_TRUE(world.trail->record(first));
    commit(*journal);
    ASSERT_TRUE(world.trail->record(second));
    EXPECT_EQ(*reader->find_forgery(), std::nullopt);
    auto const refused = reader->record(first);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, io::DatabaseCode::read_only);
    EXPECT_EQ(rows_of(*journal), Words{"1 seen"});
}

TEST(JournalAudit, two_writers_make_one_chain) {
    Trail world;
    auto const other = world.open();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(*world.trail->record(first), 2 * i + 1);
        EXPECT_EQ(*other->record(second), 2 * i + 2);
    }
    EXPECT_EQ(world.forgery(), std::nullopt);
}

TEST(JournalAudit, long_texts_are_cut) {
    Trail world;
    std::string const text(AuditTrail::text_bytes_max + 1, 'x');
    ASSERT_TRUE(world.trail->record({.reason = text}));
    EXPECT_TRUE(world.trail->read(0, [&](AuditRow const& row) {
        EXPECT_EQ(row.entry.reason.size(), AuditTrail::text_bytes_max);
        return true;
    }));
    EXPECT_EQ(world.forgery(), std::nullopt);
}

TEST(JournalAudit, a_row_that_could_not_be_written_is_an_error_and_leaves_nothing) {
    io::testing::FaultyDisk disk;
    Trail world;
    world.trail = world.open({.vfs = disk.vfs()});
    ASSERT_TRUE(world.trail->record(first));
    disk.fail(io::testing::DiskFault::full);
    auto const failed = world.trail->record(second);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, io::DatabaseCode::disk_full);
    EXPECT_EQ(world.read().size(), 1U);
    disk.heal();
    EXPECT_EQ(*world.trail->record(second), 2);
    EXPECT_EQ(world.forgery(), std::nullopt);
    world.trail.reset();
}

} // namespace
} // namespace stages::testing
