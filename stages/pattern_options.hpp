// What a rule of each kind of pattern may be told, with the defaults: one struct a kind, one page.
// Amounts are in the smallest unit of the chain's own token, made from the whole tokens of the
// configuration; what depends on the token has its default there (config/rule_keys.cpp). Shares are
// between 0 and 1. Times are seconds of the chain.
//
// Severity: `levels` name the sum, or whatever else a kind is judged by, from which on a claim is
// important or critical; below the first level that is set it is notable.
#pragma once

#include "stages/rules.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace stages {

inline constexpr std::uint32_t minute_s = 60, hour_s = 3'600, day_s = 86'400;

// A watched account moved at least `min`, or its balance crossed a mark. A mark that was crossed is
// armed again when the balance is 10 % beyond it on the other side.
struct WatchOptions {
    u128 min = 0;
    std::optional<u128> low{}; // balance marks; need a known balance
    std::optional<u128> high{};
    double hysteresis = 0.10;
};

// An account that was silent for `silence_s` sends at least max(min, share of its balance).
struct DormantOptions {
    std::uint32_t silence_s = 30 * day_s;
    std::uint32_t critical_silence_s = 180 * day_s;
    u128 min = 0;                 // 10,000 tokens
    double share = 0.05;          // of the balance before, where that is known
    std::uint32_t model_outs = 5; // earlier activities from which on its own rate is judged too
    double model_bits = 10;       // surprise of the silence that is then needed
    // Chain migrations: silences that span one of these instants tell nothing (unix seconds).
    std::vector<std::uint32_t> borders{};
};

// `clusters` distinct clusters send at least `min` each within the window, sharing a factor, and
// that is less likely than once in `once_in_s` under the chain's rate of such movements.
struct CoordinationOptions {
    u128 min = 0; // 100,000 tokens
    std::uint32_t clusters = 3;
    std::uint32_t critical_clusters = 5;
    std::array<std::uint32_t, 2> windows_s{5 * minute_s, hour_s};
    double amounts_within = 0.01; // "the same amount"
    std::uint32_t once_in_s = 30 * day_s;
};

// Many sources to one (consolidation), one to many (dispersion).
struct GatheringOptions {
    bool outward = false; // dispersion
    std::uint32_t window_s = day_s;
    std::uint32_t counterparties = 20;
    double effective = 10;  // exp(entropy) of the sums by counterparty
    u128 sum = 0;           // 100,000 tokens
    bool exchanges = false; // also of accounts labelled as exchanges
};

struct DrainOptions {
    std::uint32_t window_s = day_s;
    std::uint32_t outflows = 5;
    double largest_share = 0.5; // of the sum, at most
    double balance_share = 0.5; // of the balance at the window's start, at least
    u128 min = 0;               // 10,000 tokens
};

struct StructuringOptions {
    std::uint32_t window_s = day_s;
    u128 level = 0; // 10,000 tokens: what the parts stay under
    std::uint32_t parts = 5;
    double part_from = 0.5; // of the level
    double sum_levels = 3;
    double variation = 0.15; // coefficient of variation of the parts, below
};

struct ExchangeFlowOptions {
    std::array<std::uint32_t, 2> windows_s{15 * minute_s, hour_s};
    double z = 6;                        // robust, against the hour of the week
    std::optional<u128> floor{};         // or a net flow of this
    std::uint32_t warm_windows = 200;     // before the model speaks
    std::uint32_t once_in_s = 30 * day_s; // a false claim; 0: z alone, where a budget chooses
};

// A known balance crosses the level and stays there for `blocks`.
struct WhaleOptions {
    bool leaving = false; // whale_exit: down through 0.9 of the level
    u128 level = 0;       // 100,000 tokens
    double exit_share = 0.9;
    std::uint32_t blocks = 100;
};

struct UnbondingOptions {
    u128 min = 0;                        // 10,000 tokens
    std::uint32_t unlock_s = 28 * day_s; // of the chain; told with the alert
    std::uint32_t follow_s = 14 * day_s; // the unlocked amount moving within this is told too
};

struct BurstOptions {
    u128 min = 0;                     // movements below do not count
    std::uint32_t model_outs = 20;    // activities before the model speaks
    double factor = 4;                // the jump of the rate that is looked for
    double bits = 0;                  // 0: learned from `budget`
    std::uint32_t run_s = 30 * day_s; // average run length under the null, at least
};

struct MarketVolumeOptions {
    std::uint32_t window_s = 5 * minute_s;
    double z = 6;
    std::uint32_t warm_windows = 2'016;   // a week of five minutes
    std::uint32_t once_in_s = 30 * day_s; // a false claim; 0: z alone, where a budget chooses
};

// Hops within `hop_s` of each other, each keeping `keep` of the amount before.
struct PassThroughOptions {
    u128 min = 0; // 10,000 tokens
    std::uint32_t hops = 3;
    std::uint32_t hop_s = 30 * minute_s;
    double keep = 0.9;
};

struct TestThenLargeOptions {
    u128 large = 0;            // 100,000 tokens
    double probe_share = 0.01; // of the large one, at most
    std::uint32_t window_s = hour_s;
};

// A transfer that no fixed level meets is large by another measure: pattern_large.hpp.
struct LargeOptions {
    std::optional<double> share{};  // of the sender's balance
    u128 floor = 0;                 // 10,000 tokens; of share and of what is learned
    std::optional<double> budget{}; // alerts a day: the chain's own quantile is a level, too
    std::array<std::optional<std::string>, severities> usd{}; // levels: plain decimals
    std::uint32_t price_age_s = hour_s;
    Levels levels{};           // what meets one of them is told elsewhere
    std::uint8_t decimals = 0; // of the token
};

using PatternOptions =
    std::variant<WatchOptions, DormantOptions, CoordinationOptions, GatheringOptions, DrainOptions,
                 StructuringOptions, ExchangeFlowOptions, WhaleOptions, UnbondingOptions,
                 BurstOptions, MarketVolumeOptions, PassThroughOptions, TestThenLargeOptions,
                 LargeOptions>;

} // namespace stages
