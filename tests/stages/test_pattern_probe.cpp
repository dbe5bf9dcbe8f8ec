#include "stages/pattern_probe.hpp"

#include "tests/stages/pattern_fixture.hpp"

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

TestThenLargeOptions options_of_table() { return {.large = 100'000}; }

// Of which more than a window has been seen.
struct SeenWorld : World {
    explicit SeenWorld(std::size_t log_capacity = 4'096)
        : World(log_capacity) {
        moved(98, 99, 1, start_s - 2 * hour_s);
    }
};

struct Sent {
    unsigned from, to;
    u128 amount;
    std::uint32_t at_s;
};
std::optional<Claim> sent(World& world, std::vector<Sent> const& all,
                          TestThenLargeOptions const& options = options_of_table()) {
    std::optional<Claim> claim;
    for (Sent const& one : all)
        claim = test_then_large(options, world.accounts, world.log,
                                world.moved(one.from, one.to, one.amount, start_s + one.at_s));
    return claim;
}
bool claims(std::vector<Sent> const& all, std::size_t log_capacity = 64) {
    SeenWorld world(log_capacity);
    return sent(world, all).has_value();
}

// The share in hundredths, so that the plain reading of it is in whole numbers.
struct Drawn {
    TestThenLargeOptions options;
    std::uint64_t share = 0;
};
Drawn drawn_for(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0x7e57);
    Drawn drawn;
    drawn.share = random() % 80;
    drawn.options.large = random() % 900;
    drawn.options.probe_share = static_cast<double>(drawn.share) / 100;
    drawn.options.window_s = static_cast<std::uint32_t>(60 + random() % 1'500);
    return drawn;
}

std::optional<Said> brute(Drawn const& drawn, History const& history) {
    std::size_t const last = history.facts.size() - 1;
    Happened const& large = history.facts[last];
    auto const floor = static_cast<std::uint64_t>(drawn.options.large);
    if (!history.transfer(last) || large.from == nobody || large.to == nobody ||
        history.inside(last) || large.amount < floor)
        return std::nullopt;
    auto by_sender = history.newest(large.from, true, probe_steps_max);
    auto by_receiver = history.newest(large.to, false, probe_steps_max);
    if (std::min(by_sender.size(), by_receiver.size()) >= probe_steps_max) return std::nullopt;
    std::vector<std::size_t> pair;
    for (auto const& list : {by_sender, by_receiver})
        for (std::size_t const i : list)
            if (i < last && history.transfer(i) &&
                history.of(history.facts[i].from) == history.of(large.from) &&
                history.of(history.facts[i].to) == history.of(large.to))
                pair.push_back(i);
    if (pair.empty()) return std::nullopt;
    std::size_t const first = *std::min_element(pair.begin(), pair.end());
    Happened const& probe = history.facts[first];
    if (!history.within(first, drawn.options.window_s)) return std::nullopt;
    std::size_t const oldest =
        history.facts.size() - std::min(history.facts.size(), history.log_capacity);
    if (history.facts[oldest].time_s + drawn.options.window_s > probe.time_s) return std::nullopt;
    if (100 * probe.amount > drawn.share * large.amount) return std::nullopt;
    Said said;
    said.subject = history.of(large.from);
    said.sum = large.amount;
    if (floor > 0)
        said.severity = static_cast<Severity>((said.sum >= 10 * floor) + (said.sum >= 100 * floor));
    name_evidence(said, {first + 1, last + 1});
    double const share = large.amount == 0
                           ? 0
                           : static_cast<double>(probe.amount) / static_cast<double>(large.amount);
    said.details = "\"probe_share\":" + four_digits(share) +
                   ",\"after_s\":" + std::to_string(large.time_s - probe.time_s) +
                   ",\"window_s\":" + std::to_string(drawn.options.window_s);
    return said;
}

auto const judge = [](std::uint64_t seed, World const& world, Moved const& moved) {
    return test_then_large(drawn_for(seed).options, world.accounts, world.log, moved);
};
auto const by_definition = [](std::uint64_t seed, World const&, History const& history,
                              Moved const&) { return brute(drawn_for(seed), history); };
Shape small(std::uint64_t seed) {
    return {.accounts = static_cast<unsigned>(4 + seed % 12),
            .log_capacity = seed % 3 == 0 ? std::size_t{25} : std::size_t{128},
            .busy = static_cast<unsigned>(seed % 5)};
}

} // namespace

TEST(PatternProbe, a_small_first_transfer_and_a_large_one_are_one) {
    SeenWorld world;
    auto const claim = sent(world, {{0, 1, 500, 0}, {0, 1, 200'000, 600}});
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_TRUE(claim->sum == 200'000);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 2U);
    EXPECT_EQ(claim->evidence.seqs[0], 2U);
    EXPECT_EQ(claim->evidence.seqs[1], 3U);
    EXPECT_EQ(claim->details.view(), R"("probe_share":0.0025,"after_s":600,"window_s":3600)");
}

TEST(PatternProbe, share_time_and_amount_are_met_by_equality_only) {
    EXPECT_TRUE(claims({{0, 1, 1'000, 0}, {0, 1, 100'000, 3'600}}));
    EXPECT_FALSE(claims({{0, 1, 1'001, 0}, {0, 1, 100'000, 3'600}}));
    EXPECT_FALSE(claims({{0, 1, 1'000, 0}, {0, 1, 100'000, 3'601}}));
    EXPECT_FALSE(claims({{0, 1, 999, 0}, {0, 1, 99'999, 3'600}}));
}

TEST(PatternProbe, a_pair_that_was_seen_before_tests_nothing) {
    EXPECT_FALSE(claims({{0, 1, 50'000, 0}, {0, 1, 500, 90'000}, {0, 1, 200'000, 90'060}}));
    EXPECT_FALSE(claims({{0, 1, 50'000, 0}, {0, 1, 500, 60}, {0, 1, 200'000, 120}}));
    // The other way round, or with others, is another pair.
    EXPECT_TRUE(claims({{1, 0, 50'000, 0},
                        {0, 2, 50'000, 0},
                        {3, 1, 50'000, 0},
                        {0, 1, 500, 90'000},
                        {0, 1, 200'000, 90'060}}));
    EXPECT_FALSE(claims({{0, 1, 500, 0}, {0, 2, 200'000, 60}}));
}

TEST(PatternProbe, what_lies_between_the_two_does_not_matter) {
    SeenWorld world;
    auto const claim = sent(
        world, {{0, 1, 500, 0}, {0, 2, 300'000, 10}, {0, 1, 60'000, 20}, {0, 1, 200'000, 600}});
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->evidence.seqs[0], 2U);
    EXPECT_EQ(claim->evidence.seqs[1], 5U);
}

TEST(PatternProbe, a_pair_is_two_clusters) {
    SeenWorld world; // the probe from another account of the sender, seen by the receiver
    world.join(9, 0);
    EXPECT_TRUE(sent(world, {{9, 1, 500, 0}, {0, 3, 1, 1}, {0, 1, 200'000, 60}}));
    SeenWorld known;
    known.join(9, 1);
    EXPECT_FALSE(sent(known, {{0, 9, 5'000, 0}, {0, 1, 500, 9'000}, {0, 1, 200'000, 9'060}}));
    SeenWorld own;
    own.join(1, 0);
    EXPECT_FALSE(sent(own, {{0, 1, 500, 0}, {0, 1, 200'000, 60}}));
}

TEST(PatternProbe, severity_goes_by_the_amount) {
    for (auto const& [amount, severity] : {std::pair<u128, Severity>{999'999, Severity::notable},
                                           {1'000'000, Severity::important},
                                           {9'999'999, Severity::important},
                                           {10'000'000, Severity::critical},
                                           {most, Severity::critical}}) {
        SeenWorld world;
        auto const claim = sent(world, {{0, 1, amount / 100, 0}, {0, 1, amount, 60}});
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->severity, severity);
        SeenWorld more;
        EXPECT_FALSE(sent(more, {{0, 1, amount / 100 + 1, 0}, {0, 1, amount, 60}}));
    }
}

TEST(PatternProbe, unknown_parties_other_kinds_and_what_is_overwritten_are_not_seen) {
    EXPECT_FALSE(claims({{0, nobody, 500, 0}, {0, nobody, 200'000, 60}}));
    EXPECT_FALSE(claims({{nobody, 1, 500, 0}, {nobody, 1, 200'000, 60}}));
    std::vector<Sent> const known{
        {0, 1, 5'000, 0}, {5, 6, 1, 400}, {0, 1, 500, 4'000}, {0, 1, 200'000, 4'060}};
    EXPECT_FALSE(claims(known, 4));
    EXPECT_TRUE(claims(known, 3));  // as far as the log reaches back
    EXPECT_FALSE(claims(known, 2)); // that is less than a window
    SeenWorld world;
    world.moved(0, 1, 500, start_s, MovementKind::transfer_on_hold);
    EXPECT_FALSE(sent(world, {{0, 1, 200'000, 60}}));
    MovementLog const empty(8);
    Moved const moved = world.moved(0, 1, 200'000, start_s + 90);
    EXPECT_FALSE(test_then_large(options_of_table(), world.accounts, empty, moved));
}

TEST(PatternProbe, is_silent_until_a_window_has_been_seen) {
    for (std::uint32_t const seen_s : {3'599u, 3'600u}) {
        World world;
        world.moved(5, 6, 1, start_s - seen_s);
        auto const claim = sent(world, {{0, 1, 500, 0}, {0, 1, 200'000, 60}});
        EXPECT_EQ(claim.has_value(), seen_s == 3'600);
    }
}

TEST(PatternProbe, a_place_that_had_another_account_is_not_mistaken_for_it) {
    SeenWorld world;
    world.moved(0, 1, 70'000, start_s - 9'000);
    // Account 1's place goes to another one, which is first seen with the probe.
    world.state(1).first_s = start_s;
    world.state(1).received = 0;
    EXPECT_TRUE(sent(world, {{0, 1, 500, 0}, {0, 1, 200'000, 60}}));
}

TEST(PatternProbe, of_a_busy_party_the_other_is_asked_and_of_two_nothing_is_known) {
    auto const with = [](unsigned sent_more, unsigned received_more) {
        SeenWorld world;
        world.moved(0, 1, 500, start_s);
        for (unsigned i = 0; i < sent_more; ++i) world.moved(0, 100 + i % 50, 7, start_s + 1);
        for (unsigned i = 0; i < received_more; ++i) world.moved(200 + i % 50, 1, 7, start_s + 1);
        return sent(world, {{0, 1, 200'000, 60}}).has_value();
    };
    EXPECT_TRUE(with(1'000, 10));
    EXPECT_TRUE(with(10, 1'000));
    EXPECT_FALSE(with(1'000, 1'000));
    // The probe, the large one and 509 others are 511; one more, and the list may not be whole.
    EXPECT_TRUE(with(1'000, 509));
    EXPECT_FALSE(with(1'000, 510));
}

TEST(PatternProbe, says_what_its_definition_says_in_every_small_world) {
    EXPECT_GT(compare(1, 3'000, small, judge, by_definition), 400U);
}

TEST(PatternProbe, says_what_its_definition_says_of_busy_accounts) {
    auto const large = [](std::uint64_t seed) {
        return Shape{.accounts = static_cast<unsigned>(60 + seed % 400),
                     .movements = 1'500,
                     .log_capacity = seed % 2 == 0 ? std::size_t{900} : std::size_t{4'096},
                     .gap_s = 6,
                     .busy = 9};
    };
    EXPECT_GT(compare(10'001, 30, large, judge, by_definition), 80U);
}

TEST(PatternProbe, how_accounts_are_numbered_changes_nothing) {
    EXPECT_GT(compare_numberings(20'001, 500, small, judge), 100U);
}
