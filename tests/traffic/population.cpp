// Who is there when the traffic starts, and what they have.
#include "tests/traffic/traffic.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <numeric>

namespace traffic {

namespace {

u128 share_of(u128 amount, double share) {
    return amount / 1'000'000 * static_cast<std::uint64_t>(share * 1e6);
}

Account key_of(std::uint64_t seed, std::uint64_t number) {
    std::uint64_t words[4];
    for (std::uint64_t i = 0; i < 4; ++i) words[i] = mixed(mixed(mixed(seed) ^ number) + i);
    Account key;
    for (std::size_t i = 0; i < 32; ++i) { // least byte first, on any machine
        key.key[i] = static_cast<std::uint8_t>(words[i / 8] >> (i % 8 * 8));
    }
    key.size = 32;
    return key;
}

} // namespace

std::array<double, 24> usual_hours() {
    // Twelve steps up from 02 UTC to 14 UTC and down again: 1 - 0.4 cos, as a table.
    constexpr double rise[] = {0.60, 0.61, 0.65, 0.72, 0.80, 0.90, 1.00,
                               1.10, 1.20, 1.28, 1.35, 1.39, 1.40};
    std::array<double, 24> hours{};
    for (std::size_t i = 0; i <= 12; ++i) hours[(2 + i) % 24] = hours[(26 - i) % 24] = rise[i];
    return hours;
}

Traffic::Traffic(Options const& options, std::vector<Holding> const& snapshot)
    : options_(options)
    , random_(mixed(options.seed))
    , next_number_(options.first_block) {
    CHECK(options.users > options.whales && options.exchanges > 0 && options.slot_s > 0);
    CHECK(options.deposits_per_exchange > 0 && options.dormants > 0 && options.whales > 0);
    CHECK(options.rewards_per_page > 0 && options.sweep_max_s >= options.sweep_min_s);
    make_users(snapshot);
    make_exchanges(snapshot);
    make_others();
    make_seasons();
    genesis_.reserve(keys_.size());
    for (AccountId id = 0; id < keys_.size(); ++id) {
        bool const exchange = id >= exchanges_.front().hot && id < first_payroll_;
        genesis_.push_back({keys_[id], purses_[id].total, purses_[id].locked, exchange});
    }
}

AccountId Traffic::enter(Account const& key, u128 total, u128 locked) {
    keys_.push_back(key);
    purses_.push_back({total, locked, locked});
    return static_cast<AccountId>(keys_.size() - 1);
}

AccountId Traffic::made_account(u128 total, u128 locked) {
    return enter(key_of(options_.seed, ++made_keys_), total, locked);
}

AccountId Traffic::plant_account() { return enter(key_of(~options_.seed, ++planted_keys_), 0, 0); }

void Traffic::make_users(std::vector<Holding> const& snapshot) {
    std::vector<double> weights;
    auto row = snapshot.begin();
    for (AccountId user = 0; user < options_.users; ++user) {
        weights.push_back(random_.gamma(options_.activity_shape, 1));
        bool const whale = user < options_.whales;
        row = std::find_if(row, snapshot.end(), [](Holding const& one) { return !one.exchange; });
        double const balance =
            whale ? std::min(options_.whale_balance_max,
                             random_.pareto(options_.whale_balance, options_.whale_balance_index))
                  : std::min(options_.whale_balance,
                             random_.lognormal(options_.balance_median, options_.balance_sigma));
        double const staker_share = whale ? options_.whale_staker_share : options_.staker_share;
        bool const staker = random_.chance(staker_share);
        u128 const total = planck_of(balance);
        if (whale && row != snapshot.end()) {
            enter(row->key, row->total, std::min(row->locked, row->total));
            ++row;
        } else {
            made_account(total, staker ? share_of(total, options_.staked_share) : 0);
        }
        if (purses_[user].locked > 0) stakers_.push_back(user);
    }
    user_table_ = AliasTable(weights);
    whale_table_ = AliasTable(std::span(weights).first(options_.whales));
    double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double const weight : weights) activity_.push_back(weight / sum);
}

void Traffic::make_exchanges(std::vector<Holding> const& snapshot) {
    std::vector<double> weights;
    auto row = snapshot.begin();
    for (std::uint32_t i = 0; i < options_.exchanges; ++i) {
        weights.push_back(1.0 / (i + 1));
        row = std::find_if(row, snapshot.end(), [](Holding const& one) { return one.exchange; });
        AccountId hot = nobody;
        if (row != snapshot.end()) {
            hot = enter(row->key, row->total, std::min(row->locked, row->total));
            ++row;
        } else {
            hot = made_account(planck_of(options_.exchange_balance / (i + 1)), 0);
        }
        exchanges_.push_back({hot, 0, options_.deposits_per_exchange});
    }
    exchange_table_ = AliasTable(weights);
    first_deposit_ = static_cast<AccountId>(keys_.size());
    for (Exchange& exchange : exchanges_) {
        exchange.first_deposit = static_cast<AccountId>(keys_.size());
        for (std::uint32_t i = 0; i < exchange.deposits; ++i) made_account(0, 0);
    }
    for (AccountId user = 0; user < options_.users; ++user) {
        Exchange const& exchange = exchanges_[exchange_table_.draw(random_)];
        homes_.push_back(exchange.first_deposit + random_.below(exchange.deposits));
    }
    sweep_due_.assign(keys_.size() - first_deposit_, false);
}

void Traffic::make_others() {
    first_payroll_ = static_cast<AccountId>(keys_.size());
    for (std::uint32_t i = 0; i < options_.payrolls; ++i) {
        AccountId const payroll = made_account(options_.existential_deposit, 0);
        // Spread over the working week, the money a day before it is due.
        std::uint32_t const first_s = day_s + hour_s * (9 + 31 * i);
        schedule(first_s - day_s + random_.below(hour_s), DueKind::top_up, payroll);
        schedule(first_s + random_.below(hour_s), DueKind::payroll, payroll);
    }
    first_dormant_ = static_cast<AccountId>(keys_.size());
    for (std::uint32_t i = 0; i < options_.dormants; ++i) {
        made_account(planck_of(std::min(1e6, random_.lognormal(2'000, 2))), 0);
    }
    schedule(options_.era_s, DueKind::era, nobody);
}

void Traffic::make_seasons() {
    double const hours = std::accumulate(options_.hours.begin(), options_.hours.end(), 0.0) / 24;
    double const days = std::accumulate(options_.days.begin(), options_.days.end(), 0.0) / 7;
    for (std::size_t hour = 0; hour < exp_of_minus_acts_.size(); ++hour) {
        // 1 January 1970 was a Thursday.
        double const season =
            options_.hours[hour % 24] / hours * options_.days[(hour / 24 + 4) % 7] / days;
        exp_of_minus_acts_[hour] = exp_of(-options_.acts_per_block * season);
    }
}

} // namespace traffic
