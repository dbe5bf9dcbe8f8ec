// The traffic is what its options say: the same from the same seed, honest in its ledger, and of
// the distributions it claims.
#include "tests/traffic/traffic.hpp"

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

// FNV-1a of everything a block says.
struct Digest {
    std::uint64_t state = 0xcbf29ce484222325U;
    void add(void const* bytes, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            state = (state ^ static_cast<std::uint8_t const*>(bytes)[i]) * 0x100000001b3U;
        }
    }
    void add(Movement const& one) {
        add(one.from.key, 32);
        add(one.to.key, 32);
        add(&one.amount, sizeof one.amount);
        add(&one.kind, sizeof one.kind);
    }
    void add(Block const& block) {
        add(&block.number, sizeof block.number);
        add(&block.time_s, sizeof block.time_s);
        for (Movement const& one : block.movements) add(one);
    }
};

std::uint64_t digest_of(std::uint64_t seed, std::size_t movements) {
    Options options;
    options.seed = seed;
    Traffic traffic(options);
    Digest digest;
    for (Block const& block : taken(traffic, movements)) digest.add(block);
    return digest.state;
}

// Nothing but transfers between users who can afford them, in every season alike.
Options plain_transfers() {
    Options options;
    options.users = 300;
    options.whales = 1;
    options.balance_median = options.whale_balance = 1e9;
    options.balance_sigma = 0;
    options.staker_share = options.whale_staker_share = 0;
    options.whale_share = options.deposit_share = options.withdraw_share = options.stake_share = 0;
    options.unstake_share = options.batch_share = options.dormant_share = 0;
    options.new_account_share = options.round_share = 0;
    options.rewards_per_era = options.payrolls = 0;
    options.hours.fill(1);
    options.days.fill(1);
    return options;
}

std::vector<double> transfers_in_tokens(Traffic& traffic, std::size_t count) {
    std::vector<double> amounts;
    while (amounts.size() < count) {
        for (Movement const& one : traffic.next().movements) {
            if (one.kind == MovementKind::transfer) amounts.push_back(in_tokens(one.amount));
        }
    }
    return amounts;
}

double normal_cdf(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

} // namespace

TEST(Traffic, is_the_same_from_the_same_seed_and_another_from_another) {
    auto const first = digest_of(1, 100'000);
    EXPECT_EQ(first, digest_of(1, 100'000));
    EXPECT_NE(first, digest_of(2, 100'000));
}

TEST(Traffic, never_overdraws_and_adds_up_to_what_was_issued_less_what_was_burned) {
    for (std::uint64_t const seed : {1U, 2U, 3U}) {
        SCOPED_TRACE(seed);
        Options options;
        options.seed = seed;
        options.fee = 157'462'163;
        Traffic traffic(options);
        Ledger ledger(traffic.genesis());
        u128 const before = ledger.sum();
        for (Block const& block : taken(traffic, 300'000)) {
            for (Movement const& one : block.movements) ledger.play(one);
        }
        EXPECT_EQ(ledger.overdrawn, 0U);
        EXPECT_GT(ledger.minted, 0U);
        EXPECT_GT(ledger.withdrawn, 0U);
        EXPECT_TRUE(ledger.minted == traffic.issued() && ledger.withdrawn == traffic.burned());
        EXPECT_TRUE(ledger.sum() == before + ledger.minted - ledger.withdrawn);
        std::size_t wrong = 0;
        for (AccountId id = 0; id < traffic.accounts(); ++id) {
            wrong += ledger.of(traffic.key(id)) == traffic.balance(id) ? 0 : 1;
        }
        EXPECT_EQ(wrong, 0U);
    }
}

TEST(Traffic, endows_an_account_when_it_comes_to_be_and_not_else) {
    Traffic traffic(Options{});
    Ledger ledger(traffic.genesis());
    std::size_t endowed = 0, wrong = 0;
    Movement before;
    for (Block const& block : taken(traffic, 100'000)) {
        for (Movement const& one : block.movements) {
            bool const pays = one.kind == MovementKind::transfer || one.kind == MovementKind::mint;
            bool const is_new = pays && ledger.of(one.to) == 0;
            bool const was_endowed = before.kind == MovementKind::endow && before.to == one.to &&
                                     before.amount == one.amount;
            if (pays) wrong += is_new != was_endowed ? 1 : 0;
            endowed += is_new ? 1 : 0;
            ledger.play(one);
            before = one;
        }
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_GT(endowed, 1'000U);
}

TEST(Traffic, has_a_block_every_slot_but_for_the_share_that_is_missed) {
    Traffic traffic(Options{});
    auto const& options = traffic.options();
    std::uint32_t number = options.first_block, time_s = 0;
    constexpr int blocks = 200'000;
    for (int i = 0; i < blocks; ++i) {
        Block const& block = traffic.next();
        ASSERT_EQ(block.number, number++);
        ASSERT_GT(block.time_s, time_s);
        ASSERT_EQ((block.time_s - options.start_s) % options.slot_s, 0U);
        time_s = block.time_s;
        for (std::size_t event = 0; event < block.movements.size(); ++event) {
            ASSERT_EQ(block.movements[event].event, event);
        }
    }
    double const slots = (time_s - options.start_s) / options.slot_s + 1;
    double const expected = slots * options.missed_slots;
    EXPECT_NEAR(slots - blocks, expected, 4 * std::sqrt(expected));
}

TEST(Traffic, acts_are_poisson_by_block_and_chosen_by_gamma_rates) {
    for (std::uint64_t const seed : {1U, 2U, 3U}) {
        SCOPED_TRACE(seed);
        Options options = plain_transfers();
        options.seed = seed;
        options.acts_per_block = 3;
        Traffic traffic(options);
        std::map<std::string, double> sent;
        std::vector<double> by_count(12, 0.0), expected_by_count(12, 0.0), seen, expected;
        constexpr int blocks = 30'000;
        double all = 0;
        // A user who would pay oneself does nothing: the rate is thinned by the sum of squares.
        double own = 0;
        for (AccountId user = 0; user < options.users; ++user) {
            own += traffic.activity(user) * traffic.activity(user);
        }
        for (int i = 0; i < blocks; ++i) {
            auto const& movements = traffic.next().movements;
            by_count[std::min<std::size_t>(11, movements.size())] += 1;
            for (Movement const& one : movements) sent[name_of(one.from)] += 1, all += 1;
        }
        double const mean = options.acts_per_block * (1 - own);
        double p = std::exp(-mean), rest = 1;
        for (std::size_t k = 0; k < 11; ++k) {
            expected_by_count[k] = blocks * p;
            rest -= p;
            p *= mean / static_cast<double>(k + 1);
        }
        expected_by_count[11] = blocks * rest;
        EXPECT_GT(chi_square_p(by_count, expected_by_count), once_in);
        for (AccountId user = 0; user < options.users; ++user) {
            double const share = traffic.activity(user);
            seen.push_back(sent[name_of(traffic.key(user))]);
            expected.push_back(all * share * (1 - share) / (1 - own));
        }
        EXPECT_GT(chi_square_p(seen, expected), once_in);
    }
    Options options = plain_transfers();
    options.users = 20'000;
    Traffic const traffic(options);
    std::vector<double> rates;
    double const shape = options.activity_shape; // rates in units of the mean: scale 1 / shape
    for (AccountId user = 0; user < options.users; ++user) {
        rates.push_back(traffic.activity(user) * options.users);
    }
    EXPECT_LT(ks_statistic(rates, [&](double x) { return boost::math::gamma_p(shape, x * shape); }),
              ks_bound);
}

TEST(Traffic, amounts_are_lognormal_and_the_whales_are_pareto) {
    for (std::uint64_t const seed : {1U, 2U, 3U}) {
        SCOPED_TRACE(seed);
        Options options = plain_transfers();
        options.seed = seed;
        Traffic body(options);
        auto const of_body = [&](double x) {
            return normal_cdf(std::log(x / options.amount_median) / options.amount_sigma);
        };
        EXPECT_LT(ks_statistic(transfers_in_tokens(body, 50'000), of_body), ks_bound);

        options.whale_share = 1;
        options.whales = 200;
        options.whale_balance_index = 1e6; // all alike
        options.whale_balance = options.whale_balance_max = 1e12;
        options.whale_exchange_share = 0;
        options.tail_max = 1e9;
        Traffic tail(options);
        auto amounts = transfers_in_tokens(tail, 50'000);
        auto const over = [&](double x) { return std::pow(options.tail_amount / x, 0.68); };
        auto const capped = std::erase_if(amounts, [](double x) { return x >= 1e9; });
        EXPECT_NEAR(static_cast<double>(capped), 50'000 * over(1e9),
                    4 * std::sqrt(50'000 * over(1e9)));
        auto const of_tail = [&](double x) { return (1 - over(x)) / (1 - over(1e9)); };
        EXPECT_LT(ks_statistic(std::move(amounts), of_tail), ks_bound);
    }
}

TEST(Traffic, balances_start_lognormal_with_a_pareto_top) {
    Traffic const traffic(Options{});
    Options const& options = traffic.options();
    std::vector<double> top, rest;
    for (AccountId user = 0; user < options.users; ++user) {
        double const balance = in_tokens(traffic.genesis()[user].total);
        if (user >= options.whales) {
            rest.push_back(balance);
        } else if (balance < options.whale_balance_max) {
            top.push_back(balance);
        }
    }
    double const capped = std::pow(options.whale_balance / options.whale_balance_max, 0.68);
    EXPECT_LT(ks_statistic(top,
                           [&](double x) {
                               double const over = std::pow(options.whale_balance / x, 0.68);
                               return (1 - over) / (1 - capped);
                           }),
              ks_bound);
    EXPECT_LT(ks_statistic(rest,
                           [&](double x) {
                               return normal_cdf(std::log(x / options.balance_median) /
                                                 options.balance_sigma);
                           }),
              ks_bound);
}

TEST(Traffic, follows_the_hours_and_the_days) {
    for (std::uint64_t const seed : {1U, 2U}) {
        SCOPED_TRACE(seed);
        Options options = plain_transfers();
        options.seed = seed;
        options.hours = usual_hours();
        options.days = usual_days;
        options.missed_slots = 0;
        options.acts_per_block = 2;
        Traffic traffic(options);
        constexpr int weeks = 2, blocks = weeks * 7 * 14'400;
        std::vector<double> seen(168, 0.0), expected;
        double all = 0;
        for (int i = 0; i < blocks; ++i) {
            Block const& block = traffic.next();
            auto const hour = (block.time_s - options.start_s) / hour_s % 168; // from Monday
            seen[hour] += static_cast<double>(block.movements.size());
            all += static_cast<double>(block.movements.size());
        }
        double sum = 0;
        for (std::size_t hour = 0; hour < 168; ++hour) {
            double const day = usual_days[(hour / 24 + 1) % 7];
            expected.push_back(day * options.hours[hour % 24]);
            sum += expected.back();
        }
        for (double& one : expected) one *= all / sum;
        EXPECT_GT(chi_square_p(seen, expected), once_in);
        EXPECT_GT(seen[14], 1.8 * seen[2]);                    // Monday: afternoon and night
        EXPECT_GT(seen[2 * 24 + 14], 1.3 * seen[6 * 24 + 14]); // Wednesday and Sunday
    }
}
