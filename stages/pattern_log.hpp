// The recent movements of one chain, newest last: what every window is a walk through. One ring of
// fixed size; an account's movements are chained through it, newest first, apart for what it sent
// and what it received.
//
//   log ──[ … m4 m5 m6 m7 m8 ]──▶   m8.before_of_from ──▶ m5.before_of_from ──▶ m4 …
//                                   (what the sender of m8 sent before)
//
// A walk ends where the movement is older than the window or its slot has been used again.
// Bounded: `capacity` movements, 80 bytes each. One thread; allocates at construction only.
#pragma once

#include "stages/pattern.hpp"

#include <optional>
#include <vector>

namespace stages {

class MovementLog {
  public:
    struct Entry {
        Moved moved;
        MovedSeq before_of_from = 0; // the sender's movement before this one
        MovedSeq before_of_to = 0;   // the receiver's
    };

    explicit MovementLog(std::size_t capacity)
        : entries_(capacity) {}

    // Writes it down and numbers it; before_*: the parties' newest until now.
    Moved const& append(Moved moved, MovedSeq before_of_from, MovedSeq before_of_to) {
        moved.seq = ++last_;
        Entry& entry = entries_[last_ % entries_.size()];
        entry = {moved, before_of_from, before_of_to};
        return entry.moved;
    }

    MovedSeq last() const { return last_; }
    std::size_t capacity() const { return entries_.size(); }

    // Null: it was never there, or its slot has been used again.
    Entry const* find(MovedSeq seq) const {
        if (seq == 0 || seq > last_ || last_ - seq >= entries_.size()) return nullptr;
        return &entries_[seq % entries_.size()];
    }

    // Whether what is remembered begins at least `before_s` before then.
    bool reaches(std::uint32_t time_s, std::uint32_t before_s) const {
        Entry const* const oldest = find(last_ < entries_.size() ? 1 : last_ - entries_.size() + 1);
        return oldest != nullptr && oldest->moved.time_s + std::uint64_t{before_s} <= time_s;
    }

    // Calls `each(Moved const&)` from the movement `newest` backwards along the sender's chain,
    // until it answers false, or one is older than `since_s`. At most `steps_max` movements.
    template <class Each>
    void sent(MovedSeq newest, std::uint32_t since_s, std::size_t steps_max, Each each) const {
        walk(newest, since_s, steps_max, &Entry::before_of_from, each);
    }
    // The same along the receiver's.
    template <class Each>
    void received(MovedSeq newest, std::uint32_t since_s, std::size_t steps_max, Each each) const {
        walk(newest, since_s, steps_max, &Entry::before_of_to, each);
    }

    // For a snapshot: the state is this and the entries. restore() takes what was saved.
    void restore(Entry const& entry) {
        last_ = entry.moved.seq;
        entries_[last_ % entries_.size()] = entry;
    }

  private:
    template <class Each>
    void walk(MovedSeq seq, std::uint32_t since_s, std::size_t steps_max, MovedSeq Entry::* before,
              Each& each) const {
        for (std::size_t step = 0; step < steps_max; ++step) {
            Entry const* const entry = find(seq);
            if (entry == nullptr || entry->moved.time_s < since_s || !each(entry->moved)) return;
            seq = entry->*before;
        }
    }

    std::vector<Entry> entries_;
    MovedSeq last_ = 0;
};

} // namespace stages
