// Amounts against shares of amounts, exactly: a share counts as the billionths its text named, so
// no threshold is rounded and no product overflows. Sums that stop at 2^128 - 1. And how severe a
// sum is, by the floor its rule has. Pure; any thread; no allocation.
#pragma once

#include "stages/messages.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

namespace stages {

// A ratio from 0 to 1,000,000,000 in billionths; outside of that, the nearest of the two (no number
// is 0).
struct Share {
    std::uint64_t billionths = 0;

    static constexpr double most = 1e9;
    explicit Share(double ratio) {
        if (ratio > 0)
            billionths = static_cast<std::uint64_t>(std::floor(std::min(ratio, most) * 1e9 + 0.5));
    }
};

// How `part` compares with that share of `whole`.
inline std::strong_ordering against_share(u128 part, Share share, u128 whole) {
    struct Wide { // high x 2^64 + low
        u128 high = 0;
        std::uint64_t low = 0;
        auto operator<=>(Wide const&) const = default;
    };
    auto const times = [](u128 amount, std::uint64_t factor) {
        u128 const low = u128{static_cast<std::uint64_t>(amount)} * factor;
        return Wide{(amount >> 64) * factor + (low >> 64), static_cast<std::uint64_t>(low)};
    };
    return times(part, 1'000'000'000) <=> times(whole, share.billionths);
}

// The least part that is at least that share of `whole`; the share is at most 1.
inline u128 least_of_share(Share share, u128 whole) {
    constexpr std::uint64_t billion = 1'000'000'000;
    return whole / billion * share.billionths +
           (whole % billion * share.billionths + billion - 1) / billion;
}

inline u128 sum_of(u128 a, u128 b) {
    u128 sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? ~u128{0} : sum;
}

// For statistics and for what is told, never for thresholds.
inline double as_double(u128 amount) {
    return static_cast<double>(static_cast<std::uint64_t>(amount >> 64)) * 0x1p64 +
           static_cast<double>(static_cast<std::uint64_t>(amount));
}
inline double ratio_of(u128 part, u128 whole) {
    return whole == 0 ? 0 : as_double(part) / as_double(whole);
}

// From ten times the floor on important, from a hundred times on critical; no floor, notable.
inline Severity severity_by(u128 sum, u128 floor) {
    if (floor == 0) return Severity::notable;
    if (sum / 100 >= floor) return Severity::critical;
    return sum / 10 >= floor ? Severity::important : Severity::notable;
}
inline Severity one_up(Severity severity) {
    return severity == Severity::notable ? Severity::important : Severity::critical;
}

} // namespace stages
