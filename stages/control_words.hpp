// Words that several answers of control share. Pure; any thread.
#pragma once

#include "decoders/ss58.hpp"
#include "pipeline/stage.hpp"
#include "stages/admin_request.hpp"
#include "stages/alert_line.hpp"
#include "stages/duration.hpp"
#include "stages/notes.hpp"

#include <algorithm>
#include <charconv>
#include <expected>
#include <fmt/format.h>
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

inline constexpr int exit_failed = 1; // as in interface.md section 2
inline constexpr int exit_usage = 2;
inline constexpr int exit_refused = 4;
inline constexpr int exit_timeout = 5;

// The value of --name; empty: it was not given.
inline std::string argument(AdminRequest const& request, std::string const& name) {
    auto const found = request.args.find(name);
    return found == request.args.end() ? std::string() : found->second;
}

// Digits and nothing else.
inline std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc() || stop != end) return std::nullopt;
    return value;
}

// The number of --name, or `absent` where it was not given; the error says what may be written.
inline std::expected<std::uint64_t, std::string> number(AdminRequest const& request,
                                                        std::string const& name,
                                                        std::uint64_t absent, std::uint64_t least,
                                                        std::uint64_t most) {
    std::string const text = argument(request, name);
    if (text.empty()) return absent;
    auto const value = whole_number(text);
    if (value && *value >= least && *value <= most) return *value;
    return std::unexpected(
        fmt::format("--{} {}: a whole number from {} to {} is meant", name, text, least, most));
}

// Any spelling of an address; the error says what is wrong with it.
inline std::expected<decoders::Account, std::string> account_of(std::string const& text) {
    auto const address = decoders::parse_address(text);
    if (address) return address->account;
    return std::unexpected(fmt::format("{}: {}", text, decoders::describe(address.error())));
}

// How long before now that argument reaches back: unix ms; `absent` where it was not given.
inline std::expected<std::uint64_t, std::string>
since(AdminRequest const& request, std::uint64_t absent, pipeline::Turn const& turn) {
    std::string const text = argument(request, "since");
    if (text.empty()) return absent;
    auto const length = parse_duration(text);
    if (!length) return std::unexpected(fmt::format("--since {}: {}", text, length.error()));
    return turn.unix_ms - std::min(turn.unix_ms, *length / pipeline::millisecond);
}

// Seconds since then; nothing where it was never.
inline std::optional<double> seconds_since(std::uint64_t unix_ms, pipeline::Turn const& turn) {
    if (unix_ms == 0 || turn.unix_ms < unix_ms) return std::nullopt;
    return static_cast<double>(turn.unix_ms - unix_ms) / 1000.0;
}

} // namespace stages
