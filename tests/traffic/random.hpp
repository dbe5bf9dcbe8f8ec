// Random numbers that are the same with every compiler and standard library: std::mt19937_64, whose
// output the standard fixes, and distributions written out here. ln and exp are written out too,
// of + - * / alone, for libraries differ in the last bit (and so do machines that fuse a multiply
// with an add: build with -ffp-contract=off there). One thread; no allocation after construction.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace traffic {

// Within 2e-15 (relative; of ln absolute too) of the true value. ln: x > 0 and normal.
// exp_of: x < 700; below
// -700 it is 0.
double ln(double x);
double exp_of(double x);

// Spreads a number over 64 bits: the finalizer of splitmix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

class Random {
  public:
    explicit Random(std::uint64_t seed)
        : bits_(seed) {}

    std::uint64_t bits() { return bits_(); }
    // In (0, 1): neither end.
    double unit() { return (static_cast<double>(bits_() >> 11U) + 0.5) * 0x1p-53; }
    // In [0, limit); limit > 0. Its bias is below limit / 2^64.
    std::uint32_t below(std::uint32_t limit);
    std::uint32_t between(std::uint32_t low, std::uint32_t high) { // both included
        return low + below(high - low + 1);
    }
    bool chance(double p) { return unit() < p; }

    double exponential(double mean) { return -mean * ln(unit()); }
    // exp_of_minus_mean = exp_of(-mean), of at most some tens (Knuth: a product of units).
    std::uint32_t poisson(double exp_of_minus_mean);
    double normal();                          // Marsaglia's polar method
    double gamma(double shape, double scale); // Marsaglia, Tsang 2000; mean shape * scale
    double lognormal(double median, double sigma) { return median * exp_of(sigma * normal()); }
    // P(X > x) = (low / x) ^ index.
    double pareto(double low, double index) { return low * exp_of(-ln(unit()) / index); }

  private:
    std::mt19937_64 bits_;
    double spare_ = 0;
    bool has_spare_ = false;
};

// Draws i with probability weights[i] / sum, in one step (Vose 1991). Weights are not negative,
// and at least one is positive.
class AliasTable {
  public:
    AliasTable() = default;
    explicit AliasTable(std::span<double const> weights);
    std::uint32_t draw(Random& random) const {
        auto const slot = random.below(static_cast<std::uint32_t>(slots_.size()));
        return random.unit() < slots_[slot].keep ? slot : slots_[slot].other;
    }

  private:
    struct Slot {
        double keep = 1;
        std::uint32_t other = 0;
    };
    std::vector<Slot> slots_;
};

} // namespace traffic
