// One SQLite file: opened with the settings a journal needs, its statements as owned objects, its
// errors as sentences. Knows no table of ours.
//
// WAL and, unless asked otherwise, synchronous=FULL: what commit() has returned for survives a kill
// and a power cut, and other programs (the sqlite3 shell) read while we write. With `lock` a second
// service that names the same file is refused: an exclusive lock on FILE.lock, an empty SQLite file
// beside it, is held while the database is open and vanishes with the process. It is taken through
// the same VFS as everything else, so that a simulated disk sees it too.
//
// One thread at a time. Calls block (commit() waits for the disk; a foreign writer is waited for up
// to busy_timeout_ms). Nothing may be carried over a fork. Statements die before their database. No
// other code of the process may open the file by hand: closing it would drop SQLite's locks.
//
// A failed commit() is rolled back and may be tried again. Only a crash right after it can still
// bring its rows to light: they may have reached the disk although the disk did not say so.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace io {

enum class DatabaseCode {
    disk_full,
    read_only,
    cannot_open,
    corrupt,
    not_a_database,
    other_program,
    newer_schema,
    older_schema, // and this connection may not write
    in_use,
    busy,
    io_failure,
    out_of_memory,
    value_too_large,
    refused, // a statement the schema does not allow
};

struct [[nodiscard]] DatabaseError {
    DatabaseCode code;
    int sqlite = 0; // SQLite's extended result code
    int system = 0; // errno, 0: none
    std::string detail{};
};

// A short stable word: "disk_full".
std::string_view name(DatabaseCode code);

// "/var/lib/spyhop/alerts.db: the disk is full; make room, ... [ENOSPC]"
std::string describe(DatabaseError const& error);

struct DatabaseOptions {
    bool read_only = false; // never creates, never locks
    bool lock = true;       // refuse a second service; off for a further connection of the same one
    bool durable = true; // off: a power cut may lose commits (never order); for tests and benches
    bool exclusive = false; // no shared memory: for a VFS without it; nobody else can read then
    bool checkpoints_by_hand = false; // no commit() carries one out: checkpoint() does
    unsigned busy_timeout_ms = 2'000;
    std::size_t value_bytes_max = 1'048'576; // one text, one row
    std::size_t cache_kib = 2'048;
    std::size_t wal_kib_max = 16'384; // what a checkpoint leaves of the WAL file
    std::string vfs{};                // empty: SQLite's own
};

class Database;

// A prepared statement. Positions of parameters count from 1, columns from 0. Moves, never copies.
class Statement {
  public:
    Statement() = default;

    // Text is not copied: it must live until the statement has ended. A value over the limit is
    // reported by step().
    Statement& bind(int position, std::int64_t value);
    Statement& bind(int position, std::string_view text);
    Statement& bind_null(int position);

    // true: a row is there; false: the end, and the statement may be bound and stepped again.
    [[nodiscard]] std::expected<bool, DatabaseError> step();
    // For statements without rows; rows are passed over.
    [[nodiscard]] std::expected<void, DatabaseError> run();
    // Ends it before its end. A statement left at a row holds back the WAL's checkpoint.
    void reset();

    // Of the present row; text lives until the next step() or reset(). NULL is 0 and "".
    std::int64_t integer(int column) const;
    std::string_view text(int column) const;
    bool is_null(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };

    Database* database_ = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bind_result_ = 0;
};

// Whose file it is and how it came to its tables: steps[i] brings version i to version i + 1.
struct Schema {
    std::uint32_t application_id = 0;
    std::span<std::string_view const> steps;
};

class Database {
  public:
    // Brings the file to the schema's newest version. A file of another program or of a newer
    // version is left untouched.
    [[nodiscard]] static std::expected<std::unique_ptr<Database>, DatabaseError>
    open(std::string const& path, Schema const& schema, DatabaseOptions const& options = {});
    ~Database();
    Database(Database const&) = delete;
    Database& operator=(Database const&) = delete;

    [[nodiscard]] std::expected<Statement, DatabaseError> prepare(std::string_view sql);
    // Statements without parameters; rows are passed over.
    [[nodiscard]] std::expected<void, DatabaseError> run(std::string const& sql);

    // Takes the right to write at once, so that nothing but the disk can fail later.
    [[nodiscard]] std::expected<void, DatabaseError> begin();
    // On failure nothing of the transaction is left, and begin() may be called again.
    [[nodiscard]] std::expected<void, DatabaseError> commit();
    void rollback();

    // By hand: pages committed to the WAL that no checkpoint has been at, and the checkpoint, which
    // brings them to the file itself (and waits for the disk). Readers may hold some of them back.
    std::size_t pages_to_checkpoint() const;
    [[nodiscard]] std::expected<void, DatabaseError> checkpoint();

    std::int64_t last_row() const; // rowid of the last insert
    std::string const& path() const { return path_; }

  private:
    friend class Statement;
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    using Handle = std::unique_ptr<sqlite3, Close>;

    explicit Database(std::string path)
        : path_(std::move(path)) {}

    static std::expected<Handle, DatabaseError> connect(std::string const& path, int flags,
                                                        DatabaseOptions const& options);
    std::expected<void, DatabaseError> take_lock(DatabaseOptions const& options);
    std::expected<void, DatabaseError> configure(DatabaseOptions const& options);
    std::expected<void, DatabaseError> use_wal();
    std::expected<void, DatabaseError> migrate(Schema const& schema, bool read_only);
    std::expected<void, DatabaseError> apply(Schema const& schema, std::int64_t version);
    std::expected<std::int64_t, DatabaseError> pragma(std::string_view name);
    DatabaseError error(int result) const;

    std::string const path_;
    Handle lock_;
    Handle handle_;
    std::size_t wal_pages_ = 0;        // in the WAL, as of the last commit
    std::size_t pages_checkpoint_ = 0; // of those, when the last checkpoint was made
    Statement begin_, commit_, rollback_;
};

} // namespace io
