#include "pipeline/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace pipeline {

void check_failed(char const* expression, char const* file, int line) noexcept {
    std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

} // namespace pipeline
