// The second tier: a bounded table that keeps what is used again and again, and which a long row of
// keys that are used once cannot empty. W-TinyLFU (Einziger, Friedman, Manes: TinyLFU: A Highly
// Efficient Cache Admission Policy, ACM Transactions on Storage 13, 2017):
//
//   insert ──▶ window 1 % ──▶ used more often than the one that would have to go? ──▶ gone: no
//                                        │ yes
//                                        ▼
//              protected 80 % ◀─used──  probation 20 % of the rest ──▶ gone
//                        └──full──────────▶
//
// Each part is a list in the order of use; the sketch counts look-ups, also those that found
// nothing. Probation and protected are a segmented LRU (Karedla, Love, Wherry: Caching Strategies
// to Improve Disk System Performance, IEEE Computer 27, 1994).
//
// One thread. All memory is made by the constructor. Says nothing about age.
#pragma once

#include "stages/cache_index.hpp"
#include "stages/cache_record.hpp"
#include "stages/cache_sketch.hpp"

#include <array>

namespace stages {

class CacheWarm {
  public:
    static constexpr std::uint32_t none = CacheIndex::none;
    static constexpr std::size_t entries_min = 16;

    enum class Inserted : std::uint8_t { room, evicted, rejected };

    explicit CacheWarm(std::size_t entries); // CHECKs entries_min

    // A number for the calls below, valid until insert() or erase().
    void expect(std::uint64_t hash) const { index_.expect(hash); } // soon a find()
    std::uint32_t find(CacheKey const& key, std::uint64_t hash) const;
    CacheValue& value(std::uint32_t number) { return bodies_[number].value; }
    Nanoseconds placed(std::uint32_t number) const { return nodes_[number].placed; }
    void place(std::uint32_t number, Nanoseconds now) { nodes_[number].placed = now; }

    // A look-up of this key, wherever it was answered.
    void used(std::uint64_t hash, unsigned times = 1) { sketch_.add(hash, times); }
    // It was found here: to the front of its list.
    void touch(std::uint32_t number);
    // The key must not be there. Says what it cost: `evicted` one that was there, `rejected` one
    // that had waited in the window.
    Inserted insert(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                    Nanoseconds now);
    void erase(std::uint32_t number);

    std::size_t size() const { return index_.size(); }
    std::size_t memory_bytes() const;

  private:
    enum Part : std::uint8_t { window, probation, protection };
    struct Node {
        std::uint64_t hash = 0;
        Nanoseconds placed = 0;
        std::uint32_t before = none, after = none;
        Part part = window;
    };
    struct alignas(64) Body {
        CacheKey key;
        CacheValue value;
    };
    struct List {
        std::uint32_t first = none, last = none; // used last, used longest ago
        std::size_t size = 0;
    };

    void unlink(std::uint32_t number);
    void link(std::uint32_t number, Part part);

    std::size_t const window_max_;
    std::size_t const main_max_;
    std::size_t const protected_max_;
    std::vector<Node> nodes_;
    std::vector<Body> bodies_;
    std::vector<std::uint32_t> free_;
    std::array<List, 3> lists_;
    CacheIndex index_;
    CacheSketch sketch_;
};

} // namespace stages
