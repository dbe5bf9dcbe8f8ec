#include "io/database.hpp"

#include "pipeline/check.hpp"

#include <sqlite3.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace io {

namespace {

struct Row {
    DatabaseCode code;
    std::string_view name;
    std::string_view sentence;
};

// One row a code: what happened, then what to do.
constexpr std::array rows{
    Row{DatabaseCode::disk_full, "disk_full",
        "the disk is full; make room, what could not be written is tried again"},
    Row{DatabaseCode::read_only, "read_only",
        "the database cannot be written; check its owner and mode, and how the disk is mounted"},
    Row{DatabaseCode::cannot_open, "cannot_open",
        "the database cannot be opened; does the directory exist, may this user write there?"},
    Row{DatabaseCode::corrupt, "corrupt",
        "the database is damaged; keep a copy, then try `sqlite3 FILE .recover`, or move it away "
        "to begin a new one"},
    Row{DatabaseCode::not_a_database, "not_a_database",
        "this file is no SQLite database; move it away, or check the path"},
    Row{DatabaseCode::other_program, "other_program",
        "this SQLite database belongs to another program; check the path"},
    Row{DatabaseCode::newer_schema, "newer_schema",
        "the database was written by a newer version; install that version again, or move the "
        "file away"},
    Row{DatabaseCode::older_schema, "older_schema",
        "the database is of an older version; start the service once, it brings it up to date"},
    Row{DatabaseCode::in_use, "in_use",
        "another service has it open; stop that one, or give this one another state_dir"},
    Row{DatabaseCode::busy, "busy",
        "another program holds it for too long; end the transaction of the sqlite3 shell that has "
        "it open"},
    Row{DatabaseCode::io_failure, "io_failure",
        "reading or writing failed; look at the kernel's log, the disk may be failing"},
    Row{DatabaseCode::out_of_memory, "out_of_memory", "SQLite found no memory"},
    Row{DatabaseCode::value_too_large, "value_too_large",
        "a value is over the limit (value_bytes_max)"},
    Row{DatabaseCode::refused, "refused", "SQLite refused a statement"},
};

constexpr Row const& row_of(DatabaseCode code) { return rows[static_cast<std::size_t>(code)]; }

consteval bool rows_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<DatabaseCode>(i)) return false;
    return rows.size() == static_cast<std::size_t>(DatabaseCode::refused) + 1;
}
static_assert(rows_in_order(), "one row for each DatabaseCode, in the order of the enum");

DatabaseCode code_of(int result, int system) {
    switch (result & 0xff) {
    case SQLITE_FULL: return DatabaseCode::disk_full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return DatabaseCode::read_only;
    case SQLITE_CANTOPEN: return DatabaseCode::cannot_open;
    case SQLITE_CORRUPT: return DatabaseCode::corrupt;
    case SQLITE_NOTADB: return DatabaseCode::not_a_database;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return DatabaseCode::busy;
    case SQLITE_IOERR:
        // SQLite knows only ENOSPC as a full disk; a quota or a limit on files is one as well.
        return system == EDQUOT || system == EFBIG || system == ENOSPC ? DatabaseCode::disk_full
                                                                       : DatabaseCode::io_failure;
    case SQLITE_NOMEM: return DatabaseCode::out_of_memory;
    case SQLITE_TOOBIG: return DatabaseCode::value_too_large;
    default: return DatabaseCode::refused;
    }
}

// `errno` must be 0 when the call begins: of a commit that fails SQLite itself keeps no errno.
DatabaseError error_of(sqlite3* handle, int result, std::string const& path) {
    int const kind = result & 0xff;
    int system = 0;
    if (kind == SQLITE_IOERR || kind == SQLITE_FULL || kind == SQLITE_CANTOPEN) {
        system = errno;
        if (int const kept = sqlite3_system_errno(handle); kept != 0) system = kept;
    }
    DatabaseError error{code_of(result, system), result, system, path};
    if (error.code == DatabaseCode::refused)
        error.detail += fmt::format(" ({})", handle ? sqlite3_errmsg(handle) : "no handle");
    return error;
}

} // namespace

std::string_view name(DatabaseCode code) { return row_of(code).name; }

std::string describe(DatabaseError const& error) {
    std::string text = fmt::format("{}: {}", error.detail, row_of(error.code).sentence);
    if (error.system != 0) {
        char const* const symbol = strerrorname_np(error.system);
        text += fmt::format(" [{}]", symbol ? symbol : std::to_string(error.system));
    }
    return text;
}

// ---- statements ---------------------------------------------------------------------------------

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int position, std::int64_t value) {
    int const result = sqlite3_bind_int64(statement_.get(), position, value);
    CHECK(result != SQLITE_RANGE && result != SQLITE_MISUSE);
    if (bind_result_ == SQLITE_OK) bind_result_ = result;
    return *this;
}

Statement& Statement::bind(int position, std::string_view text) {
    // A null pointer would bind NULL; empty text is text.
    int const result =
        sqlite3_bind_text64(statement_.get(), position, text.empty() ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8);
    CHECK(result != SQLITE_RANGE && result != SQLITE_MISUSE);
    if (bind_result_ == SQLITE_OK) bind_result_ = result;
    return *this;
}

Statement& Statement::bind_null(int position) {
    int const result = sqlite3_bind_null(statement_.get(), position);
    CHECK(result == SQLITE_OK);
    return *this;
}

std::expected<bool, DatabaseError> Statement::step() {
    CHECK(statement_ != nullptr);
    int result = std::exchange(bind_result_, SQLITE_OK);
    errno = 0;
    if (result == SQLITE_OK) result = sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) {
        reset();
        return false;
    }
    CHECK(result != SQLITE_MISUSE);
    DatabaseError error = database_->error(result);
    reset();
    return std::unexpected(std::move(error));
}

std::expected<void, DatabaseError> Statement::run() {
    for (;;) {
        auto const row = step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return {};
    }
}

void Statement::reset() {
    // What it returns is the error of the last step(), which has been reported.
    static_cast<void>(sqlite3_reset(statement_.get()));
    sqlite3_clear_bindings(statement_.get());
    bind_result_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
    auto const* const text = sqlite3_column_text(statement_.get(), column);
    if (!text) return {};
    int const size = sqlite3_column_bytes(statement_.get(), column);
    return {reinterpret_cast<char const*>(text), static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

// ---- opening ------------------------------------------------------------------------------------

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Database::~Database() = default;

std::expected<Database::Handle, DatabaseError> Database::connect(std::string const& path, int flags,
                                                                 DatabaseOptions const& options) {
    sqlite3* raw = nullptr;
    errno = 0;
    int const result =
        sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        options.vfs.empty() ? nullptr : options.vfs.c_str());
    Handle handle(raw); // also a failed one has to be closed
    if (result != SQLITE_OK) return std::unexpected(error_of(raw, result, path));
    return handle;
}

std::expected<void, DatabaseError> Database::take_lock(DatabaseOptions const& options) {
    std::string const path = path_ + ".lock";
    auto handle = connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options);
    if (!handle) return std::unexpected(handle.error());
    errno = 0;
    // The transaction never ends and never writes: its journal stays in memory, the file empty.
    int const result = sqlite3_exec(handle->get(), "PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE",
                                    nullptr, nullptr, nullptr);
    if ((result & 0xff) == SQLITE_BUSY)
        return std::unexpected(DatabaseError{DatabaseCode::in_use, result, 0, path_});
    if (result != SQLITE_OK) return std::unexpected(error_of(handle->get(), result, path));
    lock_ = std::move(*handle);
    return {};
}

std::expected<void, DatabaseError> Database::configure(DatabaseOptions const& options) {
    sqlite3_busy_timeout(handle_.get(), static_cast<int>(options.busy_timeout_ms));
    sqlite3_limit(handle_.get(), SQLITE_LIMIT_LENGTH, static_cast<int>(options.value_bytes_max));
    return run(fmt::format("PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; "
                           "PRAGMA cache_size=-{}; PRAGMA synchronous={}; "
                           "PRAGMA journal_size_limit={}; PRAGMA locking_mode={}",
                           options.cache_kib, options.durable ? "FULL" : "OFF",
                           options.wal_kib_max * 1024, options.exclusive ? "EXCLUSIVE" : "NORMAL"));
}

std::expected<void, DatabaseError> Database::use_wal() {
    auto mode = prepare("PRAGMA journal_mode=WAL");
    if (!mode) return std::unexpected(mode.error());
    auto const row = mode->step();
    if (!row) return std::unexpected(row.error());
    bool const wal = *row && mode->text(0) == "wal";
    mode->reset();
    if (wal) return {};
    return std::unexpected(DatabaseError{DatabaseCode::refused, 0, 0,
                                         path_ + " (this file system cannot share memory, which "
                                                 "write-ahead logging needs)"});
}

std::expected<std::int64_t, DatabaseError> Database::pragma(std::string_view name) {
    auto statement = prepare(fmt::format("PRAGMA {}", name));
    if (!statement) return std::unexpected(statement.error());
    auto const row = statement->step();
    if (!row) return std::unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

std::expected<void, DatabaseError> Database::migrate(Schema const& schema, bool read_only) {
    auto const owner = pragma("application_id");
    if (!owner) return std::unexpected(owner.error());
    auto const version = pragma("user_version");
    if (!version) return std::unexpected(version.error());
    auto const tables = pragma("schema_version"); // 0: an empty file
    if (!tables) return std::unexpected(tables.error());

    auto const newest = static_cast<std::int64_t>(schema.steps.size());
    auto const refuse = [&](DatabaseCode code) {
        return std::unexpected(DatabaseError{
            code, 0, 0, fmt::format("{} (version {}, ours is {})", path_, *version, newest)});
    };
    if (*tables != 0 && *owner != schema.application_id)
        return std::unexpected(DatabaseError{DatabaseCode::other_program, 0, 0, path_});
    if (*version > newest) return refuse(DatabaseCode::newer_schema);
    if (read_only && *version < newest) return refuse(DatabaseCode::older_schema);
    if (read_only) return {};
    if (auto done = use_wal(); !done) return done; // only a file of ours is changed
    if (*version == newest) return {};
    return apply(schema, *version);
}

std::expected<void, DatabaseError> Database::apply(Schema const& schema, std::int64_t version) {
    if (auto begun = begin(); !begun) return begun;
    for (std::string_view const step : schema.steps.subspan(static_cast<std::size_t>(version))) {
        auto done = run(std::string(step));
        if (!done) {
            rollback();
            return done;
        }
    }
    auto done = run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}",
                                schema.application_id, schema.steps.size()));
    if (!done) {
        rollback();
        return done;
    }
    return commit();
}

std::expected<std::unique_ptr<Database>, DatabaseError>
Database::open(std::string const& path, Schema const& schema, DatabaseOptions const& options) {
    std::unique_ptr<Database> database(new Database(path));
    if (options.lock && !options.read_only)
        if (auto locked = database->take_lock(options); !locked)
            return std::unexpected(locked.error());
    auto handle = connect(
        path, options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        options);
    if (!handle) return std::unexpected(handle.error());
    database->handle_ = std::move(*handle);
    if (options.checkpoints_by_hand) // the hook stands in the place of the automatic checkpoint
        sqlite3_wal_hook(
            database->handle_.get(),
            [](void* self, sqlite3*, char const*, int pages) {
                static_cast<Database*>(self)->wal_pages_ = static_cast<std::size_t>(pages);
                return SQLITE_OK;
            },
            database.get());
    if (auto done = database->configure(options); !done) return std::unexpected(done.error());
    for (auto const& [statement, sql] :
         {std::pair{&database->begin_, "BEGIN IMMEDIATE"}, std::pair{&database->commit_, "COMMIT"},
          std::pair{&database->rollback_, "ROLLBACK"}}) {
        auto prepared = database->prepare(sql);
        if (!prepared) return std::unexpected(prepared.error());
        *statement = std::move(*prepared);
    }
    if (auto done = database->migrate(schema, options.read_only); !done)
        return std::unexpected(done.error());
    return database;
}

// ---- use ----------------------------------------------------------------------------------------

DatabaseError Database::error(int result) const { return error_of(handle_.get(), result, path_); }

std::expected<Statement, DatabaseError> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    errno = 0;
    int const result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (result != SQLITE_OK) return std::unexpected(error(result));
    Statement statement;
    statement.database_ = this;
    statement.statement_.reset(raw);
    return statement;
}

std::expected<void, DatabaseError> Database::run(std::string const& sql) {
    errno = 0;
    int const result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) return std::unexpected(error(result));
    return {};
}

std::expected<void, DatabaseError> Database::begin() { return begin_.run(); }

std::expected<void, DatabaseError> Database::commit() {
    auto done = commit_.run();
    if (!done) rollback();
    return done;
}

void Database::rollback() {
    // Some failures have rolled back already; then there is nothing left to do.
    if (sqlite3_get_autocommit(handle_.get()) == 0) static_cast<void>(rollback_.run());
}

// Fewer than at the last checkpoint: the WAL was begun anew, since all of it had been brought over.
std::size_t Database::pages_to_checkpoint() const {
    return wal_pages_ >= pages_checkpoint_ ? wal_pages_ - pages_checkpoint_ : wal_pages_;
}

std::expected<void, DatabaseError> Database::checkpoint() {
    errno = 0;
    int const result = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                                 nullptr, nullptr);
    if (result != SQLITE_OK) return std::unexpected(error(result));
    pages_checkpoint_ = wal_pages_;
    return {};
}

std::int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_.get()); }

} // namespace io
