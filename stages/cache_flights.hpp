// Who is being asked for: at most one question a key, at most `flights_max` keys. A flight ends
// when it is told so or when its time is up; one that has failed rests in its place.
//
// One thread. All memory is made by the constructor. Times are monotonic.
#pragma once

#include "stages/cache_index.hpp"
#include "stages/cache_record.hpp"

namespace stages {

class CacheFlights {
  public:
    enum class Begun : std::uint8_t { ask, ask_after_timeout, in_flight, resting, full };

    CacheFlights(std::size_t flights_max, Nanoseconds timeout, Nanoseconds pause);

    Begun begin(CacheKey const& key, std::uint64_t hash, Nanoseconds now);
    // True: it was under way or resting.
    bool end(CacheKey const& key, std::uint64_t hash);
    // Lets the key rest, whether it was under way or not, if there is room for it.
    void fail(CacheKey const& key, std::uint64_t hash, Nanoseconds now);
    // Somebody asks, or it rests: nobody else has to.
    bool busy(CacheKey const& key, std::uint64_t hash, Nanoseconds now) const;
    // Those whose time is up go. How many of them had not been ended.
    std::size_t sweep(Nanoseconds now);

    std::size_t size() const { return index_.size(); }
    std::size_t memory_bytes() const;

  private:
    struct Flight {
        CacheKey key;
        std::uint64_t hash = 0;
        Nanoseconds until = 0; // 0: free
        bool resting = false;
    };

    std::uint32_t find(CacheKey const& key, std::uint64_t hash) const;
    void erase(std::uint32_t number);

    Nanoseconds const timeout_;
    Nanoseconds const pause_;
    std::vector<Flight> flights_;
    std::vector<std::uint32_t> free_;
    CacheIndex index_;
};

} // namespace stages
