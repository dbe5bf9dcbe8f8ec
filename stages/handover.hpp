// Makes a change of the regime lose and double nothing. Both paths bring each event, at different
// times; between the two the regime may change. So what a path may not say is held until the other
// path has said it:
//
//                      may speak                  may not
//   nobody was here    said by this path          held, with a deadline
//   said by this path  again (states follow)      again
//   said by the other  known                      known; a final row of legacy is held as a
//                                                 confirmation, should hybrid die before that
//   held for the other the one that may speak now is said, at once
//
//   deadline: the path that should speak stayed silent, or legacy says that it has told its block
//   whole, or the regime has changed and the path that holds it may speak (look()); what is held is
//   given back (due()).
//
// Whoever loses this memory (a crash) loses no alert: legacy's cursor is not passed on beyond what
// is held of it (lowest_of_legacy), so legacy brings that again, and the journal says an id and
// state once. A confirmation counts as held until hybrid's own finality has reached its block: till
// then nobody else would say that the alert is final. What that leaves: an event that legacy never
// brings, withheld from hybrid, in the time between its block's commit and the deadline.
//
// One thread. All memory is made by the constructor. Nothing here can fail: what does not fit makes
// the oldest due before its time (room()).
#pragma once

#include "stages/messages.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace stages {

using AlertId = std::array<std::uint8_t, 16>;

struct HandoverOptions {
    std::size_t said_max = 65'536; // events remembered; a power of two
    std::size_t held_max = 8'192;  // of which this many are held; at most half of said_max
    Nanoseconds hybrid_patience = 10 * pipeline::second;  // legacy has it, hybrid should speak
    Nanoseconds legacy_patience = 120 * pipeline::second; // hybrid has it, legacy should speak
    Nanoseconds confirm_patience = 60 * pipeline::second; // legacy has it final, hybrid said seen
};

class Handover {
  public:
    enum class Fate : std::uint8_t {
        said,      // this match is to be said
        other_now, // the other path's match is to be said: held_of_other()
        held,      // until the other path says it, or its deadline
        known,     // the other path has said it
    };

    explicit Handover(HandoverOptions const& options);

    // The candidate holds a match; may_speak: the regime allows its path to speak for it.
    Fate arrived(Candidate const& candidate, AlertId const& id, bool may_speak, Nanoseconds now);
    // After other_now: what was held; valid until the next call.
    Candidate const& held_of_other() const { return released_; }

    struct Due {
        Candidate const* candidate = nullptr; // null: nothing is due. Valid until the next call
        AlertId id{};
        bool confirmation = false;
    };
    // The next one whose time has come, or, while there is no room, the oldest. Once it is given
    // out it counts as said by its path, unless drop_due() follows.
    Due due(Nanoseconds now);
    void drop_due();
    Nanoseconds next_deadline() const;

    // The regime has changed: what is held has to be looked at again, by look(), a few at a time;
    // what may be said by its path now is due. look() is false when it has seen everything.
    void look_again() { looked_ = 0; }
    template <class MaySpeak>
    bool look(MaySpeak const& may_speak) {
        if (held() == 0) looked_ = slab_.size();
        std::size_t const end = std::min(slab_.size(), looked_ + look_burst);
        for (; looked_ < end; ++looked_) {
            Slot const& slot = slab_[looked_];
            if (slot.used && !slot.confirmation && may_speak(slot.candidate)) hurry(looked_);
        }
        return looked_ < slab_.size();
    }

    // The block did not happen: what is held of it by this path is forgotten.
    void abandoned(std::uint16_t chain, Path path, Hash const& block);

    // The chain's assets of this path have other numbers now: what is held of them means nothing.
    void renumbered(std::uint16_t chain, Path path);

    // Legacy has told everything up to this block: what hybrid holds of that is due now.
    void legacy_settled(std::uint16_t chain, std::uint32_t number);

    // The lowest block of which legacy has brought something that nobody has said yet, or that
    // hybrid, which is final below final_of_hybrid, has not said as final: legacy's cursor may not
    // pass it.
    std::optional<std::uint32_t> lowest_of_legacy(std::uint16_t chain,
                                                  std::uint32_t final_of_hybrid) const;

    // Grows whenever something ceases to be held.
    std::uint64_t releases() const { return releases_; }
    bool room() const { return !free_.empty(); }
    std::size_t held() const { return slab_.size() - free_.size(); }
    std::size_t unsaid() const { return held() - confirmations_; } // of those, said by nobody yet

  private:
    static constexpr std::uint32_t nothing = ~std::uint32_t{0};
    // What legacy holds, what hybrid holds, confirmations, what waits for nobody any more.
    static constexpr std::size_t queues = 4;
    static constexpr std::size_t look_burst = 64; // some microseconds

    struct Entry {
        AlertId id{};
        std::uint16_t chain = 0;
        bool used = false;
        bool said = false; // by `path`; else held by it
        Path path{};
        std::uint32_t held = nothing; // into slab_
    };
    struct Slot {
        Candidate candidate;
        AlertId id{};
        bool used = false;
        bool confirmation = false;    // its alert has been said by hybrid
        std::uint32_t generation = 0; // of the slot's use; a queue's item of an older one is stale
    };
    struct Waiting {
        Nanoseconds deadline = 0;
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
    };
    struct Queue { // a ring, oldest first
        std::vector<Waiting> items;
        std::size_t begin = 0, count = 0;
        Waiting& front() { return items[begin]; }
        void push(Waiting const& one) { items[(begin + count++) % items.size()] = one; }
        void pop() { begin = (begin + 1) % items.size(), --count; }
    };

    std::size_t home(AlertId const& id, std::uint16_t chain) const;
    std::uint32_t find(AlertId const& id, std::uint16_t chain) const;
    Entry& remember(AlertId const& id, std::uint16_t chain);
    void index(std::uint32_t entry);
    void forget(std::uint32_t entry);
    void hold(Entry& entry, Candidate const& candidate, std::size_t queue, Nanoseconds now);
    void await(std::size_t queue, Waiting const& one);
    void hurry(std::size_t slot);
    void release(Entry& entry);
    template <class Which>
    void forget_held(std::uint16_t chain, Path path, Which const& which);
    bool stale(Waiting const& waiting) const;
    void compact(Queue& queue);

    HandoverOptions const options_;
    std::vector<Entry> entries_;       // a ring, oldest first
    std::size_t newest_ = 0;           // where the next one goes
    std::vector<std::uint32_t> table_; // open addressing over entries_, twice as many places
    std::vector<Slot> slab_;
    std::vector<std::uint32_t> free_;
    std::array<Queue, queues> queues_;
    std::size_t looked_; // slots that have been looked at since the regime changed
    Candidate released_{};
    std::size_t confirmations_ = 0; // of what is held
    std::uint64_t releases_ = 0;
    std::uint32_t given_ = nothing; // the entry due() gave out
    bool given_confirmation_ = false;
};

} // namespace stages
