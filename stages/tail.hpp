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
// little. So who does the same unusual thing again is less unusual, for a horizon.
//
// Silent (0 bits) while fewer than `least` positive values or 16 x least values are known, and of
// values that are not among the largest. Trivially copyable, 0.5 KB; one thread; no allocation, no
// clock. NaN is left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stages {

class Tail {
  public:
    static constexpr std::uint32_t kept = 64, local = 16, least = local + 1;

    // spread_min: e is never taken for less, so that equal values are no scale.
    Tail(std::uint32_t half, double spread_min);

    void learn(double value);
    double bits(double value) const;

    bool known() const { return size() >= least; }
    std::uint32_t count() const { return young_.count + old_.count; }

  private:
    struct Generation {
        std::array<float, kept> largest{}; // descending
        std::uint32_t size = 0;
        std::uint32_t count = 0; // of all
        void add(float value);
    };
    std::uint32_t size() const; // how many of the largest are the largest of all

    std::uint32_t half_;
    float spread_min_;
    Generation young_, old_;
};

} // namespace stages
