#include "io/store.hpp"

#include "io/files.hpp"
#include "io/store_parts.hpp"
#include "pipeline/check.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>

namespace io {

using pipeline::Bytes;

namespace {

struct Row {
    StoreCode code;
    std::string_view name;
    std::string_view sentence;
};

constexpr std::array rows{
    Row{StoreCode::cannot_open, "cannot_open",
        "it cannot be opened; does the directory exist, may this user write there?"},
    Row{StoreCode::in_use, "in_use",
        "another service has it open; stop that one, or give this one another state_dir"},
    Row{StoreCode::disk_full, "disk_full", "the disk is full; make room"},
    Row{StoreCode::full, "full", "it is full, and no room can be made while a walk over it lasts"},
    Row{StoreCode::too_many_readers, "too_many_readers",
        "more threads want to read than readers_max allows"},
    Row{StoreCode::value_too_large, "value_too_large", "a key or a value is over its limit"},
    Row{StoreCode::io_failure, "io_failure",
        "reading or writing failed; look at the kernel's log, the disk may be failing"},
    Row{StoreCode::refused, "refused", "LMDB refused"},
};

consteval bool rows_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<StoreCode>(i)) return false;
    return rows.size() == static_cast<std::size_t>(StoreCode::refused) + 1;
}
static_assert(rows_in_order(), "one row for each StoreCode, in the order of the enum");

Row const& row_of(StoreCode code) { return rows[static_cast<std::size_t>(code)]; }

} // namespace

std::string_view name(StoreCode code) { return row_of(code).name; }

std::string describe(StoreError const& error) {
    std::string text = fmt::format("{}: {}", error.detail, row_of(error.code).sentence);
    if (error.system != 0) text += fmt::format(" [{}]", mdb_strerror(error.system));
    return text;
}

StoreError store_error(int result, std::string const& path) {
    switch (result) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return {StoreCode::disk_full, result, path};
    case ENOENT:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR: return {StoreCode::cannot_open, result, path};
    case EIO: return {StoreCode::io_failure, result, path};
    case MDB_TXN_FULL:
    case MDB_MAP_FULL: return {StoreCode::full, result, path};
    case MDB_READERS_FULL: return {StoreCode::too_many_readers, result, path};
    case MDB_BAD_VALSIZE: return {StoreCode::value_too_large, result, path};
    default: return {StoreCode::refused, result, path};
    }
}

Store::Store(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

Store::~Store() {
    // A hash of what the disk does not have yet would be believed after a power cut.
    bool const safe = mdb_env_sync(parts_->environment.get(), 1) == 0;
    parts_->environment.reset();
    if (safe) parts_->mark->closed();
}

namespace {

std::string note_of(std::string const& path, std::string_view why) {
    return fmt::format("{}: {}; it was moved to {}.damaged and an empty one begun (what was in it "
                       "is asked for again)",
                       path, why, path);
}

} // namespace

std::expected<Store::Opened, StoreError> Store::open(std::string const& path,
                                                     std::vector<std::string> const& tables,
                                                     StoreOptions const& options) {
    CHECK(!tables.empty() && tables.size() <= tables_max && options.bytes_max >= bytes_min);
    auto parts = std::make_unique<Parts>();
    parts->path = path;
    parts->tables.resize(tables.size());
    auto mark = StoreMark::take(path, options.mode);
    if (!mark) return std::unexpected(mark.error());
    parts->mark = std::move(*mark);
    std::string boot_id = options.boot_id;
    if (boot_id.empty()) {
        auto const asked = read_secret("/proc/sys/kernel/random/boot_id");
        if (asked) boot_id = *asked; // else every file that was not closed is doubted
    }
    Opened opened;
    std::string why = parts->mark->doubt(boot_id, options.bytes_max);
    for (int attempt = 0;; ++attempt) {
        if (!why.empty()) {
            if (auto const moved = move_aside(path); !moved) return std::unexpected(moved.error());
            opened.note = note_of(path, why);
        }
        if (auto const said = parts->mark->opened(boot_id); !said)
            return std::unexpected(said.error());
        int const result = parts->open(tables, options);
        if (result == 0) break;
        parts->environment.reset();
        bool const of_the_file = result < 0 && result != MDB_READERS_FULL;
        if (!of_the_file || attempt > 0) return std::unexpected(store_error(result, path));
        why = mdb_strerror(result);
    }
    opened.store.reset(new Store(std::move(parts)));
    return opened;
}

// Of dropping a few and trying again, before all go.
constexpr int rounds_max = 32;

std::expected<void, StoreError> Store::put(std::size_t table, Bytes key, Bytes value,
                                           std::uint64_t expires_unix_ms) {
    CHECK(table < parts_->tables.size());
    if (key.empty() || key.size() > key_bytes_max || value.size() > value_bytes_max)
        return std::unexpected(StoreError{StoreCode::value_too_large, 0, parts_->path});
    std::array<std::uint8_t, stamp_bytes + value_bytes_max> record{};
    std::memcpy(record.data(), &expires_unix_ms, stamp_bytes);
    if (!value.empty()) std::memcpy(record.data() + stamp_bytes, value.data(), value.size());
    Bytes const whole(record.data(), stamp_bytes + value.size());
    auto const try_it = [&] { return parts_->put_once(table, key, whole, expires_unix_ms); };
    auto const is_full = [](int result) {
        return result == MDB_MAP_FULL || result == MDB_TXN_FULL;
    };
    int result = try_it();
    for (int i = 0; i < rounds_max && is_full(result) && parts_->make_room() == 0; ++i)
        result = try_it();
    if (is_full(result) && parts_->clear(true) == 0) result = try_it();
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    return {};
}

std::expected<bool, StoreError> Store::remove(std::size_t table, Bytes key) {
    CHECK(table < parts_->tables.size());
    if (key.empty() || key.size() > key_bytes_max) return false;
    Writing writing(parts_->environment.get());
    bool found = false;
    int result = writing.begun();
    if (result == 0) result = parts_->erase(writing.get(), table, key, found);
    if (result == 0 && found) result = writing.commit();
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    return found;
}

std::expected<std::size_t, StoreError> Store::clear_expired(std::uint64_t now_unix_ms,
                                                            std::size_t entries_max) {
    Writing writing(parts_->environment.get());
    std::size_t gone = 0;
    int result = writing.begun();
    for (bool more = true; result == 0 && gone < entries_max;) {
        result = parts_->drop_first(writing.get(), now_unix_ms, more);
        if (!more) break;
        ++gone;
    }
    if (result == 0 && gone > 0) result = writing.commit();
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    return gone;
}

std::expected<void, StoreError> Store::clear() {
    if (int const result = parts_->clear(false); result != 0)
        return std::unexpected(store_error(result, parts_->path));
    return {};
}

std::expected<Store::Counts, StoreError> Store::counts() const {
    Writing const writing(parts_->environment.get()); // for `dropped`: one writer at a time
    MDB_stat statistics{};
    int result = writing.begun();
    if (result == 0) result = mdb_stat(writing.get(), parts_->expiry, &statistics);
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    return Counts{statistics.ms_entries, parts_->bytes_used(writing.get()), parts_->dropped};
}

std::string const& Store::path() const { return parts_->path; }

// ---- reading ------------------------------------------------------------------------------------

std::expected<std::unique_ptr<Store::Reader>, StoreError> Store::reader() {
    MDB_txn* transaction = nullptr;
    int const result = mdb_txn_begin(parts_->environment.get(), nullptr, MDB_RDONLY, &transaction);
    if (result != 0) return std::unexpected(store_error(result, parts_->path));
    mdb_txn_reset(transaction);
    return std::unique_ptr<Reader>(new Reader(*parts_, transaction));
}

Store::Reader::Reader(Parts& parts, MDB_txn* transaction)
    : parts_(parts)
    , transaction_(transaction) {}

Store::Reader::~Reader() { mdb_txn_abort(transaction_); }

std::expected<std::optional<Store::Reader::Found>, StoreError>
Store::Reader::get(std::size_t table, Bytes key, pipeline::MutableBytes out) {
    CHECK(table < parts_.tables.size() && out.size() >= value_bytes_max);
    if (key.empty() || key.size() > key_bytes_max) return std::nullopt;
    if (int const result = mdb_txn_renew(transaction_); result != 0)
        return std::unexpected(store_error(result, parts_.path));
    MDB_val wanted = val(key), value{};
    int const result = mdb_get(transaction_, parts_.tables[table], &wanted, &value);
    std::optional<Found> found;
    if (result == 0 && value.mv_size >= stamp_bytes &&
        value.mv_size - stamp_bytes <= value_bytes_max) {
        Bytes const record = bytes_of(value);
        found = Found{record.size() - stamp_bytes, stamp_of(record)};
        std::memcpy(out.data(), record.data() + stamp_bytes, found->size);
    }
    mdb_txn_reset(transaction_);
    if (result != 0 && result != MDB_NOTFOUND)
        return std::unexpected(store_error(result, parts_.path));
    return found;
}

std::expected<void, StoreError> Store::Reader::for_each(std::size_t table, Each const& each) {
    CHECK(table < parts_.tables.size());
    int result = mdb_txn_renew(transaction_);
    if (result != 0) return std::unexpected(store_error(result, parts_.path));
    MDB_cursor* cursor = nullptr;
    result = mdb_cursor_open(transaction_, parts_.tables[table], &cursor);
    MDB_val key{}, value{};
    while (result == 0 && (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        Bytes const record = bytes_of(value);
        if (record.size() < stamp_bytes) continue;
        if (!each(bytes_of(key), record.subspan(stamp_bytes), stamp_of(record))) break;
    }
    if (cursor) mdb_cursor_close(cursor);
    mdb_txn_reset(transaction_);
    if (result != 0 && result != MDB_NOTFOUND)
        return std::unexpected(store_error(result, parts_.path));
    return {};
}

} // namespace io
