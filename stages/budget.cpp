#include "stages/budget.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>

namespace stages {

static_assert(std::is_trivially_copyable_v<Budget>);

namespace {

constexpr std::uint32_t day_length_s = 86'400, week_s = 7 * day_length_s, set_every_s = 4 * 3'600;
constexpr double horizon_alerts = 40, warm_alerts = 10;
constexpr double half_weeks_max = 52;
constexpr double golden = std::numbers::phi - 1;

std::uint32_t half_horizon_s(double alerts_a_day) {
    CHECK(alerts_a_day > 0);
    double const weeks = std::ceil(horizon_alerts / 2 / alerts_a_day / 7);
    return static_cast<std::uint32_t>(std::clamp(weeks, 1.0, half_weeks_max)) * week_s;
}

double days_of(std::uint64_t seconds) { return static_cast<double>(seconds) / day_length_s; }

} // namespace

Budget::Budget(BudgetOptions const& options)
    : options_(options)
    , scores_(half_horizon_s(options.alerts_a_day)) {}

void Budget::turn_day(std::uint32_t day) {
    std::uint32_t const passed = std::min(day - day_, days_kept);
    for (std::uint32_t i = 0; i < passed; ++i) days_[(day - i) % days_kept] = {};
    day_ = day;
}

void Budget::set_threshold() {
    double const days = days_of(scores_.observed_s());
    double const expected = options_.alerts_a_day * days;
    // Once warm it stays so: a budget too small for its horizon does not begin anew with each half.
    if (warming_ && (days < 1 || expected < warm_alerts)) return;
    warming_ = false;
    cut_ = scores_.cut(expected);
}

void Budget::pass(std::uint32_t time_s) {
    if (newest_s_ == 0) {
        newest_s_ = set_s_ = time_s;
        day_ = time_s / day_length_s;
    }
    if (time_s <= newest_s_) return;
    std::uint32_t const step_s = time_s - newest_s_;
    newest_s_ = time_s;
    scores_.pass(time_s);
    if (time_s / day_length_s != day_) turn_day(time_s / day_length_s);
    if (step_s <= AgingQuantiles::gap_max_s) {
        days_[day_ % days_kept].observed_s += step_s;
    }
    if (time_s - set_s_ < set_every_s) return;
    set_s_ = time_s;
    set_threshold();
}

bool Budget::meets(double score) const {
    if (warming_ || !(score >= options_.floor)) return false;
    std::size_t const bucket = QuantileSketch::bucket_of(score);
    return bucket > cut_.bucket || (bucket == cut_.bucket && part_ < cut_.share);
}

std::uint32_t Budget::warm_left_s() const {
    if (!warming_) return 0;
    double const needed_s = std::max(1.0, warm_alerts / options_.alerts_a_day) * day_length_s;
    double const left_s = std::ceil(needed_s - static_cast<double>(scores_.observed_s()));
    return static_cast<std::uint32_t>(std::clamp(left_s, 0.0, 4e9));
}

double Budget::threshold() const { return std::max(options_.floor, cut_.value()); }

bool Budget::judge(double score, std::uint32_t time_s) {
    pass(time_s);
    bool const met = meets(score);
    part_ += golden;
    if (part_ >= 1) part_ -= 1;
    if (met) {
        Day& today = days_[day_ % days_kept];
        ++today.met;
        if (today.met > 2 * options_.alerts_a_day + 5) return true; // a storm
    }
    scores_.add(score, time_s);
    return met;
}

double Budget::actual_a_day() const {
    std::uint64_t met = 0, observed_s = 0;
    for (Day const& day : days_) {
        met += day.met;
        observed_s += day.observed_s;
    }
    return observed_s == 0 ? 0 : static_cast<double>(met) / days_of(observed_s);
}

double Budget::forecast_a_day() const {
    std::uint64_t const observed_s = scores_.observed_s();
    if (warming_ || observed_s == 0) return 0;
    return scores_.above(threshold()) / days_of(observed_s);
}

} // namespace stages
