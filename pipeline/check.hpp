// CHECK(condition): our own bug, on in production. Never used on input from outside: the outside
// world gets std::expected, a sentence and a counter.
#pragma once

namespace pipeline {

// Prints "CHECK failed: <expression> at <file>:<line>" to stderr and aborts.
[[noreturn]] void check_failed(char const* expression, char const* file, int line) noexcept;

} // namespace pipeline

#define CHECK(condition)                                                                           \
    (__builtin_expect(static_cast<bool>(condition), 1)                                             \
         ? static_cast<void>(0)                                                                    \
         : ::pipeline::check_failed(#condition, __FILE__, __LINE__))
