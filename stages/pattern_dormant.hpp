// `dormant_awakening`: an account that sent nothing for long sends again, and much.
//
// Silence is since its last own outgoing movement; where none was ever seen, since the account was
// first seen (told as "since":"first_seen": the account may have been silent for longer than that).
// Inflow never ends a silence. Needed: silence >= silence_s, amount >= min, and amount >= share of
// the balance before the movement where that is known. A silence with a migration border in it
// (after its begin, at the latest at its end) tells nothing.
//
// Null model, for accounts with >= model_outs earlier activities: they are a Poisson process. Of n
// activities whose first and last are S apart, P(next gap >= g) = (S / (S + g))^(n - 1) whatever
// the rate (the ratio of an exponential to a gamma variable). Judged is silence_bits(n - 2, S, g),
// exponent n - 3/2, so that the bits told are never more than the true ones: a claim by the model
// is false at most once in 2^model_bits activities. An account whose activities were all at one
// instant has no rate and is judged without the model. Accounts with fewer: no model, fixed rule.
//
// Blind to a small probe before the large movement: the probe ends the silence.
// Free of state. Some 20 ns: the amount is asked first. Any thread that may read the accounts.
#pragma once

#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

// The subject is the sender, the sum is the amount; critical from critical_silence_s on. Asked as
// every family without state is; what it needs of the past is in the accounts, not in the log.
std::optional<Claim> dormant_awakening(DormantOptions const& options, Accounts const& accounts,
                                       MovementLog const& log, Moved const& moved);

} // namespace stages
