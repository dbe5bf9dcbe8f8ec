// Counts what this thread allocates, by replacing operator new in the test binary. Sanitizers bring
// an operator new of their own: there nothing is counted, and who wants to count must skip, aloud.
#pragma once

#include <cstddef>

namespace tests {

bool counts_allocations();
std::size_t allocations();
std::size_t allocated_bytes(); // all that was ever asked for

} // namespace tests
