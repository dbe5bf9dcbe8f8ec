// `exchange_flow`: what came into the accounts of an exchange less what went out, in a window, is
// unusual for it at this hour of the week, or at least `floor` in either direction. Judged once,
// when the window has ended. Windows are aligned to their length in unix time.
//
// Null model: the windows of all clusters of one length are drawn from one joint distribution,
// independently of each other, and the upper tails are exponential or lighter in the logarithm:
// amounts may be as heavy-tailed as they like. Of a window two sizes are looked at:
//
//   net     log2(1 + |net|)
//   rest    log2(1 + |net| less the largest movement in its direction), 0 where nothing is left:
//           one large movement is large_transfer's. Where amounts have a tail of index a, that of
//           the net is a too, and what is a hundred times more than usual is ordinary; the rest
//           needs two such movements at once, so its index is 2 a, and flows of many stand out
//
// and each is as rare as the tail (tail.hpp) of its own past says: net and rest of a cluster by
// those of the same cluster, and rest by the largest rest of any cluster in each past window, which
// is one series of the chain: it knows what is rare for all in as many windows as one cluster needs
// for itself. Told is who has both
//
//   |z| >= options.z      robust z of the net against the hour of the week (seasonal.hpp; from the
//                         windows of that hour and its neighbours of all days); MAD 0: always
//   p <= its part         with C clusters and two lengths p x 2 C once_in_s / length <= 1 / 4 by
//                         net, 1 / 4 by rest, and p x 2 once_in_s / length <= 1 / 2 by the chain's
//                         rest, so all together make one false claim in once_in_s
//
// score_bits is of the best of the three as if it were one of a cluster: less 2 bits for having
// chosen; it is told from log2(2 C once_in_s / length) on.
//
// The tails are of all hours together: of an hour at which twice as much is usual they say half as
// rare. The judged window is learned only afterwards, censored by what was told. once_in_s 0:
// whatever is in a tail is told, for a budget on the score to choose from. The model does not speak
// before warm_windows, and not of a size of which it has not seen 17 windows; the floor always
// does.
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
// where a tail says so. 2.5 MB. One thread; nothing is allocated after construction.
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
        each(std::as_writable_bytes(std::span(chain_)));
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
    struct Largest { // of a length: of all clusters in the window that is judged
        double rest = 0;
        std::uint32_t windows = 0; // of clusters; 0: nothing to learn
        std::uint32_t told = 0;    // 1: of that one
    };
    struct Counters {
        std::uint64_t unfollowed = 0;
        std::uint32_t used = 0;
        std::uint32_t judged = 0;                     // the next window next() looks at
        std::array<std::uint32_t, lengths> begin_s{}; // of the open windows; 0: none yet
        std::uint32_t close_s = 0;                    // no window ends before
        std::uint32_t unused = 0;                     // no byte is without a meaning
        std::array<Largest, lengths> largest{};
        std::array<AccountIndex, clusters_max> cluster{}; // of each flow, where it was last
    };

    static void add(Direction& direction, Moved const& moved);
    Flow* flow_of(Accounts const& accounts, AccountIndex cluster);
    void close_ended(std::uint32_t time_s) {
        if (time_s >= counters_.close_s) close(time_s);
    }
    void close(std::uint32_t time_s);
    struct Tails { // of one cluster
        Tail net, rest;
    };
    struct Judged {
        double bits = 0;
        double z = 0;
        Seasonal::Ordinary ordinary;
        bool unusual = false;
    };
    double bits_needed(std::size_t length) const;
    double bits_of(double net, double rest, std::size_t at) const;
    Judged judge(Window const& window, double net, double rest, std::size_t at);
    void learn_chain();
    std::optional<Claim> told(AccountIndex of, Window const& window, std::size_t at);

    ExchangeFlowOptions const options_;
    std::vector<Flow> flows_;
    std::vector<Seasonal> models_; // of a flow: one after the other for each length
    std::vector<Tails> tails_;     // the same
    std::vector<Tail> chain_;      // largest rest of any cluster, for each length
    Counters counters_;
};

} // namespace stages
