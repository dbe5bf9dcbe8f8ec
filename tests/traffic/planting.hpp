// What all plantings do: accounts, movements, and writing down the truth. For planted*.cpp only.
#pragma once

#include "pipeline/check.hpp"
#include "tests/traffic/planted.hpp"

#include <algorithm>

namespace traffic {

inline constexpr std::uint64_t million = 1'000'000;

inline std::uint64_t millionths(double share) {
    CHECK(share >= 0 && share < 1e9);
    return static_cast<std::uint64_t>(share * 1e6 + 0.5);
}

struct Planting {
    Planting(PatternKind kind, Traffic& to, Plan const& from)
        : traffic(to)
        , plan(from) {
        truth.kind = kind;
        truth.strength = plan.strength;
        truth.meets = plan.strength >= 1;
    }

    // An account that has `balance` since lead_s before `first_s`.
    AccountId funded(u128 balance, std::uint32_t first_s) {
        AccountId const account = traffic.plant_account();
        CHECK(first_s > plan.lead_s);
        std::uint32_t const then_s = first_s - plan.lead_s;
        before(then_s, MovementKind::endow, nobody, account, balance);
        before(then_s, MovementKind::mint, nobody, account, balance);
        return account;
    }
    AccountId funded(u128 balance) { return funded(balance, plan.start_s); }

    // One that is not there until it is paid.
    AccountId fresh() {
        unseen.push_back(traffic.plant_account());
        return unseen.back();
    }

    void before(std::uint32_t time_s, MovementKind kind, AccountId from, AccountId to, u128 amount,
                bool reserved = false) {
        arrive(time_s, kind, to, amount);
        truth.before.push_back(traffic.plant(time_s, kind, from, to, amount, reserved));
    }

    void move(std::uint32_t time_s, AccountId from, AccountId to, u128 amount,
              MovementKind kind = MovementKind::transfer, bool reserved = false) {
        arrive(time_s, kind, to, amount);
        auto const place = traffic.place(time_s);
        if (truth.movements.empty()) {
            truth.first_block = place.block;
            truth.first_s = place.time_s;
        }
        truth.last_block = place.block;
        truth.last_s = place.time_s;
        truth.sum += amount;
        truth.movements.push_back(traffic.plant(time_s, kind, from, to, amount, reserved));
    }

    void subject(AccountId account) { truth.subjects.push_back(traffic.key(account)); }

    // The time of part `i` of `count`, all within `window_s` with room for missed slots.
    std::uint32_t spread(std::uint32_t window_s, std::uint32_t i, std::uint32_t count) const {
        return plan.start_s + static_cast<std::uint32_t>(std::uint64_t{window_s} * 8 * i /
                                                         (std::uint64_t{10} * count));
    }

    Traffic& traffic;
    Plan const& plan;
    Truth truth;

  private:
    void arrive(std::uint32_t time_s, MovementKind kind, AccountId to, u128 amount) {
        auto const found = std::ranges::find(unseen, to);
        if (kind != MovementKind::transfer || found == unseen.end()) return;
        unseen.erase(found);
        truth.before.push_back(traffic.plant(time_s, MovementKind::endow, nobody, to, amount));
    }

    std::vector<AccountId> unseen;
};

} // namespace traffic
