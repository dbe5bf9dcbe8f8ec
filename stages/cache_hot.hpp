// The first tier: a fixed table, two ways a set, the one used last stays. Says nothing about age.
//
// One thread. Its size is set by the constructor, which CHECKs that it is a power of two.
#pragma once

#include "pipeline/check.hpp"
#include "stages/cache_record.hpp"

#include <optional>
#include <vector>

namespace stages {

class CacheHot {
  public:
    // A hit touches the first line of the processor's cache, and the second with the value's head.
    struct alignas(64) Slot {
        CacheKey key;
        std::uint64_t hash = 0;
        Nanoseconds placed = 0;
        std::uint32_t hits = 0; // since it was placed
        bool taken = false;
        CacheValue value;
    };
    // What had to go: the sketch of the tier below wants to know how often it was used here.
    struct Left {
        std::uint64_t hash = 0;
        std::uint32_t hits = 0;
    };

    explicit CacheHot(std::size_t entries)
        : slots_(entries)
        , last_(entries / 2)
        , mask_(entries / 2 - 1) {
        CHECK(entries >= 2 && (entries & (entries - 1)) == 0);
    }

    Slot* find(CacheKey const& key, std::uint64_t hash) {
        std::size_t const set = set_of(hash);
        for (std::uint8_t way = 0; way < 2; ++way) {
            Slot& slot = slots_[2 * set + way];
            if (slot.hash != hash || !slot.taken || !(slot.key == key)) continue;
            last_[set] = way;
            return &slot;
        }
        return nullptr;
    }

    // The key must not be there. Nothing: nobody had to go.
    std::optional<Left> place(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                              Nanoseconds now, Slot*& placed) {
        std::size_t const set = set_of(hash);
        std::uint8_t way = last_[set] ^ 1;
        if (slots_[2 * set + way].taken && !slots_[2 * set + last_[set]].taken) way = last_[set];
        Slot& slot = slots_[2 * set + way];
        std::optional<Left> left;
        if (slot.taken) left = Left{slot.hash, slot.hits};
        slot.key = key;
        slot.hash = hash;
        slot.placed = now;
        slot.value.copy_from(value);
        slot.hits = 0;
        slot.taken = true;
        last_[set] = way;
        placed = &slot;
        return left;
    }

    std::size_t memory_bytes() const { return slots_.size() * sizeof(Slot) + last_.size(); }

  private:
    std::size_t set_of(std::uint64_t hash) const { return hash >> 32 & mask_; }

    std::vector<Slot> slots_;        // two neighbours are a set
    std::vector<std::uint8_t> last_; // which way of each set was used last
    std::size_t const mask_;
};

} // namespace stages
