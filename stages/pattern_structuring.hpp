// Structuring: a sum is split so that every part stays under a level. Within the window an account
// has sent (or received) at least so many parts, each in [part_from, 1) of the level, their sum is
// at least so many levels, and they are alike: their coefficient of variation, the standard
// deviation of the parts themselves over their mean, is below a bound. Null model: amounts spread
// over decades, so that those just below a level are few and not alike.
//
// Transfers that are no parts tell nothing; transfers inside a cluster are none. The sender is
// judged first; only if it has no claim, the receiver is, whoever the parts are from ("side" in the
// details). The claim's subject is the cluster's account, its sum and evidence are the parts.
// Severity: by the sum, from 10 x sum_levels levels important, from 100 x critical.
//
// Bound: the newest structuring_steps_max movements of the account count. Only a part is judged,
// about one movement in a hundred; judging one: 128 steps for each side, of which those that are
// parts look one cluster up.
// Pure; one thread; nothing is allocated; cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

inline constexpr std::size_t structuring_steps_max = 128;

std::optional<Claim> structuring(StructuringOptions const& options, Accounts const& accounts,
                                 MovementLog const& log, Moved const& moved);

} // namespace stages
