#include "stages/pattern_drain.hpp"

#include "tests/stages/pattern_fixture.hpp"

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

DrainOptions options_of_table() { return {.min = 10'000}; }

// Account 0, which holds `held`, sends the amounts to others, a minute apart.
std::optional<Claim> drained(World& world, u128 held, std::vector<u128> const& amounts,
                             DrainOptions const& options) {
    world.holds(0, held);
    std::optional<Claim> claim;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        auto const time_s = static_cast<std::uint32_t>(start_s + 60 * i);
        claim = drain(options, world.accounts, world.log,
                      world.moved(0, static_cast<unsigned>(1 + i), amounts[i], time_s));
    }
    return claim;
}

// Shares in hundredths, so that the plain reading of them is in whole numbers.
struct Drawn {
    DrainOptions options;
    std::uint64_t largest = 0, balance = 0;
};
Drawn drawn_for(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0xd7a);
    Drawn drawn;
    drawn.largest = 20 + random() % 81;
    drawn.balance = random() % 101;
    drawn.options.window_s = static_cast<std::uint32_t>(60 + random() % 4'000);
    drawn.options.outflows = static_cast<std::uint32_t>(1 + random() % 5);
    drawn.options.largest_share = static_cast<double>(drawn.largest) / 100;
    drawn.options.balance_share = static_cast<double>(drawn.balance) / 100;
    drawn.options.min = random() % 6'000;
    return drawn;
}

// What the account held before the first thing it did in the window, as it was noted then.
std::uint64_t noted_balance(History const& history, unsigned one, std::size_t since,
                            std::uint32_t window_s) {
    for (std::size_t i = since; i < history.facts.size(); ++i) {
        Happened const& fact = history.facts[i];
        if (!history.within(i, window_s)) continue;
        if (fact.from == one) return fact.held;
        if (fact.to == one) return fact.to_held;
    }
    return 0;
}

std::optional<Said> brute(Drawn const& drawn, World const& world, History const& history,
                          Moved const& moved) {
    DrainOptions const& options = drawn.options;
    auto const min = static_cast<std::uint64_t>(options.min);
    std::size_t const last = history.facts.size() - 1;
    Happened const& fact = history.facts[last];
    if (!history.transfer(last) || fact.from == nobody || history.inside(last)) return std::nullopt;
    std::uint64_t const below = 3'200 - 32 * drawn.balance; // in billionths of what is left
    std::uint64_t const rest =
        below == 0 ? 1'000'000'000 : (1'000'000'000 * drawn.balance + below / 2) / below;
    std::uint64_t const left = fact.held - fact.amount;
    if (below > 0 ? 1'000'000'000 * fact.amount < rest * left
                  : left > 0 && fact.amount < left * rest)
        return std::nullopt;
    if (fact.amount < min / 32 || !world.accounts[moved.from].balance_known) return std::nullopt;
    std::vector<std::size_t> const sent = history.newest(fact.from, true, 32);
    Said said;
    std::vector<std::uint64_t> all;
    std::uint64_t largest = 0;
    for (std::size_t const i : sent) {
        if (!history.within(i, options.window_s) || !history.transfer(i) || history.inside(i))
            continue;
        all.insert(all.begin(), i + 1);
        said.sum += history.facts[i].amount;
        largest = std::max(largest, history.facts[i].amount);
    }
    bool const cut = sent.size() == 32 && history.within(sent.back(), options.window_s);
    std::uint64_t held = noted_balance(history, fact.from, cut ? sent.back() : 0, options.window_s);
    if (all.size() < options.outflows || said.sum < min) return std::nullopt;
    if (100 * largest > drawn.largest * said.sum) return std::nullopt;
    if (held == 0) { // what came in since
        held = left;
        for (std::size_t const i : sent)
            if (history.within(i, options.window_s) && history.transfer(i))
                held += history.facts[i].amount;
    }
    if (100 * said.sum < drawn.balance * held) return std::nullopt;
    if (100 * (held - std::min(held, left)) < drawn.balance * held) return std::nullopt;
    said.subject = history.of(fact.from);
    int severity = min > 0 ? (said.sum >= 10 * min) + (said.sum >= 100 * min) : 0;
    severity = std::min(2, severity + (10 * said.sum >= 9 * held ? 1 : 0));
    said.severity = static_cast<Severity>(severity);
    name_evidence(said, all);
    auto const ratio = [](std::uint64_t part, std::uint64_t whole) {
        return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    said.details =
        "\"outflows\":" + std::to_string(all.size()) +
        ",\"largest_share\":" + four_digits(ratio(largest, said.sum)) +
        ",\"balance_share\":" + four_digits(held == 0 ? 1 : std::min(1.0, ratio(said.sum, held))) +
        ",\"window_s\":" + std::to_string(options.window_s);
    return said;
}

auto const judge = [](std::uint64_t seed, World const& world, Moved const& moved) {
    return drain(drawn_for(seed).options, world.accounts, world.log, moved);
};
auto const by_definition = [](std::uint64_t seed, World const& world, History const& history,
                              Moved const& moved) {
    return brute(drawn_for(seed), world, history, moved);
};
Shape small(std::uint64_t seed) {
    return {.accounts = static_cast<unsigned>(3 + seed % 6),
            .log_capacity = seed % 3 == 0 ? std::size_t{25} : std::size_t{128},
            .busy = static_cast<unsigned>(seed % 10)};
}

} // namespace

TEST(PatternDrain, a_cut_exactly_as_old_as_the_window_counts_and_an_older_one_does_not) {
    DrainOptions options = options_of_table();
    options.outflows = 2;
    for (std::uint32_t const window_s : {59U, 60U}) {
        World world;
        options.window_s = window_s;
        auto const claim = drained(world, 20'000, {10'000, 10'000}, options);
        ASSERT_EQ(claim.has_value(), window_s == 60) << window_s;
        EXPECT_EQ(claim ? claim->evidence.all : 0U, window_s == 60 ? 2U : 0U);
    }
}

TEST(PatternDrain, five_cuts_that_take_three_quarters_are_a_drain) {
    World world;
    auto const claim =
        drained(world, 40'000, {6'000, 4'000, 8'000, 2'000, 10'000}, options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_TRUE(claim->sum == 30'000);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 5U);
    EXPECT_EQ(claim->evidence.seqs[0], 1U);
    EXPECT_EQ(claim->details.view(), R"("outflows":5,"largest_share":0.3333,)"
                                     R"("balance_share":0.75,"window_s":86400)");
}

TEST(PatternDrain, equality_meets_every_threshold_and_one_less_does_not) {
    DrainOptions const options = options_of_table();
    // Sum 10,000, largest 5,000, held 20,000: all four are just met.
    std::vector<u128> const just{5'000, 2'000, 1'000, 1'000, 1'000};
    World equal, richer, poorer, largest, four;
    EXPECT_TRUE(drained(equal, 20'000, just, options));
    EXPECT_FALSE(drained(richer, 20'001, just, options));
    EXPECT_FALSE(drained(poorer, 15'000, {4'999, 2'000, 1'000, 1'000, 1'000}, options));
    EXPECT_FALSE(drained(largest, 20'000, {5'001, 2'000, 1'000, 1'000, 1'000}, options));
    EXPECT_FALSE(drained(four, 20'000, {5'000, 2'000, 2'000, 1'000}, options));
}

TEST(PatternDrain, without_a_known_balance_there_is_none) {
    World world;
    drained(world, 40'000, std::vector<u128>(4, 6'000), options_of_table());
    world.state(0).balance_known = false;
    Moved const moved = world.moved(0, 9, 6'000, start_s + 600);
    EXPECT_FALSE(drain(options_of_table(), world.accounts, world.log, moved));
    world.state(0).balance_known = true;
    EXPECT_TRUE(drain(options_of_table(), world.accounts, world.log, moved));
}

TEST(PatternDrain, what_came_in_meanwhile_was_not_held_before) {
    // Holds 30,000, is given something, sends 5 x 4,000: 20,000 of 30,000, and half is left, or
    // more.
    for (u128 const more : {u128{4'000}, u128{5'000}, u128{5'001}, u128{100'000}}) {
        World given;
        given.holds(0, 30'000);
        given.moved(7, 0, more, start_s - 60);
        auto const claim =
            drained(given, 30'000 + more, std::vector<u128>(5, 4'000), options_of_table());
        EXPECT_EQ(claim.has_value(), more <= 5'000);
    }
    World held; // before the window: 20,000 of 130,000
    held.moved(7, 0, 100'000, start_s - 2 * day_s);
    EXPECT_FALSE(drained(held, 130'000, std::vector<u128>(5, 4'000), options_of_table()));
}

TEST(PatternDrain, what_goes_to_its_own_cluster_is_no_outflow_but_was_held) {
    World own;
    for (unsigned i = 1; i <= 3; ++i) own.join(i, 0);
    EXPECT_FALSE(drained(own, 30'000, std::vector<u128>(5, 4'000), options_of_table()));
    // 900,000 to an account of its own and 5 x 4,000 to others: it held 920,000.
    World moved_away;
    moved_away.join(9, 0);
    moved_away.holds(0, 920'000);
    moved_away.moved(0, 9, 900'000, start_s - 60);
    EXPECT_FALSE(drained(moved_away, 20'000, std::vector<u128>(5, 4'000), options_of_table()));
}

TEST(PatternDrain, severity_goes_by_sum_and_share) {
    auto const severity = [](u128 held, u128 each) {
        World world;
        return drained(world, held, std::vector<u128>(5, each), options_of_table())->severity;
    };
    EXPECT_EQ(severity(40'000, 4'000), Severity::notable);
    EXPECT_EQ(severity(20'000, 4'000), Severity::important); // 100 %
    EXPECT_EQ(severity(150'000, 20'000), Severity::important);
    EXPECT_EQ(severity(111'111, 20'000), Severity::critical); // 90.00009 %
    EXPECT_EQ(severity(111'112, 20'000), Severity::important);
    EXPECT_EQ(severity(1'500'000, 200'000), Severity::critical);
}

TEST(PatternDrain, amounts_near_two_to_the_128_do_not_wrap) {
    DrainOptions const options{.min = most / 2};
    World world;
    // Held 2^128 - 1, sent in five: the sum is what was held.
    auto const claim = drained(world, most, std::vector<u128>(5, most / 5), options);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->sum == most / 5 * 5);
    World refilled; // sent, received back and sent again: sums beyond 2^128
    drained(refilled, most, std::vector<u128>(3, most / 4), options);
    refilled.moved(1, 0, most / 4 * 3, start_s + 1'000);
    for (unsigned i = 0; i < 3; ++i) {
        Moved const moved = refilled.moved(0, 1, most / 4, start_s + 2'000 + i);
        auto const again = drain(options, refilled.accounts, refilled.log, moved);
        EXPECT_EQ(again.has_value(),
                  i >= 2); // 3/4 and a little more are gone; 2/4 are less than half
        if (again) {
            EXPECT_TRUE(again->sum == most);
        }
    }
}

TEST(PatternDrain, who_takes_in_what_it_sends_is_not_emptying) {
    World through; // what it sends comes back from somebody else at once
    through.holds(0, 20'000);
    for (unsigned i = 0; i < 20; ++i) {
        Moved const moved = through.moved(0, 1 + i % 5, 4'000, start_s + 60 * i);
        EXPECT_FALSE(drain(options_of_table(), through.accounts, through.log, moved));
        through.moved(9, 0, 4'000, start_s + 60 * i + 6);
    }
    World filled; // all of it came in within the window
    filled.holds(0, 0);
    filled.moved(7, 0, 40'000, start_s - hour_s);
    EXPECT_FALSE(drained(filled, 40'000, std::vector<u128>(5, 3'999), options_of_table()));
    EXPECT_TRUE(
        drained(filled, 20'005, std::vector<u128>(5, 4'000), options_of_table())); // and out
    World dusted; // more came in than can be looked at
    dusted.holds(0, 20'000);
    for (std::size_t i = 0; i < drain_inflows_max; ++i) dusted.moved(7, 0, 0, start_s - 60);
    EXPECT_FALSE(drained(dusted, 20'000, std::vector<u128>(5, 4'000), options_of_table()));
}

TEST(PatternDrain, a_ring_written_over_and_an_empty_one_hold_no_outflows) {
    World short_log(4), long_log(5);
    EXPECT_FALSE(drained(short_log, 20'000, std::vector<u128>(5, 4'000), options_of_table()));
    EXPECT_TRUE(drained(long_log, 20'000, std::vector<u128>(5, 4'000), options_of_table()));
    MovementLog const empty(8);
    Moved const moved = long_log.moved(0, 1, 4'000, start_s + 999);
    EXPECT_FALSE(drain(options_of_table(), long_log.accounts, empty, moved));
}

TEST(PatternDrain, other_kinds_and_unknown_senders_are_none_unknown_receivers_count) {
    DrainOptions const options{.outflows = 1, .largest_share = 1, .balance_share = 0, .min = 1};
    World world;
    world.holds(0, 1'000);
    EXPECT_FALSE(drain(options, world.accounts, world.log, world.moved(nobody, 0, 5, 10)));
    EXPECT_FALSE(drain(options, world.accounts, world.log,
                       world.moved(0, nobody, 5, 11, MovementKind::withdraw)));
    EXPECT_TRUE(drain(options, world.accounts, world.log, world.moved(0, nobody, 5, 12)));
}

TEST(PatternDrain, a_full_account_s_small_payments_are_counted_and_not_judged) {
    // What is left is 32,000: 1,000 is the 32nd part of it.
    for (u128 const last : {u128{1'000}, u128{999}}) {
        World world;
        world.holds(0, 64'000 + last);
        world.moved(0, 1, 12'000, start_s);
        for (unsigned i = 0; i < 4; ++i) world.moved(0, 2 + i, 5'000, start_s + i);
        Moved const moved = world.moved(0, 8, last, start_s + 120);
        EXPECT_TRUE(world.state(0).balance == 32'000);
        EXPECT_EQ(drain(options_of_table(), world.accounts, world.log, moved).has_value(),
                  last == 1'000);
    }
}

TEST(PatternDrain, of_a_long_drain_the_newest_cuts_count) {
    World world;
    auto const claim = drained(world, 100'000, std::vector<u128>(90, 1'000), options_of_table());
    ASSERT_TRUE(claim); // 42,000 were held before the newest 32
    EXPECT_TRUE(claim->sum == 32'000);
    EXPECT_EQ(claim->details.view().substr(0, 66),
              R"("outflows":32,"largest_share":0.03125,"balance_share":0.7619,"wind)");
}

TEST(PatternDrain, says_what_its_definition_says_in_every_small_world) {
    EXPECT_GT(compare(1, 3'000, small, judge, by_definition), 1'000U);
}

TEST(PatternDrain, says_what_its_definition_says_of_busy_accounts) {
    auto const large = [](std::uint64_t seed) {
        return Shape{.accounts = static_cast<unsigned>(10 + seed % 50),
                     .movements = 600,
                     .log_capacity = seed % 2 == 0 ? std::size_t{300} : std::size_t{4'096},
                     .gap_s = 4,
                     .busy = 9};
    };
    EXPECT_GT(compare(10'001, 100, large, judge, by_definition), 1'000U);
}

TEST(PatternDrain, how_accounts_are_numbered_changes_nothing) {
    EXPECT_GT(compare_numberings(20'001, 500, small, judge), 300U);
}
