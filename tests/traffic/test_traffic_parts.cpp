// The parts of the traffic: exchanges, staking, payrolls, fees, who sleeps; numbers, snapshots,
// other orders and names.
#include "tests/traffic/checks.hpp"
#include "tests/traffic/planted.hpp"
#include "tests/traffic/snapshot.hpp"
#include "tests/traffic/tools.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <set>

using namespace traffic;

namespace {

double normal_cdf(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

template <class Draw>
std::vector<double> sample(std::uint64_t seed, Draw const& draw) {
    Random random(seed);
    std::vector<double> values;
    for (int i = 0; i < 50'000; ++i) values.push_back(draw(random));
    return values;
}

// Equal but for the order within blocks.
std::multiset<std::string> contents(Block const& block) {
    std::multiset<std::string> all;
    for (Movement const& one : block.movements) {
        all.insert(name_of(one.from) + '>' + name_of(one.to) +
                   std::to_string(static_cast<std::uint64_t>(one.amount)) + '#' +
                   std::to_string(one.event));
    }
    return all;
}

} // namespace

TEST(Random, ln_and_exp_are_those_of_the_library_to_the_last_bits) {
    Random random(7);
    for (int i = 0; i < 200'000; ++i) {
        double const x = std::ldexp(0.5 + random.unit(), static_cast<int>(random.below(200)) - 100);
        ASSERT_NEAR(ln(x), std::log(x), 2e-15 * std::max(1.0, std::abs(std::log(x)))) << x;
        double const y = 1'390 * random.unit() - 695;
        ASSERT_NEAR(exp_of(y) / std::exp(y), 1, 2e-15) << y;
    }
    EXPECT_EQ(ln(1), 0);
    EXPECT_EQ(exp_of(0), 1);
    EXPECT_EQ(exp_of(-701), 0);
}

TEST(Random, draws_the_distributions_it_names) {
    for (std::uint64_t const seed : {11U, 12U, 13U}) {
        SCOPED_TRACE(seed);
        EXPECT_LT(ks_statistic(sample(seed, [](auto& r) { return r.unit(); }),
                               [](double x) { return x; }),
                  ks_bound);
        EXPECT_LT(ks_statistic(sample(seed, [](auto& r) { return r.exponential(3); }),
                               [](double x) { return 1 - std::exp(-x / 3); }),
                  ks_bound);
        EXPECT_LT(ks_statistic(sample(seed, [](auto& r) { return r.normal(); }), normal_cdf),
                  ks_bound);
        for (double const shape : {0.45, 1.0, 7.5}) {
            EXPECT_LT(ks_statistic(sample(seed, [&](auto& r) { return r.gamma(shape, 2); }),
                                   [&](double x) { return boost::math::gamma_p(shape, x / 2); }),
                      ks_bound);
        }
        for (double const mean : {0.4, 6.0}) {
            std::vector<double> seen(25, 0.0), expected(25, 0.0);
            double const limit = std::exp(-mean);
            for (double const k : sample(seed, [&](auto& r) { return r.poisson(limit); })) {
                seen[static_cast<std::size_t>(std::min(k, 24.0))] += 1;
            }
            for (std::size_t k = 0; k < 25; ++k) { // the rest beyond 24 is below 1e-8
                double const n = static_cast<double>(k);
                expected[k] = 50'000 * std::exp(n * std::log(mean) - mean - std::lgamma(n + 1));
            }
            EXPECT_GT(chi_square_p(seen, expected), once_in);
        }
        std::vector<double> const weights{1, 0, 5, 0.25, 10, 3.75};
        std::vector<double> seen(weights.size(), 0.0), expected;
        AliasTable const table(weights);
        for (double const i : sample(seed, [&](auto& r) { return table.draw(r); })) {
            seen[static_cast<std::size_t>(i)] += 1;
        }
        for (double const weight : weights) expected.push_back(50'000 * weight / 20);
        EXPECT_EQ(seen[1], 0);
        EXPECT_GT(chi_square_p(seen, expected), once_in);
    }
}

TEST(Traffic, sweeps_deposits_within_an_hour_to_99_percent) {
    Traffic traffic(Options{});
    Ledger ledger(traffic.genesis());
    std::map<std::string, std::string> hot_of; // by deposit account
    for (Exchange const& exchange : traffic.exchanges()) {
        for (AccountId i = 0; i < exchange.deposits; ++i) {
            hot_of[name_of(traffic.key(exchange.first_deposit + i))] =
                name_of(traffic.key(exchange.hot));
        }
    }
    std::map<std::string, std::uint32_t> waiting; // since when
    std::size_t sweeps = 0, late = 0, elsewhere = 0, too_little = 0;
    double in = 0, on = 0;
    for (Block const& block : taken(traffic, 200'000)) {
        for (Movement const& one : block.movements) {
            auto const from = hot_of.find(name_of(one.from));
            if (from != hot_of.end()) {
                ++sweeps;
                elsewhere += name_of(one.to) != from->second ? 1 : 0;
                too_little += one.amount * 100 < ledger.of(one.from) * 99 ? 1 : 0;
                late += block.time_s - waiting[from->first] > hour_s ? 1 : 0;
                waiting.erase(from->first);
                on += in_tokens(one.amount);
            }
            if (one.kind == MovementKind::transfer && hot_of.contains(name_of(one.to))) {
                waiting.try_emplace(name_of(one.to), block.time_s);
                in += in_tokens(one.amount);
            }
            ledger.play(one);
        }
    }
    EXPECT_GT(sweeps, 10'000U);
    EXPECT_EQ(late + elsewhere + too_little, 0U) << late << ' ' << elsewhere << ' ' << too_little;
    EXPECT_LT(waiting.size(), 50U); // those of the last hour
    EXPECT_GT(on / in, 0.99);
}

TEST(Traffic, stakes_are_free_again_after_their_time_and_rewards_are_minted) {
    Options options;
    options.unbond_s = 2 * day_s;
    Traffic traffic(options);
    std::map<std::string, std::multimap<u128, std::uint32_t>> bound; // amount, since
    std::size_t freed = 0, wrong = 0, rewards = 0;
    Movement before;
    for (Block const& block : taken(traffic, 200'000)) {
        for (Movement const& one : block.movements) {
            auto& of = bound[name_of(one.to)];
            if (one.kind == MovementKind::unstake) of.emplace(one.amount, block.time_s);
            if (one.kind == MovementKind::withdraw_unbonded) {
                ++freed;
                auto const found = of.find(one.amount);
                bool const known = found != of.end();
                auto const age_s = known ? block.time_s - found->second : 0;
                wrong += age_s < 2 * day_s || age_s > 3 * day_s + minute_s ? 1 : 0;
                if (known) of.erase(found);
            }
            if (before.kind == MovementKind::reward) {
                ++rewards;
                wrong += one.kind == MovementKind::mint && one.to == before.to &&
                                 one.amount == before.amount
                           ? 0
                           : 1;
            }
            before = one;
        }
    }
    EXPECT_GT(freed, 500U);
    EXPECT_GT(rewards, 1'000U);
    EXPECT_EQ(wrong, 0U);
}

TEST(Traffic, pays_the_same_people_the_same_salaries_every_week) {
    Traffic traffic(Options{});
    std::map<std::string, std::vector<std::pair<std::uint32_t, std::string>>> payrolls;
    for (Block const& block : taken(traffic, 300'000)) {
        std::map<std::string, std::string> of;
        std::map<std::string, int> sizes;
        for (Movement const& one : block.movements) {
            if (one.kind != MovementKind::transfer || one.amount % tokens(1) != 0) continue;
            of[name_of(one.from)] += name_of(one.to) + std::to_string(in_tokens(one.amount));
            ++sizes[name_of(one.from)];
        }
        for (auto const& [from, paid] : of) {
            if (sizes[from] == 25) payrolls[from].emplace_back(block.time_s, paid);
        }
    }
    ASSERT_EQ(payrolls.size(), 5U);
    for (auto const& [from, days] : payrolls) {
        ASSERT_GE(days.size(), 3U);
        for (std::size_t i = 1; i < days.size(); ++i) {
            EXPECT_EQ(days[i].second, days[0].second);
            EXPECT_NEAR(days[i].first - days[i - 1].first, 7 * day_s, minute_s);
        }
    }
}

TEST(Traffic, wakes_the_dormant_for_small_amounts_only) {
    Options options;
    options.dormant_share = 0.02;
    Traffic traffic(options);
    std::set<std::string> dormant;
    auto const& genesis = traffic.genesis();
    for (std::size_t i = genesis.size() - options.dormants; i < genesis.size(); ++i) {
        dormant.insert(name_of(genesis[i].key));
    }
    Ledger ledger(genesis);
    std::size_t wakes = 0, large = 0;
    for (Block const& block : taken(traffic, 100'000)) {
        for (Movement const& one : block.movements) {
            if (dormant.contains(name_of(one.from))) {
                ++wakes;
                u128 const balance = ledger.of(one.from);
                large += one.amount > balance / 100 || one.amount > tokens(1'000) ? 1 : 0;
            }
            ledger.play(one);
        }
    }
    EXPECT_GT(wakes, 500U);
    EXPECT_EQ(large, 0U);
}

TEST(Traffic, takes_the_fee_before_what_it_is_for) {
    Options options;
    options.fee = 157'462'163;
    options.batch_share = 0; // one fee for many
    options.payrolls = 0;
    Traffic traffic(options);
    std::size_t paid = 0, transfers = 0;
    Movement before;
    for (Block const& block : taken(traffic, 50'000)) {
        for (Movement const& one : block.movements) {
            if (one.kind == MovementKind::endow) continue; // between the two
            transfers += one.kind == MovementKind::transfer ? 1 : 0;
            paid += one.kind == MovementKind::transfer && before.kind == MovementKind::withdraw &&
                            before.from == one.from && before.amount == options.fee
                      ? 1
                      : 0;
            before = one;
        }
    }
    EXPECT_GT(paid, transfers * 9 / 10); // who has not even the fee pays none
}

TEST(Traffic, starts_from_a_snapshot_and_reads_one_tolerantly) {
    auto const some = parse_snapshot(R"({"accounts":[
        {"address":"nonsense","balance":"5"},
        {"address":"13Z7KjGnzdAdMre9cqRwTZHR6F2p36gqBsaNmQwwosiPz8JT",
         "balance":"34871707.9659210338","locked":"0","accountType":"whale"},
        {"balance":"7"}, 3,
        {"address":"16ZL8yLyXv3V3L3z9ofR1ovFLziyXaN1DPq4yffMAZ9czzBD",
         "balance":"130543253.4136350592","locked":"36151918.6287609875",
         "accountType":"exchange"}]})");
    ASSERT_EQ(some.size(), 2U);
    EXPECT_TRUE(some[0].exchange && some[0].total == 1'305'432'534'136'350'592U);
    EXPECT_TRUE(some[0].locked == 361'519'186'287'609'875U);
    EXPECT_TRUE(!some[1].exchange && some[1].total == 348'717'079'659'210'338U);
    EXPECT_TRUE(parse_snapshot("{").empty() && parse_snapshot("").empty());
    EXPECT_TRUE(parse_snapshot("[1]").empty() && read_snapshot("no such file").empty());

    auto const file = snapshot_file();
    if (file.empty()) GTEST_SKIP() << "corpus not found; set SPYHOP_CORPUS";
    auto const holdings = read_snapshot(file);
    ASSERT_EQ(holdings.size(), 1'000U);
    Options options;
    Traffic traffic(options, holdings);
    Ledger ledger(traffic.genesis());
    std::size_t found = 0;
    for (Holding const& one : holdings) found += ledger.of(one.key) == one.total ? 1 : 0;
    EXPECT_EQ(found, 950U + options.exchanges); // of 955 whales and 45 exchanges
    for (Block const& block : taken(traffic, 100'000)) {
        for (Movement const& one : block.movements) ledger.play(one);
    }
    EXPECT_EQ(ledger.overdrawn, 0U);
}

TEST(Tools, another_order_keeps_what_matters) {
    Options options;
    options.acts_per_block = 8;
    Traffic traffic(options);
    auto const stream = taken(traffic, 20'000);
    auto const other = permuted_order(stream, 5);
    ASSERT_EQ(other.size(), stream.size());
    Ledger ledger(traffic.genesis());
    std::size_t moved = 0, overtaken = 0;
    for (std::size_t b = 0; b < stream.size(); ++b) {
        ASSERT_EQ(contents(stream[b]), contents(other[b]));
        std::map<std::string, std::uint32_t> newest; // event by account
        for (std::size_t i = 0; i < other[b].movements.size(); ++i) {
            Movement const& one = other[b].movements[i];
            moved += one.event != i ? 1 : 0;
            for (Account const* party : {&one.from, &one.to}) {
                if (!*party) continue;
                auto& last = newest[name_of(*party)];
                overtaken += last > one.event ? 1 : 0;
                last = one.event;
            }
            ledger.play(one);
        }
    }
    EXPECT_GT(moved, 5'000U);
    EXPECT_EQ(overtaken + ledger.overdrawn, 0U);
}

TEST(Tools, other_names_are_a_bijection_and_come_back) {
    Traffic traffic(Options{});
    auto const stream = taken(traffic, 5'000);
    auto const other = renamed(stream, 9);
    auto const back = renamed(other, 9);
    std::map<std::string, std::string> names;
    std::set<std::string> images;
    for (std::size_t b = 0; b < stream.size(); ++b) {
        ASSERT_EQ(contents(stream[b]), contents(back[b]));
        for (std::size_t i = 0; i < stream[b].movements.size(); ++i) {
            auto const from = name_of(stream[b].movements[i].from);
            auto const image = name_of(other[b].movements[i].from);
            ASSERT_EQ(from.empty(), image.empty());
            if (from.empty()) continue;
            ASSERT_NE(from, image);
            ASSERT_EQ(names.try_emplace(from, image).first->second, image);
            images.insert(image);
        }
    }
    EXPECT_EQ(names.size(), images.size());
    auto const accounts = permuted_accounts(stream, 1);
    std::set<std::string> once;
    for (Account const& account : accounts) once.insert(name_of(account));
    EXPECT_EQ(once.size(), accounts.size());
    EXPECT_GT(accounts.size(), images.size());
    EXPECT_NE(permuted_accounts(stream, 2), accounts);
}
