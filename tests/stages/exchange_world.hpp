// Exchanges, what moves into and out of them, and the rule that is told of it.
#pragma once

#include "stages/pattern_exchange.hpp"
#include "tests/stages/account_world.hpp"

namespace stages {

inline constexpr std::uint32_t quarter_s = 15 * minute_s;

struct ExchangeWorld : AccountWorld {
    explicit ExchangeWorld(ExchangeFlowOptions const& options, std::uint64_t salt_of_keys = 0)
        : AccountWorld(4'096, salt_of_keys)
        , flows(options) {
        time_s -= time_s % day_s; // 2023-11-14
    }
    AccountIndex exchange(std::uint32_t number) {
        AccountIndex const of = account(number);
        accounts[of].exchange = true;
        return of;
    }
    void moves(AccountIndex from, AccountIndex to, u128 amount,
               decoders::MovementKind kind = decoders::MovementKind::transfer) {
        move(
            from, to, amount, [&](Moved const& moved) { return flows.on(accounts, moved), 0; },
            kind);
    }
    std::vector<Claim> ends(std::uint32_t seconds) {
        pass(seconds);
        std::vector<Claim> claims;
        flows.at_block(time_s);
        while (auto const claim = flows.next()) claims.push_back(*claim);
        return claims;
    }
    ExchangeFlows flows;
};

} // namespace stages
