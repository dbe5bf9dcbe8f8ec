// `exchange_flow`: what came into the accounts of an exchange less what went out, in a window, is
// unusual for it at this hour of the week, or at least `floor` in either direction. Judged once,
// when the window has ended. Windows are aligned to their length in unix time.
//
// Null model: the net flows of a cluster's windows of one length are drawn from one distribution,
// independently, and the upper tail of log2(1 + |net|) is exponential or lighter: amounts may be as
// heavy-tailed as they like. Told is who has both
//
//   |z| >= options.z       robust z against the hour of the week (seasonal.hpp; from the windows of
//                          that hour and its neighbours of all days); where the MAD is 0, always
//   p <= its part          p by the tail of its own past windows (tail.hpp): of C clusters with two
//                          lengths each makes a false claim once in 2 C once_in_s, by p x 2 C
//                          once_in_s / length <= 1, so all together one in once_in_s
//
// The tail is of all hours together: of an hour at which twice as much is usual it says half as
// rare. The judged window is learned only afterwards. once_in_s 0: whatever is in the tail is told,
// for a budget on the score to choose from. The model does not speak before warm_windows, and not
// of a cluster of which it has not seen 16 windows in the tail; the floor always does.
//
// A window in which the exchange was first seen, or the first one of all, may not be whole: it is
// held against the floor, but not against the model, and not learned. Windows without a block
// (the chain stood still) are none.
//
// Evidence: the largest movements in the direction of the net flow, oldest first; `all` counts all
// in that direction.
//
// Bounded: clusters_max clusters; movements of any more are counted. A few ns for a movement of no
// exchange, some tens else; judging takes 0.2 us for each cluster when a window ends, and up to 50
// where the tail says so. 2.4 MB. One thread; nothing is allocated after construction.
#pragma once

#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"
#include "stages/seasonal.hpp"
#include "stages/tail.hpp"

#include <cstddef>
#include <span>

namespace stages {

class ExchangeFlows {
  public:
    static constexpr std::size_t clusters_max = 64;
    static constexpr std::size_t told_max = 8; // largest contributors

    explicit ExchangeFlows(ExchangeFlowOptions const& options);

    void on(Accounts const& accounts, Moved const& moved);
    // The block's movements have all been told.
    void at_block(std::uint32_t time_s) { close_ended(time_s); }
    // After every at_block(), until it answers nothing. The claim's sum is |net|.
    std::optional<Claim> next();

    std::size_t clusters() const { return counters_.used; }
    std::uint64_t unfollowed() const { return counters_.unfollowed; } // movements
    // Clusters and windows of which the model does not speak yet.
    std::size_t warming() const;
    template <class Each>
    void state(Each each) {
        each(std::as_writable_bytes(std::span(flows_)));
        each(std::as_writable_bytes(std::span(models_)));
        each(std::as_writable_bytes(std::span(tails_)));
        each(std::as_writable_bytes(std::span(&counters_, 1)));
    }

  private:
    static constexpr std::size_t lengths = 2;
    struct Part {
        u128 amount = 0;
        MovedSeq seq = 0;
    };
    struct Direction {
        u128 sum = 0;
        std::uint32_t count = 0;
        std::uint32_t kept = 0;
        std::array<Part, told_max> largest{}; // largest first, of equal ones the older
    };
    struct Window {
        Direction in{}, out{};
        std::uint32_t begin_s = 0;
        bool whole = false;
        bool unjudged = false; // it has ended
    };
    struct Flow {              // of a cluster
        decoders::Account key; // of the account that stands for it
        std::array<Window, lengths> open{};
        std::array<Window, lengths> ended{};
    };
    struct Counters {
        std::uint64_t unfollowed = 0;
        std::uint32_t used = 0;
        std::uint32_t judged = 0;                         // the next window next() looks at
        std::array<std::uint32_t, lengths> begin_s{};     // of the open windows; 0: none yet
        std::uint32_t close_s = 0;                        // no window ends before
        std::array<AccountIndex, clusters_max> cluster{}; // of each flow, where it was last
    };

    static void add(Direction& direction, Moved const& moved);
    Flow* flow_of(Accounts const& accounts, AccountIndex cluster);
    void close_ended(std::uint32_t time_s) {
        if (time_s >= counters_.close_s) close(time_s);
    }
    void close(std::uint32_t time_s);
    struct Judged {
        double bits = 0;
        double z = 0;
        Seasonal::Ordinary ordinary;
        bool unusual = false;
    };
    double bits_needed(std::size_t length) const;
    Judged judge(Window const& window, double net, std::size_t at);
    std::optional<Claim> told(AccountIndex of, Window const& window, std::size_t at);

    ExchangeFlowOptions const options_;
    std::vector<Flow> flows_;
    std::vector<Seasonal> models_; // of a flow: one after the other for each length
    std::vector<Tail> tails_;      // the same
    Counters counters_;
};

} // namespace stages
