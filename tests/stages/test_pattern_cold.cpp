// Accounts that left the table and come back, against a table that holds them all.
#include "stages/pattern_cold.hpp"
#include "stages/pattern_store.hpp"

#include "tests/io/turns.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace stages;
using decoders::Account;

namespace {

Account account(std::uint64_t number) {
    std::uint8_t key[32] = {};
    std::memcpy(key, &number, sizeof number);
    key[31] = 7;
    return decoders::account_of(key, 32);
}

ColdAccount cold(std::uint64_t number, std::uint32_t outs = 1) {
    return {.key = account(number), .last_out_s = static_cast<std::uint32_t>(number), .outs = outs};
}

std::unique_ptr<PatternStore> open(io::testing::TemporaryDirectory const& directory) {
    auto opened = PatternStore::open(directory / "patterns-dot.mdb", {.bytes_max = 64 << 20});
    EXPECT_TRUE(opened) << io::describe(opened.error());
    return opened ? std::move(opened->store) : nullptr;
}

TEST(PatternCold, what_is_let_go_is_there_until_it_comes_back) {
    ColdAccounts accounts(4, 1);
    for (std::uint64_t i = 1; i <= 4; ++i) accounts.put(cold(i));
    accounts.put(cold(2, 9)); // newer
    EXPECT_EQ(accounts.going().size(), 4U);
    EXPECT_EQ(accounts.take(account(2)), cold(2, 9));
    EXPECT_EQ(accounts.take(account(2)), std::nullopt);
    for (std::uint64_t const i : {4, 1, 3}) EXPECT_EQ(accounts.take(account(i)), cold(i));
    EXPECT_TRUE(accounts.going().empty());
    EXPECT_EQ(accounts.counts().recalled, 4U);
}

TEST(PatternCold, what_finds_no_room_is_forgotten_and_what_is_nothing_is_not_kept) {
    ColdAccounts accounts(4, 1);
    accounts.put(cold(9, 0));
    EXPECT_TRUE(accounts.going().empty());
    accounts.put({.key = account(9), .balance_known = true});
    EXPECT_FALSE(accounts.crowded());
    for (std::uint64_t i = 1; i <= 4; ++i) accounts.put(cold(i));
    EXPECT_TRUE(accounts.crowded());
    EXPECT_EQ(accounts.counts().forgotten, 1U);
    EXPECT_EQ(accounts.take(account(4)), std::nullopt);
    accounts.written();
    EXPECT_EQ(accounts.take(account(1)), std::nullopt);
    accounts.put(cold(4));
    EXPECT_EQ(accounts.take(account(4)), cold(4));
}

// A small table in front of a file, and saves at random: what is known of each account that comes
// back is what a map of all of them says, also by whoever opens the file again.
TEST(PatternCold, a_small_table_and_a_file_know_what_a_large_table_knows) {
    io::testing::TemporaryDirectory const directory;
    pipeline::Hash const genesis{1};
    std::mt19937_64 random(11);
    std::map<std::uint64_t, ColdAccount> truth;
    std::uint32_t now = 1'000'000, number = 0;
    std::uint64_t back = 0;
    for (int run = 0; run < 8; ++run) {
        auto const store = open(directory);
        Accounts accounts(40, 100);
        MovementLog log(16);
        ColdAccounts away(300, random());
        auto const loaded = store->load(genesis, accounts, log);
        ASSERT_TRUE(loaded) << loaded.error();
        ASSERT_EQ(loaded->has_value(), run > 0);
        away.read_from([&](Account const& key) { return store->cold(key); });
        accounts.remember_in(&away);
        for (int step = 0; step < 3'000; ++step) {
            now += static_cast<std::uint32_t>(random() % 20);
            std::uint64_t const who = random() % 300;
            bool const there = accounts.find(account(who)) != no_account;
            AccountIndex const at = accounts.enter(account(who), now);
            if (at == no_account) continue;
            AccountState& state = accounts[at];
            auto& is = truth[who];
            if (is.outs > 0 && !there) ++back;
            ASSERT_EQ(state.outs, is.outs) << who << " in step " << step;
            ASSERT_EQ(state.last_out_s, is.last_out_s);
            ASSERT_EQ(state.balance_known, is.balance_known);
            ASSERT_EQ(state.balance, is.balance);
            is.outs = ++state.outs;
            is.last_out_s = state.last_out_s = now;
            is.balance_known = state.balance_known = true;
            is.balance = state.balance = random();
            if (random() % 200 == 0) {
                ASSERT_TRUE(store->save({.genesis = genesis, .number = ++number}, accounts, log, {},
                                        &away));
                ASSERT_TRUE(away.going().empty());
            }
        }
        ASSERT_TRUE(
            store->save({.genesis = genesis, .number = ++number}, accounts, log, {}, &away));
        EXPECT_EQ(away.counts().forgotten, 0U);
    }
    EXPECT_GT(back, 1'000U);
}

TEST(PatternCold, who_belonged_to_somebody_does_again) {
    Accounts accounts(3, 10);
    ColdAccounts away(8, 1);
    accounts.remember_in(&away);
    AccountIndex const hot = accounts.enter(account(1), 0);
    accounts[hot].named = accounts[hot].exchange = true;
    AccountIndex const deposit = accounts.enter(account(2), 0);
    accounts[deposit].outs = 1;
    accounts.join(deposit, hot, JoinedBy::deposit_sweep);
    for (std::uint32_t i = 3; i < 8; ++i)
        ASSERT_NE(accounts.enter(account(i), 100 * i), no_account);
    ASSERT_EQ(accounts.find(account(2)), no_account);
    AccountIndex const again = accounts.enter(account(2), 2'000);
    ASSERT_NE(again, no_account);
    EXPECT_EQ(accounts.cluster_of(again), hot);
    EXPECT_EQ(accounts[again].joined_by, JoinedBy::deposit_sweep);
    EXPECT_TRUE(accounts[again].exchange);
    // Whom the user calls an exchange no more gathers nobody.
    for (std::uint32_t i = 3; i < 8; ++i)
        ASSERT_NE(accounts.enter(account(i), 2'000 + 100 * i), no_account);
    accounts.part_all();
    AccountIndex const alone = accounts.enter(account(2), 4'000);
    ASSERT_NE(alone, no_account);
    EXPECT_EQ(accounts.cluster_of(alone), alone);
}

TEST(PatternCold, the_file_is_bounded_and_not_believed) {
    io::testing::TemporaryDirectory const directory;
    auto const store = open(directory);
    Accounts accounts(4, 10);
    MovementLog log(16);
    store->keep_cold_at_most(50);
    ColdAccounts away(20, 3);
    for (std::uint64_t i = 0; i < 200; ++i) {
        away.put(cold(i * 7'919 % 200 + 1));
        if (i % 10 != 9) continue;
        ASSERT_TRUE(store->save({.genesis = {1}, .number = static_cast<std::uint32_t>(i)}, accounts,
                                log, {}, &away));
    }
    std::size_t there = 0;
    for (std::uint64_t i = 1; i <= 200; ++i) {
        auto const found = store->cold(account(i));
        if (!found) continue;
        ++there;
        EXPECT_EQ(*found, cold(i));
    }
    EXPECT_EQ(there, 50U);
    EXPECT_EQ(store->counts().cold_damaged, 0U);
}

TEST(PatternCold, a_damaged_record_is_nobody_and_is_counted) {
    io::testing::TemporaryDirectory const directory;
    {
        auto const store = open(directory);
        Accounts accounts(4, 10);
        MovementLog log(16);
        ColdAccounts away(4, 3);
        away.put(cold(1));
        away.put(cold(2));
        ASSERT_TRUE(store->save({.genesis = {1}}, accounts, log, {}, &away));
    }
    {
        auto opened = io::Records::open(directory / "patterns-dot.mdb",
                                        {"head", "accounts", "log", "models", "cold"},
                                        {.bytes_max = 64 << 20});
        ASSERT_TRUE(opened) << io::describe(opened.error());
        std::vector<std::uint8_t> key(33, 0), value;
        std::memcpy(key.data(), account(1).key, 32);
        key.back() = 32;
        auto const read = (*opened->records->read())->get(4, key);
        ASSERT_TRUE(read && *read);
        value.assign((*read)->begin(), (*read)->end());
        value.at(20) ^= 1;
        auto write = opened->records->write();
        write.put(4, key, value);
        ASSERT_TRUE(write.commit());
    }
    auto const store = open(directory);
    EXPECT_EQ(store->cold(account(2)), std::nullopt); // nothing was loaded: it may be another chain
    Accounts accounts(4, 10);
    MovementLog log(16);
    ASSERT_TRUE(store->load({1}, accounts, log));
    EXPECT_EQ(store->cold(account(2)), cold(2));
    EXPECT_EQ(store->cold(account(3)), std::nullopt);
    EXPECT_EQ(store->counts().cold_damaged, 0U);
    EXPECT_EQ(store->cold(account(1)), std::nullopt);
    EXPECT_EQ(store->counts().cold_damaged, 1U);
}

} // namespace
