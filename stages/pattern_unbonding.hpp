// `unbonding`: at least `min` leaves the stake. Told at once, with the time it is free; told again
// when the stake that was freed is taken out of it (`withdraw_unbonded`), and again when as much
// has left the account, if that is within follow_s of the release. A fixed rule: no null model.
//
// After a release, what the account withdraws, and what it sends, each fills its released
// unbondings, the oldest first; one that is filled to `filled` of its amount is done, and takes no
// more. What is sent in parts below part_share of `min` is not counted: that question is asked
// before any table is. Each movement completes at most one claim, which may speak of several
// unbondings. Whose: the account the stake comes back to (`to`), or, where the event does not say,
// `from`. What is sent inside the cluster has not left.
//
// Bounded: `followed_max` unbondings, `of_one_max` of one account (Polkadot allows 32 chunks); any
// more are told but not followed, which is counted. Some 30 ns for a movement of an account that
// has none. One thread; nothing is allocated after construction.
#pragma once

#include "stages/pattern_follow.hpp"
#include "stages/pattern_log.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

class Unbondings {
  public:
    static constexpr std::size_t of_one_max = 32;
    static constexpr double filled = 0.9; // a little stays behind for fees
    static constexpr double part_share = 0.1;

    Unbondings(UnbondingOptions const& options, std::size_t followed_max);

    // The claim's sum is the amount; of a follow-up, that of the unbondings that are done by it.
    std::optional<Claim> on(Accounts const& accounts, Moved const& moved);
    // The block's movements have all been told: what was followed long enough is let go.
    void at_block(std::uint32_t time_s);

    std::size_t followed() const { return followed_.size(); }
    std::uint64_t unfollowed() const { return followed_.refused() + counters_.too_many; }
    template <class Each>
    void state(Each each) {
        followed_.state(each);
        each(std::as_writable_bytes(std::span(&counters_, 1)));
    }

  private:
    struct Followed {
        decoders::Account key;
        u128 amount = 0;
        u128 withdrawn = 0; // taken out of the stake since the release
        u128 sent = 0;      // out of the account since then
        MovedSeq seq = 0;
        std::uint32_t release_s = 0;
        bool withdrawn_told = false;
        bool sent_told = false;
    };
    struct Counters {
        std::uint64_t too_many = 0; // of one account
    };

    std::optional<Claim> begin(Accounts const& accounts, Moved const& moved);
    std::optional<Claim> follow(Accounts const& accounts, Moved const& moved, AccountIndex of);
    bool over(Followed const& entry, std::uint32_t now_s) const;

    UnbondingOptions const options_;
    u128 const part_min_;
    FollowRing<Followed> followed_;
    Counters counters_;
};

} // namespace stages
