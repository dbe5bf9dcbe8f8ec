// A rule's settings as its family of patterns takes them, for a chain whose token has so many
// decimals: whole tokens become the smallest unit, exactly (finer than that is rounded up), and
// what is not written gets its default: of amounts here, of everything else in pattern_options.hpp.
// Pure; any thread; allocates only lists and errors.
#pragma once

#include "stages/pattern_options.hpp"

#include <expected>

namespace stages {

// When balances moved from one chain to another and accounts seem to have acted. The instant is the
// end of that day (UTC): what happened on it is before.
struct Migration {
    std::string_view what;
    std::string_view date;
    std::uint32_t end_s = 0; // unix
};
inline constexpr std::array migrations{
    Migration{"KSM to Kusama's Asset Hub", "2025-10-07", 1'759'881'600},
    Migration{"DOT to Polkadot's Asset Hub", "2025-11-04", 1'762'300'800},
};

// The error is a sentence: an amount that no token with these decimals can have, or a kind that is
// no pattern (chain_health; large_transfer by fixed amounts alone).
[[nodiscard]] std::expected<PatternOptions, std::string> pattern_options(Rule const& rule,
                                                                         std::uint8_t decimals);

// A large_transfer that has a share, a budget or levels in dollars: single amounts do not tell.
bool large_by_more(Rule const& rule);

// Kinds that call a claim important or critical by its amount alone, or nearly so: levels that are
// written stand instead of that. Those of other kinds come besides what the kind says.
bool severity_by_amount(RuleKind kind);

} // namespace stages
