#include "config/process_title.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <sys/prctl.h>

namespace config {

// The kernel lays arguments side by side; whatever does not follow is somebody else's memory.
ProcessTitle::ProcessTitle(int argc, char** argv)
    : from_(argc > 0 ? argv[0] : nullptr) {
    for (int i = 0; i < argc && argv[i] == from_ + room_; ++i) room_ += std::strlen(argv[i]) + 1;
}

void ProcessTitle::set(std::string_view title) const {
    prctl(PR_SET_NAME, std::string(title).c_str()); // cut to 15 characters
    if (room_ == 0) return;
    std::size_t const size = std::min(title.size(), room_ - 1);
    std::memset(from_, 0, room_);
    std::memcpy(from_, title.data(), size);
}

} // namespace config
