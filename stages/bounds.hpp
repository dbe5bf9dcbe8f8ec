// What a count or a sum proves: anytime-valid bounds. They hold at every sample at once, so anybody
// may look as often as he likes and act the first time a bound passes a limit: over the whole life
// of a stream, the chance that the truth ever lies outside is at most alpha.
//
// Rates: the beta-binomial mixture martingale. H. Robbins, "Statistical methods related to the law
// of the iterated logarithm" (1970); S. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform,
// nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021). With the
// prior Beta(1/2, 1/2):
//   M(p) = B(k + 1/2, n - k + 1/2) / B(1/2, 1/2) / (p^k (1 - p)^(n - k)),
// and p is inside while M(p) < 1 / alpha.
//
// Means of bounded values: the empirical-Bernstein supermartingale of the same paper (theorem 4,
// after X. Fan, I. Grama, Q. Liu 2015), as in I. Waudby-Smith, A. Ramdas, "Estimating means of
// bounded random variables by betting", JRSS B 86 (2023). For x in [0, 1] and the plug-in mean m_t
// of what came before:
//   exp(l S(mu) - (-ln(1 - l) - l) V),  S(mu) = sum of (x - mu),  V = sum of (x - m_t)^2,
// mixed over a fixed grid of l. Because the grid is fixed, the state is three sums: those of two
// streams may be added, and an earlier state of a stream be taken away from a later one (bounds of
// what came in between).
//
// Pure, no allocation; a few microseconds each. No samples: [0, 1] and nothing is proved.
#pragma once

#include <cstdint>

namespace stages {

struct Bounds {
    double estimate = 0;
    double lower = 0;
    double upper = 1;
    std::uint64_t samples = 0;
};

inline constexpr double alpha_usual = 0.05;

// hits of samples. CHECKs that there are not more.
Bounds rate_bounds(std::uint64_t samples, std::uint64_t hits, double alpha = alpha_usual);

// The same where of some samples it is not known whether they hit: the lower bound takes them for
// misses, the upper one for hits. `samples` and the estimate are of those that are known.
Bounds rate_bounds_with_unknown(std::uint64_t samples, std::uint64_t hits, std::uint64_t unknown,
                                double alpha = alpha_usual);

// All there is to know of a stream of values in [0, 1].
struct MeanSums {
    std::uint64_t samples = 0;
    double sum = 0;
    double spread = 0; // sum of (x - mean of those before, with half a sample of 1/2)^2

    void add(double value);
    MeanSums& operator+=(MeanSums const& other);
    MeanSums& operator-=(MeanSums const& earlier); // of the same stream
};

Bounds mean_bounds(MeanSums const& sums, double alpha = alpha_usual);

// What a limit says to bounds. Without samples it is always inconclusive.
enum class Judgement : std::uint8_t { pass, fail, inconclusive };
Judgement judge_below(Bounds const& bounds, double limit); // pass: it is below for certain
Judgement judge_above(Bounds const& bounds, double limit);

} // namespace stages
