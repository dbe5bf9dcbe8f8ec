#include "tests/decoders/count_new.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t count = 0;
}

namespace tests {
std::size_t allocations() { return count; }
} // namespace tests

void* operator new(std::size_t size) {
    ++count;
    if (auto* memory = std::malloc(size != 0 ? size : 1)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
