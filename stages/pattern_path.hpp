// Pass-through: funds hop quickly from account to account. A path of transfers that ends in this
// movement: each hop is sent, later on the chain and within hop_s, by the account that received the
// hop before. It keeps at least `keep` of that one's amount, and that one is at least `keep` of it:
// more would be other money. Every hop is at least `min`. The clusters on the path are distinct,
// except that it may return to the first: then it is circular, and ends there. A cluster's accounts
// count as one, but a hop inside it is none, so a path does not go on from its other accounts.
// Null model: what an account receives and what it sends next are independent in time and amount.
//
// Of several paths the circular ones come first, then the longest, then those whose hops, from this
// movement back, are newest. The claim's subject is the cluster's account that sent the first hop,
// its sum the amount of this movement, its evidence the hops. Severity: by the sum, from 10 x
// options.min important, from 100 x critical; one higher with twice the hops asked for.
//
// Bound: depth first, newest first; at most path_hops_max hops (a rule that asks for more claims
// nothing), path_looks_max received movements of one account and path_steps_max in all. Only
// movements of at least `min` are judged. Judging one: 512 steps, of which those that fit look one
// cluster up; 16 calls deep.
// Pure; one thread; nothing is allocated; cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

inline constexpr std::size_t path_hops_max = 16;
inline constexpr std::size_t path_looks_max = 64;
inline constexpr std::size_t path_steps_max = 512;

std::optional<Claim> pass_through(PassThroughOptions const& options, Accounts const& accounts,
                                  MovementLog const& log, Moved const& moved);

} // namespace stages
