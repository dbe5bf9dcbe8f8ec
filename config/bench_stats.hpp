// The arithmetic of the benchmarks, and nothing else: quantiles, latency against a schedule, drift.
//
// Quantiles are by nearest rank: the smallest sample that at least the share q of all samples do
// not exceed. No buckets, so no rounding; a run has at most a few million samples. Times are
// nanoseconds.
//
// Coordinated omission (Tene): a load that waits for a slow system sends less while it is slow, and
// so hides it. Here every block has a time at which it was due, fixed before the run. Its latency
// counts from then, whenever it was really sent; what never came counts as having taken until the
// end of the run.
//
// Pure; any thread.
#pragma once

#include "pipeline/types.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace config {

using pipeline::Nanoseconds;

struct Quantiles {
    std::size_t count = 0;
    double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};

// Sorts. No samples: all zero.
[[nodiscard]] Quantiles quantiles_of(std::vector<double>& samples);
// q in (0, 1]; `sorted` is not empty.
[[nodiscard]] double quantile(std::span<double const> sorted, double q);

// Something that was due, sent and seen.
struct Passage {
    Nanoseconds due = 0;
    Nanoseconds sent = 0;
    Nanoseconds seen = pipeline::never; // never: it did not come
};

// From the time it was due; what never came until `end`.
[[nodiscard]] std::vector<double> from_due(std::span<Passage const> passages, Nanoseconds end);
// From the time it was sent, of what came.
[[nodiscard]] std::vector<double> from_sent(std::span<Passage const> passages);

// The median of the slopes between every two points (Theil 1950, Sen 1968): half of the points may
// be anything without moving it far. x in hours gives a drift an hour. Nothing below three points.
// More than theil_sen_points_max are thinned out evenly.
struct Point {
    double x = 0, y = 0;
};
inline constexpr std::size_t theil_sen_points_max = 1'000;
[[nodiscard]] std::optional<double> theil_sen_slope(std::span<Point const> points);

} // namespace config
