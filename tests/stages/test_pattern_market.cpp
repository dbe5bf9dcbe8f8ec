#include "stages/pattern_market.hpp"

#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <set>
#include <vector>

using namespace stages;

namespace {

using Random = std::mt19937_64;
constexpr std::uint32_t window = 300, week = 7 * day_s, start_s = 2'800 * week;

struct Traffic {
    double a_window = 40; // movements, on average of the day
    double tail = 0;      // Pareto index of the amounts; 0: lognormal
    double log_sd = 2;    // of lognormal amounts
    double times = 1;     // more movements than ordinary
    double amounts = 1;   // larger ones than ordinary
};

// A chain with a day, and a claim list.
struct World {
    explicit World(std::uint64_t seed, MarketVolumeOptions options = {})
        : random(seed)
        , family(std::make_unique<MarketVolume>(options)) {}

    double amount(Traffic const& traffic) {
        double const tokens =
            traffic.tail > 0
                ? std::pow(1 - std::uniform_real_distribution<>(0, 1)(random), -1 / traffic.tail)
                : std::lognormal_distribution<>(3, traffic.log_sd)(random);
        return std::min(1e10 * traffic.amounts * tokens, 1e37);
    }
    void move(u128 amount) {
        Moved moved;
        moved.seq = ++seq;
        moved.amount = amount;
        moved.time_s = now_s;
        last_claim(family->on(moved));
    }
    void last_claim(std::optional<Claim> const& claim) {
        if (claim) claims.push_back(*claim);
    }
    // Windows of Poisson traffic; blocks of six seconds do not matter to sums, so all movements of
    // a window come at random seconds of it.
    void play(std::uint32_t windows, Traffic const& traffic) {
        for (std::uint32_t i = 0; i < windows; ++i) {
            double const season = 1 + 0.5 * std::sin(2 * M_PI * (now_s % day_s) / day_s);
            std::poisson_distribution<int> many(traffic.a_window * traffic.times * season);
            last_claim(family->pass(now_s));
            std::uint32_t const begin_s = now_s;
            int const count = many(random);
            for (int k = 0; k < count; ++k) {
                now_s = begin_s + static_cast<std::uint32_t>(k * 299 / std::max(1, count));
                move(static_cast<u128>(amount(traffic)));
            }
            now_s = begin_s + window;
        }
        last_claim(family->pass(now_s));
    }

    Random random;
    std::unique_ptr<MarketVolume> family;
    std::uint32_t now_s = start_s;
    MovedSeq seq = 0;
    std::vector<Claim> claims;
};

constexpr std::uint32_t weeks(std::uint32_t some) { return some * week / window; }

} // namespace

TEST(MarketVolume, says_nothing_while_warming_whatever_happens) {
    World world(1);
    world.play(1'000, {});
    world.play(100, {.times = 100, .amounts = 1'000});
    EXPECT_TRUE(world.family->warming());
    EXPECT_TRUE(world.claims.empty());
    world.play(1'000, {});
    EXPECT_FALSE(world.family->warming());
}

// 40 movements a window; 8 weeks that are judged, 2 seeds: 16 weeks or 32,000 windows of each.
TEST(MarketVolume, ordinary_traffic_makes_few_claims) {
    struct Case {
        char const* name;
        Traffic traffic;
        double a_week_most;
    };
    Case const cases[] = {
        {"lognormal, sd of log 1", {.log_sd = 1}, 0.07},
        {"lognormal, sd of log 2", {.log_sd = 2}, 0.07},
        {"pareto 1.5", {.tail = 1.5}, 0.3},
        {"pareto 1.1", {.tail = 1.1}, 2},
        {"3 a window, lognormal 2", {.a_window = 3}, 0.07},
        {"150 a window, lognormal 2", {.a_window = 150, .log_sd = 2}, 0.07},
    };
    std::printf("%-28s %s\n", "traffic", "claims a week");
    for (Case const& one : cases) {
        std::size_t claims = 0;
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            World world(seed);
            world.play(weeks(9), one.traffic);
            claims += world.claims.size();
        }
        double const a_week = static_cast<double>(claims) / 16;
        std::printf("%-28s %.2f\n", one.name, a_week);
        EXPECT_LE(a_week, one.a_week_most) << one.name;
    }
}

TEST(MarketVolume, finds_what_is_much_and_what_goes_on) {
    struct Case {
        double times, amounts;
        std::uint32_t windows;
        double recall_least;
    };
    Case const cases[] = {
        {1, 1, 12, 0},    {1.5, 1, 12, 0.8}, {2, 1, 12, 0.9},   {4, 1, 1, 0.9},   {1, 2, 36, 0.9},
        {1, 4, 12, 0.95}, {1, 8, 12, 0.95},  {1, 100, 1, 0.95}, {1, 1'000, 1, 1},
    };
    std::vector<World> warmed;
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        warmed.emplace_back(seed);
        warmed.back().play(weeks(2) + 17 * seed, {.log_sd = 1.5});
    }
    std::printf("%8s %8s %8s %8s\n", "count x", "amount x", "windows", "recall");
    for (Case const& one : cases) {
        int found = 0;
        for (World const& warm : warmed) {
            World world(0);
            *world.family = *warm.family;
            world.random = warm.random;
            world.now_s = warm.now_s;
            bool const before = world.family->episode().ongoing;
            world.play(one.windows, {.log_sd = 1.5, .times = one.times, .amounts = one.amounts});
            found += !before && world.claims.size() == 1;
        }
        std::printf("%8.1f %8.0f %8u %8.2f\n", one.times, one.amounts, one.windows, found / 20.0);
        EXPECT_GE(found / 20.0, one.recall_least) << one.times << ' ' << one.amounts;
    }
}

TEST(MarketVolume, an_episode_is_one_claim_and_ends_after_half_an_hour_of_calm) {
    World world(3);
    Traffic const ordinary{.log_sd = 1};
    world.play(weeks(3), ordinary);
    world.claims.clear();
    std::uint32_t const begin_s = world.now_s;
    world.play(20, {.log_sd = 1, .times = 6});
    ASSERT_EQ(world.claims.size(), 1u);
    EXPECT_TRUE(world.family->episode().ongoing);
    EXPECT_EQ(world.family->episode().since_s, begin_s);
    EXPECT_EQ(world.family->episode().windows, 20u);
    std::uint32_t calm = 0;
    for (; calm < 100 && world.family->episode().ongoing; ++calm) world.play(1, ordinary);
    // The CUSUM comes down from 20 to below 5 first.
    EXPECT_GE(calm, MarketVolume::calm_windows);
    EXPECT_LE(calm, 40u);
    EXPECT_GE(world.family->episode().until_s, begin_s + 20 * window);
    EXPECT_LE(world.family->episode().until_s, world.now_s - 6 * window);
    world.play(4, {.log_sd = 1, .times = 6});
    EXPECT_EQ(world.claims.size(), 2u); // another one
}

TEST(MarketVolume, the_claim_names_the_largest_movements_of_its_window) {
    World world(4);
    world.play(weeks(2), {});
    world.claims.clear();
    world.last_claim(world.family->pass(world.now_s));
    std::vector<std::pair<u128, MovedSeq>> all;
    for (int i = 0; i < 500; ++i) {
        u128 const amount = static_cast<u128>(1e20) + (world.random() % 50); // many are equal
        world.move(amount);
        all.emplace_back(amount, world.seq);
    }
    world.now_s += window;
    world.last_claim(world.family->pass(world.now_s));
    ASSERT_EQ(world.claims.size(), 1u);
    Claim const& claim = world.claims[0];
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::set<MovedSeq> expected;
    for (std::size_t i = 0; i < evidence_max; ++i) expected.insert(all[i].second);
    ASSERT_EQ(claim.evidence.kept, evidence_max);
    EXPECT_EQ(std::vector<MovedSeq>(expected.begin(), expected.end()),
              std::vector<MovedSeq>(claim.evidence.seqs.begin(), claim.evidence.seqs.end()));
    EXPECT_EQ(claim.evidence.all, 500u);
    u128 sum = 0;
    for (auto const& one : all) sum += one.first;
    EXPECT_TRUE(claim.sum == sum);
    EXPECT_EQ(claim.subject, no_account);
    EXPECT_EQ(claim.severity, Severity::critical);
    EXPECT_GT(claim.score_bits, std::log2(2.0 * 30 * day_s / window));
    std::string_view const details = claim.details.view();
    EXPECT_NE(details.find(R"("window_s":300,"count":500,)"), details.npos) << details;
    EXPECT_EQ(details.back() == ',' || details.back() == '"', false) << details;
}

// Three are large_transfer's, a payroll is one of them; what three payrolls and a fourth pay is
// volume.
TEST(MarketVolume, few_large_ones_and_batches_are_no_volume) {
    for (std::uint32_t const senders : {1u, 3u, 4u, 25u}) {
        World world(8);
        world.play(weeks(2), {});
        world.claims.clear();
        for (std::uint32_t i = 0; i < 24 * senders; ++i) {
            Moved moved;
            moved.seq = ++world.seq;
            moved.amount = static_cast<u128>(1e17);
            moved.time_s = world.now_s;
            moved.from = i / 24; // one after the other
            bool const again = i % 24 != 0;
            world.last_claim(world.family->on(moved, again));
        }
        world.now_s += window;
        world.last_claim(world.family->pass(world.now_s));
        EXPECT_EQ(world.claims.size(), senders > 3 ? 1u : 0u) << senders;
    }
}

TEST(MarketVolume, sums_beyond_an_amount_saturate) {
    World world(5);
    world.play(weeks(2), {});
    world.claims.clear();
    for (int i = 0; i < 5; ++i) world.move(~u128{0}); // three of them are no volume
    world.now_s += window;
    world.last_claim(world.family->pass(world.now_s));
    ASSERT_EQ(world.claims.size(), 1u);
    EXPECT_TRUE(world.claims[0].sum == ~u128{0});
    EXPECT_EQ(world.claims[0].evidence.all, 5u);
    EXPECT_LT(world.claims[0].details.size, 199);
}

TEST(MarketVolume, a_window_that_was_not_seen_whole_says_and_teaches_nothing) {
    World world(6);
    world.play(weeks(2), {});
    world.claims.clear();
    world.now_s += 5 * hour_s + 100; // nobody looked
    for (int i = 0; i < 5'000; ++i) world.move(static_cast<u128>(1e15));
    world.now_s = (world.now_s / window + 1) * window;
    world.last_claim(world.family->pass(world.now_s));
    EXPECT_TRUE(world.claims.empty());
    world.play(50, {});
    EXPECT_TRUE(world.claims.empty());
    // Less than an hour without a movement is a time that was seen; and no time goes back.
    world.last_claim(world.family->pass(5));
    world.now_s += 40 * minute_s;
    for (int i = 0; i < 5'000; ++i) world.move(static_cast<u128>(1e15));
    world.now_s += window;
    world.last_claim(world.family->pass(world.now_s));
    EXPECT_EQ(world.claims.size(), 1u);
}
