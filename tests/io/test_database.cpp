// The SQLite wrapper on real files, and on a disk that fails.
#include "io/database.hpp"
#include "io/files.hpp"
#include "tests/io/faulty_vfs.hpp"
#include "tests/io/turns.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace io::testing {
namespace {

constexpr std::string_view first = "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)";
constexpr std::string_view second = "ALTER TABLE notes ADD COLUMN more TEXT NOT NULL DEFAULT 'old'";
constexpr std::array steps_one{first};
constexpr std::array steps_two{first, second};
constexpr std::uint32_t ours = 0x73707931;
constexpr Schema version_one{ours, steps_one};
constexpr Schema version_two{ours, steps_two};

struct Storing {
    TemporaryDirectory directory;
    std::string path = directory / "store.db";

    std::unique_ptr<Database> open(DatabaseOptions const& options = {},
                                   Schema const& schema = version_one) const {
        auto database = Database::open(path, schema, options);
        EXPECT_TRUE(database) << describe(database.error());
        return database ? std::move(*database) : nullptr;
    }
    DatabaseError refused(DatabaseOptions const& options = {},
                          Schema const& schema = version_one) const {
        auto database = Database::open(path, schema, options);
        EXPECT_FALSE(database);
        return database ? DatabaseError{DatabaseCode::refused} : database.error();
    }
};

std::expected<void, DatabaseError> note(Database& database, std::string_view text) {
    auto insert = database.prepare("INSERT INTO notes(text) VALUES(?1)");
    if (!insert) return std::unexpected(insert.error());
    return insert->bind(1, text).run();
}

std::string notes(Database& database) {
    auto select = database.prepare("SELECT text FROM notes ORDER BY id");
    EXPECT_TRUE(select) << describe(select.error());
    std::string all;
    for (;;) {
        auto const row = select->step();
        EXPECT_TRUE(row) << describe(row.error());
        if (!row || !*row) return all;
        all.append(select->text(0)).append(";");
    }
}

TEST(Database, keeps_what_was_committed_and_nothing_else) {
    Storing world;
    {
        auto const database = world.open();
        ASSERT_TRUE(database->begin());
        ASSERT_TRUE(note(*database, "one"));
        ASSERT_TRUE(database->commit());
        ASSERT_TRUE(database->begin());
        ASSERT_TRUE(note(*database, "two"));
        EXPECT_EQ(database->last_row(), 2);
        database->rollback();
        ASSERT_TRUE(database->begin());
        ASSERT_TRUE(note(*database, "three")); // left open: the destructor rolls back
    }
    EXPECT_EQ(notes(*world.open()), "one;");
}

TEST(Database, values_come_back_as_they_were) {
    Storing world;
    auto const database = world.open();
    ASSERT_TRUE(database->run("CREATE TABLE v(i INTEGER, t TEXT)"));
    auto insert = *database->prepare("INSERT INTO v VALUES(?1, ?2)");
    std::string const odd("a'\0\"\n\xf0\x9f\x90\x8b", 9);
    for (std::int64_t const number : {std::int64_t{0}, INT64_MIN, INT64_MAX})
        ASSERT_TRUE(insert.bind(1, number).bind(2, odd).run());
    ASSERT_TRUE(insert.bind(1, std::uint32_t{0xffffffff}).bind(2, "").run());
    ASSERT_TRUE(insert.bind_null(1).bind_null(2).run());
    auto select = *database->prepare("SELECT i, t FROM v ORDER BY rowid");
    for (std::int64_t const number : {std::int64_t{0}, INT64_MIN, INT64_MAX}) {
        ASSERT_TRUE(*select.step());
        EXPECT_EQ(select.integer(0), number);
        EXPECT_EQ(select.text(1), odd);
    }
    ASSERT_TRUE(*select.step());
    EXPECT_EQ(select.integer(0), 4294967295);
    EXPECT_EQ(select.text(1), "");
    EXPECT_FALSE(select.is_null(1));
    ASSERT_TRUE(*select.step());
    EXPECT_TRUE(select.is_null(0) && select.is_null(1));
    EXPECT_FALSE(*select.step());
    EXPECT_TRUE(*select.step()); // from the start again
}

TEST(Database, writes_ahead_and_waits_for_the_disk) {
    Storing world;
    auto const database = world.open();
    auto mode = *database->prepare("PRAGMA journal_mode");
    ASSERT_TRUE(*mode.step());
    EXPECT_EQ(mode.text(0), "wal");
    auto synchronous = *database->prepare("PRAGMA synchronous");
    ASSERT_TRUE(*synchronous.step());
    EXPECT_EQ(synchronous.integer(0), 2); // FULL
}

TEST(Database, a_checkpoint_by_hand_is_made_by_nobody_else) {
    Storing world;
    auto const database = world.open({.durable = false, .checkpoints_by_hand = true});
    for (int i = 0; i < 3'000; ++i) ASSERT_TRUE(note(*database, std::string(4'000, 'n')));
    EXPECT_GT(database->pages_to_checkpoint(), 3'000U); // three times what would have been due
    EXPECT_LT(std::filesystem::file_size(world.path), 100'000U);
    ASSERT_TRUE(database->checkpoint());
    EXPECT_EQ(database->pages_to_checkpoint(), 0U);
    EXPECT_GT(std::filesystem::file_size(world.path), 12'000'000U);
    ASSERT_TRUE(note(*database, "after"));
    EXPECT_GT(database->pages_to_checkpoint(), 0U);
    EXPECT_LT(database->pages_to_checkpoint(), 10U);
}

TEST(Database, others_read_while_we_write) {
    Storing world;
    auto const database = world.open();
    auto const reader = world.open({.read_only = true});
    ASSERT_TRUE(database->begin());
    ASSERT_TRUE(note(*database, "one"));
    EXPECT_EQ(notes(*reader), "");
    ASSERT_TRUE(database->commit());
    EXPECT_EQ(notes(*reader), "one;");
    auto const written = note(*reader, "two");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, DatabaseCode::read_only);
}

TEST(Database, a_second_service_is_refused_by_name) {
    Storing world;
    auto database = world.open();
    auto const error = world.refused();
    EXPECT_EQ(error.code, DatabaseCode::in_use);
    EXPECT_EQ(describe(error), world.path + ": another service has it open; stop that one, or give "
                                            "this one another state_dir");
    EXPECT_TRUE(world.open({.lock = false})); // another thread of the same service
    database.reset();
    EXPECT_TRUE(world.open());
}

TEST(Database, the_lock_dies_with_its_process) {
    Storing world;
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    pid_t const child = fork();
    if (child == 0) {
        auto const database = Database::open(world.path, version_one);
        char const byte = database ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'y');
    EXPECT_EQ(world.refused().code, DatabaseCode::in_use);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(world.open());
    close(ready[0]);
    close(ready[1]);
}

TEST(Database, a_foreign_writer_is_busy_and_then_gone) {
    Storing world;
    auto const database = world.open({.busy_timeout_ms = 0});
    auto const other = world.open({.lock = false});
    ASSERT_TRUE(other->begin());
    auto const begun = database->begin();
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, DatabaseCode::busy);
    ASSERT_TRUE(other->commit());
    EXPECT_TRUE(database->begin());
    EXPECT_TRUE(database->commit());
}

TEST(Database, an_older_file_is_brought_up_to_date) {
    Storing world;
    ASSERT_TRUE(note(*world.open(), "one"));
    EXPECT_EQ(world.refused({.read_only = true}, version_two).code, DatabaseCode::older_schema);
    auto const database = world.open({}, version_two);
    auto select = *database->prepare("SELECT text, more FROM notes");
    ASSERT_TRUE(*select.step());
    EXPECT_EQ(select.text(0), "one");
    EXPECT_EQ(select.text(1), "old");
}

TEST(Database, a_newer_file_is_left_alone) {
    Storing world;
    world.open({}, version_two).reset();
    auto const error = world.refused();
    EXPECT_EQ(error.code, DatabaseCode::newer_schema);
    EXPECT_EQ(describe(error),
              world.path + " (version 2, ours is 1): the database was written by a newer version; "
                           "install that version again, or move the file away");
    EXPECT_TRUE(world.open({}, version_two));
}

TEST(Database, a_step_that_fails_leaves_the_old_version) {
    Storing world;
    ASSERT_TRUE(note(*world.open(), "one"));
    constexpr std::array bad{first, second, std::string_view("CREATE TABLE notes(again)")};
    EXPECT_EQ(world.refused({}, {ours, bad}).code, DatabaseCode::refused);
    EXPECT_EQ(notes(*world.open()), "one;");
}

TEST(Database, the_file_of_another_program_is_left_alone) {
    Storing world;
    constexpr std::array table{std::string_view("CREATE TABLE theirs(x)")};
    world.open({.lock = false}, {1, table}).reset();
    std::string const before = *read_file(world.path);
    EXPECT_EQ(world.refused().code, DatabaseCode::other_program);
    EXPECT_EQ(*read_file(world.path), before);
}

TEST(Database, what_is_no_database_is_refused) {
    Storing world;
    ASSERT_TRUE(write_file(world.path, std::string(8192, 'x')));
    auto const error = world.refused();
    EXPECT_EQ(error.code, DatabaseCode::not_a_database);
    EXPECT_EQ(*read_file(world.path), std::string(8192, 'x'));
}

TEST(Database, a_damaged_page_is_found) {
    Storing world;
    {
        auto const database = world.open({.durable = false});
        for (int i = 0; i < 200; ++i) ASSERT_TRUE(note(*database, std::string(200, 'n')));
    } // closing moves the WAL into the file
    std::string bytes = *read_file(world.path);
    ASSERT_GT(bytes.size(), 4 * 4096U);
    for (std::size_t at = 2 * 4096; at < bytes.size(); ++at) bytes[at] = '\x5a';
    ASSERT_TRUE(write_file(world.path, bytes));
    auto const database = world.open();
    auto select = *database->prepare("SELECT sum(length(text)) FROM notes");
    auto const row = select.step();
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().code, DatabaseCode::corrupt);
}

TEST(Database, what_cannot_be_opened_is_refused) {
    Storing world;
    world.path = world.directory / "missing/store.db";
    auto const error = world.refused();
    EXPECT_EQ(error.code, DatabaseCode::cannot_open);
    EXPECT_EQ(error.system, ENOENT);
    EXPECT_EQ(world.refused({.read_only = true}).code, DatabaseCode::cannot_open);
}

TEST(Database, a_value_over_the_limit_is_refused) {
    Storing world;
    auto const database = world.open({.value_bytes_max = 10'000});
    EXPECT_TRUE(note(*database, std::string(9'900, 'x')));
    auto const done = note(*database, std::string(10'001, 'x'));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, DatabaseCode::value_too_large);
}

TEST(Database, a_statement_that_makes_no_sense_says_so) {
    Storing world;
    auto const database = world.open();
    auto const statement = database->prepare("SELECT x FROM nowhere");
    ASSERT_FALSE(statement);
    EXPECT_EQ(describe(statement.error()),
              world.path + " (no such table: nowhere): SQLite refused a statement");
}

TEST(Database, without_shared_memory_where_a_disk_has_none) {
    Storing world;
    ASSERT_TRUE(note(*world.open({.exclusive = true}), "one"));
    EXPECT_FALSE(std::filesystem::exists(world.path + "-shm"));
    EXPECT_EQ(notes(*world.open()), "one;");
}

TEST(Database, a_transaction_survives_a_failure_of_each_operation) {
    for (DiskFault const fault : {DiskFault::full, DiskFault::write_error, DiskFault::sync_error}) {
        DatabaseCode const expected =
            fault == DiskFault::full ? DatabaseCode::disk_full : DatabaseCode::io_failure;
        int failures = 0;
        for (std::uint64_t operation = 0;; ++operation) {
            FaultyDisk disk;
            Storing world;
            auto database = world.open(
                {.durable = fault == DiskFault::sync_error, .cache_kib = 16, .vfs = disk.vfs()});
            ASSERT_TRUE(note(*database, "before"));
            std::string const large(20'000, 'x'); // spills out of the cache before the commit
            disk.fail(fault, operation, false);
            auto const turn = [&]() -> std::expected<void, DatabaseError> {
                if (auto done = database->begin(); !done) return done;
                for (int i = 0; i < 3; ++i) {
                    auto done = note(*database, large);
                    if (done) continue;
                    database->rollback();
                    return done;
                }
                return database->commit();
            };
            auto const done = turn();
            if (disk.failed() == 0) break; // every operation has had its turn
            ++failures;
            ASSERT_FALSE(done) << "operation " << operation;
            EXPECT_EQ(done.error().code, expected) << describe(done.error());
            EXPECT_EQ(notes(*database), "before;");
            ASSERT_TRUE(turn()) << "operation " << operation; // the disk is well again
            std::string const whole = "before;" + (large + ";") + (large + ";") + (large + ";");
            EXPECT_EQ(notes(*database), whole);
            database.reset();
            EXPECT_EQ(notes(*world.open({.vfs = disk.vfs()})), whole);
        }
        EXPECT_GE(failures, fault == DiskFault::sync_error ? 1 : 15);
    }
}

TEST(Database, a_limit_on_files_reads_as_a_full_disk) {
    Storing world;
    world.open().reset();
    pid_t const child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit const limit{300'000, 300'000};
        auto const database = Database::open(world.path, version_one);
        if (!database || setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
        for (int i = 0; i < 1000; ++i) {
            auto const done = note(**database, std::string(10'000, 'x'));
            if (!done) _exit(done.error().code == DatabaseCode::disk_full ? 0 : 2);
        }
        _exit(3);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Database, every_code_has_a_name_and_a_sentence) {
    for (int i = 0; i <= static_cast<int>(DatabaseCode::refused); ++i) {
        DatabaseError const error{static_cast<DatabaseCode>(i), 0, ENOSPC, "FILE"};
        EXPECT_FALSE(name(error.code).empty());
        EXPECT_TRUE(describe(error).starts_with("FILE: ")) << describe(error);
        EXPECT_TRUE(describe(error).ends_with(" [ENOSPC]"));
    }
}

} // namespace
} // namespace io::testing
