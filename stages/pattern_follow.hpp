// Accounts that are followed for a while: entries of one size in a ring, oldest first, found by
// the account's key. By key, not by index: an account may be let go and come back meanwhile.
//
//   ring ──[ e4 e5 e6 e7 ]──▶   bucket of a key ──▶ e7.older ──▶ e5.older ──▶ (e2: gone) end
//
// Entry: trivially copyable, with `decoders::Account key`. Bounded: `capacity` entries; what does
// not fit is refused and counted. A search takes at most `steps_max` steps and then sees no more.
// One thread; nothing is allocated after construction. state() is all there is to a snapshot.
#pragma once

#include "pipeline/check.hpp"
#include "stages/pattern.hpp"

#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace stages {

inline std::uint64_t hash_of_key(decoders::Account const& account) {
    std::uint64_t words[4];
    std::memcpy(words, account.key, sizeof words);
    std::uint64_t hash = account.size;
    for (std::uint64_t const word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    return hash;
}

template <class Entry>
class FollowRing {
  public:
    static constexpr std::size_t steps_max = 64;

    explicit FollowRing(std::size_t capacity)
        : slots_(capacity)
        , buckets_(std::bit_ceil(capacity * 2)) {
        static_assert(std::is_trivially_copyable_v<Entry>);
        CHECK(capacity > 0);
    }

    // False: it is full.
    bool push(Entry const& entry) {
        if (size() == slots_.size()) {
            ++counters_.refused;
            return false;
        }
        std::uint64_t& bucket = buckets_[bucket_of(entry.key)];
        slots_[++counters_.last % slots_.size()] = {entry, bucket};
        bucket = counters_.last;
        return true;
    }

    // Calls `each(Entry&)` with the account's entries, newest first, until it answers false.
    template <class Each>
    void of(decoders::Account const& key, Each each) {
        std::uint64_t at = buckets_[bucket_of(key)];
        for (std::size_t step = 0; step < steps_max && at > counters_.gone; ++step) {
            Slot& slot = slots_[at % slots_.size()];
            if (slot.entry.key == key && !each(slot.entry)) return;
            at = slot.older;
        }
    }

    // Null: there is none.
    Entry* oldest() {
        return size() == 0 ? nullptr : &slots_[(counters_.gone + 1) % slots_.size()].entry;
    }
    void drop_oldest() {
        CHECK(size() > 0);
        ++counters_.gone;
    }

    std::size_t size() const { return counters_.last - counters_.gone; }
    std::size_t capacity() const { return slots_.size(); }
    std::uint64_t refused() const { return counters_.refused; }

    // Calls `each(std::span<std::byte>)` for every part of the state: to write it away, or to fill
    // it with what was written of a ring of the same capacity.
    template <class Each>
    void state(Each each) {
        each(std::as_writable_bytes(std::span(slots_)));
        each(std::as_writable_bytes(std::span(buckets_)));
        each(std::as_writable_bytes(std::span(&counters_, 1)));
    }

  private:
    struct Slot {
        Entry entry;
        std::uint64_t older = 0; // the number of the bucket's entry before it
    };
    struct Counters { // entries are numbered from 1; those up to `gone` are no more
        std::uint64_t last = 0;
        std::uint64_t gone = 0;
        std::uint64_t refused = 0;
    };

    std::size_t bucket_of(decoders::Account const& key) const {
        return hash_of_key(key) & (buckets_.size() - 1);
    }

    std::vector<Slot> slots_;
    std::vector<std::uint64_t> buckets_;
    Counters counters_;
};

} // namespace stages
