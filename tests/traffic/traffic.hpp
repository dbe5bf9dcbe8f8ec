// Ordinary traffic of a chain's own token, from a seed: blocks of movements without end, in order,
// that any detector may be run on; what is planted into it (planted.hpp) is the truth it is judged
// by. The same options give the same bytes everywhere (random.hpp).
//
//   acts of a block (Poisson, by season) ─┐
//   what was due: sweeps, eras, payrolls ─┼─▶ purses ──▶ Block{number, time, movements}
//   what was planted, first in its block ─┘
//
// Every movement is bounded by what its sender may spend, so no balance is ever negative; what the
// balances add up to changes by issued() and burned() alone. What is planted uses its own accounts
// and no randomness of the traffic: the ordinary movements stay the same.
//
// Amounts are planck (10^-10 DOT). One thread. Fails by CHECK alone: a plan that cannot be.
#pragma once

#include "decoders/account.hpp"
#include "decoders/movements.hpp"
#include "tests/traffic/random.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <queue>
#include <vector>

namespace traffic {

using decoders::Account;
using decoders::MovementKind;
using pipeline::u128;

inline constexpr std::uint32_t minute_s = 60, hour_s = 3'600, day_s = 86'400;
inline constexpr u128 planck_a_token = 10'000'000'000;
constexpr u128 tokens(std::uint64_t whole) { return whole * planck_a_token; }
// To six decimals of a token: coarse enough that no last bit of a double matters.
constexpr u128 planck_of(double whole) {
    return static_cast<u128>(static_cast<std::uint64_t>((whole < 1e12 ? whole : 1e12) * 1e6)) *
           10'000;
}

// Multipliers of the rate of acts, brought to a mean of 1. Of hours: UTC. Of days: from Sunday.
// Of 91 recorded movements of whales 62 were between 12 and 16 o'clock: the peak; its height and
// the quiet weekend are assumed.
std::array<double, 24> usual_hours();
inline constexpr std::array<double, 7> usual_days{0.75, 1, 1.1, 1.15, 1.1, 1.05, 0.85};

// README.md says where each magnitude is from.
struct Options {
    std::uint64_t seed = 1;
    std::uint32_t start_s = 1'752'451'200; // Monday 14 July 2025, 00:00 UTC
    std::uint32_t first_block = 26'870'000;
    std::uint32_t slot_s = 6;
    double missed_slots = 0.003;

    double acts_per_block = 0.42; // mean; makes some 0.6 transfers a block
    std::array<double, 24> hours = usual_hours();
    std::array<double, 7> days = usual_days;

    std::uint32_t users = 20'000;
    double activity_shape = 0.45; // gamma: rates of users among each other
    double balance_median = 150;  // tokens; lognormal
    double balance_sigma = 2;
    std::uint32_t whales = 950; // the first users: balances are Pareto from whale_balance
    double whale_balance = 109'189;
    double whale_balance_index = 0.68;
    double whale_balance_max = 35e6;
    u128 existential_deposit = planck_a_token / 100;

    double amount_median = 5.05; // tokens; lognormal
    double amount_sigma = 2.6;
    double round_share = 0.15;   // amounts of one digit and zeros
    double tail_amount = 10'000; // of the acts of whales: Pareto
    double tail_index = 0.68;
    double tail_max = 5e6;

    // Shares of acts; the rest are transfers between users.
    double whale_share = 0.004;
    double deposit_share = 0.15; // of a user to the own deposit account of an exchange
    double withdraw_share = 0.15;
    double stake_share = 0.03;
    double unstake_share = 0.01;
    double batch_share = 0.01;
    double dormant_share = 0.0003; // a dormant account wakes, for little

    double whale_exchange_share = 0.8; // acts of whales that go to an exchange, or come from one
    double new_account_share = 0.1;    // transfers to an account that was not there
    double forward_share = 0.4;        // of those: all of it is passed on later, once
    double forward_mean_s = 6 * hour_s;

    std::uint32_t exchanges = 12;
    double exchange_balance = 80e6; // tokens in the hot wallet of the first, the n-th has 1 / n
    std::uint32_t deposits_per_exchange = 500;
    std::uint32_t sweep_min_s = minute_s, sweep_max_s = 50 * minute_s;
    double sweep_rest_max = 0.005; // what half of the sweeps leave behind, at most

    std::uint32_t era_s = day_s;
    double staker_share = 0.2; // of users; of whales: whale_staker_share
    double whale_staker_share = 0.54;
    double staked_share = 0.9;   // of a staker's balance
    double reward_yearly = 0.14; // of what is at stake
    std::uint32_t rewards_per_era = 192;
    std::uint32_t rewards_per_page = 32; // in one block
    std::uint32_t unbond_s = 28 * day_s;
    double sold_share = 0.5; // of unbonded stakes: sent to an exchange within a day

    double batch_mean = 6; // outputs of a batch beyond two, geometric; at most 100
    std::uint32_t payrolls = 5;
    std::uint32_t payroll_people = 25;
    std::uint32_t payroll_every_s = 7 * day_s;
    std::uint32_t dormants = 2'000;
    u128 fee = 0; // of every signed act, as a withdraw before it; 157'462'163 is the usual one
};

// A balance to start from: an account, what it has, what of that is at stake.
struct Holding {
    Account key;
    u128 total = 0;
    u128 locked = 0;
    bool exchange = false;
};

struct Movement {
    Account from, to; // none where the kind has none
    u128 amount = 0;
    std::uint32_t event = 0; // its number in the block
    MovementKind kind{};
    bool planted = false;
};

struct Block {
    std::uint32_t number = 0;
    std::uint32_t time_s = 0; // unix
    std::vector<Movement> movements;
};

struct MovementId {
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    friend auto operator<=>(MovementId const&, MovementId const&) = default;
};

using AccountId = std::uint32_t; // in this traffic
inline constexpr AccountId nobody = ~AccountId{0};

struct Exchange {
    AccountId hot = nobody;
    AccountId first_deposit = nobody; // and the `deposits` - 1 behind it
    std::uint32_t deposits = 0;
};

class Traffic {
  public:
    // `snapshot`: richest first; exchanges become hot wallets, the others whales; what is lacking
    // is made up.
    explicit Traffic(Options const& options, std::vector<Holding> const& snapshot = {});

    Block const& next(); // valid until the next call

    // Who had what before the first block; nothing that is planted.
    std::vector<Holding> const& genesis() const { return genesis_; }
    std::vector<Exchange> const& exchanges() const { return exchanges_; }
    Options const& options() const { return options_; }
    Account const& key(AccountId account) const { return keys_[account]; }
    u128 balance(AccountId account) const { return purses_[account].total; }
    std::size_t accounts() const { return keys_.size(); }
    u128 issued() const { return issued_; } // since the start
    u128 burned() const { return burned_; }
    // A user's share of all acts of users.
    double activity(AccountId user) const { return activity_[user]; }

    // For planted.hpp. A time is that of the first block at or after it, which must be to come.
    struct Place {
        std::uint32_t block = 0;
        std::uint32_t time_s = 0;
    };
    Place place(std::uint32_t time_s);
    AccountId plant_account();
    // `reserved`: of a sender that has ordinary traffic too, what was planted for it before by a
    // reserved movement to it, which that traffic does not touch.
    MovementId plant(std::uint32_t time_s, MovementKind kind, AccountId from, AccountId to,
                     u128 amount, bool reserved = false);

  private:
    struct Purse {
        u128 total = 0;
        u128 locked = 0; // at stake, still bound, or reserved
        u128 active = 0; // of that, at stake
    };
    enum class DueKind : std::uint8_t {
        sweep,
        forward,
        unbonded,
        sell,
        era,
        payout,
        top_up,
        payroll
    };
    struct Due {
        std::uint32_t time_s = 0;
        std::uint32_t order = 0;
        DueKind kind{};
        AccountId account = nobody;
        u128 amount = 0;
        friend bool operator<(Due const& a, Due const& b) { // a heap's top is the earliest
            return a.time_s != b.time_s ? a.time_s > b.time_s : a.order > b.order;
        }
    };
    struct Planted {
        MovementKind kind{};
        AccountId from = nobody, to = nobody;
        u128 amount = 0;
        bool reserved = false;
    };

    // population.cpp
    AccountId enter(Account const& key, u128 total, u128 locked);
    AccountId made_account(u128 total, u128 locked);
    void make_users(std::vector<Holding> const& snapshot);
    void make_exchanges(std::vector<Holding> const& snapshot);
    void make_others();
    void make_seasons();

    // traffic.cpp
    bool missed(std::uint64_t slot) const;
    void tell(MovementKind kind, AccountId from, AccountId to, u128 amount);
    void apply(MovementKind kind, AccountId from, AccountId to, u128 amount);
    void play_planted();
    void play_due(Due const& due);
    void schedule(std::uint32_t after_s, DueKind kind, AccountId account, u128 amount = 0);

    // acts.cpp
    u128 drawn_amount();
    u128 spendable(AccountId account) const;
    u128 affordable(AccountId account, u128 wanted);
    void pay_fee(AccountId from);
    void act();
    void send(AccountId from, AccountId to, u128 wanted);
    void send_new(AccountId from, u128 wanted);
    void forward(AccountId from);
    void deposit(AccountId from, u128 wanted);
    void withdraw(AccountId to, u128 wanted);
    void expect_sweep(AccountId deposit);
    AccountId hot_wallet_of(AccountId deposit) const;
    void whale_act();
    void stake();
    void unstake();
    void batch();
    void wake();
    void sweep(AccountId deposit);
    void era();
    void payout();
    void top_up(AccountId payroll);
    void pay(AccountId payroll);
    u128 salary(AccountId payroll, std::uint32_t number) const;
    AccountId person(AccountId payroll, std::uint32_t number) const;

    Options const options_;
    Random random_;
    Block block_;
    std::vector<Account> keys_;
    std::vector<Purse> purses_;
    std::vector<Holding> genesis_;
    std::vector<Exchange> exchanges_;
    std::vector<double> activity_;
    std::vector<AccountId> homes_; // by user: where the user deposits
    std::vector<AccountId> stakers_;
    std::vector<bool> sweep_due_; // by deposit account, from the first
    AccountId first_deposit_ = 0, first_payroll_ = 0, first_dormant_ = 0;
    AliasTable user_table_, whale_table_, exchange_table_;
    std::array<double, 168> exp_of_minus_acts_{}; // by hour of the week, from Thursday as unix time
    std::priority_queue<Due> due_;
    std::uint32_t due_order_ = 0;
    std::uint32_t next_staker_ = 0;
    std::uint64_t made_keys_ = 0, planted_keys_ = 0;
    std::uint64_t slot_ = 0; // the next one
    std::uint32_t next_number_;
    std::map<std::uint32_t, std::vector<Planted>> planted_; // by block
    std::vector<std::uint32_t> numbers_; // of the first block at or after each 1024th slot
    u128 issued_ = 0, burned_ = 0;
};

} // namespace traffic
