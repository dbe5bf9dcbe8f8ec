// A lock that a process and all those it forks hold together: it is free again when the last of
// them is gone. So a service knows that nothing of the one before is left, however that ended.
//
// flock(2) on a directory; no file is made. Held until the object is destroyed in every process
// that inherited it. One thread; nothing here waits. Errors name the path.
#pragma once

#include "io/error.hpp"

#include <expected>
#include <memory>
#include <string>

namespace io {

class GroupLock {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<GroupLock>, Error>
    open(std::string const& directory);
    ~GroupLock();
    GroupLock(GroupLock const&) = delete;
    GroupLock& operator=(GroupLock const&) = delete;

    // False: others hold it. A file system that has no locks gives it to everybody.
    [[nodiscard]] bool take();

  private:
    explicit GroupLock(int descriptor)
        : descriptor_(descriptor) {}
    int const descriptor_;
};

} // namespace io
