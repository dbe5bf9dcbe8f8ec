// What another process of the service uses, from /proc. Blocking reads of a few hundred bytes; any
// thread. A process that is just ending has no numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace config {

struct ProcessUsage {
    std::uint64_t cpu_ticks = 0;      // user and system, since its start
    std::uint64_t resident_bytes = 0; // of its own: without what it shares with others
};

[[nodiscard]] std::optional<ProcessUsage> usage_of(pid_t pid);

// The parts of it that read: /proc/PID/stat (proc(5): fields 14 and 15, behind the name, which may
// hold anything) and /proc/PID/statm in pages.
[[nodiscard]] std::optional<std::uint64_t> cpu_ticks_in(std::string_view stat);
[[nodiscard]] std::optional<std::uint64_t> own_pages_in(std::string_view statm);

} // namespace config
