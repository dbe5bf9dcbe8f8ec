// Counts what this thread allocates, by replacing operator new in the test binary.
#pragma once

#include <cstddef>

namespace tests {

std::size_t allocations();

} // namespace tests
