// `coordination`: several independent clusters each send at least `min` within a window, sharing a
// factor: the same receiving cluster; or the same direction (to, from, between exchanges or none of
// it; off the chain or not) and amounts within amounts_within of the movement that completes it; or
// a common funding root, at most two hops before the senders within a day.
//
// Null model: movements of at least `min` come as a Poisson process whose rate depends on the hour
// of the day; each draws its receiver, its amount and its roots from distributions that do not
// change, independently. Each movement is tested, for each window W and each of its factors: at
// least k - 1 further movements share the factor, where
//
//     expected = max(rate(hour) x W, movements in W that do not share it)    of any factor
//     p = P(at least k - 1 | gamma-Poisson: n + 1 sharing ones seen in N)    time `expected`
//
// n, N: movements sharing the factor, and all, before the window; + 1 since the factor was chosen
// by a movement that has it. Repeated senders count in n, only once in k. Told where k >= clusters
// and p <= alpha = W / once_in_s, spread (Bonferroni) over the movements a window is expected to
// have, the windows and the factors: p x windows x factors x (movements in once_in_s) <= 1.
// So the rule expects at most one false claim in once_in_s. Rates: gamma-Poisson with two hours of
// the mean rate as prior. n: from a count-min sketch (Cormode, Muthukrishnan 2005), which is never
// too small, so that an error makes claims rarer. Both are halved from time to time. Silent
// (`warming`) in the first day of chain time.
//
// Roots: senders of the newest inflows of at least root_share of the amount sent on; exchanges are
// none, and what comes from them is not followed further.
//
// Bounded: `recent_max` movements, of which a test sees the newest steps_max; 512 KB of sketch.
// Some 30 ns a movement: below `min` nothing is looked up, above, some microseconds. One thread;
// nothing is allocated after construction. Accounts of `recent` are indices: within the longest
// window they stay.
#pragma once

#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

#include <cstddef>
#include <span>

namespace stages {

class Coordination {
  public:
    static constexpr std::size_t steps_max = 1'024; // recent movements a test walks through
    static constexpr std::size_t roots_max = 8;     // of one movement
    static constexpr std::size_t senders_max = 32;  // k is not counted further
    static constexpr std::size_t funders_max = 3;   // of one account
    static constexpr std::size_t inflows_max = 8;   // newest ones looked at for them
    static constexpr double root_share = 0.1;       // of the amount that is sent on
    static constexpr std::uint32_t warm_s = day_s;

    Coordination(CoordinationOptions const& options, std::size_t recent_max);

    // The subject is the receiving cluster, the root, or the first sender; the sum is that of the
    // movements in the window; score_bits is -log2(p x windows x factors).
    std::optional<Claim> on(Accounts const& accounts, MovementLog const& log, Moved const& moved);
    // Every block, after its movements: chain time passes.
    void at_block(std::uint32_t time_s);

    bool warming() const { return learned_.observed_s < warm_s; }
    template <class Each>
    void state(Each each) {
        each(std::as_writable_bytes(std::span(recent_)));
        each(std::as_writable_bytes(std::span(sketch_)));
        each(std::as_writable_bytes(std::span(&learned_, 1)));
    }

  private:
    struct Recent {
        u128 amount = 0;
        MovedSeq seq = 0;
        std::uint32_t time_s = 0;
        AccountIndex from = no_account;
        AccountIndex to = no_account;
        std::uint8_t direction = 0;
        std::uint8_t roots_count = 0;
        std::array<AccountIndex, roots_max> roots{};
    };
    enum class FactorKind : std::uint8_t { receiver, amounts, root };
    struct Factor {
        FactorKind kind{};
        AccountIndex account = no_account; // cluster: receiver, root
        u128 least = 0, most = 0;          // amounts
        std::uint8_t direction = 0;
        std::uint32_t clusters = 0; // found so far
        std::uint32_t sharing = 0;  // movements
        std::array<AccountIndex, senders_max> senders{};
    };
    static constexpr std::size_t factors_max = 2 + roots_max;
    struct Found {
        double bits = 0;
        double expected = 0;
        std::uint32_t clusters = 0;
        std::uint32_t window_s = 0;
        Factor const* factor = nullptr;
    };
    struct Learned {
        std::array<double, 24> count{};  // movements by hour of the day
        std::array<double, 24> time_s{}; // and chain time
        double all_count = 0;
        double all_s = 0;
        double observed_s = 0; // never halved
        std::uint64_t pushed = 0;
        std::uint64_t sketched = 0; // movements in the sketch
        std::uint32_t last_s = 0;
    };

    void find_roots(Accounts const& accounts, MovementLog const& log, Recent& one) const;
    void add_funders(Accounts const& accounts, MovementLog const& log, AccountIndex of,
                     MovedSeq before, u128 amount, Recent& one,
                     std::array<MovedSeq, funders_max>* inflows) const;
    std::size_t list_factors(Accounts const& accounts, Recent const& one,
                             std::span<Factor, factors_max> factors) const;
    bool shares(Accounts const& accounts, Factor const& factor, Recent const& other) const;
    Found test(Accounts const& accounts, Recent const& one, std::span<Factor> factors) const;
    void weigh(Recent const& one, Factor const& factor, std::uint32_t window_s, std::uint32_t all,
               Accounts const& accounts, Found& best) const;
    Claim claim_of(Accounts const& accounts, Recent const& one, Found const& found,
                   double needed) const;
    double rate_per_s(std::uint32_t time_s) const;
    double sharing_before(Accounts const& accounts, Recent const& one, Factor const& factor) const;
    std::uint32_t sketch_count(std::uint64_t hash) const;
    void sketch_add(std::uint64_t hash);
    void learn(Accounts const& accounts, Recent const& one, std::span<Factor const> factors);

    template <class Each>
    void walk(std::uint32_t since_s, Each each) const {
        std::uint64_t const size = std::min<std::uint64_t>(learned_.pushed, recent_.size());
        std::uint64_t const steps = std::min<std::uint64_t>(size, steps_max);
        for (std::uint64_t i = 0; i < steps; ++i) {
            Recent const& other = recent_[(learned_.pushed - 1 - i) % recent_.size()];
            if (other.time_s < since_s) return;
            each(other);
        }
    }

    CoordinationOptions const options_;
    std::vector<Recent> recent_;
    std::vector<std::uint32_t> sketch_; // two rows
    Learned learned_;
};

} // namespace stages
