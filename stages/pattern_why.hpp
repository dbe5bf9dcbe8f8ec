// Why a pattern is, or is not, told of a movement: the comparisons of its rule, in the order in
// which the family makes them, each with the values at that movement, worked out anew from the
// accounts and the log. All of them say yes exactly where the family claims (test_pattern_why.cpp
// asks both about the same random movements), so the first no is the reason.
//
// The state has to be what the family sees: the movement is in the log and in the balances, and its
// sender's own outgoing ones do not count it yet.
//
// Of drain, consolidation and dispersion, structuring, dormant_awakening, test_then_large and
// pass_through. Pure; any thread; allocates; for tools.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stages {

struct WhyStep {
    std::string text; // "amount 12.5 DOT >= notable 10000"
    bool yes = true;
};
using WhySteps = std::vector<WhyStep>;

// The first no; null: there is none.
inline WhyStep const* first_no(WhySteps const& steps) {
    for (WhyStep const& step : steps)
        if (!step.yes) return &step;
    return nullptr;
}

// How amounts are written.
struct WhyToken {
    std::uint8_t decimals = 0;
    std::string_view symbol{};
};

// What cannot be worked out behind a no is left out. Empty: of another kind.
WhySteps steps(PatternOptions const& options, Accounts const& accounts, MovementLog const& log,
               Moved const& moved, WhyToken const& token);

} // namespace stages
