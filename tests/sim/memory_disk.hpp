// A disk in memory that can be pulled: SQLite's files (as its default VFS), whole small files, and
// the stream of alerts. What was synced is never lost; what was not survives a power cut by the
// seed's choice, torn in sectors.
//
//   image      what readers see
//   synced     what a power cut leaves at least
//   pending    writes since the last sync, in order; a power cut keeps, drops or tears each
//
// Owners: every open file belongs to who is `owner` when it is opened. kill() ends all files of an
// owner, as the kernel does for a dead process: locks go, nothing is written any more, what was
// written stays. Shared memory is on the heap, so that several connections of one thread see it.
//
// die_after() makes one of the next writes or syncs the last one: it and all that follow fail, and
// fallen() is true, until power_cut() is called. One thread. One disk exists at a time.
#pragma once

#include "io/random.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace sim {

struct DiskFaults {
    bool full = false;        // writes that need room fail
    bool write_error = false; // EIO
    bool sync_error = false;
};

class MemoryDisk {
  public:
    static constexpr std::size_t sector_bytes = 512;
    static constexpr std::size_t locks = 8; // of shared memory, as SQLite has

    explicit MemoryDisk(std::uint64_t seed);
    ~MemoryDisk();
    MemoryDisk(MemoryDisk const&) = delete;
    MemoryDisk& operator=(MemoryDisk const&) = delete;

    void kill(int owner);
    // Everything open is dead, and what was not synced is at the mercy of the seed.
    void power_cut();
    void die_after(std::uint64_t operations) { dies_at_ = operations_ + operations; }
    void live_on() { dies_at_ = ~std::uint64_t{0}; } // what die_after() has ordered is off
    bool fallen() const { return fallen_; }
    std::uint64_t operations() const { return operations_; }
    std::uint64_t faults_met() const { return faults_met_; }

    // Whole small files, replaced in one piece or not at all.
    bool replace(std::string const& name, std::string_view bytes);
    std::optional<std::string> contents(std::string const& name) const;

    int owner = 0;
    DiskFaults faults;

    // ---- for the VFS
    struct Write {
        std::uint64_t offset = 0;
        std::vector<std::uint8_t> bytes;
        bool cut = false; // truncation to `offset`
    };
    struct Handle;
    struct File {
        std::vector<std::uint8_t> image, synced;
        std::vector<Write> pending;
        std::vector<Handle*> handles;
        std::vector<std::unique_ptr<std::uint8_t[]>> shared_memory;
    };
    struct Handle {
        MemoryDisk* disk = nullptr;
        File* file = nullptr;
        int owner = 0;
        bool dead = false;
        bool maps = false; // uses the shared memory
        int lock = 0;
        std::array<bool, locks> shares{}, excludes{};
    };
    File& file(std::string const& name) { return files_[name]; }
    bool exists(std::string const& name) const { return files_.contains(name); }
    void remove(std::string const& name);
    // 0, or the result code with which this operation fails.
    int judge(Handle const& handle, bool sync);
    void write(File& file, Write write);
    io::SeededRandom& random() { return random_; }

  private:
    void bury(Handle& handle);
    void tear(File& file);
    void apply(std::vector<std::uint8_t>& image, Write const& write);

    io::SeededRandom random_;
    std::map<std::string, File> files_;
    std::map<std::string, std::string> small_;
    sqlite3_vfs* vfs_ = nullptr;
    sqlite3_vfs* before_ = nullptr; // the default until now
    std::uint64_t operations_ = 0;
    std::uint64_t dies_at_ = ~std::uint64_t{0};
    std::uint64_t faults_met_ = 0;
    bool fallen_ = false;
};

} // namespace sim
