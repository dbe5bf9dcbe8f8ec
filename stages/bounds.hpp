// What is known of a measured number: the best guess, and how far the truth may be from it given
// the number of samples. Without samples nothing is known. A plain value; any thread.
#pragma once

#include <cstdint>

namespace stages {

struct Bounds {
    double estimate = 0;
    double lower = 0;
    double upper = 1;
    std::uint64_t samples = 0;
};

} // namespace stages
