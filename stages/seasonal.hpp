// What is ordinary for a windowed quantity at this hour of the week: the median and the median
// absolute deviation (MAD) of past windows, by 168 slots of an hour (UTC, from Thursday 0:00, where
// unix time begins).
//
// Each slot keeps its newest `kept` windows, at most `per_pass` of each hour that passes, spread
// over it: so one bad hour is at most a sixth of a slot's memory, which reaches back over 6 weeks.
// The estimates are the exact ones of a pool of those windows, the first with at least pool_min:
//
//   the hour and its neighbours, this day of the week     up to    72 windows
//   the same three hours, all days                        up to   504
//   all hours                                             up to 4,032
//
// Error (normal windows, n pooled): of the median 1.25 sd / sqrt(n), of the MAD 1.17 MAD / sqrt(n),
// that is 15 % and 14 % at 72 (Rousseeuw and Croux, JASA 1993). Fewer than half of the pool,
// however far off, move neither beyond the rest of it.
//
// Trivially copyable, 17 KB; one thread; no allocation, no clock. learn() is cheap; at() takes some
// microseconds for the first pools and some 50 for all hours: once a window.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace stages {

struct SeasonalOptions {
    std::uint32_t window_s = 300;      // of the quantity; at most an hour
    std::uint32_t warm_windows = 2016; // before z() is of use
    double mad_floor = 0;              // the MAD is never taken as less than this,
    double mad_floor_share = 0;        // nor than this share of |median|
    std::uint32_t pool_min = 36;       // windows that are enough, at least Seasonal::stored_min
};

class Seasonal {
  public:
    static constexpr std::uint32_t slots = 168, kept = 24, per_pass = 4, stored_min = 36;

    struct Ordinary {
        double median = 0;
        double mad = 0;           // with the floor
        std::uint32_t pooled = 0; // windows behind it; 0: none, the others say nothing
    };

    explicit Seasonal(SeasonalOptions const& options);

    // A window that began at time_s had this value. NaN is left out.
    void learn(double value, std::uint32_t time_s);

    bool warm() const { return learned_ >= options_.warm_windows && stored_ >= stored_min; }
    std::uint64_t learned() const { return learned_; }

    // Before the window at time_s is learned.
    Ordinary at(std::uint32_t time_s) const;
    // 0.6745 (value - median) / MAD: the deviation in units of a normal's sd. 0 if nothing is known
    // or the MAD is 0 and the value is the median; at most +-z_max.
    static double z(double value, Ordinary const& ordinary);
    double z(double value, std::uint32_t time_s) const { return z(value, at(time_s)); }

    static constexpr double z_max = 1e6;

  private:
    struct Slot {
        std::array<float, kept> values{};
        std::uint32_t added = 0; // in all; the newest is at (added - 1) % kept
    };
    static std::uint32_t slot_of(std::uint32_t time_s) { return time_s / 3'600 % slots; }
    void pool(std::uint32_t slot, std::array<float, std::size_t{slots} * kept>& values,
              std::size_t& count) const;

    SeasonalOptions options_;
    std::array<Slot, slots> slots_{};
    std::uint64_t learned_ = 0;
    std::uint64_t stored_ = 0;
};

} // namespace stages
