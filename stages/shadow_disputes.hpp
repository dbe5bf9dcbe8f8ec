// The mismatches of one chain that wait for the finalized block to be read again, and who was wrong
// according to it.
//
//   a path is right    it said the same as the chain: same amount, parties, native or not; or,
//                      like the chain, that nothing happened
//   hybrid_wrong       legacy alone is right
//   legacy_wrong       hybrid alone is right
//   both_wrong         the chain says something else than either
//   unclear            no answer in time, no room to wait, or the event is in the part of the block
//                      that cannot be read
//
// Bounded: `most` mismatches wait, of which the oldest are asked for, as many as a Want holds; and
// no block is asked for after `wait`. Where twins were lost, a reading may be too short: the next
// one of each block is not believed, and the block is asked for once more.
//
// Pure, one thread, nothing is allocated after the constructor. Times are monotonic.
#pragma once

#include "stages/notes.hpp"

#include <vector>

namespace stages {

// What a match says.
ShadowSaid said_of(Transfer const& transfer, std::uint64_t seen_unix_ms);
Ruling rule_on(ShadowMismatch const& mismatch);

class ShadowDisputes {
  public:
    static constexpr std::uint32_t blocks_asked_max = 64; // at a time

    ShadowDisputes(std::size_t most, Nanoseconds wait)
        : most_(most)
        , wait_(wait) {
        open_.reserve(most);
        blocks_.reserve(most);
    }

    // False: there is no room. partial: hybrid could not read the whole block, so that it is no
    // proof if another reading lacks the event.
    [[nodiscard]] bool open(ShadowMismatch const& mismatch, bool partial, Nanoseconds now);
    // A match of a finalized block, read again.
    void recheck(Twin const& twin);
    void incomplete(std::uint32_t number); // that block, when it was read again
    void lose();

    // The block has been read to its end: each of its mismatches is ruled on and let go.
    template <class Each>
    void end(std::uint32_t number, Each const& each) {
        settle([&](Open& one) { return one.mismatch.block.number == number && read(one); }, each);
    }
    // Those that have waited too long are unclear.
    template <class Each>
    void expire(Nanoseconds now, Each const& each) {
        settle(
            [&](Open& one) {
                if (now - one.since < wait_) return false;
                one.mismatch.ruling = Ruling::unclear;
                one.mismatch.chain_says = {};
                return true;
            },
            each);
    }

    // The blocks to be read again, oldest first. False: none.
    bool fill(Want& want);

    std::size_t waiting() const { return open_.size(); }
    Nanoseconds next_deadline() const {
        return open_.empty() ? pipeline::never : open_.front().since + wait_;
    }

  private:
    struct Open {
        ShadowMismatch mismatch{};
        Nanoseconds since = 0;
        bool partial = false;    // of hybrid's reading
        bool incomplete = false; // of the reading for this
        bool doubted = false;
    };

    static bool read(Open& one); // to the end of its block; false: ask once more
    // Keeps the order of those that stay.
    template <class Over, class Each>
    void settle(Over const& over, Each const& each) {
        std::size_t kept = 0;
        for (Open& one : open_) {
            if (over(one))
                each(one.mismatch);
            else
                open_[kept++] = one;
        }
        open_.resize(kept);
    }

    std::size_t const most_;
    Nanoseconds const wait_;
    std::vector<Open> open_; // in the order they came
    std::vector<std::uint32_t> blocks_;
};

} // namespace stages
