// What the stand-in Subscan does wrong on purpose, and how much it lets a key ask: a scenario, read
// from a TOML file. Every key may be left out.
//
//   quota_per_second = 5      # answered within any second; 0: as many as come
//   quota_per_day = 100000    # answered within a day of UTC; 0: as many as come
//   lag_blocks = 0            # so far the index is behind the chain
//   finality_lag_blocks = 2   # behind the head, unless the capture tells finality itself
//   block_time = "6s"         # blocks become known one by one; absent: all at once
//   [[fault]]
//   at_request = 5            # the 5th request that is within quota, with a key
//   kind = "limited"          # a name of subscan_fault_kinds
//   count = 1                 # so many requests
//   endpoint = "/api/now"     # only requests of this path are counted
//   status = 503              # of server_error: 500, 502, 503 or 504
//   code = 400                # of error_in_200
//   delay = "2s"              # of slow
//
// Kinds of pages count requests for transfers only. Pure values; any thread. Fails with
// file:line:column and a sentence.
#pragma once

#include "pipeline/types.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

enum class StandinFaultKind : std::uint8_t {
    limited,
    server_error,
    unauthorized,
    plan,
    timeout,
    reset,
    garbage,
    not_json,
    error_in_200,
    no_code_200,
    slow,
    // Of pages of transfers:
    short_page,
    duplicate_rows,
    shifted_page,
    missing_rows,
    wrong_amount,
    amount_v2_zero,
    null_members,
};

struct StandinFaultRow {
    StandinFaultKind kind;
    std::string_view name;
    bool of_pages;
    std::string_view effect;
};

inline constexpr std::array<StandinFaultRow, 18> subscan_fault_kinds{{
    {StandinFaultKind::limited, "limited", false, "429 with retry-after, whatever the quota says"},
    {StandinFaultKind::server_error, "server_error", false, "`status` with a page of HTML"},
    {StandinFaultKind::unauthorized, "unauthorized", false, "401, as to a wrong key"},
    {StandinFaultKind::plan, "plan", false, "402, as to a key whose plan is too small"},
    {StandinFaultKind::timeout, "timeout", false, "no answer"},
    {StandinFaultKind::reset, "reset", false, "the connection is dropped"},
    {StandinFaultKind::garbage, "garbage", false, "bytes that are not HTTP, then an end"},
    {StandinFaultKind::not_json, "not_json", false, "200 with a page of HTML"},
    {StandinFaultKind::error_in_200, "error_in_200", false, "200 with `code` and no data"},
    {StandinFaultKind::no_code_200, "no_code_200", false, "200 with a message and no code"},
    {StandinFaultKind::slow, "slow", false, "the right answer, after `delay`"},
    {StandinFaultKind::short_page, "short_page", true,
     "half the rows, though there are more: the rest of them is not told"},
    {StandinFaultKind::duplicate_rows, "duplicate_rows", true, "every row twice"},
    {StandinFaultKind::shifted_page, "shifted_page", true,
     "as if three rows had come in front since the page before"},
    {StandinFaultKind::missing_rows, "missing_rows", true, "every second row is left out"},
    {StandinFaultKind::wrong_amount, "wrong_amount", true,
     "amount_v2 is ten times what amount says"},
    {StandinFaultKind::amount_v2_zero, "amount_v2_zero", true, "amount_v2 is \"0\""},
    {StandinFaultKind::null_members, "null_members", true,
     "null for every member that may be null, and for an empty list"},
}};

struct StandinFault {
    std::uint64_t at_request = 1;
    StandinFaultKind kind{};
    std::uint64_t count = 1;
    std::string endpoint{}; // empty: every one
    unsigned status = 503;
    std::int64_t code = 400;
    pipeline::Nanoseconds delay = 2 * pipeline::second;
    bool operator==(StandinFault const&) const = default;
};

struct SubscanScenario {
    std::uint64_t quota_per_second = 5;
    std::uint64_t quota_per_day = 100'000;
    std::uint64_t lag_blocks = 0;
    std::uint64_t finality_lag_blocks = 2;
    std::optional<pipeline::Nanoseconds> block_time;
    std::vector<StandinFault> faults;
};

inline constexpr std::size_t subscan_faults_max = 4'096;
inline constexpr std::uint64_t subscan_quota_max = 1'000'000'000;
inline constexpr std::uint64_t subscan_lag_blocks_max = 1'000'000;
inline constexpr std::size_t subscan_endpoint_bytes_max = 128;

// `source` names the text in messages.
[[nodiscard]] std::expected<SubscanScenario, std::string>
parse_subscan_scenario(std::string_view toml, std::string_view source);

} // namespace stages
