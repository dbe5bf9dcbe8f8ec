#include "tests/io/faulty_vfs.hpp"

#include <sqlite3.h>

#include <memory>

namespace io::testing {

struct FaultyDisk::Vfs : sqlite3_vfs {
    FaultyDisk* disk;
    sqlite3_vfs* below;
};

namespace {

// What SQLite allocates for each open file: ours, and right behind it the file of the VFS below.
struct File : sqlite3_file {
    FaultyDisk* disk;
    sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& ours(sqlite3_file* file) { return *static_cast<File*>(file); }

// Passes a call on to the file below.
template <auto Method, class... Arguments>
auto pass(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* const below = ours(file).below();
    return (below->pMethods->*Method)(below, arguments...);
}

int write(sqlite3_file* file, void const* bytes, int size, sqlite3_int64 offset) {
    if (int const fault = ours(file).disk->judge(false)) return fault;
    return pass<&sqlite3_io_methods::xWrite>(file, bytes, size, offset);
}

int sync(sqlite3_file* file, int flags) {
    if (int const fault = ours(file).disk->judge(true)) return fault;
    return pass<&sqlite3_io_methods::xSync>(file, flags);
}

constexpr sqlite3_io_methods methods = {
    .iVersion = 2, // shared memory for the WAL, no memory mapping: every write is seen
    .xClose = pass<&sqlite3_io_methods::xClose>,
    .xRead = pass<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = write,
    .xTruncate = pass<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = sync,
    .xFileSize = pass<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = pass<&sqlite3_io_methods::xLock, int>,
    .xUnlock = pass<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = pass<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = pass<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = pass<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = pass<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = pass<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = pass<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = pass<&sqlite3_io_methods::xShmBarrier>,
    .xShmUnmap = pass<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

} // namespace

FaultyDisk::FaultyDisk(char const* name)
    : name_(name)
    , vfs_(new Vfs{}) {
    sqlite3_vfs* const below = sqlite3_vfs_find(nullptr);
    static_cast<sqlite3_vfs&>(*vfs_) = *below;
    vfs_->disk = this;
    vfs_->below = below;
    vfs_->zName = name_.c_str();
    vfs_->pNext = nullptr;
    vfs_->szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
    vfs_->xOpen = [](sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out) {
        auto const& self = *static_cast<Vfs*>(vfs);
        File& opened = ours(file);
        opened.disk = self.disk;
        opened.pMethods = nullptr;
        int const result = self.below->xOpen(self.below, path, opened.below(), flags, out);
        if (opened.below()->pMethods) opened.pMethods = &methods;
        return result;
    };
    sqlite3_vfs_register(vfs_, 0);
}

FaultyDisk::~FaultyDisk() {
    sqlite3_vfs_unregister(vfs_);
    delete vfs_;
}

void FaultyDisk::fail(DiskFault fault, std::uint64_t operation, bool lasting) {
    fault_ = fault;
    fail_at_ = operations_ + operation;
    lasting_ = lasting;
}

int FaultyDisk::judge(bool sync) {
    std::uint64_t const now = operations_++;
    if (fault_ == DiskFault::none || now < fail_at_ || (!lasting_ && now > fail_at_)) return 0;
    // A fault of the other kind waits for the next operation of its own.
    if (sync != (fault_ == DiskFault::sync_error)) {
        if (!lasting_) ++fail_at_;
        return 0;
    }
    ++failed_;
    switch (fault_) {
    case DiskFault::none: return 0;
    case DiskFault::full: return SQLITE_FULL;
    case DiskFault::write_error: return SQLITE_IOERR_WRITE;
    case DiskFault::sync_error: return SQLITE_IOERR_FSYNC;
    }
    return 0;
}

} // namespace io::testing
