// Small values in a file that may be lost: LMDB, for a cache that outlives a restart. Knows keys,
// bytes and when they run out; nothing of what they mean.
//
//   PATH          the data; PATH-lock is LMDB's
//   PATH.mark     whose file it is and how it was left; locked while it is open
//
// Nothing is waited for on its way to the disk (MDB_NOSYNC). After a kill everything that was put
// is there. After a power cut, and whenever the file is not what the mark says (closing it takes a
// hash over all of it), it is moved to PATH.damaged and an empty one is begun. LMDB itself believes
// whatever it reads, hence the mark.
//
// Full is no error: above 7/8 of bytes_max each put drops those entries that would run out first.
//
// One process, a second one (or a second open) is refused. Threads: put(), remove() and the clear
// functions may be called by any thread and wait for each other (LMDB's mutex); each thread that
// reads has its own Reader. Readers die before their store. Nothing is carried over a fork.
#pragma once

#include "pipeline/types.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct MDB_env;
struct MDB_txn;

namespace io {

enum class StoreCode {
    cannot_open, // the directory is missing, or may not be written
    in_use,
    disk_full,
    full, // and no room can be made: a walk holds the pages
    too_many_readers,
    value_too_large, // or a key: more than the limits below, or an empty key
    io_failure,
    refused, // LMDB said something else
};

struct [[nodiscard]] StoreError {
    StoreCode code;
    int system = 0; // errno, or one of LMDB's (negative); 0: none
    std::string detail{};
};

// A short stable word: "in_use".
std::string_view name(StoreCode code);

// "/var/lib/spyhop/cache.mdb: another service has it open; ..."
std::string describe(StoreError const& error);

struct StoreOptions {
    std::size_t bytes_max = 256 << 20; // of the file; at least Store::bytes_min
    unsigned readers_max = 16;
    unsigned mode = 0640;
    std::string boot_id{}; // of this run of the machine; empty: the kernel is asked
};

class Store {
  public:
    static constexpr std::size_t bytes_min = 1 << 20;
    static constexpr std::size_t key_bytes_max = 128;
    static constexpr std::size_t value_bytes_max = 1'024;
    static constexpr std::size_t tables_max = 16;
    static constexpr std::size_t dropped_a_put = 4;

    struct Opened {
        std::unique_ptr<Store> store;
        std::string note; // a sentence for the log: an old file was moved aside, and why
    };

    // Tables are named once, here, and are meant by their index from then on.
    [[nodiscard]] static std::expected<Opened, StoreError>
    open(std::string const& path, std::vector<std::string> const& tables,
         StoreOptions const& options = {});
    ~Store();
    Store(Store const&) = delete;
    Store& operator=(Store const&) = delete;

    // What was there under this key is replaced.
    [[nodiscard]] std::expected<void, StoreError> put(std::size_t table, pipeline::Bytes key,
                                                      pipeline::Bytes value,
                                                      std::uint64_t expires_unix_ms);
    // True: it was there.
    [[nodiscard]] std::expected<bool, StoreError> remove(std::size_t table, pipeline::Bytes key);
    // Takes away what has run out, the oldest first, at most `entries_max`; how many it were.
    [[nodiscard]] std::expected<std::size_t, StoreError> clear_expired(std::uint64_t now_unix_ms,
                                                                       std::size_t entries_max);
    [[nodiscard]] std::expected<void, StoreError> clear();

    struct Counts {
        std::size_t entries = 0;
        std::size_t bytes_used = 0; // of bytes_max
        std::uint64_t dropped = 0;  // for want of room, since it was opened
    };
    [[nodiscard]] std::expected<Counts, StoreError> counts() const;
    std::string const& path() const;

    class Reader;
    [[nodiscard]] std::expected<std::unique_ptr<Reader>, StoreError> reader();

  private:
    struct Parts;
    explicit Store(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> const parts_;
};

// One thread's way to read. Sees what was put before each call.
class Store::Reader {
  public:
    struct Found {
        std::size_t size = 0; // of the value, copied to the front of `out`
        std::uint64_t expires_unix_ms = 0;
    };
    using Each = std::function<bool(pipeline::Bytes key, pipeline::Bytes value,
                                    std::uint64_t expires_unix_ms)>;

    ~Reader();
    Reader(Reader const&) = delete;
    Reader& operator=(Reader const&) = delete;

    // Nothing: not there. Also what has run out is found until it is cleared. CHECKs that `out` has
    // room for value_bytes_max. Allocates nothing.
    [[nodiscard]] std::expected<std::optional<Found>, StoreError>
    get(std::size_t table, pipeline::Bytes key, pipeline::MutableBytes out);
    // In the order of keys; bytes live during the call; `each` returns false to stop. Pages
    // that become free during a walk cannot be used before its end: a full store may refuse a put.
    [[nodiscard]] std::expected<void, StoreError> for_each(std::size_t table, Each const& each);

  private:
    friend class Store;
    Reader(Parts& parts, MDB_txn* transaction);
    Parts& parts_;
    MDB_txn* const transaction_;
};

} // namespace io
