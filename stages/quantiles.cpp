#include "stages/quantiles.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace stages {

static_assert(std::is_trivially_copyable_v<AgingQuantiles>);

namespace {

constexpr double gamma = (1 + QuantileSketch::alpha) / (1 - QuantileSketch::alpha);
constexpr double log_lowest = -32;
double const log_gamma = std::log2(gamma); // of base 2

constexpr std::uint32_t count_max = std::numeric_limits<std::uint32_t>::max();

} // namespace

std::size_t QuantileSketch::bucket_of(double value) {
    if (!(value > lowest)) return 0;
    if (value >= highest) return buckets - 1;
    double const place = std::ceil((std::log2(value) - log_lowest) / log_gamma) - 1;
    return std::min(static_cast<std::size_t>(std::max(place, 0.0)), buckets - 1);
}

double QuantileSketch::lower_edge(std::size_t bucket) {
    return std::exp2(log_lowest + static_cast<double>(bucket) * log_gamma);
}

void QuantileSketch::add(double value) {
    if (std::isnan(value)) return;
    auto const bucket = static_cast<std::uint32_t>(bucket_of(value));
    if (counts_[bucket] == count_max) return;
    ++counts_[bucket];
    top_ = std::max(top_, bucket);
    ++count_;
}

void QuantileSketch::merge(QuantileSketch const& other) {
    for (std::size_t i = 0; i < buckets; ++i) {
        std::uint32_t const more = std::min(other.counts_[i], count_max - counts_[i]);
        counts_[i] += more;
        count_ += more;
    }
    top_ = std::max(top_, other.top_);
}

double QuantileSketch::quantile(double q) const {
    if (count_ == 0) return 0;
    double const share = std::clamp(q, 0.0, 1.0);
    auto const rank = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1));
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < buckets; ++bucket) {
        seen += counts_[bucket];
        if (seen > rank) break;
    }
    // The point that is alpha away from both edges.
    return lower_edge(bucket) * 2 * gamma / (1 + gamma);
}

double QuantileSketch::above(double value) const {
    std::size_t const own = bucket_of(value);
    std::uint64_t higher = 0;
    for (std::size_t i = top_; i > own; --i) higher += counts_[i];
    double part = 1;
    if (value > lowest)
        part = 1 - (std::log2(value) - log_lowest) / log_gamma + static_cast<double>(own);
    return static_cast<double>(higher) + std::clamp(part, 0.0, 1.0) * counts_[own];
}

double QuantileSketch::Cut::value() const {
    return lower_edge(bucket) * std::exp2((1 - share) * log_gamma);
}

QuantileSketch::Cut QuantileSketch::cut(QuantileSketch const& one, QuantileSketch const& other,
                                        double above) {
    double missing = std::max(above, 0.0);
    for (std::size_t i = std::max(one.top_, other.top_) + 1; i-- > 0;) {
        double const here = static_cast<double>(one.counts_[i]) + other.counts_[i];
        if (here > 0 && here >= missing) return {i, missing / here};
        missing -= here;
    }
    return {};
}

AgingQuantiles::AgingQuantiles(std::uint32_t half_horizon_s)
    : half_s_(half_horizon_s) {
    CHECK(half_horizon_s > gap_max_s);
}

void AgingQuantiles::pass(std::uint32_t time_s) {
    if (newest_s_ == 0) newest_s_ = time_s;
    if (time_s <= newest_s_) return;
    std::uint32_t const step_s = time_s - newest_s_;
    newest_s_ = time_s;
    if (step_s > gap_max_s) return;
    young_s_ += step_s;
    if (young_s_ < half_s_) return;
    old_ = young_;
    old_s_ = young_s_;
    young_.clear();
    young_s_ = 0;
}

QuantileSketch AgingQuantiles::all() const {
    QuantileSketch both = old_;
    both.merge(young_);
    return both;
}

} // namespace stages
