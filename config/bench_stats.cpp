#include "config/bench_stats.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>

namespace config {

double quantile(std::span<double const> sorted, double q) {
    CHECK(!sorted.empty() && q > 0 && q <= 1);
    // A product that should be whole may come out a little above it.
    constexpr double rounding = 1e-9;
    auto const rank = std::ceil(q * static_cast<double>(sorted.size()) - rounding);
    auto const place = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    return sorted[std::min(place, sorted.size() - 1)];
}

Quantiles quantiles_of(std::vector<double>& samples) {
    if (samples.empty()) return {};
    std::ranges::sort(samples);
    return {samples.size(),          quantile(samples, 0.5),   quantile(samples, 0.9),
            quantile(samples, 0.99), quantile(samples, 0.999), samples.back()};
}

std::vector<double> from_due(std::span<Passage const> passages, Nanoseconds end) {
    std::vector<double> took;
    took.reserve(passages.size());
    for (Passage const& one : passages) {
        Nanoseconds const seen = std::min(one.seen, std::max(end, one.due));
        // A clock that is read by two processes on two cores may differ by a few nanoseconds.
        took.push_back(seen > one.due ? static_cast<double>(seen - one.due) : 0);
    }
    return took;
}

std::vector<double> from_sent(std::span<Passage const> passages) {
    std::vector<double> took;
    took.reserve(passages.size());
    for (Passage const& one : passages)
        if (one.seen != pipeline::never)
            took.push_back(one.seen > one.sent ? static_cast<double>(one.seen - one.sent) : 0);
    return took;
}

std::optional<double> theil_sen_slope(std::span<Point const> points) {
    if (points.size() < 3) return std::nullopt;
    std::vector<Point> kept;
    std::size_t const wanted = std::min(points.size(), theil_sen_points_max);
    for (std::size_t i = 0; i < wanted; ++i) kept.push_back(points[i * points.size() / wanted]);
    std::vector<double> slopes;
    slopes.reserve(kept.size() * (kept.size() - 1) / 2);
    for (std::size_t i = 0; i < kept.size(); ++i)
        for (std::size_t j = i + 1; j < kept.size(); ++j)
            if (kept[j].x != kept[i].x)
                slopes.push_back((kept[j].y - kept[i].y) / (kept[j].x - kept[i].x));
    if (slopes.empty()) return std::nullopt;
    std::size_t const middle = slopes.size() / 2;
    std::ranges::nth_element(slopes, slopes.begin() + static_cast<std::ptrdiff_t>(middle));
    double const upper = slopes[middle];
    if (slopes.size() % 2 == 1) return upper;
    double const lower =
        *std::max_element(slopes.begin(), slopes.begin() + static_cast<std::ptrdiff_t>(middle));
    return (lower + upper) / 2;
}

} // namespace config
