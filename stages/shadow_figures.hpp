// What the comparison of the two paths proves so far: every rate with its anytime-valid bounds and
// its samples, from the counts of one chain or of several.
//
//   accuracy         of what legacy said and was right about, the share hybrid said equally
//   false_positives  of what hybrid said, the share that hybrid said alone and the chain denies
//   hybrid_wrong     of pairs that agree or were ruled on, the share where hybrid was wrong
//   legacy_wrong     the same for legacy (both_wrong counts for either)
//   coverage_gained  of events the chain confirms, the share that only hybrid said
//   noise            of what legacy said twice, the share it said differently or took back
//   latency_ratio    legacy's latency / hybrid's, both from the block's timestamp to when route
//                    first saw the match: geometric mean over pairs, each clipped to [1/100, 100];
//                    above 1 hybrid is faster
//
// A mismatch that is unclear, or not yet ruled on, is no sample, but the bounds allow for both ways
// it may go: the lower one for the one, the upper one for the other.
//
// Each bound holds at level alpha for itself. Pure.
#pragma once

#include "stages/notes.hpp"

#include <span>

namespace stages {

inline constexpr double latency_ratio_max = 100;

// A pair's part of ShadowTally::latency. At least a millisecond each.
double latency_sample(std::uint64_t legacy_ms, std::uint64_t hybrid_ms);

ShadowTally& operator+=(ShadowTally& tally, ShadowTally const& other);
// What was counted after `earlier`, for figures of a step of the rollout: its bounds are as valid
// as those of the whole.
ShadowTally since(ShadowTally const& now, ShadowTally const& earlier);

std::uint64_t pairs_of(ShadowTally const& tally);
std::uint64_t ruled(ShadowTally const& tally, Ruling ruling);
std::uint64_t unruled(ShadowTally const& tally); // mismatches that wait for the chain's word

struct ShadowFigures {
    Bounds accuracy{}, false_positives{}, hybrid_wrong{}, latency_ratio{}, coverage_gained{};
    Bounds legacy_wrong{}, noise{};
    std::uint64_t pairs = 0;
    bool void_now = true; // of at least one chain nothing is judged at present
};

ShadowFigures figures_of(ShadowTally const& tally, bool void_now, double alpha = alpha_usual);
// All chains together. Without notes nothing is proved and all is void.
ShadowFigures figures_of(std::span<ShadowNote const> notes, double alpha = alpha_usual);

} // namespace stages
