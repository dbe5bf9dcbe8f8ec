// Pairs of what two paths say: one test a class, then what is void.
#include "stages/shadow_pairs.hpp"

#include "tests/stages/shadow_fixture.hpp"

#include <gtest/gtest.h>

using namespace stages;
using namespace stages::testing;

namespace {

// A chain that both paths have followed up to block 10.
struct Paths {
    explicit Paths(ShadowPairsOptions options = {})
        : pairs(std::move(options)) {
        tell({block_end(10), finalized(10), settled(10)});
    }
    void tell(std::vector<Twin> const& twins) {
        for (Twin const& twin : twins) {
            pairs.tell(twin, tally);
            pairs.judge(tally, [&](JudgedPair const& pair) {
                judged.push_back(pair.what);
                hybrid_seen = pair.hybrid_seen;
                legacy_seen = pair.legacy_seen;
                incomplete = pair.incomplete;
            });
        }
    }
    // Of block 11, which is final; both paths have told all of it.
    std::vector<ShadowClass> block(std::vector<Twin> const& twins) {
        judged.clear();
        tell(twins);
        tell({block_end(11), finalized(11), settled(11)});
        return judged;
    }

    ShadowPairs pairs;
    ShadowTally tally{};
    std::vector<ShadowClass> judged;
    Nanoseconds hybrid_seen = 0, legacy_seen = 0;
    bool incomplete = false;
};

using Classes = std::vector<ShadowClass>;

} // namespace

TEST(ShadowPairs, the_same_of_both_agrees) {
    Paths paths;
    EXPECT_FALSE(paths.pairs.void_now());
    EXPECT_EQ(paths.block({hybrid({.number = 11, .at_ms = 5}), draft({.number = 11, .at_ms = 20}),
                           legacy({.number = 11, .at_ms = 40})}),
              Classes{ShadowClass::agree});
    EXPECT_EQ(paths.hybrid_seen, 5 * pipeline::millisecond);
    EXPECT_EQ(paths.legacy_seen, 20 * pipeline::millisecond); // the first time it was said
    EXPECT_EQ(paths.tally.noise_agree, 1u);
    EXPECT_EQ(paths.pairs.waiting(), 0u);
}

TEST(ShadowPairs, hybrid_behind_legacy_is_late) {
    std::vector<Twin> const twins{draft({.number = 11, .at_ms = 5}),
                                  hybrid({.number = 11, .at_ms = 8}),
                                  legacy({.number = 11, .at_ms = 40})};
    EXPECT_EQ(Paths().block(twins), Classes{ShadowClass::late});
    EXPECT_EQ(Paths({.late_after = 3 * pipeline::millisecond}).block(twins),
              Classes{ShadowClass::agree});
}

TEST(ShadowPairs, events_and_rules_are_pairs_of_their_own) {
    EXPECT_EQ(Paths().block({hybrid({.number = 11, .event = 1}), hybrid({.number = 11, .event = 2}),
                             hybrid({.number = 11, .event = 2, .rule = 1}),
                             legacy({.number = 11, .event = 2, .rule = 1}),
                             legacy({.number = 11, .event = 3})}),
              (Classes{ShadowClass::missing_in_legacy, ShadowClass::missing_in_legacy,
                       ShadowClass::agree, ShadowClass::missing_in_hybrid}));
}

TEST(ShadowPairs, what_differs_has_a_name) {
    auto const against = [](Said const& said) {
        return Paths().block({hybrid({.number = 11}), legacy(said)});
    };
    EXPECT_EQ(against({.number = 11, .amount = 101}), Classes{ShadowClass::amount});
    EXPECT_EQ(against({.number = 11, .from = 9}), Classes{ShadowClass::party});
    EXPECT_EQ(against({.number = 11, .to = 9}), Classes{ShadowClass::party});
    EXPECT_EQ(against({.number = 11, .amount = 101, .asset = 4}), Classes{ShadowClass::asset});
}

TEST(ShadowPairs, asset_slots_are_each_paths_own) {
    EXPECT_EQ(
        Paths().block({hybrid({.number = 11, .asset = 7}), legacy({.number = 11, .asset = 3})}),
        Classes{ShadowClass::agree});
}

TEST(ShadowPairs, a_missing_twin_is_judged_below_both_watermarks_only) {
    Paths paths;
    paths.tell({hybrid({.number = 11}), block_end(11), finalized(11)});
    EXPECT_TRUE(paths.judged.empty());
    paths.tell({settled(10)});
    EXPECT_TRUE(paths.judged.empty());
    paths.tell({legacy({.number = 12}), settled(12)}); // block 11, but not 12
    EXPECT_EQ(paths.judged, Classes{ShadowClass::missing_in_legacy});
    paths.tell({block_end(12), finalized(12)});
    EXPECT_EQ(paths.judged.back(), ShadowClass::missing_in_hybrid);
}

TEST(ShadowPairs, only_the_block_that_became_final_counts) {
    EXPECT_EQ(
        Paths().block({hybrid({.number = 11, .fork = 1}), block_end(11, 1),
                       hybrid({.number = 11, .amount = 7}), legacy({.number = 11, .amount = 7})}),
        Classes{ShadowClass::agree});
    // A fork's alone: neither says that it happened.
    EXPECT_EQ(Paths().block({hybrid({.number = 11, .fork = 1}), block_end(11, 1)}), Classes{});
    EXPECT_EQ(Paths().block({hybrid({.number = 11, .fork = 1}), legacy({.number = 11})}),
              Classes{ShadowClass::not_final});
}

TEST(ShadowPairs, legacy_takes_back_what_it_does_not_repeat_as_final) {
    Paths paths;
    EXPECT_EQ(paths.block({draft({.number = 11})}), Classes{});
    EXPECT_EQ(paths.tally.noise_vanished, 1u);
    EXPECT_EQ(Paths().block({draft({.number = 11}), hybrid({.number = 11})}),
              Classes{ShadowClass::missing_in_legacy});
}

// A row that is final stays; what else its reading held is taken back with it.
TEST(ShadowPairs, a_reading_of_legacys_that_ends_takes_back_its_drafts_alone) {
    Twin const gone = fact(Path::legacy, TwinKind::abandoned, 11, 3);
    EXPECT_EQ(Paths().block({draft({.number = 11, .fork = 3}), gone}), Classes{});
    EXPECT_EQ(Paths().block({draft({.number = 11, .fork = 3}), legacy({.number = 11, .fork = 3}),
                             gone, hybrid({.number = 11})}),
              Classes{ShadowClass::agree});
}

TEST(ShadowPairs, legacys_noise_is_judged_by_the_same_measure) {
    Paths paths;
    EXPECT_EQ(paths.block({draft({.number = 11, .amount = 99}), legacy({.number = 11}),
                           hybrid({.number = 11})}),
              Classes{ShadowClass::agree});
    EXPECT_EQ(paths.tally.noise_differ, 1u);
}

TEST(ShadowPairs, a_path_that_counts_twice_is_a_duplicate) {
    auto const duplicates = [](std::vector<Twin> const& twins) {
        Paths paths;
        EXPECT_EQ(paths.block(twins), Classes{ShadowClass::agree});
        return paths.tally.duplicate;
    };
    Said const said{.number = 11};
    Said const other{.number = 11, .amount = 5};
    EXPECT_EQ(duplicates({hybrid(said), legacy(said), legacy(said)}), 1u);
    EXPECT_EQ(duplicates({hybrid(said), hybrid(other), legacy(said)}), 1u);
    EXPECT_EQ(duplicates({hybrid(said), hybrid(said), legacy(said)}), 0u); // a block read again
    EXPECT_EQ(duplicates({hybrid(said), draft(other), legacy(said)}), 0u);
}

TEST(ShadowPairs, what_legacy_cannot_know_is_unsupported) {
    std::vector<Twin> const asset{hybrid({.number = 11, .asset = 2})};
    EXPECT_EQ(Paths({.legacy_assets = false}).block(asset), Classes{ShadowClass::unsupported});
    EXPECT_EQ(Paths().block(asset), Classes{ShadowClass::missing_in_legacy});
    ShadowPairsOptions const transfers{.legacy_movements = {true, false}};
    EXPECT_EQ(Paths(transfers).block({hybrid({.number = 11, .movement = 1})}),
              Classes{ShadowClass::unsupported});
    EXPECT_EQ(Paths(transfers).block({hybrid({.number = 11, .movement = 0})}),
              Classes{ShadowClass::missing_in_legacy});
}

TEST(ShadowPairs, an_incomplete_block_is_marked) {
    Twin end = block_end(11);
    end.incomplete = true;
    Paths paths;
    EXPECT_EQ(paths.block({end, legacy({.number = 11})}), Classes{ShadowClass::missing_in_hybrid});
    EXPECT_TRUE(paths.incomplete);
}

TEST(ShadowPairs, blocks_that_hybrid_has_passed_over_are_judged) {
    Paths paths;
    paths.tell({legacy({.number = 11}), hybrid({.number = 12, .final_row = true}),
                legacy({.number = 12}), block_end(40), finalized(40), settled(40)});
    EXPECT_EQ(paths.judged, (Classes{ShadowClass::missing_in_hybrid, ShadowClass::agree}));
}

// ---- void --------------------------------------------------------------------------------------

TEST(ShadowPairs, the_start_is_void_until_both_have_told_a_block) {
    ShadowPairs pairs({});
    ShadowTally tally;
    EXPECT_TRUE(pairs.void_now());
    for (Twin const& twin : {legacy({.number = 50}), hybrid({.number = 52}), block_end(52),
                             finalized(52), settled(51)})
        pairs.tell(twin, tally);
    EXPECT_TRUE(pairs.void_now()); // legacy has not told 52
    EXPECT_EQ(tally.voided, 2u);
    pairs.tell(settled(52), tally);
    EXPECT_FALSE(pairs.void_now());
}

TEST(ShadowPairs, after_a_loss_everything_seen_so_far_is_void) {
    Paths paths;
    paths.tell({hybrid({.number = 11}), block_end(11), hybrid({.number = 12}), block_end(12)});
    paths.pairs.lose(paths.tally);
    EXPECT_TRUE(paths.pairs.void_now());
    EXPECT_EQ(paths.tally.voided, 2u);
    // The next block may have begun before the loss.
    paths.tell({finalized(11), legacy({.number = 11}), settled(11), hybrid({.number = 13}),
                block_end(13), finalized(13), settled(13)});
    EXPECT_TRUE(paths.judged.empty());
    EXPECT_EQ(paths.tally.voided, 4u);
    EXPECT_FALSE(paths.pairs.void_now());
    paths.tell({hybrid({.number = 14}), legacy({.number = 14}), block_end(14), finalized(14),
                settled(14)});
    EXPECT_EQ(paths.judged, Classes{ShadowClass::agree});
}

TEST(ShadowPairs, legacy_out_of_order_is_void) {
    Paths back;
    back.tell({hybrid({.number = 11}), block_end(11), settled(9)});
    EXPECT_EQ(back.tally.voided, 1u);
    EXPECT_TRUE(back.pairs.void_now());
    Paths late_row;
    late_row.tell({settled(20), legacy({.number = 15})});
    EXPECT_EQ(late_row.tally.voided, 1u);
    EXPECT_TRUE(late_row.pairs.void_now());
}

TEST(ShadowPairs, what_comes_after_its_block_was_judged_is_stale) {
    Paths paths;
    EXPECT_EQ(paths.block({}), Classes{});
    paths.tell({hybrid({.number = 11, .final_row = true}), finalized(11)});
    EXPECT_EQ(paths.tally.stale, 1u);
    EXPECT_EQ(paths.tally.voided, 0u);
    EXPECT_FALSE(paths.pairs.void_now());
}

TEST(ShadowPairs, without_room_the_open_ones_are_void) {
    Paths full({.matches = 4});
    for (std::uint32_t i = 0; i < 5; ++i) full.tell({hybrid({.number = 11, .event = i})});
    EXPECT_EQ(full.tally.voided, 5u);
    EXPECT_TRUE(full.pairs.void_now());
    EXPECT_EQ(full.block({}), Classes{});

    Paths far({.blocks = 8});
    far.tell({hybrid({.number = 11}), block_end(11), block_end(18)});
    EXPECT_EQ(far.tally.voided, 0u);
    far.tell({block_end(19)}); // the ninth above the last judged
    EXPECT_EQ(far.tally.voided, 1u);
    far.tell({finalized(19), settled(19), hybrid({.number = 20}), legacy({.number = 20}),
              block_end(20), finalized(20), settled(20)});
    EXPECT_EQ(far.judged, Classes{ShadowClass::agree});
}
