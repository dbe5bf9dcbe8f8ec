#include "stages/pattern_unbonding.hpp"

#include "tests/stages/account_world.hpp"

#include <gtest/gtest.h>

using namespace stages;
using decoders::MovementKind;

namespace {

struct UnbondingWorld : AccountWorld {
    explicit UnbondingWorld(UnbondingOptions const& options, std::size_t followed_max = 256,
                            std::uint64_t salt_of_keys = 0)
        : AccountWorld(4'096, salt_of_keys)
        , unbondings(options, followed_max) {}
    std::optional<Claim> moves(AccountIndex from, AccountIndex to, u128 amount, MovementKind kind) {
        return move(
            from, to, amount, [&](Moved const& moved) { return unbondings.on(accounts, moved); },
            kind);
    }
    std::optional<Claim> unstakes(AccountIndex who, u128 amount) {
        return moves(no_account, who, amount, MovementKind::unstake);
    }
    std::optional<Claim> withdraws(AccountIndex who, u128 amount) {
        return moves(no_account, who, amount, MovementKind::withdraw_unbonded);
    }
    std::optional<Claim> sends(AccountIndex who, AccountIndex to, u128 amount) {
        return moves(who, to, amount, MovementKind::transfer);
    }
    Unbondings unbondings;
};

constexpr UnbondingOptions quick{.min = 100, .unlock_s = 1'000, .follow_s = 500};

} // namespace

TEST(PatternUnbonding, tells_when_the_stake_is_free) {
    UnbondingWorld world({.min = 100});
    AccountIndex const us = world.account(1);
    EXPECT_FALSE(world.unstakes(us, 99));
    auto const claim = world.unstakes(us, 100);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->subject, us);
    EXPECT_EQ(claim->sum, u128{100});
    EXPECT_EQ(claim->score_bits, 0);
    EXPECT_EQ(details_of(*claim), // 1,700,000,000 + 28 x 86,400
              R"("stage":"unbonding","min":"100","unlock_s":2419200,"free_at":1702419200)");
    EXPECT_EQ(world.unbondings.followed(), 1u);
    EXPECT_FALSE(world.unstakes(no_account, 1'000));
    EXPECT_TRUE(world.moves(us, no_account, 100, MovementKind::unstake)); // no `to`: the sender
}

TEST(PatternUnbonding, follows_what_was_freed_out_of_the_stake_and_out_of_the_account) {
    UnbondingWorld world(quick);
    AccountIndex const us = world.account(1), other = world.account(2);
    world.unstakes(us, 1'000);
    EXPECT_FALSE(world.sends(us, other, 5'000)); // it is still bound
    world.pass(999);
    EXPECT_FALSE(world.withdraws(us, 1'000));
    world.pass(1);
    EXPECT_FALSE(world.withdraws(us, 889));
    EXPECT_FALSE(world.withdraws(us, 9)); // too small a part
    EXPECT_FALSE(world.withdraws(us, 10));
    auto const withdrawn = world.withdraws(us, 10);
    ASSERT_TRUE(withdrawn);
    EXPECT_EQ(withdrawn->sum, u128{1'000});
    EXPECT_EQ(details_of(*withdrawn),
              R"("stage":"withdrawn","unbondings":1,"moved":"909","after_release_s":0)");
    EXPECT_FALSE(world.withdraws(us, 1'000)); // told
    world.pass(500);
    EXPECT_FALSE(world.sends(us, other, 500));
    auto const sent = world.sends(us, other, 5'000);
    ASSERT_TRUE(sent);
    EXPECT_EQ(details_of(*sent),
              R"("stage":"sent","unbondings":1,"moved":"1000","after_release_s":500)");
    EXPECT_EQ(sent->evidence.kept, 2u);
    EXPECT_EQ(sent->evidence.seqs[0], 1u); // the unbonding
    EXPECT_EQ(sent->evidence.seqs[1], world.log.last());
    EXPECT_FALSE(world.sends(us, other, 5'000));
}

TEST(PatternUnbonding, follows_for_a_limited_time) {
    UnbondingWorld world(quick);
    AccountIndex const us = world.account(1), other = world.account(2);
    world.unstakes(us, 1'000);
    world.pass(1'501);
    EXPECT_FALSE(world.sends(us, other, 1'000));
    world.unbondings.at_block(world.time_s - 1);
    EXPECT_EQ(world.unbondings.followed(), 1u);
    world.unbondings.at_block(world.time_s);
    EXPECT_EQ(world.unbondings.followed(), 0u);
}

TEST(PatternUnbonding, does_not_follow_inside_a_cluster_or_against_the_will) {
    UnbondingWorld world(quick);
    AccountIndex const us = world.account(1), twin = world.account(2);
    world.accounts.join(twin, us, JoinedBy::multisig);
    world.unstakes(us, 1'000);
    world.pass(1'000);
    EXPECT_FALSE(world.sends(us, twin, 1'000));
    EXPECT_FALSE(world.moves(us, no_account, 1'000, MovementKind::slash));
    EXPECT_FALSE(world.sends(no_account, us, 1'000));
    EXPECT_TRUE(world.moves(twin, us, 1'000, MovementKind::withdraw_unbonded));
    EXPECT_TRUE(world.moves(us, no_account, 1'000, MovementKind::withdraw));
}

TEST(PatternUnbonding, knows_the_account_again_when_its_index_is_another) {
    UnbondingWorld world(quick);
    AccountIndex const us = world.account(1);
    world.unstakes(us, 1'000);
    world.pass(1'000);
    AccountIndex const elsewhere = world.account(2);
    world.accounts[elsewhere].key = world.key(1); // let go, and back in another record
    EXPECT_FALSE(world.sends(world.account(3), us, 1'000));
    EXPECT_TRUE(world.sends(elsewhere, world.account(3), 1'000));
}

TEST(PatternUnbonding, counts_what_it_cannot_follow) {
    UnbondingWorld world(quick, 40);
    AccountIndex const us = world.account(1);
    for (std::size_t i = 0; i < Unbondings::of_one_max + 2; ++i)
        EXPECT_TRUE(world.unstakes(us, 100));
    EXPECT_EQ(world.unbondings.unfollowed(), 2u);
    for (std::uint32_t i = 0; i < 10; ++i) EXPECT_TRUE(world.unstakes(world.account(2 + i), 100));
    EXPECT_EQ(world.unbondings.followed(), 40u);
    EXPECT_EQ(world.unbondings.unfollowed(), 4u);
    world.pass(1'000);
    auto const claim = world.withdraws(us, u128_max);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->sum, u128{3'200});
    EXPECT_EQ(claim->evidence.all, 33u);
    EXPECT_EQ(claim->evidence.kept, evidence_max);
}

TEST(PatternUnbonding, takes_the_greatest_amounts) {
    UnbondingWorld world({.min = u128_max, .unlock_s = 0xffff'ffff});
    AccountIndex const us = world.account(1);
    auto const claim = world.unstakes(us, u128_max);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(details_of(*claim).ends_with(R"("free_at":5994967295)"));
    UnbondingWorld two({.min = 1, .unlock_s = 0});
    AccountIndex const whale = two.account(1);
    two.unstakes(whale, u128_max);
    two.unstakes(whale, u128_max);
    two.withdraws(whale, u128_max / 2);
    EXPECT_EQ(two.withdraws(whale, u128_max)->sum, u128_max);
    EXPECT_EQ(two.withdraws(whale, u128_max)->sum, u128_max);
}

// Brute force: token by token, to the oldest unbonding that has room.
namespace {

struct Bound {
    std::uint32_t release_s = 0;
    unsigned amount = 0;
    std::array<unsigned, 2> part{};
    std::array<bool, 2> told{};
};

std::vector<std::string> random_world(std::uint64_t seed, std::uint64_t salt_of_keys,
                                      std::size_t& follow_ups) {
    std::mt19937_64 random(seed);
    UnbondingWorld world({.min = 20, .unlock_s = 100, .follow_s = 60}, 256, salt_of_keys);
    if (salt_of_keys != 0)
        for (std::uint32_t i = 3; i-- > 0;) world.account(i);
    std::array<std::vector<Bound>, 3> bound;
    std::vector<std::string> told;
    for (int step = 0; step < 150; ++step) {
        world.pass(std::uint32_t(random() % 12));
        if (random() % 4 == 0) world.unbondings.at_block(world.time_s);
        std::uint32_t const who = std::uint32_t(random() % 3);
        unsigned const amount = unsigned(random() % 60);
        AccountIndex const us = world.account(who);
        std::uint64_t const what = random() % 3;
        if (what == 0) {
            auto const claim = world.unstakes(us, amount);
            EXPECT_EQ(claim.has_value(), amount >= 20);
            if (claim) bound[who].push_back({world.time_s + 100, amount});
            continue;
        }
        std::size_t const way = what - 1;
        for (unsigned token = 0; token < amount && amount >= 2; ++token) {
            for (Bound& one : bound[who]) {
                bool const open = one.release_s <= world.time_s &&
                                  world.time_s <= one.release_s + 60 &&
                                  one.part[way] < one.amount && !one.told[way];
                if (!open) continue;
                ++one.part[way];
                break;
            }
        }
        unsigned done = 0;
        for (Bound& one : bound[who]) {
            if (one.told[way] || one.part[way] * 10 < one.amount * 9) continue;
            one.told[way] = true;
            done += one.amount;
        }
        auto const claim =
            way == 0 ? world.withdraws(us, amount) : world.sends(us, world.account(7), amount);
        EXPECT_EQ(claim ? claim->sum : u128{0}, u128{done}) << step;
        follow_ups += claim.has_value();
        if (claim) told.push_back(std::to_string(step) + details_of(*claim));
    }
    return told;
}

} // namespace

TEST(PatternUnbonding, agrees_with_counted_tokens_in_random_worlds_whatever_the_numbering) {
    std::size_t follow_ups = 0;
    for (std::uint64_t seed = 1; seed <= 1'000 && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        auto const told = random_world(seed, 0, follow_ups);
        if (seed <= 100) {
            EXPECT_EQ(random_world(seed, 3, follow_ups), told);
        }
    }
    EXPECT_GT(follow_ups, 5'000u);
}
