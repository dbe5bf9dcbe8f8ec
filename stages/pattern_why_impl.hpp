// The list of steps that pattern_why.cpp makes, and those that many kinds share. Each answers
// whether the movement passes it, so that the first that says no may end the list. Allocates.
#pragma once

#include "decoders/amount.hpp"
#include "stages/pattern_why.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

struct Why {
    Accounts const& accounts;
    MovementLog const& log;
    Moved const& moved;
    WhyToken const& token;
    WhySteps list{};

    template <class... Values>
    bool step(bool yes, fmt::format_string<Values...> format, Values&&... values) {
        list.push_back({fmt::format(format, std::forward<Values>(values)...), yes});
        return yes;
    }
    std::string tokens(u128 amount) const {
        std::string text(decoders::tokens_text(amount, token.decimals).view());
        return token.symbol.empty() ? text : text.append(" ").append(token.symbol);
    }
    std::uint32_t since_s(std::uint32_t window_s) const {
        return moved.time_s - std::min(moved.time_s, window_s);
    }
    bool is_transfer() {
        return step(moved.kind == decoders::MovementKind::transfer, "kind {} is transfer",
                    to_text(moved.kind));
    }
    bool at_least(std::string_view name, u128 least) {
        return step(moved.amount >= least, "amount {} >= {} {}", tokens(moved.amount), name,
                    tokens(least));
    }
    bool account(std::string_view role, AccountIndex one) {
        return step(one != no_account, "its {} is remembered", role);
    }
    bool leaves_cluster() {
        return step(accounts.cluster_of(moved.from) != accounts.cluster_of(moved.to),
                    "sender and receiver are not one owner's");
    }
    bool outs(std::string_view name, std::uint32_t least) {
        std::uint64_t const outs = accounts[moved.from].outs + std::uint64_t{1};
        return step(outs >= least, "movements it ever sent {} >= {} {}", outs, name, least);
    }
};

} // namespace stages
