// Quantiles of a stream of positive doubles (amounts, scores) in fixed memory: counts by buckets
// that grow by a constant factor, so that every value is known to within 1 % of itself (DDSketch:
// Masson, Rim, Lee, VLDB 2019; without its collapsing: the range is fixed).
//
//   bucket i: (lowest x gamma^i, lowest x gamma^(i+1)],  gamma = (1 + alpha) / (1 - alpha)
//
// What is below the range counts as the lowest value, what is above as the highest; NaN is left
// out. Merging loses nothing. Counts saturate. Pure values, trivially copyable; one thread; no
// allocation. 22 KB a sketch.
#pragma once

#include <array>
#include <cstdint>

namespace stages {

class QuantileSketch {
  public:
    static constexpr double alpha = 0.01;      // relative error of a value
    static constexpr double lowest = 0x1p-32;  // the range, up to
    static constexpr double highest = 0x1p128; // what an amount can be
    static constexpr std::size_t buckets = 5'545;

    void add(double value);
    void merge(QuantileSketch const& other);
    void clear() { *this = {}; }

    std::uint64_t count() const { return count_; }

    // The value of rank floor(q (count - 1)) in the sorted data, 0 <= q <= 1, within alpha of it;
    // 0: empty.
    double quantile(double q) const;

    // How many are above `value`: the share of its own bucket is taken as evenly spread, so all
    // that can be wrong is part of one bucket (2 alpha wide).
    double above(double value) const;

    // Where the upper part of the data begins: all buckets above `bucket`, and this share of it.
    struct Cut {
        std::size_t bucket = 0;
        double share = 1;
        double value() const; // by the same measure
    };
    // Of two sketches together, so that the upper part has `above` values; all, if there are fewer.
    static Cut cut(QuantileSketch const& one, QuantileSketch const& other, double above);

    static std::size_t bucket_of(double value);
    static double lower_edge(std::size_t bucket);

  private:
    std::array<std::uint32_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    std::uint32_t top_ = 0; // no bucket above it has any
};

// The same of about the last `horizon`: two generations of half a horizon each; the older one is
// dropped when the younger one is full. So it speaks of half a horizon to a whole one.
//
// Time counts as observed while it passes in steps of at most `gap_max_s`; a longer step is a time
// nobody looked, and is not counted.
class AgingQuantiles {
  public:
    static constexpr std::uint32_t gap_max_s = 3'600;

    explicit AgingQuantiles(std::uint32_t half_horizon_s);

    // Chain time; what is earlier than before is taken as now.
    void pass(std::uint32_t time_s);
    void add(double value, std::uint32_t time_s) {
        pass(time_s);
        young_.add(value);
    }

    std::uint64_t observed_s() const { return std::uint64_t{old_s_} + young_s_; }
    std::uint64_t count() const { return young_.count() + old_.count(); }
    double above(double value) const { return young_.above(value) + old_.above(value); }
    QuantileSketch::Cut cut(double above) const { return QuantileSketch::cut(young_, old_, above); }
    // Both together.
    QuantileSketch all() const;

  private:
    std::uint32_t half_s_;
    std::uint32_t newest_s_ = 0;            // chain time; 0: none yet
    std::uint32_t young_s_ = 0, old_s_ = 0; // observed
    QuantileSketch young_, old_;
};

} // namespace stages
