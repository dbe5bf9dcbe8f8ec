#include "stages/pattern_gathering.hpp"

#include "tests/stages/pattern_fixture.hpp"

#include <cmath>
#include <map>

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'700'000'000;

GatheringOptions options_of_table() { return {.sum = 100'000}; }

// Account `n` sends amounts[n - 1] to account 0, a minute apart; the answer to the last one.
std::optional<Claim> consolidated(World& world, std::vector<u128> const& amounts,
                                  GatheringOptions const& options) {
    std::optional<Claim> claim;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        auto const time_s = static_cast<std::uint32_t>(start_s + 60 * i);
        auto const other = static_cast<unsigned>(i + 1);
        Moved const moved = options.outward ? world.moved(0, other, amounts[i], time_s)
                                            : world.moved(other, 0, amounts[i], time_s);
        claim = gathering(options, world.accounts, world.log, moved);
    }
    return claim;
}

GatheringOptions random_options(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0x6a7);
    GatheringOptions options;
    options.outward = random() % 2 == 0;
    options.window_s = static_cast<std::uint32_t>(60 + random() % 4'000);
    options.counterparties = static_cast<std::uint32_t>(1 + random() % 6);
    options.effective = 1 + static_cast<double>(random() % 400) / 100;
    options.sum = random() % 8'000;
    options.exchanges = random() % 2 == 0;
    return options;
}

// By definition, over the plain list: 2 to the power of the entropy in bits.
std::optional<Said> brute(GatheringOptions const& options, World const& world,
                          History const& history, Moved const& moved) {
    std::size_t const last = history.facts.size() - 1;
    auto const one = [&](std::size_t i) {
        return options.outward ? history.facts[i].from : history.facts[i].to;
    };
    auto const other = [&](std::size_t i) {
        return options.outward ? history.facts[i].to : history.facts[i].from;
    };
    auto const counts = [&](std::size_t i) {
        return history.transfer(i) && other(i) != nobody && !history.inside(i);
    };
    unsigned const subject = one(last);
    if (subject == nobody || !counts(last)) return std::nullopt;
    std::uint64_t const amount = history.facts[last].amount;
    auto const floor = static_cast<std::uint64_t>(options.sum);
    bool const sampled = (last + 1) % 8 == 0;
    if (amount < floor / 128 || (!sampled && amount < floor / options.counterparties))
        return std::nullopt;
    AccountIndex const index = options.outward ? moved.from : moved.to;
    if (world.accounts[index].exchange && !options.exchanges) return std::nullopt;
    std::map<unsigned, std::uint64_t> sums;
    Said said;
    std::vector<std::uint64_t> all;
    for (std::size_t const i : history.newest(subject, options.outward, 128)) {
        if (!history.within(i, options.window_s) || !counts(i)) continue;
        sums[history.of(other(i))] += history.facts[i].amount;
        said.sum += history.facts[i].amount;
        all.insert(all.begin(), i + 1);
    }
    double bits = 0;
    for (auto const& [cluster, sum] : sums)
        if (sum > 0)
            bits += static_cast<double>(sum) *
                    std::log2(static_cast<double>(said.sum) / static_cast<double>(sum));
    double const effective = said.sum == 0 ? 0 : std::exp2(bits / static_cast<double>(said.sum));
    if (sums.size() < options.counterparties || said.sum < options.sum) return std::nullopt;
    if (effective < options.effective - 1e-9) return std::nullopt;
    said.subject = history.of(subject);
    if (floor > 0 && said.sum >= 10 * floor) said.severity = Severity::important;
    if (floor > 0 && said.sum >= 100 * floor) said.severity = Severity::critical;
    name_evidence(said, all);
    said.details = std::string(options.outward ? "\"destinations\":" : "\"sources\":") +
                   std::to_string(sums.size()) + ",\"effective\":" + four_digits(effective) +
                   ",\"window_s\":" + std::to_string(options.window_s);
    return said;
}

auto const judge = [](std::uint64_t seed, World const& world, Moved const& moved) {
    return gathering(random_options(seed), world.accounts, world.log, moved);
};
auto const by_definition = [](std::uint64_t seed, World const& world, History const& history,
                              Moved const& moved) {
    return brute(random_options(seed), world, history, moved);
};
Shape small(std::uint64_t seed) {
    return {.accounts = static_cast<unsigned>(4 + seed % 9),
            .log_capacity = seed % 3 == 0 ? std::size_t{25} : std::size_t{128},
            .busy = static_cast<unsigned>(seed % 10)};
}

} // namespace

TEST(PatternGathering, twenty_three_sources_are_a_consolidation) {
    World world;
    // 22 x 5,000 and one of 50,000: exp(entropy) = 15.58 (Python's fractions and math.fsum).
    std::vector<u128> amounts(22, 5'000);
    amounts.push_back(50'000);
    auto const claim = consolidated(world, amounts, options_of_table());
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_TRUE(claim->sum == 160'000);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 23U);
    EXPECT_EQ(claim->evidence.seqs[0], 1U);
    EXPECT_EQ(claim->evidence.seqs[22], 23U);
    EXPECT_EQ(claim->details.view(), R"("sources":23,"effective":15.58,"window_s":86400)");
}

TEST(PatternGathering, the_same_outward_is_a_dispersion_and_only_that) {
    World world;
    GatheringOptions options = options_of_table();
    options.outward = true;
    auto const claim = consolidated(world, std::vector<u128>(20, 5'000), options);
    ASSERT_TRUE(claim);
    EXPECT_EQ(world.name_of(claim->subject), 0U);
    EXPECT_EQ(claim->details.view(), R"("destinations":20,"effective":20,"window_s":86400)");
    World other;
    options.outward = false;
    for (unsigned i = 1; i <= 30; ++i)
        EXPECT_FALSE(
            gathering(options, other.accounts, other.log, other.moved(0, i, 50'000, start_s + i)));
}

TEST(PatternGathering, equality_meets_every_threshold_and_one_less_does_not) {
    GatheringOptions options = options_of_table();
    options.counterparties = 10;
    std::vector<u128> amounts(10, 10'000);
    World equal;
    EXPECT_TRUE(consolidated(equal, amounts, options)); // 10 sources, effective 10, sum 100,000
    World fewer;
    EXPECT_FALSE(consolidated(fewer, std::vector<u128>(9, 20'000), options));
    World less;
    amounts[3] = 9'999;
    EXPECT_FALSE(consolidated(less, amounts, options));
    World uneven;
    amounts[3] = 10'100; // a sum above, the effective number 9.99996
    EXPECT_FALSE(consolidated(uneven, amounts, options));
}

TEST(PatternGathering, the_window_holds_what_is_exactly_as_old_as_it) {
    GatheringOptions options = options_of_table();
    options.counterparties = 2;
    options.effective = 1;
    for (std::uint32_t const late_s : {0U, 1U}) {
        World world;
        world.moved(1, 0, 60'000, start_s);
        Moved const moved = world.moved(2, 0, 60'000, start_s + day_s + late_s);
        EXPECT_EQ(gathering(options, world.accounts, world.log, moved).has_value(), late_s == 0);
    }
}

TEST(PatternGathering, severity_goes_by_the_sum) {
    for (auto const& [each, severity] : {std::pair<u128, Severity>{49'999, Severity::notable},
                                         {50'000, Severity::important},
                                         {499'999, Severity::important},
                                         {500'000, Severity::critical}}) {
        World world;
        auto const claim = consolidated(world, std::vector<u128>(20, each), options_of_table());
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->severity, severity);
    }
}

TEST(PatternGathering, an_exchange_makes_no_claim_unless_asked) {
    GatheringOptions options = options_of_table();
    World world;
    world.state(0).exchange = true;
    EXPECT_FALSE(consolidated(world, std::vector<u128>(20, 5'000), options));
    options.exchanges = true;
    EXPECT_TRUE(consolidated(world, std::vector<u128>(20, 5'000), options));
}

TEST(PatternGathering, one_cluster_is_one_source_and_its_own_movements_are_none) {
    World world;
    for (unsigned i = 2; i <= 4; ++i) world.join(i, 1);
    EXPECT_FALSE(consolidated(world, std::vector<u128>(22, 5'000), options_of_table()));
    auto const claim = gathering(options_of_table(), world.accounts, world.log,
                                 world.moved(23, 0, 5'000, start_s + 3'600));
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->details.view().substr(0, 13), R"("sources":20,)");
    World own;
    for (unsigned i = 1; i <= 4; ++i) own.join(i, 0);
    EXPECT_FALSE(consolidated(own, std::vector<u128>(23, 5'000), options_of_table()));
}

TEST(PatternGathering, nothing_comes_of_unknown_parties_other_kinds_and_an_empty_log) {
    GatheringOptions const options{.counterparties = 1, .effective = 0, .sum = 10};
    World world;
    EXPECT_FALSE(gathering(options, world.accounts, world.log, world.moved(nobody, 0, 50, 10)));
    EXPECT_FALSE(gathering(options, world.accounts, world.log, world.moved(1, nobody, 50, 11)));
    EXPECT_FALSE(gathering(options, world.accounts, world.log,
                           world.moved(1, 0, 50, 12, MovementKind::mint)));
    Moved unwritten = world.moved(1, 0, 50, 13);
    EXPECT_TRUE(gathering(options, world.accounts, world.log, unwritten));
    MovementLog const empty(8);
    EXPECT_FALSE(gathering(options, world.accounts, empty, unwritten));
}

TEST(PatternGathering, sums_stop_at_two_to_the_128_and_do_not_wrap) {
    GatheringOptions const options{.counterparties = 3, .effective = 2.9, .sum = most};
    World world;
    auto const claim = consolidated(world, {most / 2, most / 2, most / 2, most / 2}, options);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->sum == most);
}

TEST(PatternGathering, a_ring_written_over_holds_no_old_sources) {
    World small_log(19), large_log(20);
    EXPECT_FALSE(consolidated(small_log, std::vector<u128>(20, 5'000), options_of_table()));
    EXPECT_TRUE(consolidated(large_log, std::vector<u128>(20, 5'000), options_of_table()));
}

TEST(PatternGathering, of_a_busy_account_the_newest_count_and_dust_is_not_judged) {
    World world(4'096, 2'048);
    GatheringOptions options = options_of_table();
    auto const claim = consolidated(world, std::vector<u128>(1'000, 1'000), options);
    ASSERT_TRUE(claim); // movement 1,000 is one in eight
    EXPECT_EQ(claim->evidence.all, gathering_steps_max);
    EXPECT_EQ(claim->evidence.kept, evidence_max);
    EXPECT_EQ(claim->evidence.seqs[evidence_max - 1], 1'000U);
    // 100,000 / 20 = 5,000: always judged; 100,000 / 128 = 781.25: what is below is counted only.
    for (u128 const amount : {4'999, 5'000, 4'999, 4'999, 4'999, 4'999, 4'999, 781, 999, 999, 999,
                              999, 999, 999, 999, 780}) {
        Moved const moved = world.moved(1'500, 0, amount, start_s + 70'000);
        EXPECT_EQ(gathering(options, world.accounts, world.log, moved).has_value(),
                  amount == 5'000 || amount == 781)
            << moved.seq;
    }
}

TEST(PatternGathering, says_what_its_definition_says_in_every_small_world) {
    EXPECT_GT(compare(1, 3'000, small, judge, by_definition), 1'000U);
}

TEST(PatternGathering, says_what_its_definition_says_of_busy_accounts) {
    auto const large = [](std::uint64_t seed) {
        return Shape{.accounts = static_cast<unsigned>(10 + seed % 300),
                     .movements = 700,
                     .log_capacity = seed % 2 == 0 ? std::size_t{400} : std::size_t{4'096},
                     .gap_s = 4,
                     .busy = 8};
    };
    EXPECT_GT(compare(10'001, 60, large, judge, by_definition), 3'000U);
}

TEST(PatternGathering, how_accounts_are_numbered_changes_nothing) {
    EXPECT_GT(compare_numberings(20'001, 500, small, judge), 300U);
}
