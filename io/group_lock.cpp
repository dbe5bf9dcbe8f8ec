#include "io/group_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace io {

std::expected<std::unique_ptr<GroupLock>, Error> GroupLock::open(std::string const& directory) {
    int const descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(Error{code_of_file(errno), errno, directory});
    return std::unique_ptr<GroupLock>(new GroupLock(descriptor));
}

GroupLock::~GroupLock() { ::close(descriptor_); }

bool GroupLock::take() {
    return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

} // namespace io
