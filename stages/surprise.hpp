// How surprising an observation is under a null model, in bits: -log2 of the probability of it or
// of anything more extreme. Exact tails, worked out in logarithms: no underflow however rare it is.
// Pure; any thread; no allocation.
#pragma once

#include <cstdint>

namespace stages {

// Of `count` or more events where `mean` are expected (Poisson). mean > 0; count 0 is no surprise.
double poisson_bits(std::uint64_t count, double mean);

// Of seeing no event for `silence` after `events` were seen in `observed` (the same unit of time),
// where the rate is Gamma-Poisson with Jeffreys' prior: P = (observed / (observed + silence)) ^
// (events + 1/2). Gelman et al., Bayesian Data Analysis, 2.6.
double silence_bits(std::uint64_t events, double observed, double silence);

// Of `count` or more events in `time` after `events` were seen in `observed` (negative binomial
// tail of the same model).
double gamma_poisson_bits(std::uint64_t count, double time, std::uint64_t events, double observed);

// Of a normal deviate of at least |z|, both sides.
double normal_bits(double z);

// Of `hits` or more of `tries`, each with probability p (0 < p < 1).
double binomial_bits(std::uint64_t hits, std::uint64_t tries, double p);

} // namespace stages
