#include "stages/pattern_market.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <type_traits>
#include <utility>

namespace stages {

static_assert(std::is_trivially_copyable_v<MarketVolume>);

namespace {

constexpr double volume_mad_floor = 0.25; // octaves: sums within a sixth of each other are alike
constexpr double poisson_mad = 0.6745;    // of a normal of sd 1
constexpr std::uint32_t pooled_windows = 150; // of three hours and all days
constexpr std::uint32_t tail_s = 60 * day_s;  // half of what a tail looks back on
constexpr double volume_spread = 0.1;         // sd
// Of Poisson counts far out, where the next is r times as frequent, the mean excess is their step
// on this scale over log(1 / r): 0.25 at a mean of 4, 0.23 at 30. Counts are discrete: equal ones
// are no scale.
constexpr double count_spread = 0.25;

u128 saturated(u128 a, u128 b) { return a + b < a ? ~u128{0} : a + b; }

double volume_scale(u128 rest) { return std::log2(1 + static_cast<double>(rest)); }

double count_scale(double count) { return 2 * std::sqrt(count + 0.375); }

double count_of(double scaled) { return std::max(0.0, scaled * scaled / 4 - 0.375); }

} // namespace

MarketVolume::MarketVolume(MarketVolumeOptions const& options)
    : options_(options)
    , volumes_({.window_s = options.window_s,
                .warm_windows = options.warm_windows,
                .mad_floor = volume_mad_floor,
                .pool_min = pooled_windows})
    , counts_({.window_s = options.window_s,
               .warm_windows = options.warm_windows,
               .mad_floor = poisson_mad})
    , volume_tail_(tail_s / options.window_s, volume_spread)
    , count_tail_(tail_s / options.window_s, count_spread) {
    CHECK(options.z > 0);
}

void MarketVolume::open_window(std::uint32_t start_s, bool whole) {
    start_s_ = start_s;
    whole_ = whole;
    count_ = 0;
    movements_ = 0;
    rest_ = 0;
    most_ = {};
    batch_ = 0;
    kept_ = 0;
}

std::optional<Claim> MarketVolume::pass(std::uint32_t time_s) {
    std::uint32_t const window = options_.window_s;
    if (newest_s_ == 0) open_window(time_s / window * window, time_s % window == 0);
    if (time_s <= newest_s_) return std::nullopt;
    bool const gap = newest_s_ != 0 && time_s - newest_s_ > std::max(gap_max_s, window);
    newest_s_ = time_s;
    if (time_s / window * window <= start_s_) return std::nullopt;
    if (gap) {
        open_window(time_s / window * window, false);
        return std::nullopt;
    }
    std::optional<Claim> first;
    while (start_s_ + window <= time_s) {
        std::optional<Claim> claim = close_window();
        if (!first) first = claim;
        open_window(start_s_ + window, true);
    }
    return first;
}

std::optional<Claim> MarketVolume::on(Moved const& moved, bool again) {
    std::optional<Claim> const claim = pass(moved.time_s);
    count_ += !again;
    ++movements_;
    if (!again || moved.from != batch_from_) end_batch();
    batch_ = saturated(batch_, moved.amount);
    batch_from_ = moved.from;
    keep_largest(moved);
    return claim;
}

void MarketVolume::end_batch() {
    for (u128& one : most_)
        if (batch_ > one) std::swap(batch_, one);
    rest_ = saturated(rest_, std::exchange(batch_, 0));
}

void MarketVolume::keep_largest(Moved const& moved) {
    auto const before = [](Largest const& a, Largest const& b) {
        return a.amount != b.amount ? a.amount > b.amount : a.seq < b.seq;
    };
    if (kept_ == evidence_max) {
        if (moved.amount <= largest_[0].amount) return;
        std::pop_heap(largest_.begin(), largest_.end(), before);
        --kept_;
    }
    largest_[kept_++] = {moved.amount, moved.seq};
    std::push_heap(largest_.begin(), largest_.begin() + kept_, before);
}

std::optional<Claim> MarketVolume::close_window() {
    if (!whole_) return std::nullopt;
    end_batch();
    double const volume = volume_scale(rest_), count = count_scale(count_);
    std::optional<Claim> claim;
    if (!warming()) {
        Judged judged{.volume = volumes_.at(start_s_), .count = counts_.at(start_s_)};
        judged.count_z = Seasonal::z(count, judged.count);
        if (count_of(judged.count.median) >= count_min + lone)
            judged.volume_z = Seasonal::z(volume, judged.volume);
        judged.volume_bits = volume_tail_.bits(judged.volume_z);
        judged.count_bits = count_tail_.bits(judged.count_z);
        claim = judge(judged);
        bool const told = options_.once_in_s > 0 && (jumps(judged.volume_z, judged.volume_bits) ||
                                                     jumps(judged.count_z, judged.count_bits));
        volume_tail_.learn(judged.volume_z, told);
        count_tail_.learn(judged.count_z, told);
    }
    volumes_.learn(volume, start_s_);
    counts_.learn(count, start_s_);
    return claim;
}

double MarketVolume::bits_needed() const {
    return std::log2(std::max(1.0, 4.0 * options_.once_in_s / options_.window_s));
}

bool MarketVolume::jumps(double deviate, double bits) const {
    return deviate >= options_.z / 2 && bits >= bits_needed();
}

std::optional<Claim> MarketVolume::judge(Judged const& judged) {
    auto const follow = [](double& cusum, double deviate) {
        double const cut = std::clamp(deviate, -cusum_z_max, cusum_z_max);
        // Not beyond twice its mark: it has to come down when the episode is over.
        cusum = std::clamp(cusum + cut - cusum_slack, 0.0, 2 * cusum_mark);
    };
    follow(volume_cusum_, judged.volume_z);
    follow(count_cusum_, judged.count_z);
    double const cusum = std::max(volume_cusum_, count_cusum_);
    double const z = std::max(judged.volume_z, judged.count_z);
    bool const met = jumps(judged.volume_z, judged.volume_bits) ||
                     jumps(judged.count_z, judged.count_bits) || cusum >= cusum_mark;
    if (episode_.ongoing) {
        bool const calm = z < options_.z / 2 && cusum < cusum_mark / 2;
        calm_ = calm ? calm_ + 1 : 0;
        ++episode_.windows;
        episode_.z_most = std::max(episode_.z_most, z);
        if (!calm) episode_.until_s = start_s_ + options_.window_s;
        if (calm_ >= calm_windows) episode_.ongoing = false;
        return std::nullopt;
    }
    if (!met) return std::nullopt;
    episode_ = {true, start_s_, start_s_ + options_.window_s, 1, z};
    calm_ = 0;
    return claim(judged);
}

Claim MarketVolume::claim(Judged const& judged) const {
    double const z = std::max(judged.volume_z, judged.count_z);
    Claim claim;
    claim.severity = z >= 3 * options_.z   ? Severity::critical
                   : z >= 1.5 * options_.z ? Severity::important
                                           : Severity::notable;
    // A CUSUM of unit deviates exceeds S with a chance of exp(-2 slack S) (Siegmund, Sequential
    // Analysis, 1985); the most surprising of four was taken.
    double const jump = std::max(judged.volume_bits, judged.count_bits);
    double const cusum = std::max(volume_cusum_, count_cusum_);
    double const rise = 2 * cusum_slack * cusum / std::numbers::ln2;
    claim.score_bits = std::max(0.0, std::max(jump, rise) - 2);
    claim.sum = rest_;
    for (u128 const one : most_) claim.sum = saturated(claim.sum, one);

    std::array<Largest, evidence_max> newest = largest_;
    std::sort(newest.begin(), newest.begin() + kept_,
              [](Largest const& a, Largest const& b) { return a.seq > b.seq; });
    for (std::uint32_t i = 0; i < kept_; ++i) claim.evidence.add_older(newest[i].seq);
    claim.evidence.oldest_first();
    claim.evidence.all = movements_;

    bool const by_volume = jumps(judged.volume_z, judged.volume_bits);
    bool const of_count = jumps(judged.count_z, judged.count_bits);
    bool const jumped = by_volume || of_count;
    bool const by_count = of_count && (!by_volume || judged.count_bits > judged.volume_bits);
    char const* const by = !jumped ? "rise" : by_count ? "count" : "volume";
    char text[200];
    int const size = std::snprintf(
        text, sizeof text,
        R"("by":"%s","window_s":%u,"count":%u,"count_median":%.4g,"count_z":%.3g,)"
        R"("rest":%.4g,"rest_median":%.4g,"volume_z":%.3g,"cusum":%.3g)",
        by, options_.window_s, count_, count_of(judged.count.median), judged.count_z,
        static_cast<double>(rest_), std::exp2(judged.volume.median) - 1, judged.volume_z, cusum);
    CHECK(size > 0 && size < static_cast<int>(sizeof text));
    claim.details.assign({text, static_cast<std::size_t>(size)});
    return claim;
}

} // namespace stages
