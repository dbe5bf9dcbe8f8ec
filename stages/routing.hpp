// Which path speaks for an account, and why: the order of evaluation, and nothing else.
//
//   1 only one path is there        that one
//   2 enable_hybrid_rpc is off      legacy
//   3 mode                          legacy_only: legacy (the kill switch); hybrid_only: hybrid
//   4 the chain is held on legacy   legacy (its nodes were lost; control lets go again)
//   5 a pin of the account          what it says, until it expires
//   6 canary tiers                  tiers 1..regime.tier are admitted; tiers_all: every account
//   7 the share                     bucket below it: hybrid
//   8 else                          legacy
//
// A frozen regime decides like a normal one: what is frozen is the regime. Raising the share or the
// tier never moves an account back. Pure; any thread.
#pragma once

#include "pipeline/switchboard.hpp"
#include "stages/messages.hpp"

#include <string_view>

namespace stages {

enum class RouteReason : std::uint8_t {
    only_path,
    hybrid_off,
    kill_switch,
    hybrid_only,
    chain_held,
    pin,
    tier,
    share,
};
// A clause for people: "its bucket is below hybrid's share".
std::string_view to_text(RouteReason reason, Path path);

struct RouteWays { // of a chain
    bool legacy = false;
    bool hybrid = true;
    bool held = false; // legacy speaks for everybody
};

struct RouteSubject {
    std::uint16_t bucket = 0; // 0..9,999
    std::uint8_t tier = 0;    // canary tier 1..4; 0: none
    Pin pin = Pin::none;      // one that has not expired
};

struct RouteDecision {
    Path path{};
    RouteReason reason{};
};

RouteDecision decide(RouteWays const& ways, RouteSubject const& subject,
                     pipeline::Regime const& regime);

} // namespace stages
