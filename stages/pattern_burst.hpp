// burst: an account's rate of sending jumps. Its null model: the account is active by a Poisson
// process of its own rate, which is not known but by its earlier gaps.
//
// An activity is a block in which the account sends; more in the same block is one batch, and does
// not count again. After n gaps that add up to T, the next gap g of a Poisson process has
// P(g > s) = (T / (T + s))^n, whatever the rate, and the ratios g/T are independent of each other
// (the Gamma-Poisson predictive with the prior 1/rate, which for a scale is exact also in repeated
// sampling). Against a rate `factor` (c) times as high each activity has the log-likelihood ratio
//
//   L = log c - (n + 1) log((T + c g) / (T + g))
//
// and the CUSUM S = max(0, S) + L is optimal for finding the change (Page, Biometrika 1954; Lucas,
// Technometrics 1985, for counts; Moustakides, Ann. Statist. 1986). As E[e^L] = 1 under the null,
// the mean number of activities until S reaches h is at least e^h (S is below log of the
// Shiryaev-Roberts statistic, of which minus the number of activities is a martingale).
//
// So with h = log(activities the chain is expected to have in run_s) all accounts together make at
// most one false claim in run_s, and each alone far fewer. Asked for `bits`, h is that many bits.
// Real senders are less even than Poisson; a budget on the score (budget.hpp) is for that.
//
// An episode is one claim: after it AccountState::burst is -S, not above 2 h, until that comes back
// to 0; the next burst is then another. Evidence: the activities since the change, most likely. A
// gap may also be to a movement below `min`, which does not count itself: under the null amounts
// do not depend on gaps, so all this holds for those that count.
//
// Called with the movement in the log and the sender's state before it: outs, first_out_s and
// last_out_s are without it. The owner counts what is sent in one block as one of `outs`; counting
// each makes this slower to speak, never more often wrong. Cost: two comparisons, or a logarithm;
// at a claim a walk of at most `steps_max`. One thread; no allocation; trivially copyable.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>

namespace stages {

class Burst {
  public:
    static constexpr std::size_t steps_max = 256;
    // Activities a day, until the chain's own rate has been observed for a day.
    static constexpr double assumed_a_day = 100'000;

    explicit Burst(BurstOptions const& options);

    // moved.from is `sender`'s account; a movement inside a cluster, or that has no sender, is not
    // brought here.
    std::optional<Claim> on(Moved const& moved, AccountState& sender, MovementLog const& log);

    double threshold() const; // h, in nats
    std::uint64_t judged() const { return judged_; }

  private:
    Claim claim(Moved const& moved, AccountState const& sender, MovementLog const& log,
                double cusum) const;
    void count(std::uint32_t time_s);

    BurstOptions options_;
    double log_factor_;
    double threshold_;
    std::uint64_t judged_ = 0; // activities
    // The chain's rate of them, of the last day that is over and the days before.
    std::uint32_t day_start_s_ = 0;
    std::uint32_t in_day_ = 0;
    double a_day_ = 0; // 0: not observed yet
};

} // namespace stages
