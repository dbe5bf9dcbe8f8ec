// How surprising a value is among those of about the last horizon, in bits: -log2 of how often one
// at least as high was to be expected of the next. For whatever distribution, as far as there are
// as many values; beyond them for upper tails that are exponential, or lighter: logarithms of
// heavy-tailed amounts, deviates.
//
// Known are the `kept` largest of each of two generations of `half` values; the older generation is
// dropped when the younger is full. If the next value and the n before it come in any order with
// the same chance, it has fewer than r + 1 others at or above it with a chance of (r + 1) / (n +
// 1):
//
//   p(v) = (r + 1) / (n + 1)                               r others at least as high; exact
//        x (1 + (v - most) / (k e))^-k  beyond all of them: excesses of an exponential tail are
//                                       exponential, their mean e known as from k observations
//
// e = median excess of the `local` largest over the next one / ln 2, k = local / 2, which is what a
// median is worth (variance 1 / (n ln^2 2)): fewer than half of them, however far off, move it
// little.
//
// Somebody was told of a value: that it was there is known, how high it was is not held against the
// next. It is censored at the highest that was not told, `most`, and counts in n and, above all
// others, in r:
//
//   p(v) = (t + 1) / (n + 1) x (1 + (v - most) / (k e))^-k     v > most, t told
//
// With (t + 1) / (n + 1) the next is above the (t + 1)th largest, and its excess over that is as
// exponential as over the largest: the same tail, read from a place further in. e is of the values
// behind the told ones. (Peaks over a threshold that is an order statistic: Davison and Smith, J.
// R. Statist. Soc. B 1990; Weissman, JASA 1978.) So one surprise takes one bit from the next of
// whatever size, not all of it. Under the null a value is told once in 2^(bits needed); as long as
// the tail is exponential p stays what it was, and where it is lighter p is too large (test_tail).
// Where it is neither, because something large comes back every week, the rank is right and this is
// not: so told_max values are censored at a time, and what is told more often is learned as it is.
//
// Silent (0 bits) while fewer than `least` positive values that were not told or 16 x least values
// are known, and of values that are not among the largest. Trivially copyable, 0.5 KB; one thread;
// no allocation, no clock. NaN is left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stages {

class Tail {
  public:
    static constexpr std::uint32_t kept = 64, local = 16, least = local + 1, told_max = 4;

    // spread_min: e is never taken for less, so that equal values are no scale.
    Tail(std::uint32_t half, double spread_min);

    // told: somebody was told of it. Censored if it is above all that were not told.
    void learn(double value, bool told = false);
    double bits(double value) const;

    bool known() const { return size() >= told() + least; }
    std::uint32_t count() const { return young_.count + old_.count; }
    std::uint32_t told() const { return young_.told + old_.told; }

  private:
    struct Generation {
        std::array<float, kept> largest{}; // descending; the told ones are infinite
        std::uint32_t size = 0;
        std::uint32_t count = 0; // of all
        std::uint32_t told = 0;
        void add(float value);
        float most() const { return size > told ? largest[told] : 0; }
    };
    std::uint32_t size() const; // how many of the largest are the largest of all

    std::uint32_t half_;
    float spread_min_;
    Generation young_, old_;
};

} // namespace stages
