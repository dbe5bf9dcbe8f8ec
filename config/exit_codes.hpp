// What a command's exit code means (interface.md section 2).
#pragma once

namespace config {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unreachable = 3;
inline constexpr int exit_refused = 4;
inline constexpr int exit_timeout = 5;
inline constexpr int exit_unhealthy = 6; // or a promise that was not kept
inline constexpr int exit_bad_configuration = 78;

} // namespace config
