// `watch`: a watched account moved at least `min`, or its balance crossed a mark. A fixed rule: it
// has no null model, and speaks from the first block on.
//
// Marks: `low` is crossed where a balance above it comes to it or below it, `high` where one below
// it comes to it or above it. A mark that was crossed sleeps until the balance is `hysteresis` of
// the mark beyond it on the other side. How an account stands to its marks is known from its first
// movement with a known balance on (by the balance before that movement); one that is across
// already crosses nothing. What watched accounts hold is read from the node (rpc_source_audit.cpp).
//
// A movement inside a cluster is none, but a mark is about the balance, whoever moved it.
//
// Bounded: `accounts_max` watched accounts; marks of any more are not judged, which is counted.
// Some 80 ns a movement. One thread; nothing is allocated after construction.
#pragma once

#include "stages/pattern_follow.hpp"
#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"

namespace stages {

class Watch {
  public:
    Watch(WatchOptions const& options, std::size_t accounts_max);

    // `watched` is moved.from or moved.to. The claim's sum is the amount.
    std::optional<Claim> on(Accounts const& accounts, Moved const& moved, AccountIndex watched);

    std::uint64_t unjudged() const { return armed_.refused(); }
    template <class Each>
    void state(Each each) {
        armed_.state(each);
    }

  private:
    struct Armed {
        decoders::Account key;
        bool low = false;
        bool high = false;
    };
    struct Crossed {
        bool low = false;
        bool high = false;
    };
    Crossed judge_marks(AccountState const& account, Moved const& moved, bool sends);

    WatchOptions const options_;
    u128 low_again_ = 0;  // from this balance on the low mark is awake again
    u128 high_again_ = 0; // down from this one the high mark is
    FollowRing<Armed> armed_;
};

} // namespace stages
