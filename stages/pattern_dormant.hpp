// `dormant_awakening`: an account that sent nothing for long sends again, and much.
//
// Who tries a small amount first, or pays a fee, has not been awake for that: silence is judged
// before the first outflow of an episode (what it sends without pausing for a day), and whatever it
// sends within a day of that one is held against it, until one is enough. Only the first that is
// enough is told. Where the log does not reach back far enough to know where the episode began,
// nothing is. A rule for silences of less than a day looks at the movement alone.
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
// Free of state. Some 20 ns: the amount is asked first; then at most awakening_steps_max steps. Any
// thread that may read the accounts.
#pragma once

#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

inline constexpr std::size_t awakening_steps_max = 64;

// The silence before the episode that a movement belongs to.
struct Awakening {
    std::uint32_t since_s = 0;
    std::uint32_t until_s = 0; // its first outflow
    std::uint32_t outs = 0;    // before it
    bool known = false;        // what is said above
    bool told = false;         // another one before it was enough
};
// The movement has a sender.
Awakening awakening_of(DormantOptions const& options, Accounts const& accounts,
                       MovementLog const& log, Moved const& moved);

// The subject is the sender, the sum is the amount; critical from critical_silence_s on.
std::optional<Claim> dormant_awakening(DormantOptions const& options, Accounts const& accounts,
                                       MovementLog const& log, Moved const& moved);

} // namespace stages
