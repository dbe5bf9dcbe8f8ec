#include "stages/shadow_figures.hpp"

#include <algorithm>
#include <cmath>

namespace stages {

namespace {

// Who spoke in a mismatch of this class.
struct Spoke {
    ShadowClass what{};
    bool hybrid = false;
    bool legacy = false;
};
constexpr Spoke disputed[] = {
    {ShadowClass::missing_in_legacy, true, false},
    {ShadowClass::missing_in_hybrid, false, true},
    {ShadowClass::amount, true, true},
    {ShadowClass::party, true, true},
    {ShadowClass::asset, true, true},
    {ShadowClass::not_final, false, true},
};

std::uint64_t of(ShadowTally const& tally, ShadowClass what) {
    return tally.classes[static_cast<std::size_t>(what)];
}

std::uint64_t of(ShadowTally const& tally, ShadowClass what, Ruling ruling) {
    return tally.ruled[static_cast<std::size_t>(what)][static_cast<std::size_t>(ruling)];
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

std::uint64_t clear(ShadowTally const& tally, ShadowClass what) {
    return of(tally, what, Ruling::hybrid_wrong) + of(tally, what, Ruling::legacy_wrong) +
           of(tally, what, Ruling::both_wrong);
}

// Unclear, or not ruled on yet.
std::uint64_t open(ShadowTally const& tally, ShadowClass what) {
    return less(of(tally, what), clear(tally, what));
}

struct Count {
    std::uint64_t samples = 0;
    std::uint64_t hits = 0;
    std::uint64_t unknown = 0;
    Bounds bounds(double alpha) const {
        return rate_bounds_with_unknown(samples, hits, unknown, alpha);
    }
};

struct Counts {
    Count accuracy, denied, hybrid_wrong, legacy_wrong, gained;
};

Counts counts_of(ShadowTally const& tally) {
    std::uint64_t const equal = of(tally, ShadowClass::agree) + of(tally, ShadowClass::late);
    Counts all;
    all.accuracy = {equal, equal, 0};
    all.denied = all.hybrid_wrong = all.legacy_wrong = all.gained = {equal, 0, 0};
    for (Spoke const& spoke : disputed) {
        std::uint64_t const hybrid = of(tally, spoke.what, Ruling::hybrid_wrong);
        std::uint64_t const legacy = of(tally, spoke.what, Ruling::legacy_wrong);
        std::uint64_t const both = of(tally, spoke.what, Ruling::both_wrong);
        std::uint64_t const unknown = open(tally, spoke.what);
        all.hybrid_wrong.samples += hybrid + legacy + both;
        all.hybrid_wrong.hits += hybrid + both;
        all.hybrid_wrong.unknown += unknown;
        all.legacy_wrong.samples += hybrid + legacy + both;
        all.legacy_wrong.hits += legacy + both;
        all.legacy_wrong.unknown += unknown;
        if (spoke.legacy) {
            all.accuracy.samples += hybrid;
            all.accuracy.unknown += unknown;
            all.gained.samples += hybrid;
        }
        if (spoke.hybrid) {
            all.denied.samples += hybrid + legacy + both;
            all.gained.samples += legacy;
        }
        if (spoke.hybrid && !spoke.legacy) {
            all.denied.hits += hybrid;
            all.denied.unknown += unknown;
            all.gained.hits += legacy;
            all.gained.unknown += unknown;
        }
    }
    return all;
}

double ratio_at(double place) { return std::exp((2 * place - 1) * std::log(latency_ratio_max)); }

} // namespace

double latency_sample(std::uint64_t legacy_ms, std::uint64_t hybrid_ms) {
    auto const legacy = static_cast<double>(std::max<std::uint64_t>(legacy_ms, 1));
    auto const hybrid = static_cast<double>(std::max<std::uint64_t>(hybrid_ms, 1));
    double const place = std::log(legacy / hybrid) / std::log(latency_ratio_max);
    return (std::clamp(place, -1.0, 1.0) + 1) / 2;
}

ShadowTally& operator+=(ShadowTally& tally, ShadowTally const& other) {
    for (std::size_t i = 0; i < shadow_classes; ++i) {
        tally.classes[i] += other.classes[i];
        for (std::size_t j = 0; j < rulings; ++j) tally.ruled[i][j] += other.ruled[i][j];
    }
    tally.duplicate += other.duplicate;
    tally.voided += other.voided;
    tally.stale += other.stale;
    tally.noise_agree += other.noise_agree;
    tally.noise_differ += other.noise_differ;
    tally.noise_vanished += other.noise_vanished;
    tally.latency += other.latency;
    return tally;
}

ShadowTally since(ShadowTally const& now, ShadowTally const& earlier) {
    // A smaller count than before: the comparator has started anew, and so does what it counts.
    if (pairs_of(now) < pairs_of(earlier) || now.latency.samples < earlier.latency.samples)
        return now;
    ShadowTally tally = now;
    for (std::size_t i = 0; i < shadow_classes; ++i) {
        tally.classes[i] = less(now.classes[i], earlier.classes[i]);
        for (std::size_t j = 0; j < rulings; ++j)
            tally.ruled[i][j] = less(now.ruled[i][j], earlier.ruled[i][j]);
    }
    tally.duplicate = less(now.duplicate, earlier.duplicate);
    tally.voided = less(now.voided, earlier.voided);
    tally.stale = less(now.stale, earlier.stale);
    tally.noise_agree = less(now.noise_agree, earlier.noise_agree);
    tally.noise_differ = less(now.noise_differ, earlier.noise_differ);
    tally.noise_vanished = less(now.noise_vanished, earlier.noise_vanished);
    tally.latency -= earlier.latency;
    return tally;
}

std::uint64_t pairs_of(ShadowTally const& tally) {
    std::uint64_t pairs = 0;
    for (std::uint64_t const one : tally.classes) pairs += one;
    return pairs;
}

std::uint64_t ruled(ShadowTally const& tally, Ruling ruling) {
    std::uint64_t count = 0;
    for (Spoke const& spoke : disputed) count += of(tally, spoke.what, ruling);
    return count;
}

std::uint64_t unruled(ShadowTally const& tally) {
    std::uint64_t count = 0;
    for (Spoke const& spoke : disputed)
        count += less(open(tally, spoke.what), of(tally, spoke.what, Ruling::unclear));
    return count;
}

ShadowFigures figures_of(ShadowTally const& tally, bool void_now, double alpha) {
    Counts const counts = counts_of(tally);
    ShadowFigures figures;
    figures.accuracy = counts.accuracy.bounds(alpha);
    figures.false_positives = counts.denied.bounds(alpha);
    figures.hybrid_wrong = counts.hybrid_wrong.bounds(alpha);
    figures.legacy_wrong = counts.legacy_wrong.bounds(alpha);
    figures.coverage_gained = counts.gained.bounds(alpha);
    std::uint64_t const differ = tally.noise_differ + tally.noise_vanished;
    figures.noise = rate_bounds(tally.noise_agree + differ, differ, alpha);
    figures.latency_ratio = mean_bounds(tally.latency, alpha);
    if (Bounds& ratio = figures.latency_ratio; ratio.samples > 0)
        ratio = {ratio_at(ratio.estimate), ratio_at(ratio.lower), ratio_at(ratio.upper),
                 ratio.samples};
    figures.pairs = pairs_of(tally);
    figures.void_now = void_now;
    return figures;
}

ShadowFigures figures_of(std::span<ShadowNote const> notes, double alpha) {
    ShadowTally total;
    bool void_now = notes.empty();
    for (ShadowNote const& note : notes) {
        total += note.tally;
        void_now = void_now || note.void_now;
    }
    return figures_of(total, void_now, alpha);
}

} // namespace stages
