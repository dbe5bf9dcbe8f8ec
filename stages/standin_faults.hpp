// What the stand-in node does wrong on purpose: a table of faults, read from a scenario file
// (TOML).
//
//   [[fault]]
//   at_block = 5            # the 5th block after the one it starts with
//   kind = "garbage_events" # a name of fault_kinds
//   count = 1               # blocks, requests or bytes, as the kind's row says; its default
//   otherwise
//
// Pure values; any thread. Fails with file:line:column and a sentence.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

enum class FaultKind : std::uint8_t {
    close,
    reset,
    silent,
    malformed_json,
    oversize_frame,
    truncated_frame,
    invalid_utf8,
    error_reply,
    wrong_genesis,
    garbage_events,
    no_events,
    skip_finality,
    fork,
    rate_limit,
    stop,
    prune,
};

struct FaultRow {
    FaultKind kind;
    std::string_view name;
    std::uint64_t count;     // default
    std::uint64_t count_max; // bound
    std::string_view effect; // what happens, and what `count` counts
};

inline constexpr std::array<FaultRow, 16> fault_kinds{{
    {FaultKind::close, "close", 1, 1, "every connection gets a close frame instead of the block"},
    {FaultKind::reset, "reset", 1, 1, "every connection is dropped without a close frame"},
    {FaultKind::silent, "silent", 1U << 30, 1U << 30,
     "the connections stay open and hear nothing for `count` blocks"},
    {FaultKind::malformed_json, "malformed_json", 1, 1, "a cut JSON text goes before the block"},
    {FaultKind::oversize_frame, "oversize_frame", 33U << 20, 256U << 20,
     "a text message of `count` bytes goes before the block"},
    {FaultKind::truncated_frame, "truncated_frame", 1, 1,
     "a frame that promises more bytes than come, then a reset"},
    {FaultKind::invalid_utf8, "invalid_utf8", 1, 1, "a text message that is not UTF-8"},
    {FaultKind::error_reply, "error_reply", 1, 1U << 20, "the next `count` requests are refused"},
    {FaultKind::wrong_genesis, "wrong_genesis", 1U << 30, 1U << 30,
     "for `count` blocks block 0 has another hash; connections are closed so that clients see it"},
    {FaultKind::garbage_events, "garbage_events", 1, 1U << 20,
     "System.Events of `count` blocks is garbage"},
    {FaultKind::no_events, "no_events", 1, 1U << 20,
     "System.Events of `count` blocks is empty, though balances have changed"},
    {FaultKind::skip_finality, "skip_finality", 1, 1U << 20,
     "`count` blocks are finalized without being announced"},
    {FaultKind::fork, "fork", 1, 64,
     "`count` blocks that will be abandoned come first, then the real ones"},
    {FaultKind::rate_limit, "rate_limit", 10, 1U << 20,
     "the next `count` requests are refused as too many (-32029)"},
    {FaultKind::stop, "stop", 1, 1, "every chainHead_v1 subscription is ended"},
    {FaultKind::prune, "prune", 16, 1U << 20,
     "blocks older than the newest `count` are forgotten, once; finalized ones at least stay"},
}};

struct Fault {
    std::uint64_t at_block = 1;
    FaultKind kind = FaultKind::close;
    std::uint64_t count = 1;
    bool operator==(Fault const&) const = default;
};

inline constexpr std::size_t faults_max = 4096;

// `source` names the text in messages.
[[nodiscard]] std::expected<std::vector<Fault>, std::string>
parse_scenario(std::string_view toml, std::string_view source);

} // namespace stages
