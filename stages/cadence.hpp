// Learns how often a chain makes blocks, and says when silence has become suspicious. Never
// configured: 6 s, 2 s, 500 ms and 12 s chains are all measured. Pure; one thread.
#pragma once

#include "pipeline/types.hpp"

#include <algorithm>
#include <utility>

namespace stages {

class Cadence {
  public:
    // Silence shorter than this is never suspicious, however fast the chain is.
    static constexpr pipeline::Nanoseconds patience_min = 15 * pipeline::second;
    // Before a cadence is known.
    static constexpr pipeline::Nanoseconds patience_first = 60 * pipeline::second;
    static constexpr unsigned intervals_of_silence = 10;
    static constexpr unsigned samples_min = 3;

    // A new best head came. Several at once (a gap being closed) count as one.
    void beat(pipeline::Nanoseconds now) {
        // The first block comes somewhere within an interval and says nothing of its length.
        bool const whole = std::exchange(seen_, true);
        pipeline::Nanoseconds const interval = now - last_;
        if (whole && interval >= 50 * pipeline::millisecond) {
            // A moving average of about eight blocks; one long pause must not teach patience.
            auto const bounded = samples_ < samples_min ? interval : std::min(interval, 4 * mean_);
            mean_ = samples_ == 0 ? bounded : mean_ + bounded / 8 - mean_ / 8;
            ++samples_;
        }
        last_ = now;
    }

    // The clock of suspicion starts here: subscribed, nothing heard yet.
    void start(pipeline::Nanoseconds now) {
        last_ = now;
        seen_ = false;
    }

    pipeline::Nanoseconds patience() const {
        if (samples_ < samples_min) return patience_first;
        return std::max(patience_min, intervals_of_silence * mean_);
    }
    pipeline::Nanoseconds suspicious_at() const { return last_ + patience(); }
    pipeline::Nanoseconds interval() const { return mean_; } // 0: not yet known

  private:
    pipeline::Nanoseconds last_ = 0;
    pipeline::Nanoseconds mean_ = 0;
    unsigned samples_ = 0;
    bool seen_ = false; // a block since start()
};

} // namespace stages
