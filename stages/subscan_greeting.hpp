// What Subscan says of a chain as such: its genesis and its tokens, kept from run to run in the
// cold tier of the cache, so that a restart within their ttl asks nothing before its first poll.
//
// Keyed by where it was asked (host and port), because a genesis is only known by the answer. One
// entry for the chain (kind metadata: genesis, number of tokens) and one a token (kind token). What
// does not fit is not kept, and is asked for again; half a list is never given back.
//
// One thread, that of the legacy source. The store and the metrics outlive it.
#pragma once

#include "decoders/subscan.hpp"
#include "stages/cache.hpp"

#include <string>
#include <vector>

namespace stages {

class SubscanGreetings {
  public:
    static constexpr std::size_t tokens_max = 4'096;

    // Views into what load() was given to fill; valid until it is changed.
    struct Known {
        pipeline::Hash genesis{};
        std::vector<CacheValue> stored; // what `tokens` points into
        std::vector<decoders::SubscanToken> tokens;
    };

    SubscanGreetings(std::uint64_t ttl_ms, io::Store* store, pipeline::MetricsPage& metrics);

    // False: not known, or not all of it is still fresh.
    [[nodiscard]] bool load(std::string_view authority, CacheNow const& now, Known& known);
    void keep(std::string_view authority, pipeline::Hash const& genesis,
              std::vector<decoders::SubscanToken> const& tokens, CacheNow const& now);

  private:
    Cache cache_;
};

} // namespace stages
