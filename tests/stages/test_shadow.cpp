// The shadow stage: mismatches, what the chain says of them, notes, gaps. One chain that is
// compared, one that is not.
#include "stages/shadow.hpp"

#include "stages/shadow_figures.hpp"
#include "tests/decoders/count_new.hpp"
#include "tests/stages/shadow_fixture.hpp"

#include <gtest/gtest.h>
#include <optional>

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint64_t started_unix_ms = 1'700'000'000'000;

template <class M>
std::vector<M> drain(pipeline::Link<M>& link) {
    std::vector<M> all;
    while (M const* front = link.front()) {
        all.push_back(*front);
        link.pop();
    }
    return all;
}

// Told up to block 10 by both paths at a time of 100 s.
struct Stage {
    static pipeline::LinkOptions drop() {
        return {.depth = 256, .when_full = pipeline::WhenFull::drop};
    }
    static ShadowOptions usual(std::size_t disputes = 16) {
        return {.chains = {{"one", true, {}}, {"two", false, {}}}, .disputes = disputes};
    }

    explicit Stage(ShadowOptions options = usual())
        : shadow(std::move(options), page, pipeline::Outs<Want>({&want_one, &want_two}), notes,
                 mismatches) {
        at(100'000);
        tell({block_end(10), finalized(10), settled(10)});
        at(101'000);
        drain(notes);
    }
    void at(std::uint64_t ms) {
        turn.now = ms * pipeline::millisecond;
        turn.unix_ms = started_unix_ms + ms;
        shadow.tick(turn);
    }
    void tell(std::vector<Twin> twins) {
        for (Twin& twin : twins) {
            twin.header.sequence = sequence++;
            shadow.on({twin, {}}, turn);
        }
    }
    void block(std::uint32_t number, std::vector<Twin> const& twins) {
        tell(twins);
        tell({block_end(number), finalized(number), settled(number)});
    }
    // The block is read again.
    void reread(std::uint32_t number, std::vector<Twin> twins, bool incomplete = false) {
        Twin end = fact(Path::hybrid, TwinKind::recheck_end, number);
        end.incomplete = incomplete;
        twins.push_back(end);
        for (Twin& twin : twins) twin.recheck = true;
        tell(twins);
    }
    std::uint64_t ruled(ShadowClass what, Ruling ruling) const {
        return shadow.tally(0)
            .ruled[static_cast<std::size_t>(what)][static_cast<std::size_t>(ruling)];
    }

    pipeline::MetricsPage page{"", shadow_metrics};
    pipeline::Link<Want> want_one{"want one", drop()}, want_two{"want two", drop()};
    pipeline::Link<ShadowNote> notes{"notes", drop()};
    pipeline::Link<ShadowMismatch> mismatches{"mismatches", drop()};
    pipeline::Turn turn{};
    std::uint64_t sequence = 7; // the first says nothing about what came before
    Shadow shadow;
};

} // namespace

TEST(Shadow, a_mismatch_asks_for_its_block) {
    Stage stage;
    EXPECT_TRUE(drain(stage.want_one).empty());
    stage.block(11, {hybrid({.number = 11}), legacy({.number = 11, .amount = 5})});
    stage.block(12, {hybrid({.number = 12})});
    stage.block(13, {});
    stage.block(14, {legacy({.number = 14}), legacy({.number = 14, .event = 1})});
    stage.at(102'000);
    auto const wants = drain(stage.want_one);
    ASSERT_EQ(wants.size(), 1u);
    ASSERT_EQ(wants[0].count, 2);
    EXPECT_EQ(wants[0].chain, 0);
    EXPECT_EQ(wants[0].stretches[0].from, 11u);
    EXPECT_EQ(wants[0].stretches[0].to, 12u);
    EXPECT_EQ(wants[0].stretches[1].from, 14u);
    EXPECT_EQ(wants[0].stretches[1].to, 14u);
    EXPECT_EQ(stage.page.read(ShadowMetric::disputes), 4u);
    // Said again while it holds, because the link may drop.
    stage.at(111'000);
    EXPECT_TRUE(drain(stage.want_one).empty());
    EXPECT_EQ(stage.shadow.next_deadline(), 112'000 * pipeline::millisecond);
    stage.at(112'000);
    EXPECT_EQ(drain(stage.want_one).size(), 1u);
    EXPECT_TRUE(drain(stage.want_two).empty());
}

TEST(Shadow, the_chain_says_who_was_wrong) {
    Said const said{.number = 11};
    Said const other{.number = 11, .amount = 5};
    Said const third{.number = 11, .amount = 6};
    struct Case {
        std::vector<Twin> twins;
        std::optional<Said> chain;
        ShadowClass what;
        Ruling ruling;
    };
    for (Case const& one : {
             Case{{hybrid(said)}, said, ShadowClass::missing_in_legacy, Ruling::legacy_wrong},
             Case{{hybrid(said)}, {}, ShadowClass::missing_in_legacy, Ruling::hybrid_wrong},
             Case{{hybrid(said)}, other, ShadowClass::missing_in_legacy, Ruling::both_wrong},
             Case{{legacy(said)}, said, ShadowClass::missing_in_hybrid, Ruling::hybrid_wrong},
             Case{{legacy(said)}, {}, ShadowClass::missing_in_hybrid, Ruling::legacy_wrong},
             Case{{hybrid(said), legacy(other)}, said, ShadowClass::amount, Ruling::legacy_wrong},
             Case{{hybrid(said), legacy(other)}, other, ShadowClass::amount, Ruling::hybrid_wrong},
             Case{{hybrid(said), legacy(other)}, third, ShadowClass::amount, Ruling::both_wrong},
         }) {
        Stage stage;
        stage.block(11, one.twins);
        stage.reread(11, one.chain ? std::vector{hybrid(*one.chain)} : std::vector<Twin>{});
        EXPECT_EQ(stage.ruled(one.what, one.ruling), 1u);
        auto const told = drain(stage.mismatches);
        ASSERT_EQ(told.size(), 1u);
        EXPECT_EQ(told[0].what, one.what);
        EXPECT_EQ(told[0].ruling, one.ruling);
        EXPECT_EQ(told[0].chain_says.told, one.chain.has_value());
        EXPECT_EQ(told[0].block.number, 11u);
        EXPECT_EQ(told[0].block.hash, hash(11));
    }
}

TEST(Shadow, what_cannot_be_read_again_is_unclear) {
    Stage late;
    late.block(11, {hybrid({.number = 11})});
    late.at(101'000 + 30 * 60'000);
    EXPECT_EQ(late.ruled(ShadowClass::missing_in_legacy, Ruling::unclear), 1u);
    EXPECT_EQ(drain(late.mismatches).size(), 1u);

    Stage damaged;
    damaged.block(11, {hybrid({.number = 11})});
    damaged.reread(11, {}, true);
    EXPECT_EQ(damaged.ruled(ShadowClass::missing_in_legacy, Ruling::unclear), 1u);

    // What stands in the part that could be read is certain.
    Stage before;
    before.block(11, {hybrid({.number = 11})});
    before.reread(11, {hybrid({.number = 11})}, true);
    EXPECT_EQ(before.ruled(ShadowClass::missing_in_legacy, Ruling::legacy_wrong), 1u);

    // Hybrid has met the fault itself, and the reading does not say so.
    Twin cut = block_end(11);
    cut.incomplete = true;
    Stage partial;
    partial.block(11, {cut, legacy({.number = 11})});
    partial.reread(11, {});
    EXPECT_EQ(partial.ruled(ShadowClass::missing_in_hybrid, Ruling::unclear), 1u);

    Stage full(Stage::usual(1));
    full.block(11, {hybrid({.number = 11}), hybrid({.number = 11, .event = 1})});
    EXPECT_EQ(full.ruled(ShadowClass::missing_in_legacy, Ruling::unclear), 1u);
    full.reread(11, {hybrid({.number = 11})});
    EXPECT_EQ(full.ruled(ShadowClass::missing_in_legacy, Ruling::legacy_wrong), 1u);
}

TEST(Shadow, a_gap_voids_what_is_open_and_doubts_what_is_read) {
    Stage stage;
    stage.block(11, {hybrid({.number = 11})});
    stage.tell({hybrid({.number = 12}), block_end(12)});
    ++stage.sequence;
    // The match may be what was lost, so this reading says nothing.
    stage.reread(11, {});
    EXPECT_EQ(stage.ruled(ShadowClass::missing_in_legacy, Ruling::hybrid_wrong), 0u);
    EXPECT_EQ(stage.shadow.tally(0).voided, 1u);
    EXPECT_TRUE(stage.shadow.void_now(0));
    stage.reread(11, {hybrid({.number = 11})});
    EXPECT_EQ(stage.ruled(ShadowClass::missing_in_legacy, Ruling::legacy_wrong), 1u);
    EXPECT_EQ(stage.page.read(ShadowMetric::gaps), 1u);
    stage.block(13, {});
    EXPECT_FALSE(stage.shadow.void_now(0));
}

TEST(Shadow, notes_come_at_most_once_a_second_and_only_with_news) {
    Stage stage;
    stage.block(11, {hybrid({.number = 11}), legacy({.number = 11})});
    stage.at(101'500);
    EXPECT_TRUE(drain(stage.notes).empty());
    EXPECT_EQ(stage.shadow.next_deadline(), 102'000 * pipeline::millisecond);
    stage.at(102'000);
    auto const told = drain(stage.notes);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].chain, 0);
    EXPECT_FALSE(told[0].void_now);
    EXPECT_EQ(pairs_of(told[0].tally), 1u);
    stage.at(110'000);
    EXPECT_TRUE(drain(stage.notes).empty());
    EXPECT_EQ(stage.page.read(ShadowMetric::agree), 1u);
    EXPECT_EQ(stage.page.read(ShadowMetric::void_chains), 0u);
}

// The block is of 90 s; hybrid saw it after 2 s, legacy after 8 s: a ratio of 4.
TEST(Shadow, latency_is_counted_from_the_blocks_time) {
    Stage stage;
    std::uint64_t const block_ms = started_unix_ms + 90'000;
    stage.block(11, {hybrid({.number = 11, .at_ms = 92'000, .block_ms = block_ms}),
                     legacy({.number = 11, .at_ms = 98'000, .block_ms = block_ms})});
    auto const figures = figures_of(stage.shadow.tally(0), false);
    EXPECT_EQ(figures.latency_ratio.samples, 1u);
    EXPECT_NEAR(figures.latency_ratio.estimate, 4.0, 1e-9);
    EXPECT_LE(figures.latency_ratio.lower, 0.011); // one pair proves nothing
    EXPECT_GE(figures.latency_ratio.upper, 99);
}

TEST(Shadow, a_chain_with_one_path_is_left_alone) {
    Stage stage;
    Twin twin = hybrid({.number = 4});
    twin.chain = 1;
    stage.tell({twin});
    EXPECT_EQ(pairs_of(stage.shadow.tally(1)), 0u);
    stage.at(105'000);
    EXPECT_TRUE(drain(stage.notes).empty());
}

TEST(Shadow, allocates_nothing_after_its_construction) {
    Stage stage;
    std::vector<Twin> twins;
    for (std::uint32_t number = 11; number < 200; ++number)
        for (Twin const& twin :
             {hybrid({.number = number}), legacy({.number = number, .amount = 100 + number % 9}),
              block_end(number), finalized(number), settled(number)})
            twins.push_back(twin);
    for (Twin& twin : twins) twin.header.sequence = stage.sequence++;
    if (!tests::counts_allocations()) GTEST_SKIP() << "a sanitizer counts for itself";
    std::size_t const before = tests::allocations();
    for (Twin const& twin : twins) stage.shadow.on({twin, {}}, stage.turn);
    stage.at(120'000);
    EXPECT_EQ(tests::allocations(), before);
    EXPECT_GT(pairs_of(stage.shadow.tally(0)), 100u);
}
