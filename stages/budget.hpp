// Learns the threshold on a rule's score that keeps its budget: the alerts a day that are expected
// on ordinary traffic. Told the score of every candidate, it keeps their distribution over the
// horizon (quantiles.hpp) and sets the threshold, every four hours of the chain, where as many a
// day were above it as the budget allows.
//
// On stationary traffic the rate is the budget, whatever the distribution: the threshold's own
// noise moves it by 1/sqrt(budget x horizon) of itself, which evens out (test_budget.cpp: within 20
// % over the time of 600 alerts). The horizon is a fortnight, or longer if the budget is small: so
// that some 40 alerts are in it, in whole weeks; at most two years.
//
// Scores in one bucket of the sketch (2 % wide) are not told apart. Where the threshold falls into
// one, the right share of it is met: the first of each so many, spread evenly by multiples of the
// golden ratio, the same for whoever reads the same blocks. So equal scores keep the budget too.
//
// A storm does not become ordinary at once: of the scores that meet the threshold, at most
// 2 x budget + 5 a day are learned from.
//
// Warming: until a day, and the time of 10 alerts, have been observed, nothing is met.
// Scores are positive. Trivially copyable (45 KB); one thread; no allocation, no clock.
#pragma once

#include "stages/quantiles.hpp"

namespace stages {

struct BudgetOptions {
    double alerts_a_day = 1; // > 0
    double floor = 0;        // nothing below it is met, however much room there is
};

class Budget {
  public:
    explicit Budget(BudgetOptions const& options);

    // Chain time goes by; at least once an hour, or that time counts as not observed.
    void pass(std::uint32_t time_s);
    // Whether a candidate meets what is known until now; then it is learned from.
    bool judge(double score, std::uint32_t time_s);

    bool meets(double score) const; // what judge() would say
    bool warming() const { return warming_; }
    std::uint32_t warm_left_s() const; // how much more has to be observed, at least
    double threshold() const;          // of use when not warming
    // What judge() has met a day, over the last 7 days and this one, as far as observed.
    double actual_a_day() const;
    // How many candidates a day of the horizon would meet today's threshold.
    double forecast_a_day() const;
    double alerts_a_day() const { return options_.alerts_a_day; }

  private:
    static constexpr std::uint32_t days_kept = 8;
    struct Day {
        std::uint32_t met = 0;
        std::uint32_t observed_s = 0;
    };

    void turn_day(std::uint32_t day);
    void set_threshold();

    BudgetOptions options_;
    AgingQuantiles scores_;
    bool warming_ = true;
    QuantileSketch::Cut cut_;
    double part_ = 0; // [0, 1): of the bucket the threshold is in, where the next score stands
    std::uint32_t newest_s_ = 0;        // 0: none yet
    std::uint32_t set_s_ = 0;           // when the threshold was set
    std::uint32_t day_ = 0;             // of newest_s_
    std::array<Day, days_kept> days_{}; // by the day's number
};

} // namespace stages
