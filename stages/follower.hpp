// Follows one chain: from heads, finalized heads and headers it works out which blocks still have
// to be told, which are final, which were abandoned, and what to ask the node for. Pure: no I/O, no
// clock of its own, so forks and gaps are tested in a few lines each.
//
//   in    head(), finalized(), header(), told(), ...     what the node said
//   out   next(now)                                      one thing to do, or none
//
// The finalized stream skips heights; gaps are closed by parent hash, never by counting. A block
// is told once. It is said to be final after it was told and after its parent was said to be final;
// siblings of a final block that were told are abandoned.
//
// What the node does not have, and a gap longer than climb_max, becomes a hole: an explicit action,
// never silence. The ledger shows it, and the history reader fills it. What was told in such a gap
// is forgotten here: its finality comes with the filling.
//
// Memory is bounded by `window` blocks. One thread.
#pragma once

#include "decoders/header.hpp"
#include "pipeline/types.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <vector>

namespace stages {

using pipeline::Hash;
using pipeline::Nanoseconds;

struct FollowerOptions {
    bool finalized_only = false;  // follow = "finalized": best heads are not told
    std::uint32_t window = 8'192; // blocks looked back from a best head
    std::uint32_t climb_max = 64; // finalized blocks between two heads that are closed from here
    // Begin at the node's finalized head instead of its best one: what lies before it was told by
    // an earlier run, or is the history reader's.
    bool from_finalized = false;
    std::uint32_t start = 0; // no block below it is told
    // A block the node has announced usually arrives by itself; asked for only after this.
    Nanoseconds grace = 500 * pipeline::millisecond;
};

struct FollowerAction {
    enum class Kind : std::uint8_t {
        none,
        ask_header,    // of `hash`
        ask_events,    // of `hash`, `number`, `parent`
        say_final,     // `hash`, `number`
        say_abandoned, // `hash`, `number`
        hole,          // blocks `number` .. `last` will not be told
        conflict,      // at `number` the node finalized `hash`, but `parent` was said to be final
    };
    Kind kind = Kind::none;
    Hash hash{};
    Hash parent{};
    std::uint32_t number = 0;
    std::uint32_t last = 0;
};

class Follower {
  public:
    explicit Follower(FollowerOptions const& options);

    // ---- what the node said
    void head(decoders::Header const& header, Nanoseconds now);
    void finalized(decoders::Header const& header, Nanoseconds now);
    void header(decoders::Header const& header, Nanoseconds now); // the answer to ask_header
    void header_missing(Hash const& hash);
    void header_failed(Hash const& hash, Nanoseconds now); // ask again after the grace
    void events_missing(Hash const& hash);
    void events_failed(Hash const& hash, Nanoseconds now); // asked again, up to attempts_max times
    void postpone(Hash const& hash, Nanoseconds until); // the answer came too early; not a failure
    // After a conflict nothing of what the node finalized is believed, until it is told to be.
    void accept_conflict(Nanoseconds now);
    void set_grace(Nanoseconds grace) { grace_ = grace; }
    void connection_lost(); // every open question will be asked again

    // A block came without being asked for: should it be told now?
    bool wants(Hash const& hash, std::uint32_t number);
    // It has been told.
    void told(Hash const& hash, std::uint32_t number);

    // ---- what follows from it
    FollowerAction next(Nanoseconds now);
    Nanoseconds next_deadline() const;
    bool is_final(Hash const& hash) const;
    bool is_told(Hash const& hash) const;
    std::optional<decoders::Header> find(Hash const& hash) const; // null: header unknown
    std::uint32_t best() const { return best_; }
    std::uint32_t last_final() const { return anchor_ ? anchor_->number : 0; }
    std::size_t blocks_held() const { return blocks_.size(); }

    static constexpr int attempts_max = 5;
    static constexpr std::size_t finals_kept = 128; // hashes against which old heads are checked

  private:
    struct Block {
        Hash parent{};
        std::uint32_t number = 0;
        std::uint8_t attempts = 0;
        bool header_known = false;
        bool header_asked = false;
        bool wanted = false;
        bool events_asked = false;
        bool told = false;
        bool linked = false; // what lies below it is wanted as well, or told
        bool final_path = false;
        Nanoseconds not_before = 0; // of the next question about it
    };
    struct Point {
        Hash hash;
        std::uint32_t number;
    };
    struct HashOfHash {
        std::size_t operator()(Hash const& hash) const;
    };

    Block& learn(decoders::Header const& header, Nanoseconds not_before);
    void want_ancestors(Hash hash, Nanoseconds now);
    void want(Hash const& hash, Block& block);
    void climb(Nanoseconds now);
    void finish_climb(bool whole);
    Hash final_at(std::uint32_t number) const;
    void dispute(Point const& theirs, Hash const& ours);
    bool needs_telling(Block const& block) const;
    void need_header(Hash const& hash, Nanoseconds now);
    bool settle(FollowerAction& action);
    void set_floor(std::uint32_t number);
    void forget_below(std::uint32_t number);

    FollowerOptions const options_;
    Nanoseconds grace_;
    boost::unordered_flat_map<Hash, Block, HashOfHash> blocks_;
    std::optional<std::uint32_t> floor_; // blocks up to here are none of our business
    std::optional<Point> anchor_;        // the last block said to be final
    std::deque<Point> path_;             // finalized and not yet said, oldest first
    std::vector<Point> climbing_;        // newest first: from a finalized head towards the path
    std::optional<Hash> climb_at_;       // the next header the climb needs
    std::optional<decoders::Header> next_finalized_;
    std::optional<decoders::Header> newest_final_; // that the node has named
    std::optional<decoders::Header> disputed_;     // the same, at the time of a conflict
    std::optional<Hash> first_head_;               // came before there was a floor
    std::deque<Point> finals_;                     // said to be final, oldest first
    std::vector<Hash> wanted_;                     // to be asked for, or on their way
    std::vector<Hash> headers_wanted_;
    std::deque<FollowerAction> ready_; // actions that wait for nothing
    std::uint32_t best_ = 0;
};

} // namespace stages
