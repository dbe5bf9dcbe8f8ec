// burst: an account's rate of sending jumps. Its null model: the account is active by a Poisson
// process of its own rate, which is not known but by its earlier gaps.
//
// An activity is a block in which the account sends; more in the same block is one batch, and does
// not count again. Time is the chain's: an hour of the week in which all accounts together do twice
// as much counts as two, so that a busy hour is no burst of each (learned of the last weeks, flat
// where too little is known). After n gaps that add up to T, m further gaps that add up to t have,
// against a rate `factor` (c) times as high since then, whatever the rate was, the likelihood ratio
//
//   e^S = c^m ((T + t) / (T + c t))^(n + m)
//
// (of the Gamma-Poisson predictives with the prior 1/rate, which for a scale is exact in repeated
// sampling). S is followed from the first gap that makes it positive until it is not: a CUSUM,
// which is optimal for finding the change (Page, Biometrika 1954; Moustakides, Ann. Statist. 1986),
// in which what comes after the change is not taken for what was before. Under the null E[e^S] = 1
// for any one change, so the mean number of activities until S reaches h is at least e^h (S is at
// most log of the Shiryaev-Roberts statistic, of which minus the number of activities is a
// martingale).
//
// So with h = log(activities the chain is expected to have in run_s) all accounts together make at
// most one false claim in run_s, and each alone far fewer. Asked for `bits`, h is that many bits.
//
// An episode is one claim: after it the CUSUM goes on with the rate before the change, not above
// 2 h, until it is back at 0; the next burst is then another. Evidence: the activities since the
// change, most likely. What is below `min` does not count itself, which makes S smaller.
//
// Suspects are in a table of the rule's own, of suspects_max accounts found by a hash of the key;
// where eight of them want the same places the one least suspected is forgotten, and begins at 0.
//
// Called with the movement in the log and the sender's state before it: outs, first_out_s and
// last_out_s are without it. The owner counts each movement of a batch as one of `outs`: that makes
// this slower to speak, never more often wrong. Cost: a look into a cache line or two of the
// table's keys, and for a suspect a logarithm; at a claim a walk of at most `steps_max`. 0.5 MB.
// One thread; nothing is allocated after construction.
#pragma once

#include "stages/pattern_accounts.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"

#include <optional>
#include <span>
#include <vector>

namespace stages {

class Burst {
  public:
    static constexpr std::size_t steps_max = 256;
    static constexpr std::size_t suspects_max = 16'384, ways = 8;
    // Activities a day, until the chain's own rate has been observed for a day.
    static constexpr double assumed_a_day = 100'000;

    explicit Burst(BurstOptions const& options);

    // moved.from is `sender`'s account; a movement inside a cluster, or that has no sender, is not
    // brought here.
    std::optional<Claim> on(Moved const& moved, AccountState const& sender, MovementLog const& log);

    double threshold() const { return learned_.threshold; } // h, in nats
    std::uint64_t judged() const { return learned_.judged; }
    // S of an account, 0 where it is no suspect.
    double cusum(decoders::Account const& key) const;

    template <class Each>
    void state(Each each) {
        each(std::as_writable_bytes(std::span(keys_)));
        each(std::as_writable_bytes(std::span(suspects_)));
        each(std::as_writable_bytes(std::span(&learned_, 1)));
    }

  private:
    struct Suspect {
        std::uint32_t outs = 0;       // before the change
        std::uint32_t since_s = 0;    // the change
        std::uint32_t activities = 0; // since then
        float cusum = 0;
        std::uint32_t told = 0;
    };
    struct Places {
        double first = 0, last = 0, now = 0; // the sender's first activity, the newest, and this
    };
    struct Rate { // of activities, by hour of the day or by day of the week
        double count = 0, seconds = 0;
    };
    struct Learned {
        double threshold = 0;
        std::uint64_t judged = 0; // activities
        // The chain's rate of them, of the last day that is over and the days before.
        std::uint32_t day_start_s = 0;
        std::uint32_t in_day = 0;
        double a_day = 0; // 0: not observed yet
        std::uint32_t newest_s = 0;
        std::uint32_t unused = 0;
        std::array<Rate, 24> hours{};
        std::array<Rate, 7> days{};
        // Chain's time from the week's begin to each hour, and to its end.
        std::array<double, 169> week{};
    };

    static constexpr std::size_t nowhere = suspects_max;

    std::size_t find(std::uint64_t key) const; // nowhere: it is none
    std::size_t place_for(std::uint64_t key) const;
    // In the chain's time.
    double place_of(std::uint32_t time_s) const;
    bool ordinary(AccountState const& sender, Places const& at) const;
    double follow(Suspect& suspect, Places const& at) const;
    Claim claim(Moved const& moved, AccountState const& sender, MovementLog const& log,
                Suspect const& suspect) const;
    void count(std::uint32_t time_s);
    void set_week();

    BurstOptions options_;
    double log_factor_;
    // By place; the keys apart, so that the eight places of a key are next to each other.
    std::vector<std::uint64_t> keys_; // hash; 0: free
    std::vector<Suspect> suspects_;
    Learned learned_;
};

} // namespace stages
