// Drain: an account empties in many cuts. Within the window it has sent at least so many transfers,
// none of them more than a share of their sum, and the sum is at least a minimum, and at least a
// share of what the account held when the window began; and by as much it holds less now: who takes
// in what it sends is not emptying. Null model: an account's ordinary payments
// are few beside what it holds, or one of them is most of it.
//
// Held when the window began: its balance now, and what it sent since, less what it received since;
// transfers inside its cluster are no outflows, but they count there. Without a known balance there
// is no claim. Where it held nothing, what came in since counts as held: filled and emptied at
// once.
// The claim's subject is the cluster's account, its sum and evidence are the outflows.
// Severity: by the sum, from 10 x options.min important, from 100 x critical; one higher when the
// sum is at least 90 % of what was held.
//
// Bound: the newest drain_steps_max movements it sent, and drain_inflows_max it received. With more
// of what was sent the window begins at the oldest of them; with more of what was received nothing
// is claimed. The mean of so few is at
// least min / drain_steps_max, and where nothing came in it is at least that part of
// balance_share / (1 - balance_share) of what is left: a movement below one of these is counted but
// not judged, so that a full account's ordinary payments cost nothing.
// Judging one: 32 steps, of which each looks one cluster up, and its inflows when the sums are met.
// Pure; one thread; nothing is allocated; cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

inline constexpr std::size_t drain_steps_max = evidence_max;
inline constexpr std::size_t drain_inflows_max = 512;
inline constexpr double drain_severe_share = 0.9;

std::optional<Claim> drain(DrainOptions const& options, Accounts const& accounts,
                           MovementLog const& log, Moved const& moved);

} // namespace stages
