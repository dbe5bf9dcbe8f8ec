#include "stages/pattern_burst.hpp"

#include "pipeline/check.hpp"
#include "stages/pattern_follow.hpp"
#include "stages/surprise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace stages {

namespace {

double threshold_of(BurstOptions const& options, double a_day) {
    if (options.bits > 0) return options.bits * std::numbers::ln2;
    // One activity at least: a threshold of less than a single step is none.
    double const expected = std::max(a_day, 1.0) * options.run_s / day_s;
    return std::max(std::log(expected), std::log(options.factor));
}

constexpr std::uint32_t week_s = 7 * day_s;
// What is known of an hour of the day, and of a day of the week, before anything is.
constexpr double hour_prior_s = 6 * hour_s, day_prior_s = 2 * day_s;
constexpr double fading = 0.97; // a day

std::uint64_t key_of(decoders::Account const& account) {
    std::uint64_t const hash = hash_of_key(account);
    return hash == 0 ? 1 : hash;
}

} // namespace

Burst::Burst(BurstOptions const& options)
    : options_(options)
    , log_factor_(std::log(options.factor))
    , keys_(suspects_max)
    , suspects_(suspects_max) {
    CHECK(options.factor > 1 && options.model_outs >= 2);
    static_assert(suspects_max % ways == 0);
    learned_.threshold = threshold_of(options, assumed_a_day);
    set_week();
}

// ---- the chain's time ---------------------------------------------------------------------------

void Burst::set_week() {
    Rate all;
    for (Rate const& one : learned_.hours) {
        all.count += one.count;
        all.seconds += one.seconds;
    }
    double const mean = all.count / std::max(all.seconds, 1.0);
    auto const ratio = [&](Rate const& of, double prior_s) {
        if (mean <= 0) return 1.0;
        return (of.count + mean * prior_s) / (of.seconds + prior_s) / mean;
    };
    auto& week = learned_.week;
    week[0] = 0;
    for (std::uint32_t hour = 0; hour < 168; ++hour)
        week[hour + 1] = week[hour] + ratio(learned_.hours[hour % 24], hour_prior_s) *
                                          ratio(learned_.days[hour / 24], day_prior_s);
    double const scale = week_s / week[168];
    for (double& place : week) place *= scale;
}

double Burst::place_of(std::uint32_t time_s) const {
    constexpr double hours = 1.0 / hour_s;
    std::uint32_t const hour = time_s % week_s / hour_s;
    double const* const from = &learned_.week[hour];
    std::uint32_t const begin_s = time_s - time_s % week_s;
    return static_cast<double>(begin_s) + from[0] + time_s % hour_s * hours * (from[1] - from[0]);
}

// By the busiest of the last days, which fades by a tenth a day.
void Burst::count(std::uint32_t time_s) {
    Learned& of = learned_;
    ++of.judged;
    if (of.day_start_s == 0) of.day_start_s = of.newest_s = time_s;
    if (time_s >= of.day_start_s && time_s - of.day_start_s >= day_s) {
        double const days = static_cast<double>(time_s - of.day_start_s) / day_s;
        of.a_day = std::max(of.in_day / days, 0.9 * of.a_day);
        of.day_start_s = time_s;
        of.in_day = 0;
        of.threshold = threshold_of(options_, of.a_day);
        set_week();
        for (auto* rate = of.hours.begin(); rate != of.hours.end(); ++rate)
            *rate = {rate->count * fading, rate->seconds * fading};
        for (auto* rate = of.days.begin(); rate != of.days.end(); ++rate)
            *rate = {rate->count * fading, rate->seconds * fading};
    }
    ++of.in_day;
    double const step_s = time_s > of.newest_s ? std::min(time_s - of.newest_s, hour_s) : 0;
    of.newest_s = std::max(of.newest_s, time_s);
    for (Rate* rate : {&of.hours[time_s / hour_s % 24], &of.days[time_s / day_s % 7]})
        *rate = {rate->count + 1, rate->seconds + step_s};
}

// ---- suspects -----------------------------------------------------------------------------------

// Without a branch for each: which of the eight it is cannot be foretold.
std::size_t Burst::find(std::uint64_t key) const {
    std::size_t const set = key % (suspects_max / ways) * ways;
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < ways; ++i) found |= std::uint32_t{keys_[set + i] == key} << i;
    return found == 0 ? nowhere : set + static_cast<std::size_t>(std::countr_zero(found));
}

std::size_t Burst::place_for(std::uint64_t key) const {
    std::size_t const set = key % (suspects_max / ways) * ways;
    std::size_t least = set;
    for (std::size_t i = 0; i < ways; ++i) {
        if (keys_[set + i] == 0) return set + i;
        if (suspects_[set + i].cusum < suspects_[least].cusum) least = set + i;
    }
    return least;
}

double Burst::cusum(decoders::Account const& key) const {
    std::size_t const place = find(key_of(key));
    return place == nowhere ? 0 : suspects_[place].cusum;
}

namespace {

// Two blocks are never at once.
double between(double from, double to) { return std::max(1.0, to - from); }

} // namespace

// Whether the gap before this activity is so long that no burst begins with it, which it most often
// is. log1p(x) >= 2x / (2 + x) tells without the logarithm, but not the other way.
bool Burst::ordinary(AccountState const& sender, Places const& at) const {
    double const gap = between(at.last, at.now);
    double const x = (options_.factor - 1) * gap;
    double const all = between(at.first, at.last) + gap;
    return sender.outs * 2 * x >= log_factor_ * (2 * all + x);
}

double Burst::follow(Suspect& suspect, Places const& at) const {
    double const change = place_of(suspect.since_s);
    double const known = between(at.first, change);
    double const gaps = suspect.outs - 1;
    if (suspect.told != 0) {
        double const gap = between(at.last, at.now);
        double const step =
            log_factor_ - (gaps + 1) * std::log1p((options_.factor - 1) * gap / (known + gap));
        return std::min(suspect.cusum + step, 2 * learned_.threshold);
    }
    ++suspect.activities;
    double const since = between(change, at.now);
    return suspect.activities * log_factor_ -
           (gaps + suspect.activities) *
               std::log1p((options_.factor - 1) * since / (known + since));
}

std::optional<Claim> Burst::on(Moved const& moved, AccountState const& sender,
                               MovementLog const& log) {
    if (moved.amount < options_.min || sender.outs < options_.model_outs) return std::nullopt;
    if (moved.time_s <= sender.last_out_s || sender.last_out_s <= sender.first_out_s)
        return std::nullopt;
    count(moved.time_s);
    std::uint64_t const key = key_of(sender.key);
    std::size_t const known = find(key);
    // One that was let go and came back is another.
    bool const same = known != nowhere && suspects_[known].since_s > sender.first_out_s;
    Suspect suspect{.outs = sender.outs, .since_s = sender.last_out_s};
    if (same) suspect = suspects_[known];
    Places const at = {place_of(sender.first_out_s), place_of(sender.last_out_s),
                       place_of(moved.time_s)};
    double const cusum = !same && ordinary(sender, at) ? 0 : follow(suspect, at);
    if (cusum <= 0) {
        if (known != nowhere) {
            keys_[known] = 0;
            suspects_[known] = {};
        }
        return std::nullopt;
    }
    suspect.cusum = static_cast<float>(cusum);
    bool const tells = suspect.told == 0 && cusum >= learned_.threshold;
    suspect.told |= std::uint32_t{tells};
    std::size_t const place = known != nowhere ? known : place_for(key);
    keys_[place] = key;
    suspects_[place] = suspect;
    if (!tells) return std::nullopt; // a claim is a kilobyte: none is made to be thrown away
    return claim(moved, sender, log, suspect);
}

// The change was most likely where the likelihood ratio of what came since is largest, of the rate
// that fits it best: at `factor` times, which is the least that is looked for, what came before a
// change to much more would be taken for a part of it.
Claim Burst::claim(Moved const& moved, AccountState const& sender, MovementLog const& log,
                   Suspect const& suspect) const {
    double const known = suspect.since_s - sender.first_out_s;
    double const rate = (suspect.outs - 1) / known;
    double likely = -1;
    std::size_t steps = 0, since = 1; // movements walked, and those from the change on
    std::uint32_t activities = 0, since_activities = 1, newest_s = 0, from_s = moved.time_s;
    log.sent(sender.sent, 0, steps_max, [&](Moved const& one) {
        ++steps;
        if (one.amount < options_.min) return true;
        if (activities == 0 || one.time_s < newest_s) ++activities;
        newest_s = one.time_s;
        double const span = moved.time_s - one.time_s;
        double const gaps = activities - 1, expected = rate * span;
        double const times =
            expected > 0 ? std::max(options_.factor, gaps / expected) : options_.factor;
        double const ratio = gaps * std::log(times) - (times - 1) * expected;
        double const least = activities * log_factor_ - (options_.factor - 1) * expected;
        if (ratio >= likely) {
            likely = ratio;
            since = steps;
            since_activities = activities;
            from_s = one.time_s;
        }
        return least > -learned_.threshold; // no earlier change is likely
    });

    Claim claim;
    claim.subject = moved.from;
    claim.score_bits = suspect.cusum / std::numbers::ln2;
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
    std::uint64_t const before = std::max(suspect.outs, 2u) - 1;
    double const surprise = gamma_poisson_bits(after, seconds, before, known);
    claim.score_bits = std::max(claim.score_bits, surprise - std::log2(double{steps_max}));
    double const threshold_bits = learned_.threshold / std::numbers::ln2;
    claim.severity = claim.score_bits >= 4 * threshold_bits ? Severity::critical
                   : claim.score_bits >= 2 * threshold_bits ? Severity::important
                                                            : Severity::notable;
    char text[200];
    int const size = std::snprintf(
        text, sizeof text,
        R"("activities":%u,"seconds":%.0f,"rate_before_a_day":%.4g,"times":%.4g,)"
        R"("activities_before":%u,"cusum_bits":%.4g,"threshold_bits":%.4g)",
        since_activities, seconds, rate * day_s, static_cast<double>(after) / (rate * seconds),
        suspect.outs, suspect.cusum / std::numbers::ln2, threshold_bits);
    CHECK(size > 0 && size < static_cast<int>(sizeof text));
    claim.details.assign({text, static_cast<std::size_t>(size)});
    return claim;
}

} // namespace stages
