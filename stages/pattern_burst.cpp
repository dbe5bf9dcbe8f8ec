#include "stages/pattern_burst.hpp"

#include "pipeline/check.hpp"
#include "stages/surprise.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <type_traits>

namespace stages {

static_assert(std::is_trivially_copyable_v<Burst>);

namespace {

double threshold_of(BurstOptions const& options, double a_day) {
    if (options.bits > 0) return options.bits * std::numbers::ln2;
    // One activity at least: a threshold of less than a single step is none.
    double const expected = std::max(a_day, 1.0) * options.run_s / day_s;
    return std::max(std::log(expected), std::log(options.factor));
}

} // namespace

Burst::Burst(BurstOptions const& options)
    : options_(options)
    , log_factor_(std::log(options.factor))
    , threshold_(threshold_of(options, assumed_a_day)) {
    CHECK(options.factor > 1 && options.model_outs >= 2);
}

double Burst::threshold() const { return threshold_; }

// By the busiest of the last days, which fades by a tenth a day.
void Burst::count(std::uint32_t time_s) {
    ++judged_;
    if (day_start_s_ == 0) day_start_s_ = time_s;
    if (time_s >= day_start_s_ && time_s - day_start_s_ >= day_s) {
        double const days = static_cast<double>(time_s - day_start_s_) / day_s;
        a_day_ = std::max(in_day_ / days, 0.9 * a_day_);
        day_start_s_ = time_s;
        in_day_ = 0;
        threshold_ = threshold_of(options_, a_day_);
    }
    ++in_day_;
}

std::optional<Claim> Burst::on(Moved const& moved, AccountState& sender, MovementLog const& log) {
    if (moved.amount < options_.min || sender.outs < options_.model_outs) return std::nullopt;
    if (moved.time_s <= sender.last_out_s || sender.last_out_s <= sender.first_out_s)
        return std::nullopt;
    count(moved.time_s);
    double const gap = moved.time_s - sender.last_out_s;
    double const known = sender.last_out_s - sender.first_out_s;
    double const gaps = sender.outs - 1;
    double const step =
        log_factor_ - (gaps + 1) * std::log1p((options_.factor - 1) * gap / (known + gap));
    bool const ongoing = sender.burst < 0;
    double const cusum = std::abs(static_cast<double>(sender.burst)) + step;
    if (cusum <= 0) {
        sender.burst = 0;
        return std::nullopt;
    }
    if (ongoing) {
        sender.burst = -static_cast<float>(std::min(cusum, 2 * threshold_));
        return std::nullopt;
    }
    sender.burst = static_cast<float>(cusum);
    if (cusum < threshold_) return std::nullopt;
    Claim const answer = claim(moved, sender, log, cusum);
    sender.burst = -sender.burst;
    return answer;
}

// The change was most likely where the sum of the steps back from now is largest.
Claim Burst::claim(Moved const& moved, AccountState const& sender, MovementLog const& log,
                   double cusum) const {
    double const known = sender.last_out_s - sender.first_out_s;
    double const rate = (sender.outs - 1) / known;
    double likely = -1;
    std::size_t steps = 0, since = 1; // movements walked, and those from the change on
    std::uint32_t activities = 0, since_activities = 1, newest_s = 0, from_s = moved.time_s;
    log.sent(sender.sent, 0, steps_max, [&](Moved const& one) {
        ++steps;
        if (one.amount < options_.min) return true;
        if (activities == 0 || one.time_s < newest_s) ++activities;
        newest_s = one.time_s;
        double const span = moved.time_s - one.time_s;
        double const sum = activities * log_factor_ - (options_.factor - 1) * rate * span;
        if (sum >= likely) {
            likely = sum;
            since = steps;
            since_activities = activities;
            from_s = one.time_s;
        }
        return sum > -threshold_; // no earlier change is likely
    });

    Claim claim;
    claim.subject = moved.from;
    claim.score_bits = cusum / std::numbers::ln2;
    log.sent(sender.sent, 0, since, [&](Moved const& one) {
        if (one.amount < options_.min) return true;
        claim.evidence.add_older(one.seq);
        u128 const sum = claim.sum + one.amount;
        claim.sum = sum < claim.sum ? ~u128{0} : sum;
        return true;
    });
    claim.evidence.oldest_first();

    // How strong it is, which the CUSUM, met as soon as it can be, does not tell: the activities
    // since the change in that time, under the rate before it. One activity opens the window.
    double const seconds = std::max(1.0, static_cast<double>(moved.time_s - from_s));
    std::uint64_t const after = since_activities > 1 ? since_activities - 1 : 1;
    std::uint64_t const before = sender.outs > after ? sender.outs - after : 1;
    double const surprise = gamma_poisson_bits(after, seconds, before, known);
    claim.score_bits = std::max(claim.score_bits, surprise - std::log2(double{steps_max}));
    double const threshold_bits = threshold_ / std::numbers::ln2;
    claim.severity = claim.score_bits >= 4 * threshold_bits ? Severity::critical
                   : claim.score_bits >= 2 * threshold_bits ? Severity::important
                                                            : Severity::notable;
    char text[200];
    int const size = std::snprintf(
        text, sizeof text,
        R"("activities":%u,"seconds":%.0f,"rate_before_a_day":%.4g,"times":%.4g,)"
        R"("activities_before":%u,"cusum_bits":%.4g,"threshold_bits":%.4g)",
        since_activities, seconds, rate * day_s, static_cast<double>(after) / (rate * seconds),
        sender.outs, cusum / std::numbers::ln2, threshold_bits);
    CHECK(size > 0 && size < static_cast<int>(sizeof text));
    claim.details.assign({text, static_cast<std::size_t>(size)});
    return claim;
}

} // namespace stages
