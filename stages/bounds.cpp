#include "stages/bounds.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace stages {

namespace {

constexpr double prior = 0.5;
constexpr int halvings = 60; // of an interval within [0, 1]: below the resolution of a double

// Between `inside`, for which holds() is true, and `outside`, for which it is taken not to be: the
// last point where it is true.
template <class Holds>
double edge(double inside, double outside, Holds const& holds) {
    for (int i = 0; i < halvings; ++i) {
        double const middle = (inside + outside) / 2;
        (holds(middle) ? inside : outside) = middle;
    }
    return outside; // the wider side
}

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

// x ln y, where 0 ln 0 is 0.
double times_log(double x, double y) { return x == 0 ? 0 : x * std::log(y); }

struct Bet {
    double stake = 0; // l
    double cost = 0;  // -ln(1 - l) - l
};

// Near 1 for values that hardly differ, then down by halves: the smallest is the best one at about
// 10^9 samples.
constexpr std::size_t bets = 16;
std::array<Bet, bets> grid() {
    std::array<Bet, bets> all{};
    double stake = 0.5;
    for (std::size_t i = 0; i < bets; ++i) {
        double const here = i == 0 ? 0.9 : i == 1 ? 0.7 : stake;
        all[i] = {here, -std::log1p(-here) - here};
        if (i >= 2) stake /= 2;
    }
    return all;
}

// ln of the mean over the grid of exp(l s - cost v).
double log_capital(std::array<Bet, bets> const& all, double s, double v) {
    std::array<double, bets> logs{};
    for (std::size_t i = 0; i < bets; ++i) logs[i] = all[i].stake * s - all[i].cost * v;
    double const most = *std::ranges::max_element(logs);
    double total = 0;
    for (double one : logs) total += std::exp(one - most);
    return most + std::log(total / static_cast<double>(bets));
}

} // namespace

Bounds rate_bounds(std::uint64_t samples, std::uint64_t hits, double alpha) {
    CHECK(hits <= samples && alpha > 0 && alpha < 1);
    if (samples == 0) return {};
    auto const n = static_cast<double>(samples);
    auto const k = static_cast<double>(hits);
    double const mixture = log_beta(k + prior, n - k + prior) - log_beta(prior, prior);
    double const limit = -std::log(alpha);
    // Convex in p with its least at the estimate, so what is inside is one interval around it.
    auto const inside = [&](double p) {
        return mixture - times_log(k, p) - times_log(n - k, 1 - p) < limit;
    };
    double const estimate = k / n;
    Bounds bounds{estimate, 0, 1, samples};
    if (hits > 0) bounds.lower = edge(estimate, 0.0, inside);
    if (hits < samples) bounds.upper = edge(estimate, 1.0, inside);
    return bounds;
}

Bounds rate_bounds_with_unknown(std::uint64_t samples, std::uint64_t hits, std::uint64_t unknown,
                                double alpha) {
    Bounds known = rate_bounds(samples, hits, alpha);
    if (unknown == 0) return known;
    known.lower = rate_bounds(samples + unknown, hits, alpha).lower;
    known.upper = rate_bounds(samples + unknown, hits + unknown, alpha).upper;
    return known;
}

void MeanSums::add(double value) {
    double const before = (0.5 + sum) / (1.0 + static_cast<double>(samples));
    spread += (value - before) * (value - before);
    sum += value;
    ++samples;
}

MeanSums& MeanSums::operator+=(MeanSums const& other) {
    samples += other.samples;
    sum += other.sum;
    spread += other.spread;
    return *this;
}

MeanSums& MeanSums::operator-=(MeanSums const& earlier) {
    CHECK(earlier.samples <= samples);
    samples -= earlier.samples;
    sum -= earlier.sum;
    spread = std::max(0.0, spread - earlier.spread); // rounding
    return *this;
}

Bounds mean_bounds(MeanSums const& sums, double alpha) {
    CHECK(alpha > 0 && alpha < 1);
    if (sums.samples == 0) return {};
    auto const n = static_cast<double>(sums.samples);
    auto const all = grid();
    double const limit = std::log(2 / alpha); // half of alpha on each side
    // The distance |sum - n mu| at which the capital reaches the limit; the same on both sides.
    double const reach =
        edge(0.0, n, [&](double s) { return log_capital(all, s, sums.spread) < limit; });
    double const mean = std::clamp(sums.sum / n, 0.0, 1.0);
    return {mean, std::max(0.0, mean - reach / n), std::min(1.0, mean + reach / n), sums.samples};
}

Judgement judge_below(Bounds const& bounds, double limit) {
    if (bounds.samples == 0) return Judgement::inconclusive;
    if (bounds.upper < limit) return Judgement::pass;
    if (bounds.lower > limit) return Judgement::fail;
    return Judgement::inconclusive;
}

Judgement judge_above(Bounds const& bounds, double limit) {
    if (bounds.samples == 0) return Judgement::inconclusive;
    if (bounds.lower > limit) return Judgement::pass;
    if (bounds.upper < limit) return Judgement::fail;
    return Judgement::inconclusive;
}

} // namespace stages
