// The inside of io::Store: LMDB's handles, how an entry is laid out, and each change as one
// transaction. Results are 0, an errno or one of LMDB's numbers.
//
//   a table      key -> when it runs out (8 bytes, as the machine has them), value
//   "by expiry"  when it runs out (8 bytes, big-endian), table, key -> nothing
//
// For store*.cpp and, as to LMDB, records.cpp alone. Threads as in store.hpp.
#pragma once

#include "io/store_mark.hpp"

#include <array>
#include <cstring>
#include <lmdb.h>
#include <utility>

namespace io {

using pipeline::Bytes;

inline constexpr std::size_t stamp_bytes = 8;

inline MDB_val val(Bytes bytes) { return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())}; }
inline Bytes bytes_of(MDB_val const& value) {
    return {static_cast<std::uint8_t const*>(value.mv_data), value.mv_size};
}
inline std::uint64_t stamp_of(Bytes record) {
    std::uint64_t stamp = 0;
    std::memcpy(&stamp, record.data(), stamp_bytes);
    return stamp;
}

struct CloseEnvironment {
    void operator()(MDB_env* environment) const { mdb_env_close(environment); }
};
using Environment = std::unique_ptr<MDB_env, CloseEnvironment>;

// A transaction that is given up unless it is committed. 0 or LMDB's error.
class Writing {
  public:
    explicit Writing(MDB_env* environment)
        : result_(mdb_txn_begin(environment, nullptr, 0, &handle_)) {}
    ~Writing() {
        if (handle_) mdb_txn_abort(handle_);
    }
    Writing(Writing const&) = delete;
    Writing& operator=(Writing const&) = delete;
    int begun() const { return result_; }
    MDB_txn* get() const { return handle_; }
    int commit() { return mdb_txn_commit(std::exchange(handle_, nullptr)); }

  private:
    MDB_txn* handle_ = nullptr;
    int const result_;
};

struct Store::Parts {
    std::string path;
    std::unique_ptr<StoreMark> mark;
    Environment environment;
    std::vector<MDB_dbi> tables;
    MDB_dbi main = 0;
    MDB_dbi expiry = 0;
    std::size_t page_bytes = 4096;
    std::size_t bytes_high = 0;
    std::uint64_t dropped = 0; // written and read inside of write transactions only

    int open(std::vector<std::string> const& names, StoreOptions const& options);
    std::size_t bytes_used(MDB_txn* transaction) const;
    int erase(MDB_txn* transaction, std::size_t table, Bytes key, bool& found) const;
    // The entry that runs out first, if it has by `now`. False in `more`: there is none.
    int drop_first(MDB_txn* transaction, std::uint64_t now, bool& more) const;
    int put_once(std::size_t table, Bytes key, Bytes record, std::uint64_t expires);
    int make_room(); // a small transaction: it needs free pages itself
    int clear(bool for_room);
    int commit(Writing& writing, std::uint64_t gone); // and counts what was dropped
};

} // namespace io
