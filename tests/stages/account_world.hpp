// A chain of few accounts for the tests of patterns: movements happen in the order the engine keeps
// (accounts, balances, log, chains; then the families are asked; then the sender's activity).
#pragma once

#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

#include <random>
#include <string>

namespace stages {

struct AccountWorld {
    explicit AccountWorld(std::size_t log_capacity = 4'096, std::uint64_t salt_of_keys = 0,
                          std::size_t accounts_capacity = 4'096)
        : accounts(accounts_capacity, 2 * day_s)
        , log(log_capacity)
        , salt(salt_of_keys) {}

    decoders::Account key(std::uint32_t number) const {
        std::mt19937_64 random(salt * 1'000'003 + number);
        decoders::Account account{.size = 32};
        for (std::uint8_t& byte : account.key) byte = static_cast<std::uint8_t>(random());
        return account;
    }
    AccountIndex account(std::uint32_t number) { return accounts.enter(key(number), time_s); }
    AccountIndex known(std::uint32_t number, u128 balance) {
        AccountIndex const of = account(number);
        accounts[of].balance_known = true;
        accounts[of].balance = balance;
        return of;
    }

    // `ask(Moved const&)` is asked as families are.
    template <class Ask>
    auto move(AccountIndex from, AccountIndex to, u128 amount, Ask ask,
              decoders::MovementKind kind = decoders::MovementKind::transfer) {
        if (from != no_account && accounts[from].balance_known && leaving_kinds.has(kind))
            accounts[from].balance -= amount;
        if (to != no_account && accounts[to].balance_known && entering_kinds.has(kind))
            accounts[to].balance += amount;
        Moved const moved = log.append({.amount = amount,
                                        .time_s = time_s,
                                        .block = block,
                                        .event = event++,
                                        .from = from,
                                        .to = to,
                                        .kind = kind},
                                       from == no_account ? 0 : accounts[from].sent,
                                       to == no_account ? 0 : accounts[to].received);
        if (from != no_account) accounts[from].sent = moved.seq;
        if (to != no_account) accounts[to].received = moved.seq;
        auto answer = ask(moved);
        if (from != no_account && sending_kinds.has(kind)) remember_sent(accounts[from], time_s);
        return answer;
    }
    void pass(std::uint32_t seconds, std::uint32_t blocks = 1) {
        time_s += seconds;
        block += blocks;
        event = 0;
    }

    Accounts accounts;
    MovementLog log;
    std::uint64_t salt = 0;
    std::uint32_t time_s = 1'700'000'000;
    std::uint32_t block = 1'000'000;
    std::uint32_t event = 0;
};

inline std::string details_of(Claim const& claim) { return std::string(claim.details.view()); }

} // namespace stages
