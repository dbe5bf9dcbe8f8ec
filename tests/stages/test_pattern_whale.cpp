#include "stages/pattern_whale.hpp"

#include "tests/stages/account_world.hpp"

#include <gtest/gtest.h>

using namespace stages;
using decoders::MovementKind;

namespace {

struct WhaleWorld : AccountWorld {
    explicit WhaleWorld(WhaleOptions const& options, std::size_t waiting_max = 64,
                        std::uint64_t salt_of_keys = 0)
        : AccountWorld(4'096, salt_of_keys)
        , whales(options, waiting_max) {}
    void moves(AccountIndex from, AccountIndex to, u128 amount,
               MovementKind kind = MovementKind::transfer) {
        move(
            from, to, amount, [&](Moved const& moved) { return whales.on(accounts, moved), 0; },
            kind);
    }
    // The block ends, and `blocks` more.
    std::vector<Claim> ends(std::uint32_t blocks = 1) {
        std::vector<Claim> claims;
        for (std::uint32_t i = 0; i < blocks; ++i) {
            whales.at_block(block);
            while (auto const claim = whales.next(accounts, log)) claims.push_back(*claim);
            pass(6);
        }
        return claims;
    }
    Whales whales;
};

constexpr WhaleOptions small{.level = 1'000, .blocks = 10};
constexpr WhaleOptions small_exit{.leaving = true, .level = 1'000, .blocks = 10};

} // namespace

TEST(PatternWhale, speaks_when_a_balance_has_stayed_at_the_level) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 999), other = world.account(2);
    world.moves(other, us, 1); // equality meets it
    EXPECT_EQ(world.ends(10).size(), 0u);
    auto const claims = world.ends(); // the end of the tenth block after it
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].subject, us);
    EXPECT_EQ(claims[0].sum, u128{1'000});
    EXPECT_EQ(claims[0].evidence.seqs[0], 1u);
    EXPECT_EQ(details_of(claims[0]), R"("level":"1000","balance":"1000","since_block":1000000,)"
                                     R"("largest":"1","blocks":10)");
    EXPECT_EQ(world.ends(50).size(), 0u);
}

TEST(PatternWhale, speaks_of_an_exit_below_nine_tenths) {
    WhaleWorld world(small_exit);
    AccountIndex const us = world.known(1, 1'200), other = world.account(2);
    world.moves(us, other, 300); // 900: not below
    EXPECT_EQ(world.ends(20).size(), 0u);
    world.moves(us, other, 1);
    auto const claims = world.ends(11);
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].evidence.all, 2u);
    EXPECT_EQ(claims[0].evidence.seqs[0], 1u); // oldest first
    EXPECT_NE(details_of(claims[0]).find(R"("level":"900")"), std::string::npos);
}

TEST(PatternWhale, forgets_what_crosses_back_and_begins_anew) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    world.moves(other, us, 1'500);
    EXPECT_EQ(world.ends(9).size(), 0u);
    world.moves(us, other, 501); // 999
    EXPECT_EQ(world.ends(9).size(), 0u);
    world.moves(other, us, 1);
    EXPECT_EQ(world.ends(10).size(), 0u);
    EXPECT_EQ(world.ends(1).size(), 1u);
}

TEST(PatternWhale, tells_an_account_that_sways_about_the_level_once) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    world.moves(other, us, 1'000);
    EXPECT_EQ(world.ends(20).size(), 1u);
    for (int i = 0; i < 5; ++i) {
        world.moves(us, other, 100); // 900, still one
        EXPECT_EQ(world.ends(20).size(), 0u);
        world.moves(other, us, 100);
        EXPECT_EQ(world.ends(20).size(), 0u);
    }
    world.moves(us, other, 101); // 899: it is none any more
    world.moves(other, us, 101);
    EXPECT_EQ(world.ends(20).size(), 1u);
}

TEST(PatternWhale, lists_the_largest_sources_oldest_first) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    world.moves(other, us, 500);
    world.ends(15'000); // 90,000 s: more than a day
    for (u128 const amount : {5, 90, 10, 80, 20, 70, 30, 60, 40, 50, 45, 99})
        world.moves(other, us, amount);
    auto const claims = world.ends(11);
    ASSERT_EQ(claims.size(), 1u);
    EvidenceList const& list = claims[0].evidence;
    EXPECT_EQ(list.all, 12u); // the 500 is too old
    std::vector<MovedSeq> const told(list.seqs.begin(), list.seqs.begin() + list.kept);
    // not 5, 10, 20 and 30, the movements 2, 4, 6 and 8
    EXPECT_EQ(told, (std::vector<MovedSeq>{3, 5, 7, 9, 10, 11, 12, 13}));
}

TEST(PatternWhale, begins_nothing_for_movements_inside_a_cluster_or_decrees) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 0), twin = world.known(2, 5'000);
    world.accounts.join(us, twin, JoinedBy::label);
    world.moves(twin, us, 2'000);
    EXPECT_EQ(world.ends(20).size(), 0u);
    AccountIndex const other = world.known(3, 2'000);
    world.moves(no_account, other, 2'000, MovementKind::set);
    EXPECT_EQ(world.ends(20).size(), 0u);
    world.moves(no_account, world.account(4), 5'000); // its balance is not known
    EXPECT_EQ(world.ends(20).size(), 0u);
}

TEST(PatternWhale, looks_again_before_it_speaks) {
    WhaleWorld world(small);
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    world.moves(other, us, 1'500);
    world.accounts[us].balance = 3; // read anew from the chain
    EXPECT_EQ(world.ends(20).size(), 0u);
}

TEST(PatternWhale, counts_crossings_it_has_no_room_for) {
    WhaleWorld world(small, 2);
    AccountIndex const other = world.account(9);
    for (std::uint32_t i = 0; i < 3; ++i) world.moves(other, world.known(i, 0), 1'000);
    EXPECT_EQ(world.whales.unfollowed(), 1u);
    EXPECT_EQ(world.ends(11).size(), 2u);
}

TEST(PatternWhale, takes_the_greatest_amounts_and_an_overwritten_log) {
    WhaleWorld world({.level = u128_max, .blocks = 10});
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    world.moves(other, us, u128_max);
    for (int i = 0; i < 5'000; ++i) world.moves(other, other, 1); // a ring of 4096
    auto const claims = world.ends(11);
    ASSERT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].sum, u128_max);
    EXPECT_EQ(claims[0].evidence.kept, 1u);
}

// ---- brute force: afterwards, from the whole history of each account ---------------------------

namespace {

struct Step {
    std::uint32_t block = 0;
    int zone = 0; // 0 none, 1 in between, 2 whale: after it
    bool internal = false;
};

int zone_of(unsigned balance) { return balance >= 1'000 ? 2 : (balance >= 900 ? 1 : 0); }

// Blocks at whose end something is told of an account.
std::vector<std::uint32_t> told_of(std::vector<Step> const& steps, bool leaving,
                                   std::uint32_t last_block) {
    int const goal = leaving ? 0 : 2;
    struct Stay {
        int zone = 0;
        std::uint32_t begin = 0;
        bool internal = false;
    };
    std::vector<Stay> stays{{steps[0].zone, 0, true}};
    for (Step const& step : steps)
        if (step.zone != stays.back().zone) stays.push_back({step.zone, step.block, step.internal});
    std::vector<bool> established(stays.size());
    std::vector<std::uint32_t> told;
    for (std::size_t i = 0; i < stays.size(); ++i) {
        if (stays[i].zone != goal) continue;
        bool const still =
            i >= 2 && stays[i - 1].zone == 1 && stays[i - 2].zone == goal && established[i - 2];
        bool const waits = i > 0 && !stays[i].internal && !still;
        std::uint32_t const due = stays[i].begin + 10;
        bool const stayed =
            due <= last_block && (i + 1 == stays.size() || stays[i + 1].begin > due);
        if (waits && stayed) told.push_back(due);
        established[i] = !waits || stayed;
    }
    return told;
}

// Blocks and accounts of what is told in a random world.
struct Told {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> by_rule, by_history;
};

Told random_world(std::uint64_t seed, bool leaving, std::uint64_t salt_of_keys) {
    std::mt19937_64 random(seed);
    WhaleWorld world(leaving ? small_exit : small, 64, salt_of_keys);
    constexpr std::uint32_t people = 4;
    if (salt_of_keys != 0) // other indices
        for (std::uint32_t i = people; i-- > 0;) world.account(i);
    std::array<unsigned, people> balances{};
    std::array<std::vector<Step>, people> steps;
    for (std::uint32_t i = 0; i < people; ++i) {
        balances[i] = 700 + unsigned(random() % 500);
        steps[i].push_back({0, zone_of(balances[i]), true});
        world.known(i, balances[i]);
    }
    world.accounts.join(world.account(1), world.account(0), JoinedBy::label);
    Told told;
    for (int step = 0; step < 200; ++step) {
        for (std::uint64_t moves = random() % 2; moves > 0; --moves) {
            std::uint32_t const from = std::uint32_t(random() % people);
            std::uint32_t const to = std::uint32_t(random() % people);
            unsigned const amount = unsigned(random() % 200);
            if (from == to || amount > balances[from]) continue;
            bool const internal = from + to == 1;
            world.moves(world.account(from), world.account(to), amount);
            balances[from] -= amount, balances[to] += amount;
            for (std::uint32_t const i : {from, to})
                steps[i].push_back({world.block, zone_of(balances[i]), internal});
        }
        std::uint32_t const block = world.block;
        for (Claim const& claim : world.ends())
            for (std::uint32_t i = 0; i < people; ++i)
                if (world.account(i) == claim.subject) told.by_rule.push_back({block, i});
        if (random() % 3 == 0)
            for (std::uint32_t i = 0, n = std::uint32_t(random() % 12); i < n; ++i) {
                std::uint32_t const quiet = world.block;
                for (Claim const& claim : world.ends())
                    for (std::uint32_t who = 0; who < people; ++who)
                        if (world.account(who) == claim.subject)
                            told.by_rule.push_back({quiet, who});
            }
    }
    for (std::uint32_t i = 0; i < people; ++i)
        for (std::uint32_t const block : told_of(steps[i], leaving, world.block - 1))
            told.by_history.push_back({block, i});
    std::ranges::sort(told.by_rule);
    std::ranges::sort(told.by_history);
    return told;
}

} // namespace

TEST(PatternWhale, agrees_with_the_history_in_random_worlds_whatever_the_numbering) {
    std::size_t claims = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        for (bool const leaving : {false, true}) {
            SCOPED_TRACE(testing::Message() << "seed " << seed << (leaving ? " exit" : ""));
            Told const told = random_world(seed, leaving, 0);
            ASSERT_EQ(told.by_rule, told.by_history);
            claims += told.by_rule.size();
            if (seed <= 200) {
                ASSERT_EQ(random_world(seed, leaving, 5).by_rule, told.by_rule);
            }
        }
    }
    EXPECT_GT(claims, 1'000u);
}
