#include "stages/pattern_dormant.hpp"

#include "tests/stages/account_world.hpp"

#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>
#include <map>

using namespace stages;
using decoders::MovementKind;

namespace {

struct DormantWorld : AccountWorld {
    using AccountWorld::AccountWorld;
    std::optional<Claim> moves(AccountIndex from, AccountIndex to, u128 amount,
                               MovementKind kind = MovementKind::transfer) {
        return move(
            from, to, amount,
            [&](Moved const& moved) { return dormant_awakening(options, accounts, log, moved); },
            kind);
    }
    DormantOptions options{.min = 1'000};
};

} // namespace

TEST(PatternDormant, speaks_after_thirty_days_and_is_critical_after_half_a_year) {
    for (auto const& [days, severity] : {std::pair{30u, Severity::notable},
                                         {179u, Severity::notable},
                                         {180u, Severity::critical}}) {
        DormantWorld world;
        AccountIndex const us = world.account(1), other = world.account(2);
        EXPECT_FALSE(world.moves(us, other, 5'000));
        world.pass(days * day_s);
        auto const claim = world.moves(us, other, 1'000);
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->severity, severity);
        EXPECT_EQ(claim->subject, us);
        EXPECT_EQ(claim->sum, u128{1'000});
        EXPECT_EQ(claim->score_bits, 0);
        EXPECT_EQ(claim->evidence.seqs[0], world.log.last());
        EXPECT_EQ(details_of(*claim), "\"silence_s\":" + std::to_string(days * day_s) +
                                          R"(,"since":"last_sent","needed":"1000","outs":1,)"
                                          R"("bits":0,"bits_needed":0)");
    }
}

TEST(PatternDormant, is_silent_just_below_each_threshold) {
    DormantWorld world;
    AccountIndex const us = world.account(1), other = world.account(2);
    world.moves(us, other, 1);
    world.pass(30 * day_s - 1);
    EXPECT_FALSE(world.moves(us, other, 1'000)); // a second too early
    world.pass(30 * day_s);
    EXPECT_FALSE(world.moves(us, other, 999));
    world.pass(30 * day_s);
    world.known(1, 20'041);
    EXPECT_FALSE(world.moves(us, other, 1'002)); // 5 % of 20,041 is 1002.05
    world.pass(30 * day_s);
    world.known(1, 20'041);
    EXPECT_TRUE(world.moves(us, other, 1'003));
}

TEST(PatternDormant, is_not_blind_to_a_probe_before_the_large_one) {
    for (std::uint32_t const after_s : {0u, 60u, day_s - 1, day_s}) {
        DormantWorld world;
        AccountIndex const us = world.account(1), other = world.account(2);
        world.moves(other, other, 1); // what the log reaches back to
        world.pass(5);
        world.moves(us, other, 5'000);
        world.pass(40 * day_s);
        EXPECT_FALSE(world.moves(us, other, 3)); // a probe, or a fee
        world.pass(after_s);
        auto const claim = world.moves(us, other, 1'000);
        ASSERT_EQ(claim.has_value(), after_s < day_s) << after_s;
        if (!claim) continue;
        EXPECT_EQ(details_of(*claim).substr(0, 41),
                  R"("silence_s":3456000,"since":"last_sent",")"); // 40 days, before the probe
        world.pass(60);
        EXPECT_FALSE(world.moves(us, other, 2'000)); // it has been told
    }
}

TEST(PatternDormant, an_account_that_sends_every_day_does_not_awake) {
    DormantWorld world;
    AccountIndex const us = world.account(1), other = world.account(2);
    world.moves(us, other, 1);
    world.pass(40 * day_s);
    for (int i = 0; i < 200; ++i) { // an episode without end
        world.moves(us, other, 1);
        world.pass(20 * hour_s);
    }
    EXPECT_FALSE(world.moves(us, other, 5'000));
    DormantWorld forgetful(2); // nor where the log has forgotten how it began
    AccountIndex const we = forgetful.account(1), they = forgetful.account(2);
    forgetful.moves(we, they, 1);
    forgetful.pass(40 * day_s);
    forgetful.moves(we, they, 1);
    forgetful.pass(20 * hour_s);
    for (int i = 0; i < 3; ++i) forgetful.moves(they, they, 1);
    EXPECT_FALSE(forgetful.moves(we, they, 5'000));
}

TEST(PatternDormant, is_not_woken_by_what_comes_in) {
    DormantWorld world;
    AccountIndex const us = world.account(1), other = world.account(2);
    world.moves(us, other, 1);
    world.pass(20 * day_s);
    EXPECT_FALSE(world.moves(other, us, 1'000'000));
    world.pass(10 * day_s);
    EXPECT_TRUE(world.moves(us, other, 1'000));
}

TEST(PatternDormant, counts_from_the_first_sight_of_an_account_that_never_sent) {
    DormantWorld world;
    AccountIndex const us = world.account(1), other = world.account(2);
    world.moves(other, us, 1'000'000);
    world.pass(30 * day_s);
    auto const claim = world.moves(us, other, 1'000);
    ASSERT_TRUE(claim);
    EXPECT_NE(details_of(*claim).find(R"("since":"first_seen")"), std::string::npos);
}

TEST(PatternDormant, ignores_silences_with_a_migration_in_them) {
    for (int const offset : {-1, 0, 1}) { // the border just before, at, and after the silence
        for (bool const at_end : {false, true}) {
            DormantWorld world;
            AccountIndex const us = world.account(1), other = world.account(2);
            world.moves(us, other, 1);
            std::uint32_t const begin = world.time_s;
            world.pass(40 * day_s);
            world.options.borders = {5, (at_end ? world.time_s : begin) + offset};
            bool const inside = at_end ? offset <= 0 : offset > 0;
            EXPECT_EQ(world.moves(us, other, 1'000).has_value(), !inside) << offset << at_end;
        }
    }
}

TEST(PatternDormant, counts_only_what_an_account_sends_of_its_own_will) {
    for (auto const kind : {MovementKind::slash, MovementKind::dust, MovementKind::reserve,
                            MovementKind::repatriate, MovementKind::stake}) {
        DormantWorld world;
        AccountIndex const us = world.account(1);
        world.moves(us, no_account, 1);
        world.pass(40 * day_s);
        EXPECT_FALSE(world.moves(us, no_account, 5'000, kind)) << to_text(kind);
    }
    DormantWorld world;
    AccountIndex const us = world.account(1), twin = world.account(2);
    world.moves(us, twin, 1);
    world.accounts.join(twin, us, JoinedBy::proxy);
    world.pass(40 * day_s);
    EXPECT_FALSE(world.moves(us, twin, 5'000));
    EXPECT_FALSE(world.moves(no_account, us, 5'000, MovementKind::mint));
}

TEST(PatternDormant, takes_amounts_and_balances_up_to_the_greatest) {
    DormantWorld world;
    AccountIndex const us = world.known(1, u128_max), other = world.account(2);
    world.moves(us, other, 0);
    world.pass(40 * day_s);
    auto const claim = world.moves(us, other, u128_max);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->sum, u128_max);
    // ceil((2^128 - 1) / 20), by Python
    EXPECT_NE(details_of(*claim).find("\"17014118346046923173168730371588410573\""),
              std::string::npos)
        << details_of(*claim);
}

// Brute force: every sending is kept, and the model's closed form is worked out from them.
TEST(PatternDormant, agrees_with_the_whole_history_in_random_worlds) {
    std::size_t claims = 0, modelled = 0;
    for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        DormantWorld world(16);
        world.options.silence_s = 100;
        world.options.critical_silence_s = 400;
        world.options.model_bits = 4;
        world.options.borders = {world.time_s + 2'000};
        std::map<AccountIndex, std::vector<std::uint32_t>> sent;
        for (std::uint32_t i = 0; i < 5; ++i)
            if (random() % 2 == 0) world.known(i, 1'000'000'000);
        std::map<AccountIndex, std::uint32_t> seen;
        for (int step = 0; step < 80; ++step) {
            world.pass(std::uint32_t(random() % (random() % 8 == 0 ? 600 : 20)));
            AccountIndex const from = world.account(std::uint32_t(random() % 5));
            AccountIndex const to = world.account(std::uint32_t(random() % 5));
            seen.try_emplace(from, world.accounts[from].first_s);
            u128 const amount = random() % 3 == 0 ? 60'000'000 : 900 + random() % 200;
            bool const known = world.accounts[from].balance_known;
            u128 const balance = world.accounts[from].balance;
            if (known && balance < amount) continue;
            auto& times = sent[from];
            std::uint32_t const since = times.empty() ? seen[from] : times.back();
            std::uint32_t const gap = world.time_s - since;
            bool expected = from != to && gap >= 100 && amount >= 1'000;
            if (known) expected = expected && amount * 20 >= balance;
            expected = expected && !(since < 1'700'002'000 && world.time_s >= 1'700'002'000);
            double bits = 0;
            if (times.size() >= 5 && times.back() > times.front()) {
                double const span = times.back() - times.front();
                bits = (double(times.size()) - 1.5) * std::log2(1 + gap / span);
                expected = expected && bits >= 4;
                modelled += expected;
            }
            auto const claim = world.moves(from, to, amount);
            times.push_back(world.time_s);
            ASSERT_EQ(claim.has_value(), expected) << step;
            if (!claim) continue;
            ++claims;
            ASSERT_NEAR(claim->score_bits, bits, 1e-9);
            ASSERT_EQ(claim->severity == Severity::critical, gap >= 400);
        }
    }
    EXPECT_GT(claims, 1'000u);
    EXPECT_GT(modelled, 300u);
}

TEST(PatternDormant, gives_the_same_answers_whatever_the_accounts_are_numbered) {
    std::vector<std::string> told[2];
    for (int const turn : {0, 1}) {
        std::mt19937_64 random(7);
        DormantWorld world(64, std::uint64_t(turn));
        if (turn == 1) // other indices
            for (std::uint32_t i = 20; i-- > 0;) world.account(i);
        for (std::uint32_t i = 0; i < 20; ++i) world.account(i);
        for (int step = 0; step < 5'000; ++step) {
            world.pass(std::uint32_t(random() % (10 * day_s)));
            AccountIndex const from = world.account(std::uint32_t(random() % 20));
            AccountIndex const to = world.account(std::uint32_t(random() % 20));
            if (auto const claim = world.moves(from, to, random() % 3'000))
                told[turn].push_back(std::to_string(step) + details_of(*claim));
        }
    }
    EXPECT_GT(told[0].size(), 50u);
    EXPECT_EQ(told[0], told[1]);
}

// ---- the model, under its null and with planted silences ---------------------------------------

// Accounts that send as Poisson processes of their own rates. A sending may be claimed falsely once
// in 2^bits: 4.5 standard deviations of the binomial are one in 300,000.
TEST(PatternDormant, keeps_its_false_alarm_rate_on_poisson_accounts) {
    for (double const model_bits : {5.0, 10.0}) {
        for (std::uint64_t const seed : {11u, 12u, 13u}) {
            std::mt19937_64 random(seed);
            std::size_t judged = 0, claims = 0;
            DormantWorld world(16, 0, 8);
            world.options.model_bits = model_bits;
            world.options.silence_s = 1; // the model alone
            AccountIndex const us = world.account(1), other = world.account(2);
            while (judged < (model_bits < 10 ? 100'000 : 1'000'000)) {
                world.time_s = 1'000'000;
                world.accounts[us].outs = 0; // an account that nobody has seen
                double const mean_s = day_s * std::exp2(double(random() % 7)); // 1 to 64 days
                std::exponential_distribution<double> gap(1 / mean_s);
                std::size_t const sendings = 5 + random() % 20;
                for (std::size_t i = 0; i < sendings; ++i) {
                    world.moves(us, other, 0);
                    world.pass(std::uint32_t(std::min(gap(random), 1e8)));
                }
                ++judged;
                claims += world.moves(us, other, 1'000).has_value();
            }
            double const mean = double(judged) * std::exp2(-model_bits);
            EXPECT_LT(double(claims), mean + 4.5 * std::sqrt(mean)) << "seed " << seed;
            std::printf("bits %.0f seed %2d: %zu claims of %zu, at most %.0f expected\n",
                        model_bits, int(seed), claims, judged, mean);
        }
    }
}

TEST(PatternDormant, finds_planted_silences) {
    std::printf("silence in mean gaps (7 days):");
    std::mt19937_64 random(5);
    std::vector<double> recall;
    for (double const gaps : {5.0, 8.0, 12.0, 20.0, 30.0}) {
        int found = 0;
        for (int trial = 0; trial < 2'000; ++trial) {
            DormantWorld world(16, 0, 8);
            AccountIndex const us = world.account(1), other = world.account(2);
            std::exponential_distribution<double> gap(1.0 / (7 * day_s));
            for (int i = 0; i < 20; ++i) {
                if (i > 0) world.pass(std::uint32_t(gap(random)));
                world.moves(us, other, 1);
            }
            world.pass(std::uint32_t(gaps * 7 * day_s));
            found += world.moves(us, other, 1'000).has_value();
        }
        recall.push_back(found / 2'000.0);
        std::printf("  %.0f: %.3f", gaps, recall.back());
    }
    std::printf("\n");
    EXPECT_GT(recall[2], 0.7);
    EXPECT_GT(recall[4], 0.99);
}
