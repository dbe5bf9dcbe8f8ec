// The tiered cache of what has to be asked for elsewhere, so that a quota lasts.
//
//   find() ──▶ hot    a fixed table, 2 ways a set                    a hit costs some 10 ns
//          ──▶ warm   bounded, admission that resists scans          some 100 ns, copied to hot
//          ──▶ cold   io::Store, shared by threads and by restarts   some us, copied to warm and hot
//          ──▶ miss   begin() says whether this caller is to ask; then put(), put_absent() or fail()
//
// Two clocks. A value's age counts from when it was learnt, by the wall clock, and is judged by the
// kind's ttl: fresh until ttl, then stale and still served until ttl + stale_for, then gone. How
// long hot and warm may answer before the tier below is looked at again is residence, monotonic:
// 30 s and 5 min. It bounds how long this thread misses what another has put into the store.
//
// A value is refreshed ahead: in the last fifth of its ttl a hot hit says `refresh_due`, as do stale
// values of any tier, until somebody has begun. Absent values have a ttl of their own and are never
// served stale.
//
// Single flight: begin() answers `ask` to one caller a key, until put(), put_absent() or fail(), or
// until flight_timeout. After fail() the key rests for fail_pause.
//
// One thread. Owns its memory, all of it made by the constructor; the store, the metrics and what
// they need outlive it. Nothing here can fail for the caller: a store that does not work is a
// counter, and the cache goes on without. Calls that reach cold block for a page of the disk at
// the worst.
#pragma once

#include "io/store.hpp"
#include "pipeline/metrics.hpp"
#include "stages/cache_record.hpp"

#include <array>
#include <memory>

namespace stages {

enum class CacheTier : std::uint8_t { none, hot, warm, cold };
std::string_view to_text(CacheTier tier);

struct CacheKindOptions {
    std::uint64_t ttl_ms = 3'600'000;
    std::uint64_t absent_ttl_ms = 600'000;
    std::uint64_t stale_for_ms = 3'600'000; // after the ttl
};

struct CacheOptions {
    std::array<CacheKindOptions, cache_kinds> kinds{}; // by CacheKind
    std::size_t hot_entries = 1'024;                   // a power of two, 2 or more
    Nanoseconds hot_residence = 30 * pipeline::second;
    std::size_t warm_entries = 65'536; // 16 or more
    Nanoseconds warm_residence = 300 * pipeline::second;
    std::size_t flights_max = 1'024;
    Nanoseconds flight_timeout = 30 * pipeline::second;
    Nanoseconds fail_pause = 30 * pipeline::second;
    std::uint64_t seed = 0; // of the hash; by chance in production, so that nobody can aim at a set
};

// Both clocks of one moment, given by the caller.
struct CacheNow {
    Nanoseconds monotonic = 0;
    std::uint64_t unix_ms = 0;
};

struct CacheHit {
    CacheValue const* value = nullptr; // null: a miss. Valid until the next call that is not const
    CacheTier tier{};                  // which one answered
    bool fresh = false;
    bool refresh_due = false; // worth a begin(): near its end or stale, and nobody is asking
    std::uint64_t age_ms = 0;

    explicit operator bool() const { return value != nullptr; }
    bool absent() const { return value != nullptr && value->absent; }
};

enum class CacheAsk : std::uint8_t {
    ask,       // this caller is to ask, and to end it with put(), put_absent() or fail()
    in_flight, // another one does
    resting,   // it has failed a moment ago
    full,      // too many are being asked for
};
std::string_view to_text(CacheAsk ask);

enum class CacheMetric {
    hot_hits,
    warm_hits,
    cold_hits,
    misses,
    stale_hits,
    absent_hits,
    hot_evictions,
    warm_evictions,
    warm_rejections,
    cold_evictions,
    cold_expired,
    cold_failures,
    refreshes,
    flights,
    flights_shared,
    flights_failed,
    flights_timed_out,
    flights_refused,
    warm_entries,
    cold_entries,
    identity_hits, // from here on two a kind, in the order of CacheKind
    identity_misses,
    balance_hits,
    balance_misses,
    price_hits,
    price_misses,
    metadata_hits,
    metadata_misses,
    token_hits,
    token_misses,
};
extern std::span<pipeline::MetricRow const> const cache_metrics;

class Cache {
  public:
    // `store` null: no cold tier.
    Cache(CacheOptions const& options, io::Store* store, pipeline::MetricsPage& metrics);
    ~Cache();
    Cache(Cache const&) = delete;
    Cache& operator=(Cache const&) = delete;

    CacheHit find(CacheKey const& key, CacheNow const& now);

    [[nodiscard]] CacheAsk begin(CacheKey const& key, CacheNow const& now);
    // Into every tier, and ends the key's flight. CHECKs size and enums.
    void put(CacheKey const& key, CacheValue const& value, CacheNow const& now);
    void put_absent(CacheKey const& key, CacheSource source, CacheNow const& now);
    void fail(CacheKey const& key, CacheNow const& now);
    // Out of every tier. A flight goes on.
    void forget(CacheKey const& key);

    // A little of what has run out is taken from the store, and the gauges are set. Call it every
    // second or so; bounded work.
    void upkeep(CacheNow const& now);

    std::size_t warm_size() const;
    std::size_t flights() const; // being asked for, or resting
    std::size_t memory_bytes() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> const parts_;
};

} // namespace stages
