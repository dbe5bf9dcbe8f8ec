// The tiered cache of what has to be asked for elsewhere, so that a quota lasts.
//
//   find() ──▶ hot    a fixed table, 2 ways a set: some 10 ns
//          ──▶ warm   bounded, admission that resists scans: some 100 ns, copied to hot
//          ──▶ cold   io::Store, shared by threads and by restarts: some us, copied to warm and hot
//          ──▶ miss   begin() says whether this caller is to ask; then put(), put_absent(), fail()
//
// Two clocks. A value's age counts from when it was learnt, by the wall clock, and is judged by the
// kind's ttl: fresh before ttl, then stale and still served before ttl + stale_for, then gone. How
// long hot and warm may answer before the tier below is looked at again is residence, monotonic:
// 30 s and 5 min. It bounds how long this thread misses what another has put into the store. Where
// the tiers below know nothing newer, what is here goes on until its age ends it.
//
// A value is refreshed ahead: in the last fifth of its ttl a hot hit says `refresh_due`, as do
// stale values of any tier, until somebody has begun. Absent values have a ttl of their own, are
// not refreshed ahead and never served stale.
//
// Single flight: begin() answers `ask` to one caller a key, until put(), put_absent() or fail(), or
// until flight_timeout. After fail() the key rests for fail_pause.
//
// One thread. Owns its memory, all of it made by the constructor: nothing is allocated later. The
// store and the metrics outlive it. Nothing here can fail for the caller: a store that does not
// work is a counter and cold_trouble(), and the cache goes on without. Calls that reach cold wait
// for another thread's write, and for a page of the disk at the worst.
#pragma once

#include "io/store.hpp"
#include "pipeline/metrics.hpp"
#include "stages/cache_record.hpp"

#include <array>
#include <memory>

namespace stages {

enum class CacheTier : std::uint8_t { none, hot, warm, cold };
std::string_view to_text(CacheTier tier);

// The table of the store that is this cache's, and its number in Store::open.
inline constexpr std::string_view cache_table_name = "cache.1";
inline constexpr std::size_t cache_table = 0;

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

enum class CacheMetric : std::uint8_t {
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
inline constexpr std::array cache_metrics{
    pipeline::MetricRow{"spyhop_cache_hot_hits_total", pipeline::MetricKind::counter,
                        "Look-ups answered by the table of this thread."},
    pipeline::MetricRow{"spyhop_cache_warm_hits_total", pipeline::MetricKind::counter,
                        "Look-ups answered by the bounded table below it."},
    pipeline::MetricRow{"spyhop_cache_cold_hits_total", pipeline::MetricKind::counter,
                        "Look-ups answered by the store on disk."},
    pipeline::MetricRow{"spyhop_cache_misses_total", pipeline::MetricKind::counter,
                        "Look-ups that nothing could answer."},
    pipeline::MetricRow{"spyhop_cache_stale_hits_total", pipeline::MetricKind::counter,
                        "Answers that were older than the ttl of their kind."},
    pipeline::MetricRow{"spyhop_cache_absent_hits_total", pipeline::MetricKind::counter,
                        "Answers that say: there is none."},
    pipeline::MetricRow{"spyhop_cache_hot_evictions_total", pipeline::MetricKind::counter,
                        "Entries of the hot table that made room for another."},
    pipeline::MetricRow{"spyhop_cache_warm_evictions_total", pipeline::MetricKind::counter,
                        "Entries of the warm table that made room for another."},
    pipeline::MetricRow{"spyhop_cache_warm_rejections_total", pipeline::MetricKind::counter,
                        "New entries that were not worth the room in the warm table."},
    pipeline::MetricRow{"spyhop_cache_cold_evictions_total", pipeline::MetricKind::counter,
                        "Entries that the whole store has dropped for want of room."},
    pipeline::MetricRow{"spyhop_cache_cold_expired_total", pipeline::MetricKind::counter,
                        "Entries taken from the store because they had run out."},
    pipeline::MetricRow{"spyhop_cache_cold_failures_total", pipeline::MetricKind::counter,
                        "Calls to the store that failed."},
    pipeline::MetricRow{"spyhop_cache_refreshes_total", pipeline::MetricKind::counter,
                        "Questions begun while an older answer was there."},
    pipeline::MetricRow{"spyhop_cache_flights_total", pipeline::MetricKind::counter,
                        "Questions begun."},
    pipeline::MetricRow{"spyhop_cache_flights_shared_total", pipeline::MetricKind::counter,
                        "Questions not asked because another one was under way."},
    pipeline::MetricRow{"spyhop_cache_flights_failed_total", pipeline::MetricKind::counter,
                        "Questions that ended without an answer."},
    pipeline::MetricRow{"spyhop_cache_flights_timed_out_total", pipeline::MetricKind::counter,
                        "Questions whose end nobody told in time."},
    pipeline::MetricRow{"spyhop_cache_flights_refused_total", pipeline::MetricKind::counter,
                        "Questions not asked because too many were under way."},
    pipeline::MetricRow{"spyhop_cache_warm_entries", pipeline::MetricKind::gauge,
                        "Entries of the warm table."},
    pipeline::MetricRow{"spyhop_cache_cold_entries", pipeline::MetricKind::gauge,
                        "Entries of the whole store."},
    pipeline::MetricRow{"spyhop_cache_identity_hits_total", pipeline::MetricKind::counter,
                        "Look-ups of kind identity that were answered."},
    pipeline::MetricRow{"spyhop_cache_identity_misses_total", pipeline::MetricKind::counter,
                        "Look-ups of kind identity that were not."},
    pipeline::MetricRow{"spyhop_cache_balance_hits_total", pipeline::MetricKind::counter,
                        "Look-ups of kind balance that were answered."},
    pipeline::MetricRow{"spyhop_cache_balance_misses_total", pipeline::MetricKind::counter,
                        "Look-ups of kind balance that were not."},
    pipeline::MetricRow{"spyhop_cache_price_hits_total", pipeline::MetricKind::counter,
                        "Look-ups of kind price that were answered."},
    pipeline::MetricRow{"spyhop_cache_price_misses_total", pipeline::MetricKind::counter,
                        "Look-ups of kind price that were not."},
    pipeline::MetricRow{"spyhop_cache_metadata_hits_total", pipeline::MetricKind::counter,
                        "Look-ups of kind metadata that were answered."},
    pipeline::MetricRow{"spyhop_cache_metadata_misses_total", pipeline::MetricKind::counter,
                        "Look-ups of kind metadata that were not."},
    pipeline::MetricRow{"spyhop_cache_token_hits_total", pipeline::MetricKind::counter,
                        "Look-ups of kind token that were answered."},
    pipeline::MetricRow{"spyhop_cache_token_misses_total", pipeline::MetricKind::counter,
                        "Look-ups of kind token that were not."},
};

class Cache {
  public:
    // `store` null: no cold tier.
    Cache(CacheOptions const& options, io::Store* store, pipeline::MetricsPage& metrics);
    ~Cache();
    Cache(Cache const&) = delete;
    Cache& operator=(Cache const&) = delete;

    CacheHit find(CacheKey const& key, CacheNow const& now);

    [[nodiscard]] CacheAsk begin(CacheKey const& key, CacheNow const& now);
    // Into warm and cold, and over what hot holds; ends the key's flight. CHECKs size and enums.
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
    // The last sentence of the store, "": it has none. For status and the log.
    std::string const& cold_trouble() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> const parts_;
};

} // namespace stages
