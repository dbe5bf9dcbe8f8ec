#include "tests/traffic/traffic.hpp"

#include "pipeline/check.hpp"

namespace traffic {

namespace {
constexpr std::uint64_t slots_a_mark = 1'024;
}

bool Traffic::missed(std::uint64_t slot) const {
    auto const bits = mixed(mixed(options_.seed ^ 0x736c6f74) + slot);
    return static_cast<double>(bits >> 11U) * 0x1p-53 < options_.missed_slots;
}

Block const& Traffic::next() {
    while (missed(slot_)) ++slot_;
    block_.number = next_number_++;
    block_.time_s = options_.start_s + static_cast<std::uint32_t>(slot_) * options_.slot_s;
    block_.movements.clear();
    ++slot_;

    play_planted();
    while (!due_.empty() && due_.top().time_s <= block_.time_s) {
        Due const due = due_.top();
        due_.pop();
        play_due(due);
    }
    auto const hour_of_week = block_.time_s / hour_s % exp_of_minus_acts_.size();
    for (auto acts = random_.poisson(exp_of_minus_acts_[hour_of_week]); acts > 0; --acts) act();
    return block_;
}

void Traffic::schedule(std::uint32_t after_s, DueKind kind, AccountId account, u128 amount) {
    auto const now_s = block_.time_s != 0 ? block_.time_s : options_.start_s;
    due_.push({now_s + after_s, ++due_order_, kind, account, amount});
}

void Traffic::play_due(Due const& due) {
    switch (due.kind) {
    case DueKind::sweep: return sweep(due.account);
    case DueKind::forward: return forward(due.account);
    case DueKind::unbonded:
        tell(MovementKind::withdraw_unbonded, nobody, due.account, due.amount);
        if (random_.chance(options_.sold_share)) {
            schedule(random_.below(day_s), DueKind::sell, due.account, due.amount);
        }
        return;
    case DueKind::sell: return deposit(due.account, due.amount);
    case DueKind::era: return era();
    case DueKind::payout: return payout();
    case DueKind::top_up: return top_up(due.account);
    case DueKind::payroll: return pay(due.account);
    }
}

// As the chain tells it: an account that was not there is endowed before it is paid.
void Traffic::tell(MovementKind kind, AccountId from, AccountId to, u128 amount) {
    bool const pays = kind == MovementKind::transfer || kind == MovementKind::mint;
    if (pays && purses_[to].total == 0) tell(MovementKind::endow, nobody, to, amount);
    apply(kind, from, to, amount);
    Movement& movement = block_.movements.emplace_back();
    if (from != nobody) movement.from = keys_[from];
    if (to != nobody) movement.to = keys_[to];
    movement.amount = amount;
    movement.event = static_cast<std::uint32_t>(block_.movements.size() - 1);
    movement.kind = kind;
}

void Traffic::apply(MovementKind kind, AccountId from, AccountId to, u128 amount) {
    auto const take = [&] {
        Purse& purse = purses_[from];
        CHECK(purse.total - purse.locked >= amount);
        purse.total -= amount;
    };
    switch (kind) {
    case MovementKind::transfer:
        take();
        purses_[to].total += amount;
        break;
    case MovementKind::mint:
        purses_[to].total += amount;
        issued_ += amount;
        break;
    case MovementKind::withdraw:
        take();
        burned_ += amount;
        break;
    case MovementKind::stake:
        CHECK(purses_[from].total - purses_[from].locked >= amount);
        purses_[from].locked += amount;
        purses_[from].active += amount;
        break;
    case MovementKind::unstake:
        CHECK(purses_[to].active >= amount);
        purses_[to].active -= amount;
        break;
    case MovementKind::withdraw_unbonded:
        CHECK(purses_[to].locked - purses_[to].active >= amount);
        purses_[to].locked -= amount;
        break;
    default: // endow, reward: another movement says what is paid
        CHECK(kind == MovementKind::endow || kind == MovementKind::reward);
    }
}

Traffic::Place Traffic::place(std::uint32_t time_s) {
    CHECK(time_s >= options_.start_s);
    std::uint64_t slot = (time_s - options_.start_s + options_.slot_s - 1) / options_.slot_s;
    while (missed(slot)) ++slot;
    CHECK(slot >= slot_); // what has been given out is not changed
    if (numbers_.empty()) numbers_.push_back(options_.first_block);
    auto const count = [this](std::uint64_t first, std::uint64_t end) {
        std::uint32_t blocks = 0;
        for (; first < end; ++first) blocks += missed(first) ? 0 : 1;
        return blocks;
    };
    while (numbers_.size() <= slot / slots_a_mark) {
        auto const first = (numbers_.size() - 1) * slots_a_mark;
        numbers_.push_back(numbers_.back() + count(first, first + slots_a_mark));
    }
    auto const mark = slot / slots_a_mark;
    return {numbers_[mark] + count(mark * slots_a_mark, slot),
            options_.start_s + static_cast<std::uint32_t>(slot) * options_.slot_s};
}

MovementId Traffic::plant(std::uint32_t time_s, MovementKind kind, AccountId from, AccountId to,
                          u128 amount, bool reserved) {
    auto const block = place(time_s).block;
    auto& planted = planted_[block];
    planted.push_back({kind, from, to, amount, reserved});
    return {block, static_cast<std::uint32_t>(planted.size() - 1)};
}

// One event each, so that its number was known when it was planted: an endowment that belongs to
// one is planted too.
void Traffic::play_planted() {
    if (planted_.empty() || planted_.begin()->first != block_.number) return;
    for (Planted const& one : planted_.begin()->second) {
        if (one.reserved && one.from != nobody) {
            CHECK(purses_[one.from].locked >= one.amount);
            purses_[one.from].locked -= one.amount;
        }
        apply(one.kind, one.from, one.to, one.amount);
        if (one.reserved && one.from == nobody) purses_[one.to].locked += one.amount;
        Movement& movement = block_.movements.emplace_back();
        if (one.from != nobody) movement.from = keys_[one.from];
        if (one.to != nobody) movement.to = keys_[one.to];
        movement.amount = one.amount;
        movement.event = static_cast<std::uint32_t>(block_.movements.size() - 1);
        movement.kind = one.kind;
        movement.planted = true;
    }
    planted_.erase(planted_.begin());
}

} // namespace traffic
