// A disk for SQLite that fails on command: SQLite's own VFS with a counter in front of every write,
// sync and truncation of the database and its WAL. One world at a time may exist under one name.
#pragma once

#include <cstdint>
#include <string>

namespace io::testing {

enum class DiskFault { none, full, write_error, sync_error };

// Registers itself under `name` for its lifetime; outlives every database that uses it.
class FaultyDisk {
  public:
    explicit FaultyDisk(char const* name = "spyhop-faulty");
    ~FaultyDisk();
    FaultyDisk(FaultyDisk const&) = delete;
    FaultyDisk& operator=(FaultyDisk const&) = delete;

    // The operation with this number, counted from now, fails (from 0), and every later one as well
    // while `lasting`.
    void fail(DiskFault fault, std::uint64_t operation = 0, bool lasting = true);
    void heal() { fault_ = DiskFault::none; }

    std::uint64_t operations() const { return operations_; } // writes and syncs so far
    std::uint64_t failed() const { return failed_; }
    std::string const& vfs() const { return name_; }

    // For the VFS: the result code this operation must return, 0 to let it pass.
    int judge(bool sync);

  private:
    struct Vfs;
    std::string name_;
    Vfs* vfs_;
    DiskFault fault_ = DiskFault::none;
    bool lasting_ = false;
    std::uint64_t fail_at_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t failed_ = 0;
};

} // namespace io::testing
