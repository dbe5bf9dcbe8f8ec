// Every switch of the regime that an operator can set: name, type, range, owner, default and what
// it is for, in one table; the values as they stand, who set them and when; and the regime they
// make.
//
//   FlagState ──regime_of──▶ Regime (one word, in the switchboard)
//       └── to_text / flags_from (config/flags_file) ──▶ state_dir/flags.toml
//
// Pure values; no thread of its own. Errors are sentences for the person who typed.
#pragma once

#include "pipeline/switchboard.hpp"
#include "stages/messages.hpp"

#include <array>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

enum class FlagName : std::uint8_t {
    enable_hybrid_rpc,
    enable_hybrid_patterns,
    enable_parallel_mode,
    hybrid_traffic_percent,
    canary_tier,
};
inline constexpr std::size_t flag_count = 5;

enum class FlagType : std::uint8_t { boolean, percent, tier };
std::string_view to_text(FlagType type);

struct FlagRow {
    FlagName name;
    std::string_view key;
    FlagType type;
    std::string_view range; // for people
    std::string_view owner; // who answers for it
    std::uint16_t initial;  // 0 or 1; hundredths of a percent; 0..4 or tiers_all
    std::string_view help;
};
std::span<FlagRow const> flag_rows();

struct FlagValue {
    std::uint16_t value = 0; // as FlagRow::initial
    std::string set_by = "default";
    std::uint64_t set_at_ms = 0; // unix; 0: never
    std::uint32_t epoch = 0;     // of the change that set it; 0: none
};

struct PinEntry {
    decoders::Account account;
    Pin pin{};
    std::uint64_t until_unix_ms = 0; // 0: for ever
    std::string set_by;
    std::string reason;
};
inline constexpr std::size_t pin_entries_max = 4'096;

// What is kept from run to run.
struct FlagState {
    std::array<FlagValue, flag_count> values{};
    std::uint32_t epoch = 1;
    pipeline::Mode mode = pipeline::Mode::normal;
    bool locked = false; // promotion is, until a person says otherwise
    std::string lock_reason{};
    bool high_speed = false; // by a health check; not kept from run to run
    bool clean = true;       // the run before this one ended in order
    std::vector<PinEntry> pins{};

    FlagValue& of(FlagName name) { return values[static_cast<std::size_t>(name)]; }
    FlagValue const& of(FlagName name) const { return values[static_cast<std::size_t>(name)]; }
};

FlagState default_flags();

// The flag of that key; the error names the nearest.
std::expected<FlagRow const*, std::string> find_flag(std::string_view key);
// "true", "35", "12.5", "all"; the error says what may be written.
std::expected<std::uint16_t, std::string> parse_flag(FlagRow const& row, std::string_view text);
std::string flag_text(FlagRow const& row, std::uint16_t value); // "35", "true", "all"
std::string flag_json(FlagRow const& row, std::uint16_t value); // the same as a JSON value

pipeline::Regime regime_of(FlagState const& state);

} // namespace stages
