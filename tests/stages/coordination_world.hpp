// A rule of coordination over accounts that move as a test says.
#pragma once

#include "stages/pattern_coordination.hpp"
#include "tests/stages/account_world.hpp"

namespace stages::testing {

inline constexpr u128 whole = 1'000'000; // the rule's `min`

struct CoordinationWorld : AccountWorld {
    explicit CoordinationWorld(CoordinationOptions const& options = {.min = whole},
                               std::uint64_t salt_of_keys = 0)
        : AccountWorld(1 << 15, salt_of_keys, 1 << 16)
        , rule(options, 4'096) {
        time_s -= time_s % day_s;
    }
    std::optional<Claim> moves(AccountIndex from, AccountIndex to, u128 amount,
                               decoders::MovementKind kind = decoders::MovementKind::transfer) {
        return move(
            from, to, amount, [&](Moved const& moved) { return rule.on(accounts, log, moved); },
            kind);
    }
    void passes(std::uint32_t seconds) {
        pass(seconds);
        rule.at_block(time_s);
    }
    // `days` with a movement an hour between people who are seen once.
    void ordinary(std::uint32_t days) {
        rule.at_block(time_s);
        for (std::uint32_t i = 0; i < days * 24; ++i) {
            passes(hour_s);
            moves(account(next), account(next + 1), whole + u128{1} * (next % 1'000) * 1'000'000);
            next += 2;
        }
        passes(2 * hour_s);
    }
    std::uint32_t next = 10'000;
    Coordination rule;
};

} // namespace stages::testing
