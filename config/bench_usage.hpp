// What a service uses, all its processes together, from /proc: processor time in nanoseconds,
// memory, descriptors. Kernel threads that work for it (io_uring's) count where they belong to a
// process.
//
// Memory: PSS, where a page that several processes share counts once in all, and RSS, where it
// counts in each. Blocking reads of a few kilobytes; any thread. A process that is just ending has
// no numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace config {

struct TreeUsage {
    std::uint64_t cpu_ns = 0; // on a processor, since their start
    std::uint64_t pss_bytes = 0;
    std::uint64_t rss_bytes = 0;
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    std::size_t processes = 0;
};

// A process and all below it.
[[nodiscard]] std::vector<pid_t> tree_of(pid_t root);
[[nodiscard]] TreeUsage usage_of_tree(pid_t root);
// Processor time alone, without the walk over a process' memory that PSS takes.
[[nodiscard]] std::uint64_t cpu_of_tree(pid_t root);

// The parts that read. /proc/PID/smaps_rollup: "Pss:    1234 kB".
[[nodiscard]] std::optional<std::uint64_t> kilobytes_in(std::string_view smaps,
                                                        std::string_view name);
// /proc/PID/task/TID/schedstat: nanoseconds on a processor, nanoseconds waiting, slices.
[[nodiscard]] std::optional<std::uint64_t> on_cpu_in(std::string_view schedstat);

} // namespace config
