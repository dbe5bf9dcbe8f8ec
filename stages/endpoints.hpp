// Which of a chain's endpoints to speak to now. Order is preference; each has its own back-off, and
// nothing is excluded for good: an endpoint that cannot be used is set aside until a time.
//
//   choose ──▶ connect ──▶ serving ──▶ …          better() says when a more preferred one is worth
//     ▲           │            │                  another try; its owner calls go_back(), closes
//     └─set_aside─┴────────────┘                  what it has and asks choose() again
//
// Pure: no I/O, no clock of its own; one thread. Times are monotonic. Endpoints are named by their
// index in the configuration. Every index given must be below count(). A chain that only Subscan
// serves has none, and then nothing may be chosen.
#pragma once

#include "io/backoff.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

enum class Aside : std::uint8_t {
    failed,       // cannot be reached, was silent, broke the protocol
    rate_limited, // wants to be asked later
    disagreed,    // contradicts what is known to be final
    wrong_chain,  // serves another genesis
};
std::string_view to_text(Aside why); // "failed", "rate limited", …

struct EndpointOptions {
    io::BackoffOptions backoff{};
    Nanoseconds disagreed = 600 * pipeline::second;
    Nanoseconds wrong_chain = 3600 * pipeline::second;
    // How long a less preferred endpoint serves before a more preferred one is tried again. Each
    // return that fails doubles it for that endpoint.
    Nanoseconds settled = 600 * pipeline::second;
    Nanoseconds pruned_again = 600 * pipeline::second; // until pruned blocks are asked for again
};

class Endpoints {
  public:
    static constexpr unsigned doublings_max = 6; // of `settled`: 10 min become 10 h 40 min

    Endpoints(std::size_t count, EndpointOptions const& options, io::Random& random);

    struct Choice {
        std::size_t endpoint = 0;
        Nanoseconds due = 0; // not before this time
    };
    // The most preferred one that is due; where none is, the one that is due first. One that is to
    // be avoided (another chain, a contradiction) counts only while all of them are: whoever has
    // nothing else asks again after the back-off, in case somebody has mended it.
    Choice choose(Nanoseconds now) const;
    // The same among those that may have the block at `height`; null: none of them has it.
    std::optional<Choice> choose(Nanoseconds now, std::uint32_t height) const;

    void serving(std::size_t endpoint, Nanoseconds now); // it answers; called once a connection
    // It may be tried again at the time returned: after its back-off, after what `why` takes, and
    // not before `wait` (a node's own word on its rate limit).
    Nanoseconds set_aside(std::size_t endpoint, Aside why, Nanoseconds now, Nanoseconds wait = 0);
    // It has no state of the blocks up to `height`.
    void pruned(std::size_t endpoint, std::uint32_t height, Nanoseconds now);
    bool is_pruned(std::size_t endpoint, std::uint32_t height, Nanoseconds now) const;
    std::uint32_t pruned_to(std::size_t endpoint) const { return entries_[endpoint].pruned_to; }
    // Up to this height no endpoint has anything; null: some may have it all.
    std::optional<std::uint32_t> gone_to(Nanoseconds now) const;

    // A more preferred endpoint than the one that serves, when it is time to go back to it.
    std::optional<std::size_t> better(Nanoseconds now) const;
    Nanoseconds better_at() const; // when better() may change from none to one; `never`: not so
    void go_back(std::size_t endpoint);

    std::size_t count() const { return entries_.size(); }
    // When it may be tried again, as long as there is another one that need not be avoided.
    Nanoseconds due(std::size_t endpoint) const {
        return std::max(entries_[endpoint].due, entries_[endpoint].avoid_until);
    }
    // Why it was set aside last; null: it never was, or has served since.
    std::optional<Aside> aside(std::size_t endpoint) const { return entries_[endpoint].aside; }

  private:
    struct Entry {
        io::Backoff backoff;
        Nanoseconds due = 0;
        Nanoseconds avoid_until = 0;
        std::optional<Aside> aside{};
        unsigned returns_failed = 0; // in a row
        bool returning = false;      // chosen by better(), and not settled yet
        std::uint32_t pruned_to = 0; // height
        Nanoseconds pruned_until = 0;
    };
    template <class May>
    std::optional<Choice> choose_if(Nanoseconds now, May may) const;
    Nanoseconds return_at(Entry const& entry) const;
    Nanoseconds avoided_for(Aside why) const;

    EndpointOptions const options_;
    std::vector<Entry> entries_;
    std::optional<std::size_t> serving_;
    Nanoseconds serving_since_ = 0;
};

} // namespace stages
