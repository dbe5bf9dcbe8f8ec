#include "stages/tail.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <type_traits>

namespace stages {

static_assert(std::is_trivially_copyable_v<Tail>);

Tail::Tail(std::uint32_t half, double spread_min)
    : half_(half)
    , spread_min_(static_cast<float>(spread_min)) {
    CHECK(half > 0 && spread_min > 0);
}

void Tail::Generation::add(float value) {
    ++count;
    if (value <= 0) return;
    std::size_t at = size;
    while (at > 0 && largest[at - 1] < value) --at;
    if (at == kept) return;
    size = std::min(size + 1, kept);
    for (std::size_t i = size - 1; i > at; --i) largest[i] = largest[i - 1];
    largest[at] = value;
}

void Tail::learn(double value, bool told) {
    if (std::isnan(value)) return;
    if (young_.count >= half_) {
        old_ = young_;
        young_ = {};
    }
    constexpr double most = std::numeric_limits<float>::max();
    auto const known = static_cast<float>(std::clamp(value, -most, most));
    bool const censored =
        told && known > std::max(young_.most(), old_.most()) && young_.told + old_.told < told_max;
    young_.add(censored ? std::numeric_limits<float>::infinity() : known);
    young_.told += censored;
}

std::uint32_t Tail::size() const {
    return std::min({kept, count() / 16 + told(), young_.size + old_.size});
}

double Tail::bits(double value) const {
    std::uint32_t const size_of_all = size(), above = told();
    if (!known() || std::isnan(value)) return 0;
    std::array<float, 2 * kept> all;
    std::merge(young_.largest.begin(), young_.largest.begin() + young_.size, old_.largest.begin(),
               old_.largest.begin() + old_.size, all.begin(), std::greater<>());
    auto const end = all.begin() + size_of_all;
    auto const higher = static_cast<std::size_t>(
        std::partition_point(all.begin(), end, [&](float one) { return one >= value; }) -
        all.begin());
    if (higher == size_of_all) return 0;
    double const rank = std::log2((count() + 1.0) / double(higher + 1));
    if (higher > above) return rank;
    float const* const rest = all.data() + above; // those that were not told
    double const middle = (double(rest[local / 2 - 1]) + rest[local / 2]) / 2;
    double const spread = std::max<double>(spread_min_, (middle - rest[local]) / std::numbers::ln2);
    constexpr double worth = local / 2.0;
    return rank + worth * std::log2(1 + (value - rest[0]) / (worth * spread));
}

} // namespace stages
