#include "stages/pattern_watch.hpp"

#include "tests/stages/account_world.hpp"

#include <gtest/gtest.h>

using namespace stages;
using decoders::MovementKind;

namespace {

// Moves and returns what a watch of `watched` says.
struct WatchWorld : AccountWorld {
    explicit WatchWorld(WatchOptions const& options, std::size_t watched_max = 64)
        : watch(options, watched_max) {}
    std::optional<Claim> moves(AccountIndex from, AccountIndex to, u128 amount,
                               AccountIndex watched, MovementKind kind = MovementKind::transfer) {
        return move(
            from, to, amount,
            [&](Moved const& moved) { return watch.on(accounts, moved, watched); }, kind);
    }
    Watch watch;
};

bool says(std::optional<Claim> const& claim, std::string const& text) {
    return claim && details_of(*claim).find(text) != std::string::npos;
}

} // namespace

TEST(PatternWatch, speaks_of_movements_of_at_least_min_in_both_directions) {
    WatchWorld world({.min = 100});
    AccountIndex const us = world.account(1), other = world.account(2);
    EXPECT_FALSE(world.moves(us, other, 99, us));
    auto const out = world.moves(us, other, 100, us);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->subject, us);
    EXPECT_EQ(out->sum, u128{100});
    EXPECT_EQ(out->evidence.kept, 1u);
    EXPECT_EQ(out->evidence.seqs[0], world.log.last());
    EXPECT_TRUE(says(out, R"("direction":"out","moved":true)"));
    EXPECT_TRUE(says(world.moves(other, us, u128_max, us), R"("direction":"in")"));
}

TEST(PatternWatch, hears_every_kind_that_has_an_amount_of_its_own) {
    WatchWorld world({.min = 1});
    AccountIndex const us = world.account(1);
    for (auto const kind : {MovementKind::reserve, MovementKind::slash, MovementKind::lock,
                            MovementKind::burn, MovementKind::unstake})
        EXPECT_TRUE(world.moves(us, no_account, 5, us, kind)) << to_text(kind);
    for (auto const kind : {MovementKind::mint, MovementKind::reward, MovementKind::set})
        EXPECT_TRUE(world.moves(no_account, us, 5, us, kind)) << to_text(kind);
    for (auto const kind : {MovementKind::endow, MovementKind::processed, MovementKind::xcm})
        EXPECT_FALSE(world.moves(no_account, us, 5, us, kind)) << to_text(kind);
    EXPECT_FALSE(world.moves(no_account, no_account, 5, no_account));
}

TEST(PatternWatch, does_not_count_movements_inside_a_cluster_but_judges_the_balance) {
    WatchWorld world({.min = 1, .low = 50});
    AccountIndex const us = world.known(1, 100), twin = world.account(2);
    world.accounts.join(twin, us, JoinedBy::label);
    EXPECT_FALSE(world.moves(us, twin, 20, us));
    EXPECT_TRUE(says(world.moves(us, twin, 30, us), R"("moved":false,"min":"1","mark":"low")"));
    EXPECT_FALSE(world.moves(us, us, 50, us));
}

TEST(PatternWatch, arms_a_mark_again_ten_percent_beyond_it) {
    WatchWorld world({.min = u128_max, .low = 1'000, .high = 2'000});
    AccountIndex const us = world.known(1, 1'500), other = world.account(2);
    EXPECT_FALSE(world.moves(us, other, 499, us)); // 1001
    EXPECT_TRUE(says(world.moves(us, other, 1, us), R"("mark":"low","balance":"1000")"));
    EXPECT_FALSE(world.moves(us, other, 1, us));
    EXPECT_FALSE(world.moves(other, us, 100, us)); // 1099: one too little
    EXPECT_FALSE(world.moves(us, other, 200, us));
    EXPECT_FALSE(world.moves(other, us, 201, us)); // 1100: awake
    EXPECT_TRUE(says(world.moves(us, other, 101, us), R"("mark":"low")"));
    EXPECT_TRUE(says(world.moves(other, us, 1'001, us), R"("mark":"high","balance":"2000")"));
    EXPECT_FALSE(world.moves(us, other, 199, us)); // 1801
    EXPECT_FALSE(world.moves(other, us, 300, us));
    EXPECT_FALSE(world.moves(us, other, 301, us)); // 1800: awake
    EXPECT_TRUE(says(world.moves(other, us, 200, us), R"("mark":"high")"));
}

TEST(PatternWatch, needs_a_known_balance_and_an_account_that_was_not_across_before) {
    WatchWorld world({.min = u128_max, .low = 1'000});
    AccountIndex const us = world.account(1), other = world.account(2);
    EXPECT_FALSE(world.moves(us, other, 600, us));
    world.known(1, 900);
    EXPECT_FALSE(world.moves(us, other, 100, us)); // was below already
    AccountIndex const whole = world.known(3, 1'400);
    EXPECT_TRUE(world.moves(whole, other, 400, whole)); // by the balance before
}

TEST(PatternWatch, counts_the_accounts_it_has_no_room_for) {
    WatchWorld world({.min = 10, .low = 1'000}, 2);
    AccountIndex const other = world.account(9);
    for (std::uint32_t i = 0; i < 3; ++i) {
        AccountIndex const us = world.known(i, 1'001);
        EXPECT_EQ(world.moves(us, other, 1, us).has_value(), i < 2);
        EXPECT_TRUE(world.moves(us, other, 10, us)); // min is judged all the same
    }
    EXPECT_EQ(world.watch.unjudged(), 2u);
}

TEST(PatternWatch, has_room_for_its_details_whatever_the_amounts_are) {
    WatchWorld world({.min = u128_max, .low = u128_max, .high = u128_max});
    AccountIndex const us = world.known(1, 0), other = world.account(2);
    auto const claim = world.moves(other, us, u128_max, us);
    ASSERT_TRUE(claim);
    EXPECT_TRUE(
        details_of(*claim).ends_with(R"("balance":"340282366920938463463374607431768211455")"));
}

TEST(PatternWatch, goes_on_from_a_snapshot) {
    WatchWorld world({.min = u128_max, .low = 1'000});
    AccountIndex const us = world.known(1, 1'001), other = world.account(2);
    EXPECT_TRUE(world.moves(us, other, 1, us));
    std::vector<std::byte> saved;
    world.watch.state(
        [&](std::span<std::byte> part) { saved.insert(saved.end(), part.begin(), part.end()); });
    Watch again({.min = u128_max, .low = 1'000}, 64);
    std::size_t at = 0;
    again.state([&](std::span<std::byte> part) {
        std::copy_n(saved.begin() + at, part.size(), part.begin());
        at += part.size();
    });
    EXPECT_FALSE(world.move(us, other, 1, [&](Moved const& moved) {
        return again.on(world.accounts, moved, us); // it knows that the mark was crossed
    }));
    auto const risen = world.move(
        other, us, 200, [&](Moved const& moved) { return again.on(world.accounts, moved, us); });
    EXPECT_FALSE(risen);
    EXPECT_TRUE(world.move(
        us, other, 199, [&](Moved const& moved) { return again.on(world.accounts, moved, us); }));
}

// Brute force: the whole history of a balance is looked through for each movement.
TEST(PatternWatch, agrees_with_the_history_in_random_worlds) {
    std::size_t claims = 0;
    for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        unsigned const low = 20 + unsigned(random() % 40), high = low + unsigned(random() % 60);
        WatchWorld world({.min = 25, .low = low, .high = high});
        AccountIndex const other = world.account(9);
        std::vector<unsigned> history{unsigned(random() % 160)};
        AccountIndex const us = world.known(1, history[0]);
        for (int step = 0; step < 60; ++step) {
            unsigned const amount = unsigned(random() % 40);
            bool const out = random() % 2 == 0 && amount <= history.back();
            history.push_back(out ? history.back() - amount : history.back() + amount);
            auto const armed = [&](auto across, auto beyond) {
                for (std::size_t i = history.size() - 1; i-- > 0;) {
                    if (across(history[i])) return false;
                    if (beyond(history[i])) return true;
                }
                return true; // never across
            };
            bool const low_now =
                history.back() <= low && armed([&](unsigned b) { return b <= low; },
                                               [&](unsigned b) { return b * 10 >= low * 11; });
            bool const high_now =
                history.back() >= high && armed([&](unsigned b) { return b >= high; },
                                                [&](unsigned b) { return b * 10 <= high * 9; });
            auto const claim = world.moves(out ? us : other, out ? other : us, amount, us);
            ASSERT_EQ(claim.has_value(), low_now || high_now || amount >= 25) << step;
            if (!claim) continue;
            ++claims;
            char const* const mark =
                low_now ? (high_now ? "both" : "low") : (high_now ? "high" : "none");
            ASSERT_TRUE(says(claim, std::string(R"("mark":")") + mark)) << details_of(*claim);
        }
    }
    EXPECT_GT(claims, 10'000u);
}
