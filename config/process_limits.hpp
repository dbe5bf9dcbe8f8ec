// What a process of the service may take of the machine: hybrid is the first to go when memory runs
// out, and cannot take more than its limit between two looks of the supervisor.
//
//   memory_max_hybrid   looked at each second (supervisor_watch): hybrid is started again
//   this                at once: an allocation beyond it fails, and hybrid ends like in any crash
//   oom_score_adj       the kernel's own choice, when the whole machine is short
//
// Called by the child itself when its stages are built, because what they have reserved by then is
// not counted, and before its threads run. Blocking.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace config {

// Room beyond the limit for what is mapped and not used: stacks, heaps of several threads.
inline constexpr std::uint64_t data_margin_bytes = std::uint64_t{256} << 20;
inline constexpr int oom_score_of_hybrid = 500; // of 1,000 (proc(5))

// memory_max: 0: none. The error is a sentence; then nothing limits the process.
[[nodiscard]] std::expected<void, std::string> limit_hybrid(std::uint64_t memory_max);

// The part of it that reads: VmData of /proc/PID/status, in bytes.
[[nodiscard]] std::optional<std::uint64_t> data_bytes_in(std::string_view status);

} // namespace config
