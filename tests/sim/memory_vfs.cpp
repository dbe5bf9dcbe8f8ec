#include "memory_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <sqlite3.h>

namespace sim {

namespace {

using Handle = MemoryDisk::Handle;

// What SQLite allocates for each open file.
struct Opened : sqlite3_file {
    Handle* handle;
};

Handle& of(sqlite3_file* file) { return *static_cast<Opened*>(file)->handle; }

int close(sqlite3_file* file) {
    Handle* const handle = &of(file);
    if (!handle->dead) std::erase(handle->file->handles, handle);
    delete handle;
    return SQLITE_OK;
}

int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
    Handle const& handle = of(file);
    if (handle.dead) return SQLITE_IOERR_READ;
    auto const& image = handle.file->image;
    auto const at = std::min<std::size_t>(static_cast<std::size_t>(offset), image.size());
    std::size_t const there =
        std::min<std::size_t>(static_cast<std::size_t>(size), image.size() - at);
    std::memset(out, 0, static_cast<std::size_t>(size));
    if (there > 0) std::memcpy(out, image.data() + at, there);
    return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, void const* bytes, int size, sqlite3_int64 offset) {
    Handle const& handle = of(file);
    if (int const fault = handle.disk->judge(handle, false)) return fault;
    auto const* const begin = static_cast<std::uint8_t const*>(bytes);
    handle.disk->write(*handle.file, {static_cast<std::uint64_t>(offset), {begin, begin + size}});
    return SQLITE_OK;
}

int cut(sqlite3_file* file, sqlite3_int64 size) {
    Handle const& handle = of(file);
    if (int const fault = handle.disk->judge(handle, true)) return fault;
    handle.disk->write(*handle.file, {static_cast<std::uint64_t>(size), {}, true});
    return SQLITE_OK;
}

int sync(sqlite3_file* file, int) {
    Handle const& handle = of(file);
    if (int const fault = handle.disk->judge(handle, true)) return fault;
    handle.file->synced = handle.file->image;
    handle.file->pending.clear();
    return SQLITE_OK;
}

int size_of(sqlite3_file* file, sqlite3_int64* out) {
    *out = of(file).dead ? 0 : static_cast<sqlite3_int64>(of(file).file->image.size());
    return SQLITE_OK;
}

// ---- locks --------------------------------------------------------------------------------------

int highest_of_others(Handle const& handle) {
    int highest = SQLITE_LOCK_NONE;
    for (Handle const* other : handle.file->handles)
        if (other != &handle) highest = std::max(highest, other->lock);
    return highest;
}

int lock(sqlite3_file* file, int level) {
    Handle& handle = of(file);
    if (handle.dead) return SQLITE_IOERR_LOCK;
    if (handle.lock >= level) return SQLITE_OK;
    int const others = highest_of_others(handle);
    bool const free = level == SQLITE_LOCK_SHARED   ? others < SQLITE_LOCK_PENDING
                    : level == SQLITE_LOCK_RESERVED ? others < SQLITE_LOCK_RESERVED
                                                    : others == SQLITE_LOCK_NONE;
    if (!free) return SQLITE_BUSY;
    handle.lock = level;
    return SQLITE_OK;
}

int unlock(sqlite3_file* file, int level) {
    Handle& handle = of(file);
    handle.lock = std::min(handle.lock, level);
    return SQLITE_OK;
}

int is_reserved(sqlite3_file* file, int* out) {
    Handle const& handle = of(file);
    if (handle.dead) return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *out = std::max(handle.lock, highest_of_others(handle)) >= SQLITE_LOCK_RESERVED ? 1 : 0;
    return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return MemoryDisk::sector_bytes; }
int characteristics(sqlite3_file*) { return 0; }

// ---- shared memory ------------------------------------------------------------------------------

int map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
    Handle& handle = of(file);
    *out = nullptr;
    if (handle.dead) return SQLITE_IOERR_SHMMAP;
    auto& memory = handle.file->shared_memory;
    handle.maps = true;
    auto const index = static_cast<std::size_t>(region);
    if (index >= memory.size() && extend == 0) return SQLITE_OK;
    while (memory.size() <= index)
        memory.push_back(std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(size)));
    *out = memory[index].get();
    return SQLITE_OK;
}

int lock_shared(sqlite3_file* file, int first, int count, int flags) {
    Handle& handle = of(file);
    if (handle.dead) return SQLITE_IOERR_SHMLOCK;
    bool const take = (flags & SQLITE_SHM_LOCK) != 0;
    bool const exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    auto const begin = static_cast<std::size_t>(first);
    std::size_t const end = begin + static_cast<std::size_t>(count);
    for (std::size_t i = begin; take && i < end; ++i)
        for (Handle const* other : handle.file->handles)
            if (other != &handle && (other->excludes[i] || (exclusive && other->shares[i])))
                return SQLITE_BUSY;
    for (std::size_t i = begin; i < end; ++i)
        (exclusive ? handle.excludes : handle.shares)[i] = take;
    return SQLITE_OK;
}

void barrier(sqlite3_file*) {}

int unmap(sqlite3_file* file, int) {
    Handle& handle = of(file);
    if (handle.dead) return SQLITE_OK;
    handle.maps = false;
    handle.shares = handle.excludes = {};
    auto const& handles = handle.file->handles;
    if (std::none_of(handles.begin(), handles.end(), [](Handle const* one) { return one->maps; }))
        handle.file->shared_memory.clear();
    return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = {
    .iVersion = 2, // shared memory for the WAL, no memory mapping: every write is seen
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = cut,
    .xSync = sync,
    .xFileSize = size_of,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = map,
    .xShmLock = lock_shared,
    .xShmBarrier = barrier,
    .xShmUnmap = unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// ---- files --------------------------------------------------------------------------------------

MemoryDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<MemoryDisk*>(vfs->pAppData); }

int open(sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out) {
    MemoryDisk& disk = disk_of(vfs);
    auto* const opened = static_cast<Opened*>(file);
    opened->pMethods = nullptr;
    std::string const name = path != nullptr ? path : "a file without a name";
    if (disk.fallen()) return SQLITE_CANTOPEN;
    if (!disk.exists(name) && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    opened->handle = new Handle{&disk, &disk.file(name), disk.owner};
    opened->handle->file->handles.push_back(opened->handle);
    opened->pMethods = &methods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, char const* path, int) {
    if (disk_of(vfs).fallen()) return SQLITE_IOERR_DELETE;
    disk_of(vfs).remove(path);
    return SQLITE_OK;
}

int access(sqlite3_vfs* vfs, char const* path, int, int* out) {
    *out = disk_of(vfs).exists(path) ? 1 : 0;
    return SQLITE_OK;
}

int full_path(sqlite3_vfs*, char const* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int size, char* out) {
    disk_of(vfs).random().fill(
        {reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
    return size;
}

} // namespace

sqlite3_vfs* make_vfs(MemoryDisk& disk) {
    auto* const vfs = new sqlite3_vfs{};
    vfs->iVersion = 1;
    vfs->szOsFile = static_cast<int>(sizeof(Opened));
    vfs->mxPathname = 512;
    vfs->zName = "spyhop-memory";
    vfs->pAppData = &disk;
    vfs->xOpen = open;
    vfs->xDelete = remove;
    vfs->xAccess = access;
    vfs->xFullPathname = full_path;
    vfs->xRandomness = randomness;
    vfs->xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
    vfs->xCurrentTime = [](sqlite3_vfs*, double* out) {
        *out = 2'460'000.5;
        return SQLITE_OK;
    };
    vfs->xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    return vfs;
}

void free_vfs(sqlite3_vfs* vfs) { delete vfs; }

} // namespace sim
