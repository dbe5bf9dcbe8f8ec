// Words that several answers of control share. Pure; any thread.
#pragma once

#include "pipeline/stage.hpp"
#include "stages/alert_line.hpp"
#include "stages/messages.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stages {

inline std::string_view to_text(SourceState state) {
    constexpr std::string_view names[] = {"off", "waiting", "connecting", "greeting", "following"};
    return names[static_cast<std::size_t>(state)];
}

inline std::string_view to_text(LegacyState state) {
    constexpr std::string_view names[] = {"off",    "starting", "polling",
                                          "behind", "failing",  "held"};
    return names[static_cast<std::size_t>(state)];
}

// As a JSON text.
inline std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
}

// Seconds since then; nothing where it was never.
inline std::optional<double> seconds_since(std::uint64_t unix_ms, pipeline::Turn const& turn) {
    if (unix_ms == 0 || turn.unix_ms < unix_ms) return std::nullopt;
    return static_cast<double>(turn.unix_ms - unix_ms) / 1000.0;
}

} // namespace stages
