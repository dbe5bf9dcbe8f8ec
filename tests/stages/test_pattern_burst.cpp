#include "stages/pattern_burst.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <queue>
#include <random>
#include <vector>

using namespace stages;

namespace {

using Random = std::mt19937_64;
constexpr std::uint32_t start_s = 1'700'000'000, block_s = 6;

// What the owner of log and accounts does with a movement.
struct World {
    explicit World(BurstOptions const& options, std::size_t accounts = 1,
                   std::size_t capacity = 1 << 12)
        : family(options)
        , log(capacity)
        , states(accounts) {
        for (std::size_t i = 0; i < accounts; ++i) std::memcpy(states[i].key.key, &i, sizeof i);
    }
    double cusum(AccountIndex of = 0) const { return family.cusum(states[of].key); }

    std::optional<Claim> send(AccountIndex from, std::uint32_t time_s, u128 amount = 1) {
        AccountState& state = states[from];
        Moved moved;
        moved.amount = amount;
        moved.time_s = time_s;
        moved.from = from;
        Moved const& written = log.append(moved, state.sent, 0);
        state.sent = written.seq;
        std::optional<Claim> const claim = family.on(written, state, log);
        if (state.first_out_s == 0) state.first_out_s = time_s;
        if (time_s != state.last_out_s) ++state.outs;
        state.last_out_s = time_s;
        return claim;
    }

    Burst family;
    MovementLog log;
    std::vector<AccountState> states;
};

std::uint32_t block_at(double seconds) {
    return start_s + static_cast<std::uint32_t>(seconds / block_s) * block_s;
}

// Poisson senders whose rates are gamma-distributed (shape 0.7, mean 8 a day).
struct Played {
    std::uint64_t movements = 0;
    std::uint64_t claims = 0;
    double days = 0;
};

Played play_null(std::uint64_t seed, std::uint32_t run_s, std::uint64_t movements,
                 bool relabel = false) {
    constexpr AccountIndex accounts = 2'000;
    Random random(seed);
    World world({.run_s = run_s}, accounts, 1 << 16);
    std::gamma_distribution<> rate(0.7, 8 / 0.7 / day_s);
    using Next = std::pair<double, AccountIndex>;
    std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
    std::vector<double> rates(accounts);
    for (AccountIndex i = 0; i < accounts; ++i) {
        rates[i] = rate(random) + 1e-9;
        queue.emplace(std::exponential_distribution<>(rates[i])(random), i);
    }
    Played played;
    while (played.movements < movements) {
        auto const [time, index] = queue.top();
        queue.pop();
        AccountIndex const account = relabel ? accounts - 1 - index : index;
        played.claims += world.send(account, block_at(time)).has_value();
        ++played.movements;
        played.days = time / day_s;
        queue.emplace(time + std::exponential_distribution<>(rates[index])(random), index);
    }
    return played;
}

// An account of this rate that has been active `activities` times.
void settle(World& world, double a_day, std::uint32_t activities, double& now, Random& random) {
    std::exponential_distribution<> gap(a_day / day_s);
    while (world.states[0].outs < activities) {
        now += gap(random);
        AccountState& state = world.states[0]; // of what was before, nothing is asked
        if (state.outs == 0) state.first_out_s = block_at(now);
        state.outs += block_at(now) != state.last_out_s;
        state.last_out_s = block_at(now);
    }
}

} // namespace

// The whole rule, all accounts together, makes at most one false claim in run_s.
TEST(Burst, a_million_null_movements_make_no_more_false_claims_than_documented) {
    std::printf("%10s %10s %8s %10s %10s\n", "run, h", "movements", "days", "allowed", "claims");
    for (std::uint32_t const run_s : {hour_s, 6 * hour_s, day_s, 30 * day_s}) {
        Played const all = play_null(1, run_s, 1'000'000);
        double const allowed = all.days * day_s / run_s;
        std::printf("%10u %10lu %8.1f %10.1f %10lu\n", run_s / hour_s, all.movements, all.days,
                    allowed, all.claims);
        EXPECT_LE(static_cast<double>(all.claims), allowed + 2.33 * std::sqrt(allowed)) << run_s;
        // And it is not silent for another reason: it does make some when they are allowed.
        if (run_s == hour_s) {
            EXPECT_GE(static_cast<double>(all.claims), allowed / 30);
        }
    }
}

// With the threshold of a chain on which all judged accounts send 100,000 times a day.
TEST(Burst, finds_jumps_of_the_rate) {
    struct Case {
        double jump, recall_least;
    };
    std::printf("%6s %8s %22s %14s\n", "jump", "recall", "activities (median)", "hours at 2/day");
    for (Case const& one : {Case{1, 0}, {2, 0}, {4, 0.85}, {8, 0.99}, {16, 1}}) {
        int found = 0;
        std::vector<double> delays, hours;
        int const tries = 300;
        for (std::uint64_t seed = 1; seed <= tries; ++seed) {
            Random random(seed);
            World world({.bits = std::log2(3e6)});
            double now = 0;
            settle(world, 2, 200, now, random);
            double const jumped = now;
            std::exponential_distribution<> gap(2 * one.jump / day_s);
            for (int i = 1; i <= 64; ++i) {
                now += gap(random);
                if (!world.send(0, block_at(now))) continue;
                ++found;
                delays.push_back(i);
                hours.push_back((now - jumped) / hour_s);
                break;
            }
        }
        double const recall = found / static_cast<double>(tries);
        auto const median = [](std::vector<double>& values) {
            std::sort(values.begin(), values.end());
            return values.empty() ? 0 : values[values.size() / 2];
        };
        std::printf("%6.0f %8.2f %22.0f %14.1f\n", one.jump, recall, median(delays), median(hours));
        EXPECT_GE(recall, one.recall_least) << one.jump;
        if (one.jump == 1) {
            EXPECT_EQ(found, 0);
        }
    }
}

// Against the densities of the next gap, after what is known of the rate before and since. Within
// a day: of the chain's hours nothing is known yet.
TEST(Burst, the_cusum_is_the_ratio_of_the_predictive_densities) {
    auto const log_density = [](long double gap, long double total, long double gaps) {
        return std::log(gaps) + gaps * std::log(total) - (gaps + 1) * std::log(total + gap);
    };
    Random random(9);
    World world({.factor = 3, .bits = 1'000});
    double now = 0;
    settle(world, 500, 30, now, random);
    long double expected = 0, most = 0, before_s = 0, before = 0, since_s = 0, since = 0;
    for (int i = 0; i < 300; ++i) {
        AccountState const state = world.states[0];
        now += std::exponential_distribution<>((i % 100 < 50 ? 300 : 3'000.0) / day_s)(random) +
               block_s;
        world.send(0, block_at(now));
        long double const gap = block_at(now) - state.last_out_s;
        if (expected == 0) {
            before_s = state.last_out_s - state.first_out_s;
            before = state.outs - 1;
            since_s = since = 0;
        }
        // Three times as fast since: the gaps before would have added up to a third.
        expected += log_density(gap, before_s / 3 + since_s, before + since) -
                    log_density(gap, before_s + since_s, before + since);
        since_s += gap;
        ++since;
        expected = std::max(0.0L, expected);
        most = std::max(most, expected);
        ASSERT_NEAR(world.cusum(), static_cast<double>(expected), 1e-3) << i;
    }
    EXPECT_GT(most, 10); // it has been followed somewhere
}

// All accounts do four times as much in the busy hours of the day: no burst of any.
TEST(Burst, a_busy_hour_of_all_is_no_burst_of_each) {
    constexpr AccountIndex accounts = 40;
    Random random(4);
    World world({.run_s = day_s}, accounts, 1 << 14);
    std::vector<double> next(accounts, 0.0);
    std::size_t claims = 0;
    double const days = 120;
    for (double now = 0; now < days * day_s; now += 60) {
        double const hour = std::fmod(now + start_s, day_s) / hour_s;
        double const a_day = hour >= 12 && hour < 16 ? 160 : 40;
        for (AccountIndex i = 0; i < accounts; ++i) {
            bool const sends = std::bernoulli_distribution(a_day / 1'440)(random);
            if (sends) claims += world.send(i, block_at(now)).has_value() && now > 14 * day_s;
        }
    }
    EXPECT_LE(double(claims), days + 2.33 * std::sqrt(days));
}

TEST(Burst, two_rules_know_of_each_other_nothing) {
    World one({.bits = 12});
    Burst other({.factor = 8, .bits = 12});
    for (std::uint32_t i = 0; i < 40; ++i) one.send(0, start_s + i * day_s);
    int told = 0, told_by_other = 0;
    for (std::uint32_t i = 1; i <= 30; ++i) {
        AccountState const state = one.states[0];
        told += one.send(0, start_s + 39 * day_s + i * 60).has_value();
        Moved const& moved = one.log.find(one.log.last())->moved;
        told_by_other += other.on(moved, state, one.log).has_value();
    }
    EXPECT_EQ(told, 1);
    EXPECT_EQ(told_by_other, 1);
}

TEST(Burst, the_threshold_is_the_logarithm_of_what_the_chain_does_in_a_run) {
    World world({}, 2);
    EXPECT_NEAR(world.family.threshold(), std::log(3e6), 1e-12);
    World asked({.bits = 10});
    EXPECT_NEAR(asked.family.threshold(), 10 * std::log(2.0), 1e-12);
    // One account, every hour: 24 a day, 720 in a run.
    for (std::uint32_t i = 0; i < 24 * 5; ++i) world.send(0, start_s + i * hour_s);
    EXPECT_NEAR(world.family.threshold(), std::log(720.0), 0.05);
}

TEST(Burst, what_does_not_count_changes_nothing) {
    World world({.min = 100});
    for (std::uint32_t i = 0; i < 19; ++i) world.send(0, start_s + i * day_s, 100);
    EXPECT_EQ(world.family.judged(), 0u); // too few
    world.send(0, start_s + 19 * day_s, 100);
    EXPECT_EQ(world.family.judged(), 0u);
    world.send(0, start_s + 19 * day_s + 60, 100); // after 20
    EXPECT_EQ(world.family.judged(), 1u);
    double const cusum = world.cusum();
    EXPECT_GT(cusum, 1);
    for (int i = 0; i < 50; ++i) world.send(0, start_s + 19 * day_s + 60, 100); // one batch
    world.send(0, start_s + 19 * day_s + 120, 99);                              // below min
    EXPECT_EQ(world.cusum(), cusum);
    EXPECT_EQ(world.family.judged(), 1u);

    World sudden({.model_outs = 2}); // all so far in one block: no rate
    sudden.states[0].outs = 40;
    sudden.states[0].first_out_s = sudden.states[0].last_out_s = start_s;
    EXPECT_FALSE(sudden.send(0, start_s + 6));
    EXPECT_EQ(sudden.family.judged(), 0u);
}

TEST(Burst, an_episode_is_one_claim_and_names_its_movements) {
    World world({.bits = 12}, 3);
    for (std::uint32_t i = 0; i < 40; ++i) world.send(2, start_s + i * day_s, 7);
    std::uint32_t const then_s = start_s + 39 * day_s;
    std::vector<Claim> claims;
    for (std::uint32_t i = 1; i <= 30; ++i) {
        world.send(1, then_s + i * 60); // of no concern
        if (auto const claim = world.send(2, then_s + i * 60, ~u128{0} - i)) {
            claims.push_back(*claim);
            // ln 4 a minute, nearly: 12 bits with the 7th or, if 6 x 2 bits are not quite 12.
            EXPECT_EQ(i, 7u);
        }
    }
    ASSERT_EQ(claims.size(), 1u);
    Claim const& claim = claims[0];
    EXPECT_EQ(claim.subject, 2u);
    EXPECT_TRUE(claim.sum == ~u128{0}); // saturated
    // The movement a minute before the first quick one opens the window.
    EXPECT_EQ(claim.evidence.all, 8u);
    EXPECT_EQ(claim.evidence.kept, 8u);
    EXPECT_EQ(claim.evidence.seqs[0], 40u);
    EXPECT_EQ(claim.evidence.seqs[1], 42u);
    EXPECT_EQ(claim.evidence.seqs[7], 54u);
    // 7 in 420 s after 39 in 39 days: 65.2413 bits by mpmath, less 8 for the windows.
    EXPECT_NEAR(claim.score_bits, 57.2413, 1e-3);
    EXPECT_EQ(claim.severity, Severity::critical);
    std::string_view const details = claim.details.view();
    EXPECT_EQ(details.substr(0, 42), R"("activities":8,"seconds":420,"rate_before_)") << details;
    EXPECT_EQ(details.find_first_of("{}\n"), details.npos);

    EXPECT_LE(world.cusum(2), 2.001 * world.family.threshold());
    std::uint32_t later_s = then_s + 30 * day_s; // a month of silence: over
    EXPECT_FALSE(world.send(2, later_s));
    EXPECT_EQ(world.cusum(2), 0);
    int again = 0;
    for (std::uint32_t i = 1; i <= 20; ++i) again += world.send(2, later_s + i * 60).has_value();
    EXPECT_EQ(again, 1);
}

TEST(Burst, evidence_that_is_overwritten_is_left_out) {
    World world({.bits = 12}, 1, 4);
    for (std::uint32_t i = 0; i < 40; ++i) world.send(0, start_s + i * day_s);
    for (std::uint32_t i = 1; i <= 30; ++i)
        if (auto const claim = world.send(0, start_s + 39 * day_s + i * 60)) {
            EXPECT_EQ(claim->evidence.all, 4u);
            EXPECT_EQ(claim->evidence.seqs[3], world.log.last());
            return;
        }
    FAIL() << "no claim";
}

TEST(Burst, the_numbering_of_accounts_changes_nothing) {
    Played const one = play_null(5, hour_s, 200'000), other = play_null(5, hour_s, 200'000, true);
    EXPECT_GT(one.claims, 0u);
    EXPECT_EQ(one.claims, other.claims);
}
