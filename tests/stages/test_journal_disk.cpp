// The journal on a disk that fails, that somebody else uses, or that was damaged.
#include "stages/journal_schema.hpp"
#include "tests/io/faulty_vfs.hpp"
#include "tests/stages/journal_fixture.hpp"

namespace stages::testing {
namespace {

using io::testing::DiskFault;
using io::testing::FaultyDisk;

TEST(JournalDisk, a_failed_commit_keeps_the_turn_for_the_next_try) {
    for (DiskFault const fault : {DiskFault::full, DiskFault::write_error, DiskFault::sync_error}) {
        for (std::uint64_t operation = 0;; ++operation) {
            SCOPED_TRACE(operation);
            FaultyDisk disk;
            Directory directory;
            JournalOptions options;
            options.database.vfs = disk.vfs();
            options.database.durable = fault == DiskFault::sync_error;
            auto journal = open_journal(directory / "alerts.db", options);
            ChainKey const dot = journal->enter(hash_of(0), "dot");
            append(*journal, 1, AlertState::seen);
            commit(*journal);
            disk.fail(fault, operation, false);
            append(*journal, 1, AlertState::final);
            append(*journal, 2, AlertState::seen);
            journal->block_done(dot, block_of(1));
            journal->block_final(dot, 1, hash_of(1), hash_of(1 - 1));
            auto const done = journal->commit();
            if (disk.failed() == 0) { // every operation of a turn has failed once
                EXPECT_GE(operation, fault == DiskFault::sync_error ? 1U : 5U);
                break;
            }
            ASSERT_FALSE(done);
            EXPECT_EQ(done.error().code, fault == DiskFault::full ? io::DatabaseCode::disk_full
                                                                  : io::DatabaseCode::io_failure);
            EXPECT_FALSE(journal->room());
            EXPECT_TRUE(journal->pending());
            EXPECT_EQ(rows_of(*journal), Words{"1 seen"}); // said before, nothing more
            commit(*journal);
            EXPECT_EQ(said_text(*journal),
                      line_of(1, AlertState::final) + "\n" + line_of(2, AlertState::seen) + "\n");
            EXPECT_TRUE(journal->room());
            journal = nullptr;
            journal = open_journal(directory / "alerts.db", options);
            EXPECT_EQ(rows_of(*journal), (Words{"1 seen", "1 final", "2 seen"}));
            EXPECT_EQ(journal->cursor(0)->number, 1U);
            EXPECT_EQ(journal->coverage(0).ranges().size(), 1U);
        }
    }
}

TEST(JournalDisk, a_second_service_is_refused) {
    Directory directory;
    std::string const path = directory / "alerts.db";
    auto const first = open_journal(path);
    auto const second = Journal::open(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, io::DatabaseCode::in_use);
    EXPECT_NE(describe(second.error()).find(path), std::string::npos);
}

TEST(JournalDisk, damaged_rows_are_refused_by_table) {
    for (std::string const damage :
         {"UPDATE alerts SET state = 'gone'", "UPDATE coverage SET digest = '0x12'",
          "UPDATE cursors SET hash = 'x'"}) {
        Directory directory;
        std::string const path = directory / "alerts.db";
        auto written = open_journal(path);
        ChainKey const dot = written->enter(hash_of(0), "dot");
        append(*written, 1, AlertState::seen);
        written->block_done(dot, block_of(1));
        written->block_final(dot, 1, hash_of(1), hash_of(1 - 1));
        commit(*written);
        written.reset();
        constexpr std::array<std::string_view, journal_steps.size()> version{};
        auto raw = io::Database::open(path, {0x73707968, version});
        ASSERT_TRUE(raw && (*raw)->run(damage));
        raw->reset();
        auto journal = Journal::open(path);
        if (journal) {
            auto const read = (*journal)->rows_after(0, [](JournaledRow const&) { return true; });
            ASSERT_FALSE(read);
            EXPECT_EQ(read.error().code, io::DatabaseCode::corrupt);
        } else {
            EXPECT_EQ(journal.error().code, io::DatabaseCode::corrupt);
        }
    }
}

} // namespace
} // namespace stages::testing
