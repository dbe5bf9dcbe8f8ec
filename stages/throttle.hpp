// Holds back questions at a node that has said it is asked too often: nothing for a while, then few
// at a time, then more as long as all goes well (additive increase, multiplicative decrease).
//
//   pause    250 ms, doubled with each refusal that follows a pause, up to 30 s, half of it chance;
//            never shorter than the node asked for
//   window   questions in flight: halved by a refusal, one more with each answer
//
// Pure, one thread; times are monotonic nanoseconds given by the caller.
#pragma once

#include "io/random.hpp"

#include <algorithm>

namespace stages {

class Throttle {
  public:
    static constexpr pipeline::Nanoseconds pause_first = 250 * pipeline::millisecond;
    static constexpr pipeline::Nanoseconds pause_max = 30 * pipeline::second;
    static constexpr std::size_t window_max = 32;
    // Pauses in a row (about a minute) after which this node is no use just now.
    static constexpr unsigned refusals_max = 8;

    explicit Throttle(io::Random& random)
        : random_(random) {}

    // The node refused a question and asks for `wait` (0: it does not say). True if this is the
    // first refusal since it last answered: worth a line in the log.
    bool refused(pipeline::Nanoseconds now, pipeline::Nanoseconds wait) {
        bool const in_pause = now < until_; // asked before the pause began: no news
        if (!in_pause) {
            auto const ceiling = std::min(pause_max, pause_first << std::min(refusals_, 16U));
            until_ = now + ceiling / 2 + random_.up_to(ceiling / 2);
            window_ = std::max<std::size_t>(1, window_ / 2);
            ++refusals_;
        }
        until_ = std::max(until_, now + wait);
        return !in_pause && refusals_ == 1;
    }

    // The node answered.
    void answered(pipeline::Nanoseconds now) {
        if (now < until_) return; // to what was asked before the pause
        refusals_ = 0;
        window_ = std::min(window_max, window_ + 1);
    }

    bool may_ask(pipeline::Nanoseconds now, std::size_t in_flight) const {
        return now >= until_ && in_flight < window_;
    }
    pipeline::Nanoseconds until() const { return until_; } // of the pause; 0: there was none
    bool hopeless() const { return refusals_ > refusals_max; }
    void start_over() { // with another node
        until_ = 0;
        window_ = window_max;
        refusals_ = 0;
    }

  private:
    io::Random& random_;
    pipeline::Nanoseconds until_ = 0;
    std::size_t window_ = window_max;
    unsigned refusals_ = 0;
};

} // namespace stages
