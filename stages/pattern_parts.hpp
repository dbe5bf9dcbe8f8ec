// What the families about accounts share: which kinds of movements change a balance, shares of
// amounts, and the text of a claim's details. Exact integers throughout. Pure; any thread.
#pragma once

#include "pipeline/check.hpp"
#include "stages/pattern_accounts.hpp"

#include <cmath>
#include <fmt/format.h>

namespace stages {

inline constexpr u128 u128_max = ~u128{0};

// Kinds that lower free + reserved of `from`.
inline constexpr decoders::MovementKinds leaving_kinds =
    decoders::MovementKinds(decoders::MovementKind::transfer) | decoders::MovementKind::withdraw |
    decoders::MovementKind::burn | decoders::MovementKind::dust | decoders::MovementKind::slash |
    decoders::MovementKind::repatriate | decoders::MovementKind::transfer_on_hold |
    decoders::MovementKind::transfer_and_hold | decoders::MovementKind::suspend;

// Kinds that raise free + reserved of `to`.
inline constexpr decoders::MovementKinds entering_kinds =
    decoders::MovementKinds(decoders::MovementKind::transfer) | decoders::MovementKind::deposit |
    decoders::MovementKind::mint | decoders::MovementKind::repatriate |
    decoders::MovementKind::transfer_on_hold | decoders::MovementKind::transfer_and_hold |
    decoders::MovementKind::restore;

// Kinds by which an account sends of its own will. Not: punishments, dust, and what somebody else
// may move out of its reserve.
inline constexpr decoders::MovementKinds sending_kinds =
    decoders::MovementKinds(decoders::MovementKind::transfer) | decoders::MovementKind::withdraw |
    decoders::MovementKind::burn | decoders::MovementKind::transfer_and_hold;

inline constexpr u128 plus_saturated(u128 a, u128 b) { return b > u128_max - a ? u128_max : a + b; }

// The least whole amount that is at least `share` of it. 0 <= share <= 1, to the ninth decimal.
inline u128 share_rounded_up(u128 amount, double share) {
    CHECK(share >= 0 && share <= 1);
    constexpr std::uint64_t billion = 1'000'000'000;
    auto const parts = static_cast<std::uint64_t>(std::llround(share * double{billion}));
    return amount / billion * parts + (amount % billion * parts + billion - 1) / billion;
}

// Both ends are one cluster: no movement.
inline bool within_cluster(Accounts const& accounts, Moved const& moved) {
    if (moved.from == no_account || moved.to == no_account) return false;
    return moved.from == moved.to ||
           accounts.cluster_of(moved.from) == accounts.cluster_of(moved.to);
}

// JSON members. The caller's text fits whatever the values are: a member that is cut is no JSON.
template <class... Values>
FixedText<200> details_text(fmt::format_string<Values...> format, Values&&... values) {
    char text[199];
    auto const end = fmt::format_to_n(text, sizeof text, format, std::forward<Values>(values)...);
    CHECK(end.size <= sizeof text);
    return FixedText<200>(std::string_view(text, end.size));
}

} // namespace stages
