#include "stages/pattern_structuring.hpp"

#include "tests/stages/pattern_fixture.hpp"

#include <cmath>

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

StructuringOptions options_of_table() { return {.level = 10'000}; }

// Account 0 sends the amounts to accounts 1, 2, ... (or they to it), a minute apart.
std::optional<Claim> split(World& world, std::vector<u128> const& amounts,
                           StructuringOptions const& options, bool outward = true) {
    std::optional<Claim> claim;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        auto const time_s = static_cast<std::uint32_t>(start_s + 60 * i);
        auto const other = static_cast<unsigned>(i + 1);
        Moved const moved = outward ? world.moved(0, other, amounts[i], time_s)
                                    : world.moved(other, 0, amounts[i], time_s);
        claim = structuring(options, world.accounts, world.log, moved);
    }
    return claim;
}

// Ratios in hundredths, so that the plain reading of them is in whole numbers.
struct Drawn {
    StructuringOptions options;
    std::uint64_t from = 0, levels = 0;
};
Drawn drawn_for(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0x57c);
    Drawn drawn;
    drawn.from = random() % 100;
    drawn.levels = random() % 300;
    drawn.options.window_s = static_cast<std::uint32_t>(60 + random() % 6'000);
    drawn.options.level = 1 + random() % 1'200;
    drawn.options.parts = static_cast<std::uint32_t>(1 + random() % 5);
    drawn.options.part_from = static_cast<double>(drawn.from) / 100;
    drawn.options.sum_levels = static_cast<double>(drawn.levels) / 100;
    drawn.options.variation = static_cast<double>(1 + random() % 60) / 100;
    return drawn;
}

std::optional<Said> brute_side(Drawn const& drawn, History const& history, bool sender) {
    StructuringOptions const& options = drawn.options;
    auto const level = static_cast<std::uint64_t>(options.level);
    auto const is_part = [&](std::size_t i) {
        std::uint64_t const amount = history.facts[i].amount;
        return history.transfer(i) && amount < level && 100 * amount >= drawn.from * level &&
               !history.inside(i);
    };
    std::size_t const last = history.facts.size() - 1;
    unsigned const one = sender ? history.facts[last].from : history.facts[last].to;
    if (one == nobody || !is_part(last)) return std::nullopt;
    std::vector<std::uint64_t> all;
    Said said;
    for (std::size_t const i : history.newest(one, sender, 128)) {
        if (!history.within(i, options.window_s) || !is_part(i)) continue;
        all.insert(all.begin(), i + 1);
        said.sum += history.facts[i].amount;
    }
    double const count = static_cast<double>(all.size());
    double const mean = static_cast<double>(said.sum) / count;
    double squares = 0; // in two passes
    for (std::uint64_t const seq : all) {
        double const off = static_cast<double>(history.facts[seq - 1].amount) - mean;
        squares += off * off;
    }
    double const variation = mean > 0 ? std::sqrt(squares / count) / mean : 0;
    if (all.size() < options.parts || 100 * said.sum < drawn.levels * level) return std::nullopt;
    if (variation >= options.variation) return std::nullopt;
    said.subject = history.of(one);
    int const severity =
        (10 * said.sum >= drawn.levels * level) + (said.sum >= drawn.levels * level);
    said.severity = static_cast<Severity>(severity);
    name_evidence(said, all);
    said.details = std::string(R"("side":)") + (sender ? R"("sender")" : R"("receiver")") +
                   ",\"parts\":" + std::to_string(all.size()) + ",\"sum_levels\":" +
                   four_digits(static_cast<double>(said.sum) / static_cast<double>(level)) +
                   ",\"variation\":" + four_digits(variation) +
                   ",\"window_s\":" + std::to_string(options.window_s);
    return said;
}

auto const judge = [](std::uint64_t seed, World const& world, Moved const& moved) {
    return structuring(drawn_for(seed).options, world.accounts, world.log, moved);
};
auto const by_definition = [](std::uint64_t seed, World const&, History const& history,
                              Moved const&) {
    Drawn const drawn = drawn_for(seed);
    auto const sender = brute_side(drawn, history, true);
    return sender ? sender : brute_side(drawn, history, false);
};
Shape small(std::uint64_t seed) {
    return {.accounts = static_cast<unsigned>(3 + seed % 6),
            .log_capacity = seed % 3 == 0 ? std::size_t{25} : std::size_t{128},
            .busy = static_cast<unsigned>(seed % 10)};
}

} // namespace

TEST(PatternStructuring, five_alike_parts_under_the_level_are_one) {
    World world;
    auto const claim = split(world, {9'000, 9'500, 8'500, 9'900, 9'100}, options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_TRUE(claim->sum == 46'000);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 5U);
    EXPECT_EQ(claim->evidence.seqs[4], 5U);
    // Python's statistics: pstdev / mean = 0.051444
    EXPECT_EQ(claim->details.view(), R"("side":"sender","parts":5,"sum_levels":4.6,)"
                                     R"("variation":0.05144,"window_s":86400)");
}

TEST(PatternStructuring, the_receiver_is_judged_when_the_sender_has_none) {
    World world;
    auto const claim = split(world, std::vector<u128>(5, 9'000), options_of_table(), false);
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_EQ(claim->details.view().substr(0, 17), R"("side":"receiver")");
    World both; // one pays another: the sender is told
    for (unsigned i = 1; i <= 5; ++i) {
        auto const told = structuring(options_of_table(), both.accounts, both.log,
                                      both.moved(0, 1, 9'000, start_s + i));
        EXPECT_EQ(told.has_value(), i == 5);
        if (told) {
            EXPECT_EQ(both.name_of(told->subject), 0U);
        }
    }
}

TEST(PatternStructuring, the_level_itself_is_no_part_and_half_of_it_is_one) {
    StructuringOptions options = options_of_table();
    options.sum_levels = 2.5;
    World at_half, below_half, at_level, below_level;
    EXPECT_TRUE(split(at_half, std::vector<u128>(5, 5'000), options)); // sum 2.5 levels as well
    EXPECT_FALSE(split(below_half, std::vector<u128>(9, 4'999), options));
    EXPECT_FALSE(split(at_level, std::vector<u128>(9, 10'000), options));
    EXPECT_TRUE(split(below_level, std::vector<u128>(5, 9'999), options));
    World four, little;
    EXPECT_FALSE(split(four, std::vector<u128>(4, 9'999), options));
    options.sum_levels = 2.5001;
    EXPECT_FALSE(split(little, std::vector<u128>(5, 5'000), options));
}

TEST(PatternStructuring, parts_that_are_not_alike_are_none) {
    // Mean 8,000; three 8,000 and 8,000 -/+ d: the deviation is d x sqrt(0.4), 15 % at d = 1,897.4.
    World alike, not_alike;
    EXPECT_TRUE(split(alike, {8'000, 8'000, 8'000, 6'103, 9'897}, options_of_table()));
    EXPECT_FALSE(split(not_alike, {8'000, 8'000, 8'000, 6'102, 9'898}, options_of_table()));
}

TEST(PatternStructuring, other_amounts_between_the_parts_tell_nothing) {
    World world;
    auto const claim = split(world, {9'000, 50'000, 9'000, 1, 9'000, 10'000, 9'000, 300, 9'000},
                             options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->sum == 45'000);
    EXPECT_EQ(claim->evidence.all, 5U);
    EXPECT_EQ(claim->evidence.seqs[1], 3U);
    // The movement asked about has to be a part.
    EXPECT_FALSE(structuring(options_of_table(), world.accounts, world.log,
                             world.moved(0, 1, 50'000, start_s + 900)));
}

TEST(PatternStructuring, window_clusters_and_the_ring_bound_it) {
    World old;
    split(old, std::vector<u128>(4, 9'000), options_of_table());
    EXPECT_FALSE(structuring(options_of_table(), old.accounts, old.log,
                             old.moved(0, 9, 9'000, start_s + day_s + 1)));
    World own;
    own.join(3, 0);
    EXPECT_FALSE(split(own, std::vector<u128>(5, 9'000), options_of_table()));
    World short_log(4), long_log(5);
    EXPECT_FALSE(split(short_log, std::vector<u128>(5, 9'000), options_of_table()));
    EXPECT_TRUE(split(long_log, std::vector<u128>(5, 9'000), options_of_table()));
}

TEST(PatternStructuring, severity_goes_by_the_sum) {
    StructuringOptions options = options_of_table();
    options.sum_levels = 0.5;
    options.parts = 1;
    for (auto const& [parts, severity] : {std::pair<std::size_t, Severity>{9, Severity::notable},
                                          {10, Severity::important},
                                          {99, Severity::important},
                                          {100, Severity::critical}}) {
        World world;
        auto const claim = split(world, std::vector<u128>(parts, 5'000), options);
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->severity, severity) << parts;
    }
}

TEST(PatternStructuring, amounts_near_two_to_the_128_unknown_parties_and_other_kinds) {
    StructuringOptions options = options_of_table();
    options.level = most;
    World huge;
    EXPECT_FALSE(split(huge, std::vector<u128>(5, most - 1), options)); // the sum stops at 1 level
    options.sum_levels = 1;
    auto const claim =
        structuring(options, huge.accounts, huge.log, huge.moved(0, 1, most - 1, start_s + 600));
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->sum == most);
    options = {.level = 10, .parts = 1, .sum_levels = 0};
    World world;
    EXPECT_FALSE(structuring(options, world.accounts, world.log,
                             world.moved(0, 1, 9, start_s, MovementKind::reserve)));
    EXPECT_FALSE(
        structuring(options, world.accounts, world.log, world.moved(nobody, nobody, 9, start_s)));
    EXPECT_TRUE(
        structuring(options, world.accounts, world.log, world.moved(nobody, 1, 9, start_s)));
    MovementLog const empty(8);
    EXPECT_FALSE(structuring(options, world.accounts, empty, world.moved(0, 1, 9, start_s)));
}

TEST(PatternStructuring, says_what_its_definition_says_in_every_small_world) {
    EXPECT_GT(compare(1, 3'000, small, judge, by_definition), 1'000U);
}

TEST(PatternStructuring, says_what_its_definition_says_of_busy_accounts) {
    auto const large = [](std::uint64_t seed) {
        return Shape{.accounts = static_cast<unsigned>(10 + seed % 50),
                     .movements = 800,
                     .log_capacity = seed % 2 == 0 ? std::size_t{500} : std::size_t{4'096},
                     .gap_s = 4,
                     .busy = 9};
    };
    EXPECT_GT(compare(10'001, 60, large, judge, by_definition), 500U);
}

TEST(PatternStructuring, how_accounts_are_numbered_changes_nothing) {
    EXPECT_GT(compare_numberings(20'001, 500, small, judge), 500U);
}
