// `exchange_flow`: what came into the accounts of an exchange less what went out, in a window, is
// unusual for it at this hour of the week, or at least `floor` in either direction. Judged once,
// when the window has ended. Windows are aligned to their length in unix time.
//
// Null model: the net flows of a cluster's windows at an hour of the week are independent and
// normal; z is robust (seasonal.hpp: median and MAD of its past windows, the judged one is learned
// only afterwards). |z| >= 6 is then met less than once in 100,000 windows, the errors of median
// and MAD at their fewest windows included. Flows with heavier tails meet it more often: a budget
// is for the caller. A cluster most of whose windows are empty has a MAD of 0, no scale: of it the
// model does not speak, nor before warm_windows; the floor always does.
//
// A window in which the exchange was first seen, or the first one of all, may not be whole: it is
// held against the floor, but not against the model, and not learned. Windows without a block
// (the chain stood still) are none.
//
// Evidence: the largest movements in the direction of the net flow, oldest first; `all` counts all
// in that direction.
//
// Bounded: clusters_max clusters; movements of any more are counted. A few ns for a movement of no
// exchange, some tens else; judging takes some microseconds for each cluster, at most 64 x 50, when
// a window ends. 2.3 MB. One thread; nothing is allocated after construction.
#pragma once

#include "stages/pattern_options.hpp"
#include "stages/pattern_parts.hpp"
#include "stages/seasonal.hpp"

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
    std::optional<Claim> judge(AccountIndex of, Window const& window, std::size_t length,
                               Seasonal& model) const;

    ExchangeFlowOptions const options_;
    std::vector<Flow> flows_;
    std::vector<Seasonal> models_; // of a flow: one after the other for each length
    Counters counters_;
};

} // namespace stages
