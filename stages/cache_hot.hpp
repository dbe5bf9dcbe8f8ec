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
    struct alignas(64) Slot {
        CacheKey key;
        std::uint64_t hash = 0;
        Nanoseconds placed = 0;
        CacheValue value;
        std::uint32_t hits = 0; // since it was placed
        bool taken = false;
    };
    // What had to go: the sketch of the tier below wants to know how often it was used here.
    struct Left {
        std::uint64_t hash = 0;
        std::uint32_t hits = 0;
    };

    explicit CacheHot(std::size_t entries)
        : sets_(entries / 2)
        , mask_(entries / 2 - 1) {
        CHECK(entries >= 2 && (entries & (entries - 1)) == 0);
    }

    Slot* find(CacheKey const& key, std::uint64_t hash) {
        Set& set = sets_[hash >> 32 & mask_];
        for (std::uint8_t way = 0; way < 2; ++way) {
            Slot& slot = set.ways[way];
            if (slot.hash != hash || !slot.taken || !(slot.key == key)) continue;
            set.last = way;
            return &slot;
        }
        return nullptr;
    }

    // The key must not be there. Nothing: nobody had to go.
    std::optional<Left> place(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                              Nanoseconds now, Slot*& placed) {
        Set& set = sets_[hash >> 32 & mask_];
        std::uint8_t const other = set.last ^ 1;
        std::uint8_t const way =
            set.ways[other].taken && !set.ways[set.last].taken ? set.last : other;
        Slot& slot = set.ways[way];
        std::optional<Left> left;
        if (slot.taken) left = Left{slot.hash, slot.hits};
        slot.key = key;
        slot.hash = hash;
        slot.placed = now;
        slot.value.copy_from(value);
        slot.hits = 0;
        slot.taken = true;
        set.last = way;
        placed = &slot;
        return left;
    }

    std::size_t memory_bytes() const { return sets_.size() * sizeof(Set); }

  private:
    struct Set {
        Slot ways[2];
        std::uint8_t last = 0;
    };

    std::vector<Set> sets_;
    std::size_t const mask_;
};

} // namespace stages
