// Test, then large: the first transfer ever from one party to another is a small probe, and within
// the window a large one follows. The probe is at most a share of the large one; others of the pair
// may lie between the two. Null model: who sends a large amount to somebody new does so at once, or
// has sent to them before.
//
// The pair is two clusters, looked for in what the sender's account has sent and in what the
// receiver's has received. "Never before": one of these two lists has been read as far back as the
// log reaches, and neither has an earlier one; a pair of which both lists are longer than
// probe_steps_max is not judged. Silent until a whole window before the probe has been seen. Whose
// place in the store has gone to another since then is not
// mistaken for it. The claim's subject is the sender's cluster's account, its sum the large amount,
// its evidence the probe and the large one.
// Severity: by the amount, from 10 x options.large important, from 100 x critical.
//
// Bound: only movements of at least `large` are judged; judging one: probe_steps_max steps of each
// list back to the window's start, and if the probe is there, as many again.
// Pure; one thread; nothing is allocated; cannot fail.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

inline constexpr std::size_t probe_steps_max = 512;

std::optional<Claim> test_then_large(TestThenLargeOptions const& options, Accounts const& accounts,
                                     MovementLog const& log, Moved const& moved);

} // namespace stages
