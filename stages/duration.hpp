// Durations as people write them: "250ms", "30s", "5m", "24h". Pure.
#pragma once

#include "pipeline/types.hpp"

#include <expected>
#include <string>

namespace stages {

// At most ten years. The error is a sentence.
[[nodiscard]] inline std::expected<pipeline::Nanoseconds, std::string>
parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        pipeline::Nanoseconds size;
    };
    constexpr Unit units[] = {{"ms", pipeline::millisecond},   {"us", pipeline::microsecond},
                              {"s", pipeline::second},         {"m", 60 * pipeline::second},
                              {"h", 3'600 * pipeline::second}, {"d", 86'400 * pipeline::second}};
    constexpr pipeline::Nanoseconds longest = std::uint64_t{3'650} * 86'400 * pipeline::second;
    std::uint64_t number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 12 && text[digits] >= '0' && text[digits] <= '9')
        number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
    for (Unit const& unit : units) {
        if (digits == 0 || text.substr(digits) != unit.name) continue;
        if (number > longest / unit.size) return std::unexpected("longer than ten years");
        return number * unit.size;
    }
    return std::unexpected("a duration is a whole number and a unit: 250ms, 30s, 5m, 24h");
}

} // namespace stages
