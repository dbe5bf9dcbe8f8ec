// Who acts for whom: multisigs, proxies, accounts derived from others; against a union of sets, and
// what nobody may claim of somebody else.
#include "decoders/calls.hpp"
#include "stages/pattern_clusters.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace stages;
using decoders::Account;
using decoders::MovementKind;

namespace {

Account account(std::uint64_t number) {
    std::uint8_t key[32] = {};
    std::memcpy(key, &number, sizeof number);
    return decoders::account_of(key, 32);
}

Account from_hex(std::string_view text) {
    std::uint8_t key[32] = {};
    for (std::size_t i = 0; i < 32; ++i)
        key[i] =
            static_cast<std::uint8_t>(std::stoul(std::string(text.substr(2 * i, 2)), nullptr, 16));
    return decoders::account_of(key, 32);
}

std::vector<ClusterLabel> const named = {
    {account(1'000), "Binance 1", "exchange"},
    {account(1'001), "Binance 2", "exchange"},
    {account(2'000), "Kraken", "exchange"},
};

struct World {
    AccountIndex enter(Account const& who) {
        AccountIndex const index = accounts.enter(who, 1'000'000);
        clusters.welcome(accounts, index);
        return index;
    }
    void say(MovementKind how, std::uint64_t part, std::uint64_t whole) {
        AccountIndex const from = enter(account(part)), to = enter(account(whole));
        clusters.related(accounts, from, to, how);
    }
    void acts(Account const& signer, Account const& sender) {
        clusters.acted(accounts, signer, enter(sender), 1'000'000);
    }
    bool together(Account const& a, Account const& b) const {
        return inside(accounts, accounts.find(a), accounts.find(b));
    }
    bool together(std::uint64_t a, std::uint64_t b) const {
        return together(account(a), account(b));
    }
    Accounts::Members members(std::uint64_t number) const {
        return accounts.members_of(accounts.find(account(number)));
    }
    AccountState const& state(std::uint64_t number) const {
        return std::as_const(accounts)[accounts.find(account(number))];
    }

    Accounts accounts{1'000, 86'400};
    Clusters clusters{named};
};

constexpr unsigned bit(JoinedBy why) { return 1U << static_cast<unsigned>(why); }

TEST(PatternRelations, who_approves_belongs_to_the_multisig) {
    World world;
    world.say(MovementKind::multisig, 1, 50);
    world.say(MovementKind::multisig, 2, 50);
    world.say(MovementKind::multisig, 2, 50); // and again
    EXPECT_TRUE(world.together(1, 2) && world.together(1, 50));
    EXPECT_EQ(world.members(1).count, 3U);
    EXPECT_EQ(world.members(50).joined_by, bit(JoinedBy::multisig));
    world.say(MovementKind::multisig, 3, 51);
    EXPECT_FALSE(world.together(1, 3));
    world.say(MovementKind::multisig, 2, 51); // in both
    EXPECT_TRUE(world.together(1, 3));
    EXPECT_EQ(world.members(3).count, 5U);
}

TEST(PatternRelations, an_account_without_a_key_belongs_to_who_made_it) {
    World world;
    world.say(MovementKind::pure, 1, 60);
    EXPECT_TRUE(world.together(1, 60));
    EXPECT_EQ(world.members(1).joined_by, bit(JoinedBy::proxy));
    // A multisig makes one, too.
    world.say(MovementKind::multisig, 2, 50);
    world.say(MovementKind::pure, 50, 61);
    EXPECT_TRUE(world.together(2, 61));
    EXPECT_EQ(world.members(2).joined_by, bit(JoinedBy::multisig) | bit(JoinedBy::proxy));
}

TEST(PatternRelations, nobody_joins_another_without_the_other) {
    World world;
    // Number 7 lets everybody it can think of act for it: that says nothing of them.
    for (std::uint64_t const whale : {1, 2, 3, 1'000, 2'000}) {
        world.say(MovementKind::proxy, whale, 7);
        EXPECT_FALSE(world.together(whale, 7));
    }
    world.acts(account(4), account(7)); // somebody else
    EXPECT_EQ(world.members(7).count, 1U);
    world.acts(account(2), account(7)); // it did
    EXPECT_TRUE(world.together(2, 7));
    EXPECT_FALSE(world.together(1, 7) || world.together(1, 2) || world.together(1'000, 7));
    EXPECT_EQ(world.members(7).joined_by, bit(JoinedBy::proxy));
    world.acts(account(7), account(7));
    EXPECT_EQ(world.members(7).count, 2U);
}

TEST(PatternRelations, only_the_newest_who_let_others_act_are_remembered) {
    World world;
    world.say(MovementKind::proxy, 1, 7);
    for (std::uint64_t i = 0; i < 1'023; ++i) world.say(MovementKind::proxy, 2, 8);
    world.acts(account(1), account(7));
    EXPECT_TRUE(world.together(1, 7));
    World late;
    late.say(MovementKind::proxy, 1, 7);
    for (std::uint64_t i = 0; i < 1'024; ++i) late.say(MovementKind::proxy, 2, 8);
    late.acts(account(1), account(7));
    EXPECT_FALSE(late.together(1, 7));
}

TEST(PatternRelations, what_the_user_has_named_apart_stays_apart) {
    World world;
    world.say(MovementKind::multisig, 1'000, 50);
    world.say(MovementKind::multisig, 1, 50);
    EXPECT_TRUE(world.together(1, 1'000));
    EXPECT_TRUE(world.state(50).exchange && world.state(1).exchange);
    EXPECT_EQ(world.state(1'000).joined_by, JoinedBy::alone); // it stands for them
    world.say(MovementKind::multisig, 2'000, 50);
    EXPECT_FALSE(world.together(1'000, 2'000));
    // Who comes later under the same name finds them.
    world.enter(account(1'001));
    EXPECT_TRUE(world.together(1'001, 50));
}

TEST(PatternRelations, derived_accounts_are_found_by_who_signs) {
    // @polkadot/util-crypto's createKeyDerived of Alice, 0, 1 and 255.
    Account const alice =
        from_hex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    Account const number_0 =
        from_hex("799239e4ab0a3de63582363422f344346eb55bee62885a84a0c8aaf5aa564995");
    Account const number_1 =
        from_hex("f81356d1fe5954303680a6ef99d48f22bf3cd232274d7a471d3cf7c65f65f653");
    Account const number_255 =
        from_hex("6053ef84e1d00f0581a513b80ceb5fb9147de5da774c73cfe9ce3096f7789db7");
    World world;
    world.acts(account(9), number_1);
    EXPECT_FALSE(world.together(account(9), number_1));
    EXPECT_EQ(world.accounts.find(alice), no_account);
    for (Account const& one : {number_0, number_1, number_255}) world.acts(alice, one);
    EXPECT_TRUE(world.together(alice, number_0) && world.together(alice, number_1));
    EXPECT_FALSE(world.together(alice, number_255)); // 16 numbers are tried
    EXPECT_EQ(world.accounts.members_of(world.accounts.find(alice)).joined_by,
              bit(JoinedBy::derivative));
    // Whoever was nobody's number four times is not looked at again.
    World tired;
    for (std::uint64_t i = 0; i < 4; ++i) tired.acts(account(i), number_0);
    tired.acts(alice, number_0);
    EXPECT_FALSE(tired.together(alice, number_0));
}

// Sets, and which of them have a name: two with a name are not united.
struct Sets {
    std::map<std::uint64_t, std::set<std::uint64_t>> of; // by member
    std::set<std::uint64_t> apart{1'000, 2'000};

    std::set<std::uint64_t>& set_of(std::uint64_t one) {
        auto& set = of[one];
        if (set.empty()) set = {one};
        return set;
    }
    void unite(std::uint64_t a, std::uint64_t b) {
        auto const is_named = [&](std::set<std::uint64_t> const& set) {
            return std::ranges::any_of(apart, [&](std::uint64_t one) { return set.contains(one); });
        };
        std::set<std::uint64_t> all = set_of(a);
        if (all.contains(b) || (is_named(all) && is_named(set_of(b)))) return;
        all.insert(set_of(b).begin(), set_of(b).end());
        for (std::uint64_t const member : all) of[member] = all;
    }
};

TEST(PatternRelations, clusters_are_the_union_of_what_was_said) {
    std::mt19937_64 random(7);
    for (int run = 0; run < 60; ++run) {
        World world;
        Sets sets;
        auto const any = [&] {
            std::uint64_t const n = random() % 42;
            return n == 40 ? 1'000 : n == 41 ? 2'000 : n;
        };
        for (int step = 0; step < 60; ++step) {
            std::uint64_t const a = any(), b = any();
            if (a == b) continue;
            bool const pure = random() % 2 == 0;
            world.say(pure ? MovementKind::pure : MovementKind::multisig, a, b);
            sets.unite(a, b);
        }
        for (auto const& [one, set] : sets.of) {
            ASSERT_EQ(world.members(one).count, set.size()) << run;
            for (auto const& [other, _] : sets.of)
                ASSERT_EQ(world.together(one, other), set.contains(other)) << one << ' ' << other;
        }
        ASSERT_TRUE(world.accounts.restored(0, 0)); // the rings are whole
    }
}

} // namespace
