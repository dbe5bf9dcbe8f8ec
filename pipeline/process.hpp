// The parts of a service that may be processes of their own. Which stage is whose stands in the
// topology; a service in one process has the same rows.
//
// Values only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pipeline {

enum class Process : std::uint8_t { control, legacy, hybrid };
inline constexpr std::array all_processes{Process::control, Process::legacy, Process::hybrid};

constexpr std::string_view to_text(Process process) {
    switch (process) {
    case Process::control: return "control";
    case Process::legacy: return "legacy";
    case Process::hybrid: return "hybrid";
    }
    return "?";
}

constexpr std::size_t index_of(Process process) { return static_cast<std::size_t>(process); }

} // namespace pipeline
