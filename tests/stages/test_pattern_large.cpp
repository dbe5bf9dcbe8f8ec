// large_transfer by share, by dollars and by what was learned: each at its bound, and by brute
// force in whole numbers.
#include "stages/pattern_large.hpp"

#include "tests/stages/pattern_fixture.hpp"

#include <fmt/format.h>

using namespace stages;
using namespace stages::testing;

namespace {

constexpr std::uint32_t start_s = 1'760'000'000;

struct Scene {
    World world{64, 128};
    LargeTransfers family;
    std::uint32_t now_s = start_s;

    explicit Scene(LargeOptions options)
        : family(std::move(options)) {}
    // The sender holds `before`; nothing: nobody knows.
    std::optional<Claim> sends(u128 amount, std::optional<u128> before = std::nullopt,
                               unsigned from = 1, unsigned to = 2,
                               MovementKind kind = MovementKind::transfer) {
        if (before) world.holds(from, *before);
        return family.on(world.accounts, world.moved(from, to, amount, now_s, kind));
    }
};

Levels level(u128 amount) {
    Levels levels;
    levels.on[1] = true;
    levels.at[1] = amount;
    return levels;
}

LargeOptions by_share(double share, u128 floor) { return {.share = share, .floor = floor}; }

LargeOptions by_usd(std::array<std::optional<std::string>, severities> usd) {
    return {.usd = std::move(usd), .decimals = 10};
}

constexpr u128 token = 10'000'000'000;

} // namespace

// ---- share --------------------------------------------------------------------------------------

TEST(PatternLarge, a_share_of_the_balance_is_met_at_equality) {
    Scene scene(by_share(0.5, 100));
    EXPECT_FALSE(scene.sends(500)); // of what, nobody knows
    EXPECT_FALSE(scene.sends(499, 1'000));
    auto const claim = scene.sends(500, 1'000);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->single);
    EXPECT_EQ(claim->sum, 500U);
    EXPECT_EQ(claim->severity, Severity::notable);
    EXPECT_EQ(claim->evidence.all, 1U);
    EXPECT_EQ(claim->details.view(), R"("by":"share","share":0.5,"balance_before":"1000")");
    EXPECT_EQ(scene.sends(1'000, 1'000)->severity, Severity::important); // ten floors
    EXPECT_FALSE(scene.sends(99, 100));                                  // below the floor
    EXPECT_TRUE(scene.sends(100, 100));
}

TEST(PatternLarge, what_a_level_meets_is_told_elsewhere) {
    LargeOptions options = by_share(0.5, 1);
    options.levels = level(1'000);
    Scene scene(options);
    EXPECT_TRUE(scene.sends(999, 1'000));
    EXPECT_FALSE(scene.sends(1'000, 1'000));
}

TEST(PatternLarge, only_transfers_between_owners_count) {
    Scene scene(by_share(0.5, 1));
    EXPECT_FALSE(scene.sends(900, 1'000, 1, 1));
    EXPECT_FALSE(scene.sends(900, 1'000, 1, 2, MovementKind::withdraw));
    scene.world.join(3, 4);
    EXPECT_FALSE(scene.sends(900, 1'000, 3, 4));
    EXPECT_TRUE(scene.sends(900, 1'000, 3, 5));
}

TEST(PatternLarge, shares_are_those_of_whole_numbers) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        std::uint64_t const hundredths = 1 + random() % 100;
        std::uint64_t const before = 1 + random() % 400, amount = 1 + random() % before;
        std::uint64_t const floor = random() % 100;
        Scene scene(by_share(static_cast<double>(hundredths) / 100, floor));
        bool const expected = amount >= floor && amount * 100 >= hundredths * before;
        EXPECT_EQ(scene.sends(amount, before).has_value(), expected)
            << amount << " of " << before << ", " << hundredths << " %, floor " << floor;
    }
}

// ---- dollars ------------------------------------------------------------------------------------

TEST(PatternLarge, dollars_are_met_at_equality_by_the_highest_level) {
    Scene scene(by_usd({"50", "100.5", "1000"}));
    EXPECT_FALSE(scene.sends(100 * token));
    EXPECT_EQ(scene.family.unpriced(), 1U);
    scene.family.price("4.02", start_s);
    EXPECT_FALSE(scene.sends(12 * token)); // 48.24
    auto const claim = scene.sends(25 * token);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->severity, Severity::important); // 100.5
    EXPECT_EQ(claim->details.view(), R"("by":"usd","usd":"100.5","price":"4.02","price_age_s":0)");
    EXPECT_EQ(scene.sends(25 * token - 1)->severity, Severity::notable);
    EXPECT_EQ(scene.sends(1'000 * token)->severity, Severity::critical);
    EXPECT_EQ(scene.family.unpriced(), 1U);
}

TEST(PatternLarge, a_price_is_of_before_the_block_and_not_too_old) {
    Scene scene(by_usd({"100", {}, {}}));
    scene.family.price("1", start_s + 600);
    EXPECT_FALSE(scene.sends(100 * token)); // not yet known then
    scene.now_s = start_s + 600;
    EXPECT_TRUE(scene.sends(100 * token));
    scene.now_s = start_s + 4'200;
    EXPECT_TRUE(scene.sends(100 * token));
    scene.now_s = start_s + 4'201;
    EXPECT_FALSE(scene.sends(100 * token));
    EXPECT_EQ(scene.family.unpriced(), 2U);
    scene.family.price("3", start_s + 3'000);
    scene.family.price("2", start_s + 2'000); // older, though it came later
    EXPECT_FALSE(scene.sends(33 * token));
    EXPECT_TRUE(scene.sends(34 * token));
    Scene indifferent(by_share(0.5, 1));
    indifferent.sends(1);
    EXPECT_EQ(indifferent.family.unpriced(), 0U);
}

TEST(PatternLarge, dollars_are_those_of_whole_numbers) {
    std::mt19937_64 random(11);
    for (int i = 0; i < 20'000; ++i) {
        std::uint64_t const price = 1 + random() % 99'999; // hundredths of a cent
        std::uint64_t const amount = random() % 1'000'000; // 10^-4 tokens
        std::uint64_t const usd = 1 + random() % 1'000;    // cents
        LargeOptions options = by_usd({fmt::format("{}.{:02}", usd / 100, usd % 100), {}, {}});
        options.decimals = 4;
        Scene scene(options);
        scene.family.price(fmt::format("{}.{:04}", price / 10'000, price % 10'000), start_s);
        EXPECT_EQ(scene.sends(amount).has_value(), amount * price >= usd * 1'000'000)
            << amount << " x " << price << " against " << usd;
    }
}

// ---- learned ------------------------------------------------------------------------------------

namespace {

// Amounts of so many transfers a minute, spread over decades; how many claims each day has.
std::vector<int> claims_a_day(Scene& scene, int days) {
    std::mt19937_64 random(3);
    std::lognormal_distribution<double> amounts(10, 2);
    std::vector<int> claims;
    for (int day = 0; day < days; ++day) {
        int said = 0;
        for (int minute = 0; minute < 1'440; ++minute) {
            scene.now_s += 60;
            scene.family.at_block(scene.now_s);
            for (int i = 0; i < 14; ++i)
                said += scene
                            .sends(static_cast<u128>(amounts(random)), std::nullopt,
                                   1 + static_cast<unsigned>(random() % 20), 99)
                            .has_value();
        }
        claims.push_back(said);
    }
    return claims;
}

} // namespace

TEST(PatternLarge, what_is_learned_is_silent_until_it_is_known_and_keeps_the_budget) {
    Scene scene({.budget = 10});
    EXPECT_TRUE(scene.family.warming());
    auto const claims = claims_a_day(scene, 12);
    EXPECT_FALSE(scene.family.warming());
    EXPECT_EQ(claims[0], 0);
    int all = 0;
    for (std::size_t day = 2; day < claims.size(); ++day) all += claims[day];
    EXPECT_GE(all, 60); // 100 expected; five standard deviations of a Poisson are 50
    EXPECT_LE(all, 150);
}

TEST(PatternLarge, the_quantile_bounds_what_a_large_budget_asks_for) {
    Scene scene({.budget = 2'000}); // of 20,160 transfers a day, 20 are above 99.9 %
    auto const claims = claims_a_day(scene, 6);
    int all = 0;
    for (std::size_t day = 2; day < claims.size(); ++day) all += claims[day];
    EXPECT_GE(all, 40); // 80 expected
    EXPECT_LE(all, 130);
    Scene floored({.floor = most, .budget = 2'000});
    for (int const one : claims_a_day(floored, 3)) EXPECT_EQ(one, 0);
}

TEST(PatternLarge, what_was_learned_is_gone_on_with) {
    Scene first({.budget = 10}), second({.budget = 10}), fixed(by_share(0.5, 1));
    claims_a_day(first, 3);
    std::vector<std::byte> kept;
    first.family.state([&](auto part) { kept.insert(kept.end(), part.begin(), part.end()); });
    second.family.state([&](auto part) {
        ASSERT_EQ(part.size(), kept.size());
        std::memcpy(part.data(), kept.data(), kept.size());
    });
    second.now_s = first.now_s;
    EXPECT_FALSE(second.family.warming());
    EXPECT_EQ(claims_a_day(second, 2), claims_a_day(first, 2));
    fixed.family.state([](auto) { ADD_FAILURE(); });
}
