// What people, exchanges and the chain itself do.
#include "tests/traffic/traffic.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace traffic {

namespace {

constexpr std::uint32_t million = 1'000'000;

double rounded_to_one_digit(double amount) {
    double unit = 1;
    while (amount >= 10 * unit) unit *= 10;
    while (amount < unit && unit > 1e-4) unit /= 10;
    return static_cast<double>(static_cast<std::uint64_t>(amount / unit + 0.5)) * unit;
}

u128 small_part(u128 amount, Random& random) { // the square of a unit: a third on average
    auto const part = std::uint64_t{random.below(million)} * random.below(million) / million;
    return amount / million * part;
}

} // namespace

u128 Traffic::drawn_amount() {
    double amount = random_.lognormal(options_.amount_median, options_.amount_sigma);
    if (random_.chance(options_.round_share)) amount = rounded_to_one_digit(amount);
    return planck_of(amount);
}

// Without what keeps the account there.
u128 Traffic::spendable(AccountId account) const {
    Purse const& purse = purses_[account];
    u128 const kept = std::max(purse.locked, options_.existential_deposit);
    return purse.total > kept ? purse.total - kept : 0;
}

// What is wanted, or where that is too much, some part of what there is.
u128 Traffic::affordable(AccountId account, u128 wanted) {
    u128 const most = spendable(account);
    return wanted <= most ? wanted : most / million * random_.below(million);
}

void Traffic::pay_fee(AccountId from) {
    if (options_.fee == 0 || spendable(from) < options_.fee) return;
    tell(MovementKind::withdraw, from, nobody, options_.fee);
}

void Traffic::act() {
    double choice = random_.unit();
    auto const is = [&choice](double share) { return (choice -= share) < 0; };
    if (is(options_.whale_share)) return whale_act();
    if (is(options_.stake_share)) return stake();
    if (is(options_.unstake_share)) return unstake();
    if (is(options_.batch_share)) return batch();
    if (is(options_.dormant_share)) return wake();
    AccountId const user = user_table_.draw(random_);
    u128 const wanted = drawn_amount();
    if (is(options_.deposit_share)) return deposit(user, wanted);
    if (is(options_.withdraw_share)) return withdraw(user, wanted);
    if (is(options_.new_account_share)) return send_new(user, wanted);
    send(user, user_table_.draw(random_), wanted);
}

// Nothing happens that a chain would refuse.
void Traffic::send(AccountId from, AccountId to, u128 wanted) {
    if (from == to) return;
    pay_fee(from);
    u128 const amount = affordable(from, wanted);
    if (amount == 0 || (purses_[to].total == 0 && amount < options_.existential_deposit)) return;
    tell(MovementKind::transfer, from, to, amount);
}

void Traffic::send_new(AccountId from, u128 wanted) {
    if (std::min(wanted, spendable(from)) < 2 * options_.existential_deposit) return;
    AccountId const to = made_account(0, 0);
    send(from, to, wanted);
    if (purses_[to].total == 0 || !random_.chance(options_.forward_share)) return;
    double const after_s = std::min(30.0 * day_s, random_.exponential(options_.forward_mean_s));
    schedule(static_cast<std::uint32_t>(after_s), DueKind::forward, to);
}

// All of it, and the account is gone.
void Traffic::forward(AccountId from) {
    AccountId const user = user_table_.draw(random_);
    bool const sold = random_.chance(options_.sold_share);
    pay_fee(from);
    u128 const amount = purses_[from].total;
    if (amount == 0 || (amount < options_.existential_deposit)) return;
    AccountId const to = sold ? homes_[user] : user;
    tell(MovementKind::transfer, from, to, amount);
    if (sold) expect_sweep(to);
}

void Traffic::deposit(AccountId from, u128 wanted) {
    AccountId const to = homes_[from];
    auto const before = purses_[to].total;
    send(from, to, wanted);
    if (purses_[to].total != before) expect_sweep(to);
}

void Traffic::expect_sweep(AccountId deposit) {
    if (sweep_due_[deposit - first_deposit_]) return;
    sweep_due_[deposit - first_deposit_] = true;
    schedule(random_.between(options_.sweep_min_s, options_.sweep_max_s), DueKind::sweep, deposit);
}

AccountId Traffic::hot_wallet_of(AccountId deposit) const {
    return exchanges_[(deposit - first_deposit_) / options_.deposits_per_exchange].hot;
}

void Traffic::sweep(AccountId deposit) {
    sweep_due_[deposit - first_deposit_] = false;
    pay_fee(deposit);
    u128 const total = purses_[deposit].total;
    u128 rest = 0;
    if (random_.chance(0.5)) {
        auto const most = static_cast<std::uint32_t>(options_.sweep_rest_max * million);
        rest = total / million * random_.below(most + 1);
    }
    if (rest < options_.existential_deposit) rest = 0;
    if (total > rest) tell(MovementKind::transfer, deposit, hot_wallet_of(deposit), total - rest);
}

// From the exchange a user deposits at.
void Traffic::withdraw(AccountId to, u128 wanted) { send(hot_wallet_of(homes_[to]), to, wanted); }

void Traffic::whale_act() {
    AccountId const whale = whale_table_.draw(random_);
    u128 const wanted = planck_of(
        std::min(options_.tail_max, random_.pareto(options_.tail_amount, options_.tail_index)));
    if (!random_.chance(options_.whale_exchange_share)) {
        send(whale, whale_table_.draw(random_), wanted);
    } else if (random_.chance(0.5)) {
        deposit(whale, wanted);
    } else {
        withdraw(whale, wanted);
    }
}

void Traffic::stake() {
    if (stakers_.empty()) return;
    AccountId const staker = stakers_[random_.below(static_cast<std::uint32_t>(stakers_.size()))];
    pay_fee(staker);
    u128 const amount = small_part(spendable(staker), random_);
    if (amount > 0) tell(MovementKind::stake, staker, nobody, amount);
}

void Traffic::unstake() {
    if (stakers_.empty()) return;
    AccountId const staker = stakers_[random_.below(static_cast<std::uint32_t>(stakers_.size()))];
    pay_fee(staker);
    u128 const amount = small_part(purses_[staker].active, random_);
    if (amount == 0) return;
    tell(MovementKind::unstake, nobody, staker, amount);
    schedule(options_.unbond_s + random_.below(day_s), DueKind::unbonded, staker, amount);
}

void Traffic::batch() {
    AccountId const from = user_table_.draw(random_);
    double const more = random_.exponential(options_.batch_mean); // its floor is geometric
    pay_fee(from);
    for (auto left = 2 + static_cast<std::uint32_t>(std::min(98.0, more)); left > 0; --left) {
        AccountId const to = user_table_.draw(random_);
        u128 const amount = affordable(from, drawn_amount());
        if (amount > 0 && to != from && purses_[to].total > 0) {
            tell(MovementKind::transfer, from, to, amount);
        }
    }
}

void Traffic::wake() {
    AccountId const sleeper = first_dormant_ + random_.below(options_.dormants);
    u128 const wanted = drawn_amount();
    u128 const most = std::min(tokens(1'000), purses_[sleeper].total / 100);
    send(sleeper, user_table_.draw(random_), std::min(wanted, most));
}

void Traffic::era() {
    schedule(options_.era_s, DueKind::era, nobody);
    for (auto left = options_.rewards_per_era / options_.rewards_per_page; left > 0; --left) {
        schedule(random_.below(options_.era_s), DueKind::payout, nobody);
    }
}

// A page of stakers is paid: what was earned is told, then it is minted.
void Traffic::payout() {
    double const share = options_.reward_yearly * options_.era_s / (365.0 * day_s);
    auto const share_billionths = static_cast<std::uint64_t>(share * 1e9);
    for (std::uint32_t i = 0; i < options_.rewards_per_page && !stakers_.empty(); ++i) {
        AccountId const staker = stakers_[next_staker_++ % stakers_.size()];
        u128 const amount = purses_[staker].active * share_billionths / 1'000'000'000;
        if (amount == 0) continue;
        tell(MovementKind::reward, nobody, staker, amount);
        tell(MovementKind::mint, nobody, staker, amount);
    }
}

// The same people are paid the same every time.
AccountId Traffic::person(AccountId payroll, std::uint32_t number) const {
    return static_cast<AccountId>(mixed((std::uint64_t{payroll} << 32U) + number) % options_.users);
}
u128 Traffic::salary(AccountId payroll, std::uint32_t number) const {
    return tokens(100 + mixed(~((std::uint64_t{payroll} << 32U) + number)) % 901);
}

void Traffic::top_up(AccountId payroll) {
    schedule(options_.payroll_every_s, DueKind::top_up, payroll);
    u128 sum = options_.fee;
    for (std::uint32_t i = 0; i < options_.payroll_people; ++i) sum += salary(payroll, i);
    u128 const there = spendable(payroll);
    AccountId const hot = exchanges_[exchange_table_.draw(random_)].hot;
    if (sum > there) send(hot, payroll, sum - there);
}

void Traffic::pay(AccountId payroll) {
    schedule(options_.payroll_every_s, DueKind::payroll, payroll);
    pay_fee(payroll);
    for (std::uint32_t i = 0; i < options_.payroll_people; ++i) {
        AccountId const to = person(payroll, i);
        u128 const amount = salary(payroll, i);
        if (spendable(payroll) >= amount) tell(MovementKind::transfer, payroll, to, amount);
    }
}

} // namespace traffic
