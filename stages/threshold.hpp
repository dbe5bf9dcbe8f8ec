// Limits as people write them, each in the unit its subject has: "5%", "10s", 1, 1.5. A limit in
// another unit is refused, because 5 and "5%" are a factor of twenty apart. Pure; any thread.
#pragma once

#include "stages/duration.hpp"

#include <charconv>
#include <cmath>

namespace stages {

enum class LimitUnit : std::uint8_t {
    share,   // 0..1; written "5%"
    seconds, // written "10s", "250ms"
    count,   // a whole number from 1
    factor,  // a number above 0; written 1.5 or "1.5x"
};

inline std::string_view limit_wanted(LimitUnit unit) {
    constexpr std::string_view texts[] = {"a percentage in quotes is needed: \"5%\", \"0.5%\"",
                                          "a duration is needed: \"10s\", \"250ms\"",
                                          "a whole number from 1 is needed: 1",
                                          "a number above 0 is needed: 1.5"};
    return texts[static_cast<std::size_t>(unit)];
}

// A number where the document has one. The error is a sentence, as is that of parse_limit().
[[nodiscard]] inline std::expected<double, std::string> check_limit(double value, LimitUnit unit) {
    constexpr double most = 1e9;
    bool good = std::isfinite(value) && value > 0 && value <= most;
    if (unit == LimitUnit::count) good = good && value == std::floor(value);
    if (unit == LimitUnit::share || unit == LimitUnit::seconds) good = false;
    if (!good) return std::unexpected(std::string(limit_wanted(unit)));
    return value;
}

[[nodiscard]] inline std::expected<double, std::string> parse_limit(std::string_view text,
                                                                    LimitUnit unit) {
    std::string const wanted(limit_wanted(unit));
    if (unit == LimitUnit::seconds) {
        auto const duration = parse_duration(text);
        if (!duration || *duration == 0) return std::unexpected(wanted);
        return static_cast<double>(*duration) / static_cast<double>(pipeline::second);
    }
    if (unit == LimitUnit::count) return std::unexpected(wanted);
    if (!text.ends_with(unit == LimitUnit::share ? '%' : 'x')) return std::unexpected(wanted);
    text.remove_suffix(1);
    bool const plain = text.find_first_not_of("0123456789.") == std::string_view::npos;
    double value = 0;
    auto const [stop, failure] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (!plain || failure != std::errc{} || stop != text.data() + text.size())
        return std::unexpected(wanted);
    if (unit == LimitUnit::factor) return check_limit(value, unit);
    if (value > 100) return std::unexpected(wanted);
    return value / 100;
}

} // namespace stages
