#include "memory_disk.hpp"

#include "memory_vfs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sqlite3.h>

namespace sim {

MemoryDisk::MemoryDisk(std::uint64_t seed)
    : random_(seed)
    , vfs_(make_vfs(*this))
    , before_(sqlite3_vfs_find(nullptr)) {
    sqlite3_vfs_register(vfs_, 1);
    sqlite3_randomness(0, nullptr); // its state is the process': begin it anew, from this seed
}

MemoryDisk::~MemoryDisk() {
    sqlite3_vfs_unregister(vfs_);
    sqlite3_vfs_register(before_, 1);
    free_vfs(vfs_);
}

void MemoryDisk::bury(Handle& handle) {
    handle.dead = true;
    handle.lock = SQLITE_LOCK_NONE;
    handle.shares = handle.excludes = {};
    std::erase(handle.file->handles, &handle);
    bool const mapped = std::any_of(handle.file->handles.begin(), handle.file->handles.end(),
                                    [](Handle const* other) { return other->maps; });
    if (!mapped) handle.file->shared_memory.clear();
}

void MemoryDisk::kill(int whose) {
    for (auto& [name, file] : files_) {
        auto const handles = file.handles;
        for (Handle* handle : handles)
            if (handle->owner == whose) bury(*handle);
    }
}

void MemoryDisk::power_cut() {
    for (auto& [name, file] : files_) {
        auto const handles = file.handles;
        for (Handle* handle : handles) bury(*handle);
        tear(file);
    }
    fallen_ = false;
    dies_at_ = ~std::uint64_t{0};
}

// Each write survives whole, in some of its sectors, or not at all.
void MemoryDisk::tear(File& file) {
    for (Write const& write : file.pending) {
        std::uint64_t const fate = random_.up_to(3);
        if (fate == 0) continue;
        if (fate != 1 || write.cut) {
            apply(file.synced, write);
            continue;
        }
        for (std::size_t at = 0; at < write.bytes.size(); at += sector_bytes) {
            if (random_.up_to(1) == 0) continue;
            std::size_t const size = std::min(sector_bytes, write.bytes.size() - at);
            auto const begin = write.bytes.begin() + static_cast<std::ptrdiff_t>(at);
            apply(file.synced,
                  {write.offset + at, {begin, begin + static_cast<std::ptrdiff_t>(size)}});
        }
    }
    file.pending.clear();
    file.image = file.synced;
}

void MemoryDisk::apply(std::vector<std::uint8_t>& image, Write const& write) {
    if (write.cut) {
        image.resize(std::min<std::size_t>(image.size(), write.offset));
        return;
    }
    std::size_t const end = write.offset + write.bytes.size();
    if (image.size() < end) image.resize(end);
    std::copy(write.bytes.begin(), write.bytes.end(),
              image.begin() + static_cast<std::ptrdiff_t>(write.offset));
}

void MemoryDisk::write(File& file, Write write) {
    apply(file.image, write);
    file.pending.push_back(std::move(write));
}

void MemoryDisk::remove(std::string const& name) {
    auto const found = files_.find(name);
    if (found == files_.end() || !found->second.handles.empty()) return;
    files_.erase(found);
}

int MemoryDisk::judge(Handle const& handle, bool sync) {
    if (!fallen_ && operations_++ >= dies_at_) fallen_ = true;
    if (handle.dead || fallen_) return sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
    int result = SQLITE_OK;
    if (!sync && faults.full) result = SQLITE_FULL;
    if (!sync && faults.write_error) result = SQLITE_IOERR_WRITE;
    if (sync && faults.sync_error) result = SQLITE_IOERR_FSYNC;
    if (result != SQLITE_OK) {
        ++faults_met_;
        errno = result == SQLITE_FULL ? ENOSPC : EIO;
    }
    return result;
}

bool MemoryDisk::replace(std::string const& name, std::string_view bytes) {
    bool const dies = !fallen_ && operations_++ >= dies_at_;
    fallen_ = fallen_ || dies;
    // In the middle of it: the old one or the new one, and nobody is told which.
    if (fallen_ && !(dies && random_.up_to(1) == 0)) return false;
    if (faults.full || faults.write_error || faults.sync_error) {
        ++faults_met_;
        return false;
    }
    small_[name] = bytes;
    return !fallen_;
}

std::optional<std::string> MemoryDisk::contents(std::string const& name) const {
    auto const found = small_.find(name);
    if (found == small_.end()) return std::nullopt;
    return found->second;
}

} // namespace sim
