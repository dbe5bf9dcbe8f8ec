#include "tests/decoders/count_new.hpp"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SPYHOP_FOREIGN_NEW 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SPYHOP_FOREIGN_NEW 1
#    endif
#endif

namespace {
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): operator new has no other
thread_local std::size_t count = 0, bytes = 0;
} // namespace

namespace tests {
std::size_t allocations() { return count; }
std::size_t allocated_bytes() { return bytes; }
#ifdef SPYHOP_FOREIGN_NEW
bool counts_allocations() { return false; }
} // namespace tests
#else
bool counts_allocations() { return true; }
} // namespace tests

void* operator new(std::size_t size) {
    ++count;
    bytes += size;
    if (auto* memory = std::malloc(size != 0 ? size : 1)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
