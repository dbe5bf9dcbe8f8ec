// Consolidation: many send to one. Dispersion: one sends to many. Within the window an account has
// received from (sent to) at least so many distinct counterparties, their effective number, exp of
// the entropy of the sums by counterparty (Hill 1973, order 1), is at least so large, and the sum
// too. Null model: an account's ordinary counterparties are few, or one of them outweighs the rest.
//
// Of one account's transfers; counterparties are counted by cluster, transfers inside a cluster and
// with parties there was no room for are none. Accounts of exchanges make no claim, unless asked.
// The claim's subject is the cluster's account, its sum and evidence are all that was counted.
// Severity: by the sum, from 10 x options.sum important, from 100 x critical.
//
// Bound: the newest gathering_steps_max movements of the account count; what is in the window and
// before them does not. So a mean part below sum / gathering_steps_max could never do, and a
// movement below that is counted but not judged; of those below the mean part of the smallest
// pattern (sum / counterparties), one in gathering_sample is, by its number in the log. So a
// pattern of many small parts is told some movements late, never before it is one.
// Judging one: 128 steps, of which each looks one cluster up, and 128 logarithms when the counts
// are met; 3 KiB of stack.
// Pure; one thread; nothing is allocated; cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

inline constexpr std::size_t gathering_steps_max = 128;
inline constexpr std::uint64_t gathering_sample = 8;

std::optional<Claim> gathering(GatheringOptions const& options, Accounts const& accounts,
                               MovementLog const& log, Moved const& moved);

} // namespace stages
