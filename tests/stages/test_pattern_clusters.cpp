// Who belongs together by labels and by sweeps; sweeps against a brute force over all movements.
#include "stages/pattern_clusters.hpp"

#include <gtest/gtest.h>
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

constexpr std::uint64_t hot = 1'000, hot_2 = 1'001, other_hot = 2'000, shop = 3'000;
std::vector<ClusterLabel> const exchanges = {
    {account(hot), "Binance 1", "exchange"},
    {account(hot_2), "Binance 2", "Exchange"},
    {account(other_hot), "Kraken", "EXCHANGE"},
    {account(shop), "Shop", "merchant"},
};

// What the engine does with a movement.
struct World {
    explicit World(std::vector<ClusterLabel> const& labels = exchanges, ClusterOptions options = {})
        : clusters(labels, options) {}

    AccountIndex enter(std::uint64_t number) {
        AccountIndex const index = accounts.enter(account(number), now);
        clusters.welcome(accounts, index);
        return index;
    }
    bool move(std::uint64_t from_number, std::uint64_t to_number, u128 amount,
              MovementKind kind = MovementKind::transfer) {
        AccountIndex const from = enter(from_number), to = enter(to_number);
        Moved const moved =
            log.append({.amount = amount, .time_s = now, .from = from, .to = to, .kind = kind},
                       accounts[from].sent, accounts[to].received);
        accounts[from].sent = moved.seq;
        accounts[to].received = moved.seq;
        return clusters.moved(accounts, log, moved);
    }
    bool together(std::uint64_t a, std::uint64_t b) const {
        return inside(accounts, accounts.find(account(a)), accounts.find(account(b)));
    }
    AccountState const& state(std::uint64_t number) const {
        return accounts[accounts.find(account(number))];
    }

    std::uint32_t now = 1'000'000;
    Accounts accounts{1'000, day};
    MovementLog log{10'000};
    Clusters clusters;
    static constexpr std::uint32_t day = 86'400;
};

// ---- labels -------------------------------------------------------------------------------------

TEST(PatternClusters, a_label_ends_where_its_number_begins) {
    EXPECT_EQ(label_stem("Binance 12"), "Binance");
    EXPECT_EQ(label_stem("Binance"), "Binance");
    EXPECT_EQ(label_stem("Binance #3"), "Binance");
    EXPECT_EQ(label_stem("pool-007"), "pool");
    EXPECT_EQ(label_stem("gate_1_2"), "gate_1");
    EXPECT_EQ(label_stem("Layer2"), "Layer");
    EXPECT_EQ(label_stem("Fund 2 cold"), "Fund 2 cold");
    EXPECT_EQ(label_stem("2024"), "2024");
    EXPECT_EQ(label_stem("# 7"), "# 7");
    EXPECT_EQ(label_stem("odd -"), "odd -"); // no number, nothing is cut
    EXPECT_EQ(label_stem(""), "");
}

TEST(PatternClusters, labels_equal_up_to_a_number_and_of_one_kind_are_one_cluster) {
    std::vector<ClusterLabel> const labels = {
        {account(1), "Binance 1", "exchange"}, {account(2), "Binance 22", "Exchange"},
        {account(3), "Binance 3", "custody"},  {account(4), "Binance US 1", "exchange"},
        {account(5), "Binance", "exchange"},   {account(6), "", "exchange"},
        {account(7), "", "exchange"},          {account(1), "Kraken", "exchange"},
        {account(8), "Kraken", "exchange"},    {account(9), "binance 1", "exchange"},
    };
    World world(labels);
    EXPECT_EQ(world.clusters.labels(), 7U);
    for (std::uint64_t i = 1; i <= 10; ++i) world.enter(i);
    std::vector<std::set<std::uint64_t>> const truth = {{1, 2, 5}, {3}, {4}, {6},
                                                        {7},       {8}, {9}, {10}};
    for (auto const& group : truth)
        for (std::uint64_t const member : group)
            for (std::uint64_t other = 1; other <= 10; ++other)
                EXPECT_EQ(world.together(member, other), group.contains(other))
                    << member << ' ' << other;
    for (std::uint64_t const i : {1, 2, 4, 5, 8, 9}) EXPECT_TRUE(world.state(i).exchange) << i;
    for (std::uint64_t const i : {3, 6, 7, 10}) EXPECT_FALSE(world.state(i).exchange) << i;
    EXPECT_EQ(world.state(1).joined_by, JoinedBy::alone);
    EXPECT_EQ(world.state(2).joined_by, JoinedBy::label);
    EXPECT_FALSE(world.together(99, 99)); // nobody is inside of nothing
}

TEST(PatternClusters, an_account_with_a_label_stays_and_its_label_counts_once) {
    std::vector<ClusterLabel> const labels = {{account(1), "A 1", "exchange"},
                                              {account(2), "A 2", "exchange"}};
    Accounts accounts(2, 10);
    Clusters clusters(labels);
    for (std::uint64_t const i : {1, 2}) clusters.welcome(accounts, accounts.enter(account(i), 0));
    EXPECT_EQ(accounts.enter(account(3), 1'000), no_account);
    EXPECT_TRUE(inside(accounts, 0, 1));
}

// ---- sweeps -------------------------------------------------------------------------------------

// `times` deposits of 100, each swept after `wait_s`.
void deposit_and_sweep(World& world, std::uint64_t deposit, int times, std::uint32_t wait_s = 600,
                       u128 swept = 100, std::uint64_t to = hot) {
    for (int i = 0; i < times; ++i) {
        world.move(50 + static_cast<std::uint64_t>(i), deposit, 100);
        world.now += wait_s;
        world.move(deposit, to, swept);
        world.now += World::day;
    }
}

TEST(PatternClusters, a_deposit_address_is_joined_to_its_exchange) {
    World world;
    world.enter(hot_2);
    deposit_and_sweep(world, 7, 2);
    EXPECT_FALSE(world.together(7, hot));
    world.move(50, 7, 100);
    EXPECT_TRUE(world.move(7, hot, 100) && world.together(7, hot) && world.together(7, hot_2));
    EXPECT_EQ(world.state(7).joined_by, JoinedBy::deposit_sweep);
    EXPECT_TRUE(world.state(7).exchange);
    EXPECT_FALSE(world.state(7).named);
    EXPECT_FALSE(world.together(50, hot));
}

TEST(PatternClusters, one_transfer_to_an_exchange_joins_nobody) {
    World world;
    for (std::uint64_t i = 0; i < 20; ++i) world.move(50 + i, 7, 100);
    EXPECT_FALSE(world.move(7, hot, 2'000)); // all it has, at once
    EXPECT_FALSE(world.together(7, hot));
    world.now += World::day;
    EXPECT_FALSE(world.move(7, hot, 2'000)); // nothing came in since
}

TEST(PatternClusters, ninety_nine_parts_of_a_hundred_meet_the_share_and_less_does_not) {
    World enough, little;
    deposit_and_sweep(enough, 7, 3, 600, 99);
    EXPECT_TRUE(enough.together(7, hot));
    deposit_and_sweep(little, 7, 200, 600, 98);
    EXPECT_FALSE(little.together(7, hot));
}

TEST(PatternClusters, a_sweep_of_exactly_two_hours_counts_and_a_second_more_does_not) {
    World in_time, late;
    deposit_and_sweep(in_time, 7, 3, 7'200);
    EXPECT_TRUE(in_time.together(7, hot));
    deposit_and_sweep(late, 7, 30, 7'201);
    EXPECT_FALSE(late.together(7, hot));
}

TEST(PatternClusters, what_goes_elsewhere_is_not_swept) {
    World world;
    world.move(50, 7, 100);
    world.move(7, 51, 100); // once, to a friend
    deposit_and_sweep(world, 7, 98);
    EXPECT_FALSE(world.together(7, hot));
    deposit_and_sweep(world, 7, 1);
    EXPECT_TRUE(world.together(7, hot)); // 9,900 of 10,000
    World wallets;                       // and to two exchanges in turn: neither is its
    for (int i = 0; i < 50; ++i) {
        deposit_and_sweep(wallets, 7, 1);
        deposit_and_sweep(wallets, 7, 1, 600, 100, other_hot);
    }
    EXPECT_FALSE(wallets.together(7, hot) || wallets.together(7, other_hot));
}

TEST(PatternClusters, any_wallet_of_the_same_exchange_will_do) {
    World world;
    deposit_and_sweep(world, 7, 2);
    deposit_and_sweep(world, 7, 1, 600, 100, hot_2);
    EXPECT_TRUE(world.together(7, hot));
}

TEST(PatternClusters, only_labelled_exchanges_gather_and_only_who_has_no_label_is_gathered) {
    World world;
    deposit_and_sweep(world, 7, 10, 600, 100, shop);
    EXPECT_FALSE(world.together(7, shop));
    deposit_and_sweep(world, shop, 10);
    EXPECT_FALSE(world.together(shop, hot));
    deposit_and_sweep(world, other_hot, 10);
    EXPECT_FALSE(world.together(other_hot, hot));
    deposit_and_sweep(world, 8, 5);
    ASSERT_TRUE(world.together(8, hot));
    deposit_and_sweep(world, 9, 10, 600, 100, 8); // through a deposit address
    EXPECT_FALSE(world.together(9, hot));
    world.enter(20), world.enter(21);
    world.accounts.join(world.accounts.find(account(20)), world.accounts.find(account(21)),
                        JoinedBy::multisig);
    deposit_and_sweep(world, 20, 10); // somebody's already
    deposit_and_sweep(world, 21, 10);
    EXPECT_FALSE(world.together(20, hot) || world.together(21, hot));
}

TEST(PatternClusters, rewards_reserves_and_moves_within_are_no_inflows) {
    World world;
    for (auto const kind : {MovementKind::reward, MovementKind::stake_move, MovementKind::mint})
        world.move(50, 7, 1'000'000, kind);
    EXPECT_EQ(world.state(7).in_sum, 0);
    world.move(7, 7, 500); // to itself
    world.move(hot, hot_2, 500);
    EXPECT_EQ(world.state(7).inflows, 0);
    EXPECT_EQ(world.state(hot_2).inflows, 0);
    deposit_and_sweep(world, 7, 3);
    EXPECT_TRUE(world.together(7, hot));
}

TEST(PatternClusters, amounts_at_the_end_of_what_a_number_holds_are_summed) {
    World world;
    u128 const most = ~u128{0};
    for (int i = 0; i < 400; ++i) {
        world.move(50, 7, most);
        if (i % 2 == 0) world.move(7, 51, most);
    }
    EXPECT_EQ(world.state(7).in_sum, 400 * 0x1p128);
    EXPECT_EQ(world.state(7).inflows, 255);
    EXPECT_FALSE(world.move(7, hot, most));
}

TEST(PatternClusters, inflows_that_left_the_log_were_not_swept) {
    World world;
    world.log = MovementLog(4);
    for (int round = 0; round < 10; ++round) {
        world.move(50, 7, 100);
        for (std::uint64_t i = 0; i < 4; ++i) world.move(60, 61, 1);
        world.move(7, hot, 100);
    }
    EXPECT_FALSE(world.together(7, hot));
    EXPECT_EQ(world.state(7).swept, 0);
}

// The definition, over all movements there ever were.
struct Brute {
    struct One {
        std::uint64_t from, to, amount;
        std::uint32_t time;
    };
    std::vector<One> all;

    bool is_deposit(std::uint64_t who, ClusterOptions const& options) const {
        std::uint64_t in = 0, swept = 0, sweeps = 0, inflows = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].to == who) in += all[i].amount, ++inflows;
            if (all[i].from != who || all[i].to != hot) continue;
            std::uint64_t fresh = 0;
            for (std::size_t k = 0; k < i; ++k) {
                if (all[k].from == who) fresh = 0;
                if (all[k].to == who && all[k].time + options.sweep_s >= all[i].time)
                    fresh += all[k].amount;
            }
            swept += std::min(fresh, all[i].amount);
            sweeps += fresh > 0;
        }
        return inflows >= options.inflows && sweeps >= options.sweeps && 10 * swept >= 9 * in;
    }
};

TEST(PatternClusters, sweeps_are_what_a_brute_force_over_all_movements_says) {
    int joined = 0, not_joined = 0;
    for (unsigned seed = 1; seed <= 1'000; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        std::mt19937_64 random(seed);
        ClusterOptions const options{.sweep_s = 100, .sweep_share = 0.9};
        World world(exchanges, options);
        Brute brute;
        bool expected = false;
        std::uint64_t const honest = random() % 12; // the higher, the more it is a deposit address
        for (int step = 0; step < 40; ++step) {
            world.now += static_cast<std::uint32_t>(random() % 60);
            std::uint64_t const amount = 1 + random() % 1'000;
            bool const in = random() % 2 == 0;
            std::uint64_t const out = random() % 12 < honest ? hot : 70;
            Brute::One const one{in ? 60U : 7U, in ? 7U : out, in ? amount : 1 + random() % 2'000,
                                 world.now};
            if (expected && one.to == hot) continue; // inside: it is no movement any more
            brute.all.push_back(one);
            world.move(one.from, one.to, one.amount);
            // Judged when something is swept, for good.
            expected = expected || (one.to == hot && brute.is_deposit(7, options));
            ASSERT_EQ(world.together(7, hot), expected) << "step " << step;
        }
        (expected ? joined : not_joined) += 1;
    }
    EXPECT_GT(joined, 40);
    EXPECT_GT(not_joined, 40);
}

// ---- after a restart ----------------------------------------------------------------------------

std::vector<AccountIndex> who_stands(Accounts const& accounts) {
    std::vector<AccountIndex> stands;
    for (AccountIndex i = 0; i < accounts.size(); ++i) stands.push_back(accounts.cluster_of(i));
    return stands;
}

TEST(PatternClusters, with_the_same_labels_a_restart_changes_nothing) {
    World world;
    deposit_and_sweep(world, 7, 4);
    world.enter(hot_2);
    auto const before = who_stands(world.accounts);
    world.accounts.clean();
    Clusters again(exchanges);
    again.relabel(world.accounts, world.clusters.fingerprint());
    EXPECT_EQ(who_stands(world.accounts), before);
    EXPECT_FALSE(world.accounts.changed(0));
    again.relabel(world.accounts, 0); // the long way round, to the same end
    EXPECT_EQ(who_stands(world.accounts), before);
    EXPECT_EQ(world.state(7).joined_by, JoinedBy::deposit_sweep);
    EXPECT_TRUE(world.state(7).exchange && world.state(hot_2).exchange);
    // And who comes later finds its group.
    std::vector<ClusterLabel> more = exchanges;
    more.push_back({account(1'002), "Binance 3", "exchange"});
    Clusters larger(more);
    larger.relabel(world.accounts, world.clusters.fingerprint());
    larger.welcome(world.accounts, world.accounts.enter(account(1'002), world.now));
    EXPECT_TRUE(world.together(1'002, 7));
}

TEST(PatternClusters, other_labels_part_what_the_old_ones_joined_and_nothing_else) {
    World world;
    world.enter(hot), world.enter(hot_2), world.enter(other_hot);
    deposit_and_sweep(world, 7, 4);
    deposit_and_sweep(world, 8, 4, 600, 100, other_hot);
    world.enter(20), world.enter(21);
    world.accounts.join(world.accounts.find(account(20)), world.accounts.find(account(21)),
                        JoinedBy::multisig);
    std::vector<ClusterLabel> const labels = {{account(hot_2), "Binance 2", "exchange"},
                                              {account(other_hot), "Kraken 9", "exchange"}};
    Clusters changed(labels);
    EXPECT_NE(changed.fingerprint(), world.clusters.fingerprint());
    changed.relabel(world.accounts, world.clusters.fingerprint());
    EXPECT_FALSE(world.together(hot, hot_2) || world.together(7, hot) || world.together(7, hot_2));
    EXPECT_TRUE(world.together(8, other_hot) && world.together(20, 21));
    EXPECT_EQ(world.state(21).joined_by, JoinedBy::alone);
    EXPECT_EQ(world.state(20).joined_by, JoinedBy::multisig);
    EXPECT_FALSE(world.state(hot).exchange || world.state(hot).named || world.state(7).exchange);
    EXPECT_TRUE(world.state(hot_2).exchange && world.state(hot_2).named);
    EXPECT_EQ(world.state(7).sweeps_to, no_account); // what it pointed to may be let go
    EXPECT_EQ(world.state(8).joined_by, JoinedBy::deposit_sweep);
}

TEST(PatternClusters, a_fingerprint_is_of_what_labels_say_not_of_their_words) {
    auto const print = [](std::vector<ClusterLabel> const& labels) {
        return Clusters(labels).fingerprint();
    };
    std::uint64_t const one = print({{account(1), "A 1", "x"}, {account(2), "A 2", "x"}});
    EXPECT_EQ(print({{account(1), "B", "y"}, {account(2), "B 7", "y"}}), one);
    EXPECT_NE(print({{account(1), "A 1", "x"}, {account(2), "B 2", "x"}}), one);
    EXPECT_NE(print({{account(1), "A 1", "exchange"}, {account(2), "A 2", "exchange"}}), one);
    EXPECT_NE(print({{account(1), "A 1", "x"}, {account(3), "A 2", "x"}}), one);
    EXPECT_NE(print({{account(1), "A 1", "x"}}), one);
}

} // namespace
