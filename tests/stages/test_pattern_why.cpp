// The steps of a pattern against the pattern itself: over random movements, all say yes exactly
// where the family claims. And what a person reads, at the edges.
#include "stages/pattern_why.hpp"

#include "stages/pattern_dormant.hpp"
#include "stages/pattern_drain.hpp"
#include "stages/pattern_gathering.hpp"
#include "stages/pattern_path.hpp"
#include "stages/pattern_probe.hpp"
#include "stages/pattern_structuring.hpp"
#include "tests/stages/pattern_fixture.hpp"

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

template <class Options>
using Judge = std::optional<Claim> (*)(Options const&, Accounts const&, MovementLog const&,
                                       Moved const&);

// How often the family claimed, and how often it did not.
struct Answers {
    std::size_t claims = 0, silent = 0;
};

template <class Options>
Answers compare_with(Judge<Options> judge, Shape const& shape, std::size_t worlds,
                     Options (*drawn)(std::mt19937_64&)) {
    Answers answers;
    std::size_t differ = 0;
    for (std::uint64_t seed = 1; seed <= worlds && differ < 3; ++seed) {
        std::mt19937_64 random(seed ^ 0x3417);
        Options const options = drawn(random);
        play(seed, shape, shuffled(shape.accounts, seed + 1),
             [&](World& world, History&, Moved const& moved) {
                 auto const claim = judge(options, world.accounts, world.log, moved);
                 WhySteps const why = steps(options, world.accounts, world.log, moved, {});
                 ++(claim ? answers.claims : answers.silent);
                 bool const yes = !why.empty() && first_no(why) == nullptr;
                 if (yes == claim.has_value() || ++differ > 3) return;
                 ADD_FAILURE() << "seed " << seed << ", movement " << moved.seq
                               << (claim ? ": claimed, but no: " : ": silent, but all yes; last: ")
                               << (claim && !why.empty() ? first_no(why)->text
                                   : why.empty()         ? "no steps"
                                                         : why.back().text);
             });
    }
    return answers;
}

std::uint32_t below(std::mt19937_64& random, std::uint32_t limit) {
    return static_cast<std::uint32_t>(random() % limit);
}

constexpr Shape busy{.accounts = 6, .movements = 90, .gap_s = 90, .busy = 6};

} // namespace

TEST(PatternWhy, drains_steps_agree_with_the_family) {
    auto const drawn = [](std::mt19937_64& random) {
        return DrainOptions{.window_s = 60 + below(random, 4'000),
                            .outflows = 1 + below(random, 5),
                            .largest_share = (20 + below(random, 81)) / 100.0,
                            .balance_share = below(random, 101) / 100.0,
                            .min = below(random, 6'000)};
    };
    auto const found = compare_with<DrainOptions>(drain, busy, 400, drawn);
    EXPECT_GT(found.claims, 500u);
    EXPECT_GT(found.silent, 5'000u);
}

TEST(PatternWhy, gatherings_steps_agree_with_the_family_both_ways) {
    auto const drawn = [](std::mt19937_64& random) {
        return GatheringOptions{.outward = below(random, 2) == 0,
                                .window_s = 60 + below(random, 4'000),
                                .counterparties = 1 + below(random, 4),
                                .effective = 1 + below(random, 20) / 10.0,
                                .sum = below(random, 6'000),
                                .exchanges = below(random, 2) == 0};
    };
    auto const found = compare_with<GatheringOptions>(gathering, busy, 400, drawn);
    EXPECT_GT(found.claims, 500u);
    EXPECT_GT(found.silent, 5'000u);
}

TEST(PatternWhy, structurings_steps_agree_with_the_family_on_either_side) {
    auto const drawn = [](std::mt19937_64& random) {
        return StructuringOptions{.window_s = 60 + below(random, 8'000),
                                  .level = 20 + below(random, 300),
                                  .parts = 1 + below(random, 4),
                                  .part_from = below(random, 60) / 100.0,
                                  .sum_levels = 1 + below(random, 3) / 2.0,
                                  .variation = 0.1 + below(random, 60) / 100.0};
    };
    auto const found = compare_with<StructuringOptions>(structuring, busy, 400, drawn);
    EXPECT_GT(found.claims, 200u);
    EXPECT_GT(found.silent, 5'000u);
}

TEST(PatternWhy, dormants_steps_agree_with_the_family) {
    auto const drawn = [](std::mt19937_64& random) {
        return DormantOptions{.silence_s = below(random, 900),
                              .min = below(random, 400),
                              .share = below(random, 30) / 100.0,
                              .model_outs = 1 + below(random, 8),
                              .model_bits = below(random, 40) / 10.0,
                              .borders = {100'000 + below(random, 5'000)}};
    };
    Shape const slow{.accounts = 6, .movements = 90, .gap_s = 300};
    auto const found = compare_with<DormantOptions>(dormant_awakening, slow, 400, drawn);
    EXPECT_GT(found.claims, 500u);
    EXPECT_GT(found.silent, 5'000u);
}

TEST(PatternWhy, probes_steps_agree_with_the_family) {
    auto const drawn = [](std::mt19937_64& random) {
        return TestThenLargeOptions{.large = 100 + below(random, 400),
                                    .probe_share = below(random, 80) / 100.0,
                                    .window_s = 60 + below(random, 8'000)};
    };
    auto const found = compare_with<TestThenLargeOptions>(test_then_large, busy, 600, drawn);
    EXPECT_GT(found.claims, 50u);
    EXPECT_GT(found.silent, 5'000u);
}

TEST(PatternWhy, paths_steps_agree_with_the_family) {
    auto const drawn = [](std::mt19937_64& random) {
        return PassThroughOptions{.min = below(random, 200),
                                  .hops = 1 + below(random, 4),
                                  .hop_s = 30 + below(random, 600),
                                  .keep = 0.5 + below(random, 50) / 100.0};
    };
    Shape const circles{.accounts = 7, .movements = 80, .gap_s = 60, .circle = 6};
    auto const found = compare_with<PassThroughOptions>(pass_through, circles, 300, drawn);
    EXPECT_GT(found.claims, 500u);
    EXPECT_GT(found.silent, 2'000u);
}

TEST(PatternWhy, names_the_values_of_the_first_no_in_whole_tokens) {
    World world;
    world.holds(0, 12'000);
    DrainOptions const options{.outflows = 3, .min = 1'000};
    WhyToken const token{1, "DOT"};
    world.moved(0, 1, 3'000, start_s);
    Moved const second = world.moved(0, 2, 3'000, start_s + 60);
    WhySteps why = steps(options, world.accounts, world.log, second, token);
    ASSERT_NE(first_no(why), nullptr);
    EXPECT_EQ(first_no(why)->text, "movements it ever sent 2 >= outflows 3");
    // 300, 300 and 305 of 1200: three quarters.
    Moved const third = world.moved(0, 3, 3'050, start_s + 120);
    why = steps(options, world.accounts, world.log, third, token);
    EXPECT_EQ(first_no(why), nullptr);
    EXPECT_EQ(why[why.size() - 4].text, "their sum 905 DOT >= min 100 DOT");
    EXPECT_EQ(why[why.size() - 2].text,
              "the sum 0.7542 of the 1200 DOT it held >= balance_share 0.5");
    world.state(0).balance_known = false;
    why = steps(options, world.accounts, world.log, third, token);
    ASSERT_NE(first_no(why), nullptr);
    EXPECT_EQ(first_no(why)->text, "its balance is known (since it was endowed)");
}

TEST(PatternWhy, stops_where_nothing_is_known_and_is_empty_for_other_kinds) {
    World world;
    Moved const none = world.moved(nobody, 1, 500, start_s, MovementKind::mint);
    WhySteps const why = steps(DrainOptions{}, world.accounts, world.log, none, {});
    ASSERT_EQ(why.size(), 2u);
    EXPECT_EQ(why[0].text, "kind mint is transfer");
    EXPECT_FALSE(why[0].yes);
    EXPECT_FALSE(why[1].yes);
    EXPECT_TRUE(steps(BurstOptions{}, world.accounts, world.log, none, {}).empty());
    Moved const huge = world.moved(0, 1, most, start_s + 1);
    EXPECT_NE(first_no(steps(PassThroughOptions{.min = most}, world.accounts, world.log, huge, {})),
              nullptr);
}
