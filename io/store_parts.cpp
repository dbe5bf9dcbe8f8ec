#include "io/store_parts.hpp"

namespace io {

namespace {

constexpr char const* expiry_name = "by expiry";

// The key of an entry in the order of expiry: time (big-endian, so that LMDB sorts it), table, key.
struct ExpiryKey {
    std::array<std::uint8_t, stamp_bytes + 1 + Store::key_bytes_max> data;
    std::size_t size = 0;

    ExpiryKey(std::uint64_t expires, std::size_t table, Bytes key)
        : data{}
        , size(stamp_bytes + 1 + key.size()) {
        for (std::size_t i = 0; i < stamp_bytes; ++i)
            data[i] = static_cast<std::uint8_t>(expires >> (56 - 8 * i));
        data[stamp_bytes] = static_cast<std::uint8_t>(table);
        std::memcpy(data.data() + stamp_bytes + 1, key.data(), key.size());
    }
    Bytes bytes() const { return {data.data(), size}; }
};

std::uint64_t expiry_of(Bytes expiry_key) {
    std::uint64_t expires = 0;
    for (std::size_t i = 0; i < stamp_bytes; ++i) expires = expires << 8 | expiry_key[i];
    return expires;
}

} // namespace

int Store::Parts::open(std::vector<std::string> const& names, StoreOptions const& options) {
    MDB_env* made = nullptr;
    if (int const result = mdb_env_create(&made); result != 0) return result;
    environment.reset(made);
    unsigned const flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD;
    int result = mdb_env_set_mapsize(made, options.bytes_max);
    if (result == 0) result = mdb_env_set_maxreaders(made, options.readers_max);
    if (result == 0) result = mdb_env_set_maxdbs(made, Store::tables_max + 1);
    if (result == 0) result = mdb_env_open(made, path.c_str(), flags, options.mode);
    if (result != 0) return result;
    Writing writing(made);
    if (writing.begun() != 0) return writing.begun();
    result = mdb_dbi_open(writing.get(), nullptr, 0, &main);
    if (result == 0) result = mdb_dbi_open(writing.get(), expiry_name, MDB_CREATE, &expiry);
    for (std::size_t i = 0; i < names.size() && result == 0; ++i)
        result = mdb_dbi_open(writing.get(), names[i].c_str(), MDB_CREATE, &tables[i]);
    if (result != 0) return result;
    MDB_stat statistics{};
    if (result = mdb_stat(writing.get(), main, &statistics); result != 0) return result;
    page_bytes = statistics.ms_psize;
    bytes_high = options.bytes_max / 8 * 7;
    return writing.commit();
}

std::size_t Store::Parts::bytes_used(MDB_txn* transaction) const {
    std::size_t pages = 2; // the two that say which state is valid
    auto const add = [&](MDB_dbi table) {
        MDB_stat s{};
        if (mdb_stat(transaction, table, &s) == 0)
            pages += s.ms_branch_pages + s.ms_leaf_pages + s.ms_overflow_pages;
    };
    constexpr MDB_dbi free_pages = 0;
    add(free_pages);
    add(main);
    add(expiry);
    for (MDB_dbi const table : tables) add(table);
    return pages * page_bytes;
}

int Store::Parts::erase(MDB_txn* transaction, std::size_t table, Bytes key, bool& found) const {
    MDB_val wanted = val(key), old{};
    int result = mdb_get(transaction, tables[table], &wanted, &old);
    found = result == 0;
    if (result == MDB_NOTFOUND) return 0;
    if (result != 0) return result;
    if (old.mv_size < stamp_bytes) return MDB_CORRUPTED;
    ExpiryKey const stamped(stamp_of(bytes_of(old)), table, key);
    MDB_val in_order = val(stamped.bytes());
    result = mdb_del(transaction, expiry, &in_order, nullptr);
    if (result != 0 && result != MDB_NOTFOUND) return result;
    return mdb_del(transaction, tables[table], &wanted, nullptr);
}

int Store::Parts::drop_first(MDB_txn* transaction, std::uint64_t now, bool& more) const {
    MDB_cursor* cursor = nullptr;
    int result = mdb_cursor_open(transaction, expiry, &cursor);
    if (result != 0) return result;
    MDB_val key{}, nothing{};
    result = mdb_cursor_get(cursor, &key, &nothing, MDB_FIRST);
    more = result == 0 && key.mv_size > stamp_bytes + 1 && expiry_of(bytes_of(key)) <= now;
    if (more) {
        // A copy: the page of the original goes with the deletion.
        std::array<std::uint8_t, stamp_bytes + 1 + Store::key_bytes_max> copy{};
        std::size_t const size = std::min(key.mv_size, copy.size());
        std::memcpy(copy.data(), key.mv_data, size);
        result = mdb_cursor_del(cursor, 0);
        std::size_t const table = copy[stamp_bytes];
        MDB_val wanted = val(Bytes(copy).subspan(stamp_bytes + 1, size - stamp_bytes - 1));
        if (result == 0 && table < tables.size())
            result = mdb_del(transaction, tables[table], &wanted, nullptr);
    }
    mdb_cursor_close(cursor);
    return result == MDB_NOTFOUND ? 0 : result;
}

int Store::Parts::put_once(std::size_t table, Bytes key, Bytes record, std::uint64_t expires) {
    Writing writing(environment.get());
    if (writing.begun() != 0) return writing.begun();
    std::uint64_t gone = 0;
    int result = 0;
    for (bool more = true; more && gone < Store::dropped_a_put;) {
        if (bytes_used(writing.get()) <= bytes_high) break;
        if (result = drop_first(writing.get(), UINT64_MAX, more); result != 0) return result;
        gone += more ? 1 : 0;
    }
    bool found = false;
    if (result = erase(writing.get(), table, key, found); result != 0) return result;
    MDB_val wanted = val(key), value = val(record);
    if (result = mdb_put(writing.get(), tables[table], &wanted, &value, 0); result != 0)
        return result;
    ExpiryKey const stamped(expires, table, key);
    MDB_val in_order = val(stamped.bytes()), nothing{};
    if (result = mdb_put(writing.get(), expiry, &in_order, &nothing, 0); result != 0) return result;
    return commit(writing, gone);
}

int Store::Parts::commit(Writing& writing, std::uint64_t gone) {
    dropped += gone;
    int const result = writing.commit();
    if (result == 0 || gone == 0) return result;
    Writing const again(environment.get()); // for `dropped`: one writer at a time
    if (again.begun() == 0) dropped -= gone;
    return result;
}

int Store::Parts::make_room() {
    Writing writing(environment.get());
    if (writing.begun() != 0) return writing.begun();
    std::uint64_t gone = 0;
    for (bool more = true; gone < Store::dropped_a_put;) {
        if (int const result = drop_first(writing.get(), UINT64_MAX, more); result != 0)
            return result;
        if (!more) break;
        ++gone;
    }
    return commit(writing, gone);
}

int Store::Parts::clear(bool for_room) {
    Writing writing(environment.get());
    if (writing.begun() != 0) return writing.begun();
    MDB_stat entries{};
    int result = mdb_stat(writing.get(), expiry, &entries);
    if (result == 0) result = mdb_drop(writing.get(), expiry, 0);
    for (std::size_t i = 0; i < tables.size() && result == 0; ++i)
        result = mdb_drop(writing.get(), tables[i], 0);
    return result != 0 ? result : commit(writing, for_room ? entries.ms_entries : 0);
}

} // namespace io
