#include "io/records.hpp"

#include "io/files.hpp"
#include "io/store_parts.hpp"
#include "pipeline/check.hpp"

#include <fmt/format.h>

namespace io {

namespace {

// In place of the machine's run: what was committed is there whichever run it was in.
constexpr char const* any_run = "any";

std::string note_of(std::string const& path, std::string_view why) {
    return fmt::format("{}: {}; it was moved to {}.damaged and an empty one begun", path, why,
                       path);
}

std::size_t size_of(MDB_txn* transaction, MDB_dbi table) {
    MDB_stat stat{};
    return mdb_stat(transaction, table, &stat) == 0 ? stat.ms_entries : 0;
}

} // namespace

struct Records::Parts {
    std::string path;
    bool wait_for_disk = true;
    std::unique_ptr<StoreMark> mark;
    Environment environment;
    std::vector<MDB_dbi> tables;

    int open(std::vector<std::string> const& names, RecordsOptions const& options);
};

int Records::Parts::open(std::vector<std::string> const& names, RecordsOptions const& options) {
    MDB_env* made = nullptr;
    if (int const result = mdb_env_create(&made); result != 0) return result;
    environment.reset(made);
    int result = mdb_env_set_mapsize(made, options.bytes_max);
    if (result == 0) result = mdb_env_set_maxdbs(made, tables_max);
    unsigned const sync = wait_for_disk ? 0 : MDB_NOSYNC | MDB_NOMETASYNC;
    if (result == 0)
        result = mdb_env_open(made, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS | sync, options.mode);
    if (result != 0) return result;
    Writing writing(made);
    if (writing.begun() != 0) return writing.begun();
    for (std::size_t i = 0; i < names.size() && result == 0; ++i)
        result = mdb_dbi_open(writing.get(), names[i].c_str(), MDB_CREATE, &tables[i]);
    return result != 0 ? result : writing.commit();
}

std::string Records::run_of(RecordsOptions const& options) {
    if (options.wait_for_disk) return any_run;
    if (!options.boot_id.empty()) return options.boot_id;
    auto const asked = read_secret("/proc/sys/kernel/random/boot_id");
    return asked ? *asked : std::string(); // then every file that was not closed is doubted
}

std::expected<Records::Opened, StoreError> Records::open(std::string const& path,
                                                         std::vector<std::string> const& tables,
                                                         RecordsOptions const& options) {
    CHECK(!tables.empty() && tables.size() <= tables_max && options.bytes_max >= bytes_min);
    auto parts = std::make_unique<Parts>();
    parts->path = path;
    parts->wait_for_disk = options.wait_for_disk;
    std::string const run = run_of(options);
    parts->tables.resize(tables.size());
    auto mark = StoreMark::take(path, options.mode);
    if (!mark) return std::unexpected(mark.error());
    parts->mark = std::move(*mark);
    Opened opened;
    std::string why = parts->mark->doubt(run, options.bytes_max);
    for (int attempt = 0;; ++attempt) {
        if (!why.empty()) {
            if (auto const moved = move_aside(path); !moved) return std::unexpected(moved.error());
            opened.note = note_of(path, why);
        }
        if (auto const said = parts->mark->opened(run); !said) return std::unexpected(said.error());
        int const result = parts->open(tables, options);
        if (result == 0) break;
        parts->environment.reset();
        if (result > 0 || attempt > 0) return std::unexpected(store_error(result, path));
        why = mdb_strerror(result);
    }
    opened.records.reset(new Records(std::move(parts)));
    return opened;
}

Records::Records(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

Records::~Records() {
    // A hash of what the disk does not have yet would be believed after a power cut.
    bool const safe = parts_->wait_for_disk || mdb_env_sync(parts_->environment.get(), 1) == 0;
    parts_->environment.reset();
    if (safe) parts_->mark->closed();
}

std::string const& Records::path() const { return parts_->path; }

// ---- writing ------------------------------------------------------------------------------------

Records::Write Records::write() { return Write(*parts_); }

Records::Write::Write(Parts const& parts)
    : parts_(parts)
    , result_(mdb_txn_begin(parts.environment.get(), nullptr, 0, &transaction_)) {}

Records::Write::~Write() {
    if (transaction_) mdb_txn_abort(transaction_);
}

bool Records::Write::may(std::size_t table, Bytes key) const {
    CHECK(table < parts_.tables.size() && !key.empty() && key.size() <= key_bytes_max);
    return result_ == 0 && transaction_ != nullptr;
}

void Records::Write::put(std::size_t table, Bytes key, Bytes value) {
    if (!may(table, key)) return;
    MDB_val k = val(key), v = val(value);
    result_ = mdb_put(transaction_, parts_.tables[table], &k, &v, 0);
}

void Records::Write::remove(std::size_t table, Bytes key) {
    if (!may(table, key)) return;
    MDB_val k = val(key);
    int const result = mdb_del(transaction_, parts_.tables[table], &k, nullptr);
    if (result != MDB_NOTFOUND) result_ = result;
}

void Records::Write::remove_next(std::size_t table, Bytes key) {
    if (!may(table, key)) return;
    MDB_cursor* cursor = nullptr;
    result_ = mdb_cursor_open(transaction_, parts_.tables[table], &cursor);
    if (result_ != 0) return;
    MDB_val at = val(key), value{};
    int found = mdb_cursor_get(cursor, &at, &value, MDB_SET);
    if (found == 0) {
        found = mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
        if (found == MDB_NOTFOUND) found = mdb_cursor_get(cursor, &at, &value, MDB_FIRST);
        if (found == 0) found = mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    if (found != MDB_NOTFOUND) result_ = found;
}

std::size_t Records::Write::size(std::size_t table) const {
    CHECK(table < parts_.tables.size());
    return result_ == 0 && transaction_ ? size_of(transaction_, parts_.tables[table]) : 0;
}

void Records::Write::remove_before(std::size_t table, Bytes key) {
    if (!may(table, key)) return;
    MDB_cursor* cursor = nullptr;
    result_ = mdb_cursor_open(transaction_, parts_.tables[table], &cursor);
    if (result_ != 0) return;
    MDB_val border = val(key), first{}, value{};
    int found = mdb_cursor_get(cursor, &first, &value, MDB_FIRST);
    while (found == 0 && mdb_cmp(transaction_, parts_.tables[table], &first, &border) < 0) {
        found = mdb_cursor_del(cursor, 0);
        if (found == 0) found = mdb_cursor_get(cursor, &first, &value, MDB_FIRST);
    }
    mdb_cursor_close(cursor);
    if (found != MDB_NOTFOUND) result_ = found;
}

void Records::Write::clear(std::size_t table) {
    CHECK(table < parts_.tables.size());
    if (result_ == 0 && transaction_) result_ = mdb_drop(transaction_, parts_.tables[table], 0);
}

std::expected<void, StoreError> Records::Write::commit() {
    if (result_ == 0) {
        CHECK(transaction_ != nullptr); // it is committed once
        result_ = mdb_txn_commit(std::exchange(transaction_, nullptr));
    }
    if (result_ != 0) return std::unexpected(store_error(result_, parts_.path));
    return {};
}

// ---- reading ------------------------------------------------------------------------------------

std::expected<std::unique_ptr<Records::Read>, StoreError> Records::read() const {
    MDB_txn* transaction = nullptr;
    int const result = mdb_txn_begin(parts_->environment.get(), nullptr, MDB_RDONLY, &transaction);
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    return std::unique_ptr<Read>(new Read(*parts_, transaction));
}

Records::Read::Read(Parts const& parts, MDB_txn* transaction)
    : parts_(parts)
    , transaction_(transaction) {}

Records::Read::~Read() { mdb_txn_abort(transaction_); }

std::expected<std::optional<Bytes>, StoreError> Records::Read::get(std::size_t table,
                                                                   Bytes key) const {
    CHECK(table < parts_.tables.size() && !key.empty() && key.size() <= key_bytes_max);
    MDB_val wanted = val(key), value{};
    int const result = mdb_get(transaction_, parts_.tables[table], &wanted, &value);
    if (result == MDB_NOTFOUND) return std::nullopt;
    if (result != 0) return std::unexpected(store_error(result, parts_.path));
    return bytes_of(value);
}

std::size_t Records::Read::size(std::size_t table) const {
    CHECK(table < parts_.tables.size());
    return size_of(transaction_, parts_.tables[table]);
}

std::expected<void, StoreError> Records::Read::for_each(std::size_t table, Each const& each) const {
    CHECK(table < parts_.tables.size());
    MDB_cursor* cursor = nullptr;
    int result = mdb_cursor_open(transaction_, parts_.tables[table], &cursor);
    MDB_val key{}, value{};
    while (result == 0 && (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        if (!each(bytes_of(key), bytes_of(value))) break;
    if (cursor) mdb_cursor_close(cursor);
    if (result != 0 && result != MDB_NOTFOUND)
        return std::unexpected(store_error(result, parts_.path));
    return {};
}

} // namespace io
