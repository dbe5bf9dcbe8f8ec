// What follows from the counts: samples and hits of each rate, by hand.
#include "stages/shadow_figures.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

void set(ShadowTally& tally, ShadowClass what, std::uint64_t pairs, std::uint64_t hybrid_wrong = 0,
         std::uint64_t legacy_wrong = 0, std::uint64_t both = 0, std::uint64_t unclear = 0) {
    auto const index = static_cast<std::size_t>(what);
    tally.classes[index] = pairs;
    tally.ruled[index] = {hybrid_wrong, legacy_wrong, both, unclear};
}

// Of 1,000 pairs 970 agree. 12 mismatches are of hybrid alone: 2 denied, 8 confirmed, 1 unclear,
// 1 waiting. 10 of legacy alone: 6 confirmed, 4 denied. 5 differ in the amount: 1 hybrid wrong,
// 3 legacy wrong, 1 both. 3 are unsupported.
ShadowTally some() {
    ShadowTally tally;
    set(tally, ShadowClass::agree, 960);
    set(tally, ShadowClass::late, 10);
    set(tally, ShadowClass::missing_in_legacy, 12, 2, 8, 0, 1);
    set(tally, ShadowClass::missing_in_hybrid, 10, 6, 4);
    set(tally, ShadowClass::amount, 5, 1, 3, 1);
    set(tally, ShadowClass::unsupported, 3);
    tally.noise_agree = 90;
    tally.noise_differ = 7;
    tally.noise_vanished = 3;
    return tally;
}

void expect_same(Bounds const& a, Bounds const& b) {
    EXPECT_EQ(a.estimate, b.estimate);
    EXPECT_EQ(a.lower, b.lower);
    EXPECT_EQ(a.upper, b.upper);
    EXPECT_EQ(a.samples, b.samples);
}

} // namespace

TEST(ShadowFigures, each_rate_counts_what_it_is_about) {
    ShadowFigures const figures = figures_of(some(), false);
    EXPECT_EQ(figures.pairs, 1'000u);
    // Legacy was right 970 + 6 + 1 times, and hybrid said the same 970 times.
    expect_same(figures.accuracy, rate_bounds(977, 970));
    // Hybrid said 970 + (2 + 8) + (1 + 3 + 1); 2 were denied; 2 are not known.
    expect_same(figures.false_positives, rate_bounds_with_unknown(985, 2, 2));
    // 970 + 10 + 10 + 5 pairs are decided; hybrid was wrong in 2 + 6 + 1 + 1.
    expect_same(figures.hybrid_wrong, rate_bounds_with_unknown(995, 10, 2));
    expect_same(figures.legacy_wrong, rate_bounds_with_unknown(995, 16, 2));
    // The chain confirms 970 + 8 + 6 + (1 + 3); 8 of them only hybrid said.
    expect_same(figures.coverage_gained, rate_bounds_with_unknown(988, 8, 2));
    expect_same(figures.noise, rate_bounds(100, 10));
    EXPECT_EQ(ruled(some(), Ruling::unclear), 1u);
    EXPECT_EQ(unruled(some()), 1u);
}

// A history that cannot be read must not make hybrid look good, nor bad.
TEST(ShadowFigures, mismatches_without_a_ruling_open_the_bounds) {
    ShadowTally tally;
    set(tally, ShadowClass::agree, 1'000);
    set(tally, ShadowClass::missing_in_hybrid, 1'000, 0, 0, 0, 1'000);
    ShadowFigures const figures = figures_of(tally, false);
    EXPECT_EQ(judge_above(figures.accuracy, 0.95), Judgement::inconclusive);
    EXPECT_EQ(judge_below(figures.hybrid_wrong, 0.1), Judgement::inconclusive);
}

TEST(ShadowFigures, no_data_proves_nothing) {
    for (ShadowFigures const& figures : {figures_of(ShadowTally{}, false), figures_of({})}) {
        for (Bounds const& bounds :
             {figures.accuracy, figures.false_positives, figures.hybrid_wrong,
              figures.latency_ratio, figures.coverage_gained, figures.noise}) {
            EXPECT_EQ(bounds.samples, 0u);
            EXPECT_EQ(bounds.lower, 0);
            EXPECT_EQ(bounds.upper, 1);
        }
    }
    EXPECT_TRUE(figures_of({}).void_now);
}

// 30 s against 3 s is a ratio of 10; against nothing measurable it is clipped to 100.
TEST(ShadowFigures, latencies_are_compared_as_a_ratio) {
    ShadowTally tally;
    for (int i = 0; i < 1'000; ++i) tally.latency.add(latency_sample(30'000, 3'000));
    Bounds const ratio = figures_of(tally, false).latency_ratio;
    EXPECT_NEAR(ratio.estimate, 10, 1e-6);
    EXPECT_GT(ratio.lower, 9);
    EXPECT_LT(ratio.upper, 11);
    EXPECT_EQ(latency_sample(30'000, 0), 1);
    EXPECT_EQ(latency_sample(0, 30'000), 0);
    EXPECT_EQ(latency_sample(0, 0), 0.5);
}

TEST(ShadowFigures, chains_add_up_and_a_step_is_counted_from_its_beginning) {
    std::array<ShadowNote, 2> notes;
    notes[0].tally = notes[1].tally = some();
    EXPECT_EQ(figures_of(notes).pairs, 2'000u);
    expect_same(figures_of(notes).accuracy, rate_bounds(1'954, 1'940));
    EXPECT_FALSE(figures_of(notes).void_now);
    notes[1].void_now = true;
    EXPECT_TRUE(figures_of(notes).void_now);

    ShadowTally later = some();
    later += some();
    expect_same(figures_of(since(later, some()), false).hybrid_wrong,
                figures_of(some(), false).hybrid_wrong);
    // The comparator has started again: all it has counted is new.
    EXPECT_EQ(pairs_of(since(some(), later)), 1'000u);
}
