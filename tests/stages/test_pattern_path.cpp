#include "stages/pattern_path.hpp"

#include "tests/stages/pattern_fixture.hpp"

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

PassThroughOptions options_of_table() { return {.min = 10'000}; }

struct Hop {
    unsigned from, to;
    u128 amount;
    std::uint32_t at_s;
};
std::optional<Claim> hopped(World& world, std::vector<Hop> const& hops,
                            PassThroughOptions const& options) {
    std::optional<Claim> claim;
    for (Hop const& hop : hops)
        claim = pass_through(options, world.accounts, world.log,
                             world.moved(hop.from, hop.to, hop.amount, start_s + hop.at_s));
    return claim;
}

// The share in hundredths, so that the plain reading of it is in whole numbers.
struct Drawn {
    PassThroughOptions options;
    std::uint64_t keep = 0;
};
Drawn drawn_for(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0x9a7);
    Drawn drawn;
    drawn.keep = 40 + random() % 61;
    drawn.options.min = random() % 80;
    drawn.options.hops = static_cast<std::uint32_t>(1 + random() % 4);
    drawn.options.hop_s = static_cast<std::uint32_t>(30 + random() % 600);
    drawn.options.keep = static_cast<double>(drawn.keep) / 100;
    return drawn;
}

using Facts = std::vector<std::size_t>; // of a path, first hop first

struct Paths {
    std::vector<Facts> all;
    std::size_t looks = 0; // received movements that who looks backwards has to look at
};

bool circular(History const& history, Facts const& path) {
    return history.of(history.facts[path.front()].from) ==
           history.of(history.facts[path.back()].to);
}

// Every path that ends in the newest movement, shortest first: each is made longer by what fits.
Paths paths_to_newest(Drawn const& drawn, History const& history) {
    Paths paths;
    auto const sound = [&](std::size_t i) {
        Happened const& fact = history.facts[i];
        return history.transfer(i) && fact.from != nobody && fact.to != nobody &&
               fact.amount >= static_cast<std::uint64_t>(drawn.options.min) && !history.inside(i);
    };
    std::size_t const last = history.facts.size() - 1;
    if (!sound(last)) return paths;
    paths.all.push_back({last});
    for (std::size_t p = 0; p < paths.all.size(); ++p) {
        Facts const path = paths.all[p];
        if (circular(history, path)) continue;
        Happened const& first = history.facts[path.front()];
        for (std::size_t const i : history.newest(first.from, false, path_looks_max)) {
            Happened const& fact = history.facts[i];
            if (fact.time_s + drawn.options.hop_s < first.time_s) continue;
            ++paths.looks;
            bool fits = i < path.front() && sound(i) &&
                        100 * first.amount >= drawn.keep * fact.amount &&
                        100 * fact.amount >= drawn.keep * first.amount;
            for (std::size_t const hop : path)
                fits = fits && history.of(history.facts[hop].from) != history.of(fact.from);
            if (!fits) continue;
            Facts longer{i};
            longer.insert(longer.end(), path.begin(), path.end());
            paths.all.push_back(longer);
        }
    }
    return paths;
}

std::optional<Said> brute(Drawn const& drawn, History const& history, Paths paths) {
    std::erase_if(paths.all, [&](Facts const& path) { return path.size() < drawn.options.hops; });
    if (paths.all.empty()) return std::nullopt;
    auto const worse = [&](Facts const& a, Facts const& b) {
        if (circular(history, a) != circular(history, b)) return circular(history, b);
        if (a.size() != b.size()) return a.size() < b.size();
        return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
    };
    Facts const best = *std::max_element(paths.all.begin(), paths.all.end(), worse);
    Said said;
    said.subject = history.of(history.facts[best.front()].from);
    said.sum = history.facts[best.back()].amount;
    auto const min = static_cast<std::uint64_t>(drawn.options.min);
    int const severity = (min > 0 ? (said.sum >= 10 * min) + (said.sum >= 100 * min) : 0) +
                         (best.size() >= 2 * drawn.options.hops ? 1 : 0);
    said.severity = static_cast<Severity>(std::min(2, severity));
    double kept = 1;
    std::uint32_t slowest_s = 0;
    std::vector<std::uint64_t> seqs;
    for (std::size_t i = 0; i < best.size(); ++i) {
        seqs.push_back(best[i] + 1);
        if (i == 0) continue;
        Happened const& before = history.facts[best[i - 1]];
        Happened const& after = history.facts[best[i]];
        if (before.amount == 0) kept = 0;
        if (before.amount > 0)
            kept = std::min(kept,
                            static_cast<double>(after.amount) / static_cast<double>(before.amount));
        slowest_s = std::max(slowest_s, after.time_s - before.time_s);
    }
    name_evidence(said, seqs);
    said.details = "\"hops\":" + std::to_string(best.size()) +
                   ",\"circular\":" + (circular(history, best) ? "true" : "false") +
                   ",\"kept\":" + four_digits(kept) + ",\"slowest_s\":" + std::to_string(slowest_s);
    return said;
}

auto const judge = [](std::uint64_t seed, World const& world, Moved const& moved) {
    return pass_through(drawn_for(seed).options, world.accounts, world.log, moved);
};
Shape small(std::uint64_t seed) {
    return {.accounts = static_cast<unsigned>(3 + seed % 10),
            .movements = 50,
            .log_capacity = seed % 3 == 0 ? std::size_t{25} : std::size_t{128},
            .gap_s = 120,
            .busy = static_cast<unsigned>(seed % 4),
            .circle = static_cast<unsigned>(seed % 8)};
}

} // namespace

TEST(PatternPath, three_quick_hops_are_one_and_two_are_none) {
    World world;
    EXPECT_FALSE(hopped(world, {{0, 1, 20'000, 0}, {1, 2, 19'000, 600}}, options_of_table()));
    auto const claim = hopped(world, {{2, 3, 18'500, 1'500}}, options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_TRUE(claim->sum == 18'500);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 3U);
    EXPECT_EQ(claim->evidence.seqs[0], 1U);
    EXPECT_EQ(claim->evidence.seqs[2], 3U);
    EXPECT_EQ(claim->details.view(), R"("hops":3,"circular":false,"kept":0.95,"slowest_s":900)");
}

TEST(PatternPath, it_is_circular_when_it_returns_to_the_first_cluster) {
    World world;
    auto const claim = hopped(world, {{0, 1, 20'000, 0}, {1, 2, 20'000, 60}, {2, 0, 20'000, 120}},
                              options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_EQ(claim->details.view(), R"("hops":3,"circular":true,"kept":1,"slowest_s":60)");
    World clusters;
    clusters.join(9, 0);
    auto const theirs = hopped(
        clusters, {{0, 1, 20'000, 0}, {1, 2, 20'000, 60}, {2, 9, 20'000, 120}}, options_of_table());
    ASSERT_TRUE(theirs);
    EXPECT_EQ(theirs->details.view().substr(0, 24), R"("hops":3,"circular":true)");
}

TEST(PatternPath, to_and_fro_between_two_leads_nowhere) {
    World world;
    for (std::uint32_t i = 0; i < 20; ++i)
        EXPECT_FALSE(hopped(world, {{i % 2, 1 - i % 2, 20'000, i * 60}}, options_of_table()));
}

TEST(PatternPath, time_amount_and_minimum_are_met_by_equality_only) {
    auto const claims = [](u128 second, std::uint32_t second_s, u128 third) {
        World world;
        return hopped(world,
                      {{0, 1, 20'000, 0}, {1, 2, second, second_s}, {2, 3, third, second_s + 60}},
                      options_of_table())
            .has_value();
    };
    EXPECT_TRUE(claims(18'000, 1'800, 16'200)); // 90 % twice, 30 minutes
    EXPECT_FALSE(claims(17'999, 1'800, 17'000));
    EXPECT_FALSE(claims(18'000, 1'801, 17'000));
    EXPECT_FALSE(claims(18'000, 1'800, 16'199));
    EXPECT_TRUE(claims(22'222, 60, 22'222)); // of which 20,000 are 90.0009 %
    EXPECT_FALSE(claims(22'223, 60, 22'223));
    World little;
    EXPECT_FALSE(hopped(little, {{0, 1, 10'000, 0}, {1, 2, 10'000, 1}, {2, 3, 9'999, 2}},
                        options_of_table()));
    World enough;
    EXPECT_TRUE(hopped(enough, {{0, 1, 10'000, 0}, {1, 2, 10'000, 1}, {2, 3, 10'000, 2}},
                       options_of_table()));
}

TEST(PatternPath, what_comes_later_is_not_handed_on) {
    World world; // the hops in the wrong order, all in one block
    EXPECT_FALSE(hopped(world, {{1, 2, 20'000, 0}, {0, 1, 20'000, 0}, {2, 3, 20'000, 0}},
                        options_of_table()));
    World right;
    EXPECT_TRUE(hopped(right, {{0, 1, 20'000, 0}, {1, 2, 20'000, 0}, {2, 3, 20'000, 0}},
                       options_of_table()));
}

TEST(PatternPath, of_several_the_circle_then_the_longest_then_the_newest) {
    World longest; // 9 -> 0 before it
    auto claim = hopped(longest,
                        {{9, 0, 20'000, 0},
                         {0, 1, 20'000, 60},
                         {1, 2, 20'000, 120},
                         {8, 1, 20'000, 130},
                         {2, 3, 20'000, 180}},
                        options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(longest.name_of(claim->subject), 9U);
    World newest;
    claim = hopped(newest,
                   {{7, 1, 20'000, 0}, {8, 1, 20'000, 0}, {1, 2, 20'000, 120}, {2, 3, 20'000, 180}},
                   options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(newest.name_of(claim->subject), 8U);
    World circle; // 3 -> 1 is older and shorter than 9 -> 0 -> 1
    claim = hopped(circle,
                   {{3, 1, 20'000, 0},
                    {9, 0, 20'000, 30},
                    {0, 1, 20'000, 60},
                    {1, 2, 20'000, 120},
                    {2, 3, 20'000, 180}},
                   options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(circle.name_of(claim->subject), 3U);
}

TEST(PatternPath, severity_goes_by_amount_and_length) {
    auto const severity = [](u128 amount, unsigned hops) {
        World world;
        std::optional<Claim> claim;
        for (unsigned i = 0; i < hops; ++i)
            claim = hopped(world, {{i, i + 1, amount, i}}, options_of_table());
        return claim->severity;
    };
    EXPECT_EQ(severity(99'999, 3), Severity::notable);
    EXPECT_EQ(severity(100'000, 5), Severity::important);
    EXPECT_EQ(severity(999'999, 3), Severity::important);
    EXPECT_EQ(severity(1'000'000, 3), Severity::critical);
    EXPECT_EQ(severity(99'999, 6), Severity::important);
    EXPECT_EQ(severity(100'000, 6), Severity::critical);
    EXPECT_EQ(severity(1'000'000, 16), Severity::critical);
}

TEST(PatternPath, unknown_parties_other_kinds_and_what_is_overwritten_are_no_hops) {
    auto const claims = [](std::vector<Hop> const& hops, std::size_t log_capacity = 64) {
        World world(log_capacity);
        return hopped(world, hops, options_of_table()).has_value();
    };
    std::vector<Hop> const good{{0, 1, most, 0}, {1, 2, most, 1}, {2, 3, most, 2}};
    EXPECT_TRUE(claims(good));
    EXPECT_TRUE(claims(good, 3));
    EXPECT_FALSE(claims(good, 2));
    EXPECT_FALSE(claims({{nobody, 1, most, 0}, {1, 2, most, 1}, {2, 3, most, 2}}));
    EXPECT_FALSE(claims({{0, 1, most, 0}, {1, 2, most, 1}, {2, nobody, most, 2}}));
    World world;
    world.moved(0, 1, most, start_s, MovementKind::transfer_on_hold);
    EXPECT_FALSE(hopped(world, {{1, 2, most, 1}, {2, 3, most, 2}}, options_of_table()));
    MovementLog const empty(8);
    Moved const moved = world.moved(3, 4, most, start_s + 3);
    EXPECT_FALSE(pass_through(options_of_table(), world.accounts, empty, moved));
}

// Accounts in layers, everybody pays everybody of the next layer the same: 12^8 paths.
TEST(PatternPath, where_there_are_too_many_paths_it_still_finds_one) {
    World world;
    constexpr unsigned wide = 12, layers = 9;
    std::optional<Claim> claim;
    std::uint32_t at_s = 0;
    for (unsigned layer = 0; layer + 1 < layers; ++layer)
        for (unsigned from = 0; from < wide; ++from)
            for (unsigned to = 0; to < wide; ++to)
                claim =
                    hopped(world, {{layer * wide + from, (layer + 1) * wide + to, 20'000, ++at_s}},
                           options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->evidence.all, layers - 1);
    EXPECT_EQ(claim->details.view().substr(0, 8), R"("hops":8)");
}

TEST(PatternPath, sixteen_hops_are_the_most_and_a_rule_for_more_claims_nothing) {
    PassThroughOptions options = options_of_table();
    World world;
    std::optional<Claim> claim;
    for (unsigned i = 0; i < 40; ++i) claim = hopped(world, {{i, i + 1, 20'000, i}}, options);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->evidence.all, path_hops_max);
    EXPECT_EQ(world.name_of(claim->subject), 40 - path_hops_max);
    options.hops = path_hops_max + 1;
    EXPECT_FALSE(hopped(world, {{40, 41, 20'000, 40}}, options));
}

TEST(PatternPath, says_what_its_definition_says_in_every_small_world) {
    auto const by_definition = [](std::uint64_t seed, World const&, History const& history,
                                  Moved const&) {
        Drawn const drawn = drawn_for(seed);
        Paths paths = paths_to_newest(drawn, history);
        EXPECT_LE(paths.looks, path_steps_max);
        return brute(drawn, history, std::move(paths));
    };
    EXPECT_GT(compare(1, 3'000, small, judge, by_definition), 3'000U);
}

// Where not everything can be looked at, what is said is one of the paths all the same.
TEST(PatternPath, says_no_more_than_its_definition_of_busy_accounts) {
    std::size_t exact = 0, beyond = 0;
    auto const by_definition = [&](std::uint64_t seed, World const& world, History const& history,
                                   Moved const& moved) {
        Drawn const drawn = drawn_for(seed);
        Paths paths = paths_to_newest(drawn, history);
        bool const whole = paths.looks <= path_steps_max;
        ++(whole ? exact : beyond);
        auto const ours = said(world, judge(seed, world, moved));
        if (!whole && !ours) return ours;
        if (!whole)
            std::erase_if(paths.all, [&](Facts const& path) {
                return !std::equal(path.begin(), path.end(), ours->evidence.begin(),
                                   ours->evidence.end(),
                                   [](std::size_t i, std::uint64_t seq) { return i + 1 == seq; });
            });
        return brute(drawn, history, std::move(paths));
    };
    auto const large = [](std::uint64_t seed) {
        return Shape{.accounts = static_cast<unsigned>(8 + seed % 40),
                     .movements = 300,
                     .log_capacity = seed % 2 == 0 ? std::size_t{200} : std::size_t{512},
                     .gap_s = 8,
                     .busy = 7};
    };
    EXPECT_GT(compare(10'001, 60, large, judge, by_definition), 500U);
    EXPECT_GT(exact, 5'000U);
    EXPECT_GT(beyond, 0U);
}

TEST(PatternPath, how_accounts_are_numbered_changes_nothing) {
    EXPECT_GT(compare_numberings(20'001, 500, small, judge), 500U);
}
