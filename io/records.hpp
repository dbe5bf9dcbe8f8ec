// Records that belong together: LMDB, where what is written in one transaction is there whole or
// not at all, after a kill and after a power cut (commit() waits for the disk, unless it is told
// that a power cut may cost everything). For state that is read once; io::Store is for look-ups.
//
//   PATH          the data; PATH-lock is LMDB's
//   PATH.mark     whose file it is, and when it was closed a hash over all of it; locked while open
//
// LMDB believes whatever it reads: what is not what was closed is moved to PATH.damaged and an
// empty file is begun. A file that was not closed (a kill, a power cut) has no hash: who reads it
// checks its records.
//
// One process, a second open is refused. One thread. Transactions die before their Records. Calls
// block. Nothing is carried over a fork. A transaction keeps in memory what it has written.
#pragma once

#include "io/store.hpp"

namespace io {

struct RecordsOptions {
    std::size_t bytes_max = std::size_t{2} << 30; // of the file: all records, and once more what a
                                                  // transaction changes
    unsigned mode = 0640;
    bool wait_for_disk =
        true;              // false: commit() takes a tenth of the time, and a file that was open
                           // when the machine went down is moved aside
    std::string boot_id{}; // of this run of the machine; empty: the kernel is asked
};

class Records {
  public:
    static constexpr std::size_t bytes_min = 1 << 20;
    static constexpr std::size_t key_bytes_max = 128;
    static constexpr std::size_t tables_max = 16;

    struct Opened {
        std::unique_ptr<Records> records;
        std::string note; // a sentence for the log: an old file was moved aside, and why
    };

    // Tables are named once, here, and are meant by their index from then on.
    [[nodiscard]] static std::expected<Opened, StoreError>
    open(std::string const& path, std::vector<std::string> const& tables,
         RecordsOptions const& options = {});
    ~Records();
    Records(Records const&) = delete;
    Records& operator=(Records const&) = delete;

    class Write;
    class Read;
    // One at a time. Begins, and says in commit() whether it could.
    Write write();
    [[nodiscard]] std::expected<std::unique_ptr<Read>, StoreError> read() const;
    std::string const& path() const;

  private:
    struct Parts;
    static std::string run_of(RecordsOptions const& options);
    explicit Records(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> const parts_;
};

// Given up unless it is committed. The first failure is kept: from then on nothing is done, and
// commit() gives up and tells it. Keys have 1 to key_bytes_max bytes (CHECKed).
class Records::Write {
  public:
    ~Write();
    Write(Write const&) = delete;
    Write& operator=(Write const&) = delete;

    void put(std::size_t table, pipeline::Bytes key, pipeline::Bytes value);
    void remove(std::size_t table, pipeline::Bytes key); // if it is there
    // The record behind that one, if it is there, in the order of bytes; behind the last one comes
    // the first.
    void remove_next(std::size_t table, pipeline::Bytes key);
    std::size_t size(std::size_t table) const; // records; 0 after a failure
    // All records whose keys come before `key`, in the order of bytes.
    void remove_before(std::size_t table, pipeline::Bytes key);
    void clear(std::size_t table);
    [[nodiscard]] std::expected<void, StoreError> commit();

  private:
    friend class Records;
    explicit Write(Parts const& parts);
    bool may(std::size_t table, pipeline::Bytes key) const;

    Parts const& parts_;
    MDB_txn* transaction_ = nullptr;
    int result_ = 0;
};

// What was committed when it began. Bytes live as long as it does.
class Records::Read {
  public:
    using Each = std::function<bool(pipeline::Bytes key, pipeline::Bytes value)>;

    ~Read();
    Read(Read const&) = delete;
    Read& operator=(Read const&) = delete;

    [[nodiscard]] std::expected<std::optional<pipeline::Bytes>, StoreError>
    get(std::size_t table, pipeline::Bytes key) const;
    std::size_t size(std::size_t table) const; // records; 0: none, or it cannot be read
    // In the order of keys; `each` returns false to stop.
    [[nodiscard]] std::expected<void, StoreError> for_each(std::size_t table,
                                                           Each const& each) const;

  private:
    friend class Records;
    Read(Parts const& parts, MDB_txn* transaction);

    Parts const& parts_;
    MDB_txn* const transaction_;
};

} // namespace io
