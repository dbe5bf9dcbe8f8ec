// From the hash of a key to the number of its entry: open addressing with linear probing, little
// more than half full, no tombstones (what follows a removed slot moves up). The entries, and with
// them the keys, lie with the caller.
//
// One thread. Its size is set by the constructor; insert() CHECKs that it is not exceeded.
#pragma once

#include "pipeline/check.hpp"
#include "pipeline/types.hpp"

#include <bit>
#include <vector>

namespace stages {

class CacheIndex {
  public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    explicit CacheIndex(std::size_t entries_max)
        : slots_(std::bit_ceil(2 * entries_max - entries_max / 8))
        , mask_(static_cast<std::uint32_t>(slots_.size() - 1))
        , entries_max_(entries_max) {}

    // Begins to fetch what find() will read: memory is slower than what can be done meanwhile.
    void expect(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }

    // The entry for which `is_it(number)` holds, or none. Asked only where the hashes are alike.
    template <class IsIt>
    std::uint32_t find(std::uint64_t hash, IsIt const& is_it) const {
        auto const tag = static_cast<std::uint32_t>(hash);
        for (std::uint32_t at = tag & mask_; slots_[at].number != none; at = (at + 1) & mask_)
            if (slots_[at].tag == tag && is_it(slots_[at].number)) return slots_[at].number;
        return none;
    }

    void insert(std::uint64_t hash, std::uint32_t number) {
        CHECK(size_ < entries_max_);
        ++size_;
        auto const tag = static_cast<std::uint32_t>(hash);
        std::uint32_t at = tag & mask_;
        while (slots_[at].number != none) at = (at + 1) & mask_;
        slots_[at] = {tag, number};
    }

    // It must be there.
    void erase(std::uint64_t hash, std::uint32_t number) {
        std::uint32_t hole = static_cast<std::uint32_t>(hash) & mask_;
        while (slots_[hole].number != number) {
            CHECK(slots_[hole].number != none);
            hole = (hole + 1) & mask_;
        }
        --size_;
        for (std::uint32_t at = (hole + 1) & mask_; slots_[at].number != none;
             at = (at + 1) & mask_) {
            // It may move up unless its home lies behind the hole.
            if (((at - slots_[at].tag) & mask_) < ((at - hole) & mask_)) continue;
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = {};
    }

    std::size_t size() const { return size_; }
    std::size_t memory_bytes() const { return slots_.size() * sizeof(Slot); }

  private:
    struct Slot {
        std::uint32_t tag = 0; // the low half of the hash; its lowest bits are the slot's home
        std::uint32_t number = none;
    };

    std::vector<Slot> slots_;
    std::uint32_t mask_;
    std::size_t entries_max_;
    std::size_t size_ = 0;
};

} // namespace stages
