// What SQLite calls of a MemoryDisk: files, locks and shared memory of one thread.
//
// Made and freed by the disk; nobody else includes this. One thread.
#pragma once

#include "memory_disk.hpp"

namespace sim {

sqlite3_vfs* make_vfs(MemoryDisk& disk);
void free_vfs(sqlite3_vfs* vfs);

} // namespace sim
