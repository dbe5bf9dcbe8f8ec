// `new_whale`: a known balance rises from below the level to it or above it, and is never below it
// again for `blocks` blocks. `whale_exit`: a balance falls below exit_share of the level and is
// never at it or above it for `blocks` blocks. Told at the end of the last of these blocks. A fixed
// rule: no null model.
//
//   ── level ──────────────  whale        between the two nothing begins and nothing ends: who
//   ── exit_share x level ─  in between   falls into it from above is still a whale, who rises
//                            none         into it from below is still none
//
// So an account that sways about the level is told once. One whose balance becomes known while it
// is in between may be told either way. What crosses by a movement inside its cluster, or by `set`
// (a decree, the balance before is not told), begins nothing, but ends what waits.
//
// Evidence: the largest inflows of the newest `looked_at` within a day (new_whale), the largest
// outflows (whale_exit), oldest first; `all` counts those looked at.
//
// Bounded: `waiting_max` crossings wait; any more are not followed, which is counted. At most
// `waiting_max` x 4 accounts in between are remembered; the one remembered longest is forgotten
// first, and may be told again. Some 60 ns a movement. One thread; nothing is allocated after
// construction.
#pragma once

#include "stages/pattern_follow.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

class Whales {
  public:
    static constexpr std::size_t looked_at = 64; // newest movements of an account, for evidence
    static constexpr std::size_t told_max = 8;   // of those, the largest

    Whales(WhaleOptions const& options, std::size_t waiting_max);

    void on(Accounts const& accounts, Moved const& moved);
    // The block's movements have all been told.
    void at_block(std::uint32_t number) { counters_.block = number; }
    // After at_block(), until it answers nothing. The claim's sum is the balance.
    std::optional<Claim> next(Accounts const& accounts, MovementLog const& log);

    std::size_t waiting() const { return waiting_.size(); }
    std::uint64_t unfollowed() const { return waiting_.refused(); }
    template <class Each>
    void state(Each each) {
        waiting_.state(each);
        between_.state(each);
        each(std::as_writable_bytes(std::span(&counters_, 1)));
    }

  private:
    enum class Zone : std::uint8_t { none, between, whale };
    struct Waiting {
        decoders::Account key;
        bool ended = false; // it has crossed back
        std::uint32_t time_s = 0;
        std::uint32_t block = 0;
        MovedSeq seq = 0;
    };
    // An account in between that is still what the rule's crossing would make of it.
    struct Between {
        decoders::Account key;
        bool ended = false;
    };
    struct Counters {
        std::uint32_t block = 0; // newest that has ended
    };

    Zone zone_of(u128 balance) const;
    void crossed(Accounts const& accounts, Moved const& moved, AccountIndex of, Zone was, Zone is);
    bool end_waiting(decoders::Account const& key);
    bool end_between(decoders::Account const& key);
    void remember_between(decoders::Account const& key);
    Claim claim_of(Waiting const& waiting, AccountIndex of, Accounts const& accounts,
                   MovementLog const& log) const;

    WhaleOptions const options_;
    u128 const exit_;  // below it: none
    Zone const goal_;  // where the rule's crossing leads
    Zone const start_; // and where it begins
    FollowRing<Waiting> waiting_;
    FollowRing<Between> between_;
    Counters counters_;
};

} // namespace stages
