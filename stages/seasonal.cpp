#include "stages/seasonal.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace stages {

static_assert(std::is_trivially_copyable_v<Seasonal>);

namespace {

constexpr std::uint32_t hour = 3'600, day_hours = 24;

// The mean of the two in the middle, if there are two. Reorders.
double median_of(std::span<float> values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    double const upper = *middle;
    if (values.size() % 2 == 1) return upper;
    return (upper + *std::max_element(values.begin(), middle)) / 2;
}

float stored(double value) {
    constexpr double most = std::numeric_limits<float>::max();
    return static_cast<float>(std::clamp(value, -most, most));
}

} // namespace

Seasonal::Seasonal(SeasonalOptions const& options)
    : options_(options) {
    CHECK(options.window_s > 0 && options.window_s <= hour);
    CHECK(options.pool_min >= stored_min);
}

void Seasonal::learn(double value, std::uint32_t time_s) {
    if (std::isnan(value)) return;
    ++learned_;
    // Every so many windows, another place in the hour with each week that passes.
    std::uint32_t const stride = std::max(1u, hour / options_.window_s / per_pass);
    std::uint32_t const week = time_s / (slots * hour);
    if ((time_s / options_.window_s + week) % stride != 0) return;
    ++stored_;
    Slot& slot = slots_[slot_of(time_s)];
    slot.values[slot.added++ % kept] = stored(value);
    if (slot.added == 2 * kept) slot.added = kept; // full, and does not wrap round
}

void Seasonal::pool(std::uint32_t slot, std::array<float, std::size_t{slots} * kept>& values,
                    std::size_t& count) const {
    Slot const& from = slots_[slot % slots];
    std::size_t const some = std::min(from.added, kept);
    std::copy_n(from.values.begin(), some, values.begin() + static_cast<std::ptrdiff_t>(count));
    count += some;
}

Seasonal::Ordinary Seasonal::at(std::uint32_t time_s) const {
    std::array<float, std::size_t{slots} * kept> values;
    std::size_t count = 0;
    std::uint32_t const own = slot_of(time_s) + slots; // its neighbour before is not below 0
    for (std::uint32_t hours = 0; hours < 3; ++hours) pool(own + hours - 1, values, count);
    if (count < options_.pool_min)
        for (std::uint32_t later = day_hours; later < slots; later += day_hours)
            for (std::uint32_t hours = 0; hours < 3; ++hours)
                pool(own + later + hours - 1, values, count);
    if (count < options_.pool_min) {
        count = 0;
        for (std::uint32_t slot = 0; slot < slots; ++slot) pool(slot, values, count);
    }
    if (count == 0) return {};
    std::span<float> const pooled(values.data(), count);
    double const median = median_of(pooled);
    for (float& value : pooled) value = stored(std::abs(value - median));
    double const floor = std::max(options_.mad_floor, options_.mad_floor_share * std::abs(median));
    return {median, std::max(median_of(pooled), floor), static_cast<std::uint32_t>(count)};
}

double Seasonal::z(double value, Ordinary const& ordinary) {
    double const apart = value - ordinary.median;
    if (ordinary.pooled == 0 || apart == 0 || std::isnan(apart)) return 0;
    return std::clamp(0.6745 * apart / ordinary.mad, -z_max, z_max); // of MAD 0: z_max
}

} // namespace stages
