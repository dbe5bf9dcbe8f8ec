#include "stages/cache.hpp"

#include "stages/cache_cold.hpp"
#include "stages/cache_flights.hpp"
#include "stages/cache_hot.hpp"
#include "stages/cache_warm.hpp"

namespace stages {

static_assert(cache_metrics.size() == static_cast<std::size_t>(CacheMetric::token_misses) + 1);
static_assert(static_cast<std::size_t>(CacheMetric::token_misses) + 1 ==
              static_cast<std::size_t>(CacheMetric::identity_hits) + 2 * cache_kinds);

std::string_view to_text(CacheTier tier) {
    switch (tier) {
    case CacheTier::none: return "none";
    case CacheTier::hot: return "hot";
    case CacheTier::warm: return "warm";
    case CacheTier::cold: return "cold";
    }
    return "none";
}

std::string_view to_text(CacheAsk ask) {
    switch (ask) {
    case CacheAsk::ask: return "ask";
    case CacheAsk::in_flight: return "in_flight";
    case CacheAsk::resting: return "resting";
    case CacheAsk::full: return "full";
    }
    return "full";
}

namespace {

// A wall clock that was set back makes values of the future; a little of that is two machines'
// clocks, more is not believed.
constexpr std::uint64_t ahead_ms_max = 60'000;
constexpr std::size_t expired_an_upkeep = 256;
constexpr std::uint64_t ttl_ms_max = std::uint64_t{1} << 50; // sums of ages and times stay in range

// Ages in ms from which a value is stale, worth a refresh, gone.
struct Ages {
    std::uint64_t stale = 0, refresh = 0, gone = 0;
};

std::size_t index(CacheKind kind) {
    auto const i = static_cast<std::size_t>(kind);
    CHECK(i < cache_kinds);
    return i;
}

} // namespace

struct Cache::Parts {
    Parts(CacheOptions const& given, io::Store* store, pipeline::MetricsPage& page);

    struct Age {
        std::uint64_t ms = 0;
        bool believed = false; // neither gone nor of the future
    };
    Age age_of(CacheKind kind, CacheValue const& value, std::uint64_t unix_ms) const;
    CacheHit hit(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                 std::uint64_t age_ms, CacheTier tier, Nanoseconds now);
    CacheHit find_below(CacheKey const& key, std::uint64_t hash, CacheHot::Slot* slot,
                        CacheNow const& now);
    CacheTier look_below(CacheKey const& key, std::uint64_t hash, CacheHot::Slot const* slot,
                         CacheNow const& now);
    void to_warm(CacheKey const& key, std::uint64_t hash, CacheValue const& value, Nanoseconds now);
    void leave_hot(CacheHot::Left const& left);
    void count(CacheMetric metric, std::uint64_t amount = 1) { metrics.add(metric, amount); }
    void count_kind(CacheKind kind, std::size_t missed) {
        metrics.add(static_cast<std::size_t>(CacheMetric::identity_hits) + 2 * index(kind) +
                    missed);
    }
    void tell_cold_failures() { metrics.set(CacheMetric::cold_failures, cold.failures()); }

    std::uint64_t const seed;
    Nanoseconds const hot_residence, warm_residence;
    std::array<std::array<Ages, 2>, cache_kinds> ages; // by kind, by absent
    pipeline::MetricsPage& metrics;
    CacheHot hot;
    CacheWarm warm;
    CacheCold cold;
    CacheFlights flying;
    CacheValue found{}; // by look_below()
    CacheValue from_cold{};
};

Cache::Parts::Parts(CacheOptions const& given, io::Store* store, pipeline::MetricsPage& page)
    : seed(given.seed)
    , hot_residence(given.hot_residence)
    , warm_residence(given.warm_residence)
    , ages{}
    , metrics(page)
    , hot(given.hot_entries)
    , warm(given.warm_entries)
    , cold(store, cache_table)
    , flying(given.flights_max, given.flight_timeout, given.fail_pause) {
    for (std::size_t i = 0; i < cache_kinds; ++i) {
        CacheKindOptions const& kind = given.kinds[i];
        CHECK(kind.ttl_ms <= ttl_ms_max && kind.absent_ttl_ms <= ttl_ms_max &&
              kind.stale_for_ms <= ttl_ms_max);
        ages[i][0] = {kind.ttl_ms, kind.ttl_ms - kind.ttl_ms / 5, kind.ttl_ms + kind.stale_for_ms};
        ages[i][1] = {kind.absent_ttl_ms, kind.absent_ttl_ms, kind.absent_ttl_ms};
    }
}

Cache::Parts::Age Cache::Parts::age_of(CacheKind kind, CacheValue const& value,
                                       std::uint64_t unix_ms) const {
    if (value.written_unix_ms > unix_ms)
        return {0, value.written_unix_ms - unix_ms <= ahead_ms_max};
    std::uint64_t const ms = unix_ms - value.written_unix_ms;
    return {ms, ms < ages[index(kind)][value.absent ? 1 : 0].gone};
}

CacheHit Cache::Parts::hit(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                           std::uint64_t age_ms, CacheTier tier, Nanoseconds now) {
    Ages const& limits = ages[index(key.kind)][value.absent ? 1 : 0];
    CacheHit hit{.value = &value, .tier = tier, .fresh = true, .age_ms = age_ms};
    count_kind(key.kind, 0);
    if (value.absent) count(CacheMetric::absent_hits);
    if (age_ms < limits.refresh) [[likely]]
        return hit;
    hit.fresh = age_ms < limits.stale;
    if (!hit.fresh) count(CacheMetric::stale_hits);
    hit.refresh_due = (!hit.fresh || tier == CacheTier::hot) && !flying.busy(key, hash, now);
    return hit;
}

void Cache::Parts::leave_hot(CacheHot::Left const& left) {
    count(CacheMetric::hot_evictions);
    if (left.hits > 0) warm.used(left.hash, std::min(left.hits, CacheSketch::count_max));
}

void Cache::Parts::to_warm(CacheKey const& key, std::uint64_t hash, CacheValue const& value,
                           Nanoseconds now) {
    std::uint32_t const number = warm.find(key, hash);
    if (number != CacheWarm::none) {
        if (&warm.value(number) != &value) warm.value(number).copy_from(value);
        warm.place(number, now);
        return;
    }
    switch (warm.insert(key, hash, value, now)) {
    case CacheWarm::Inserted::room: break;
    case CacheWarm::Inserted::evicted: count(CacheMetric::warm_evictions); break;
    case CacheWarm::Inserted::rejected: count(CacheMetric::warm_rejections); break;
    }
}

// Leaves in `found` what warm or cold know, or what hot has had all along; the newest counts.
CacheTier Cache::Parts::look_below(CacheKey const& key, std::uint64_t hash,
                                   CacheHot::Slot const* slot, CacheNow const& now) {
    CacheTier tier = CacheTier::none;
    std::uint32_t const number = warm.find(key, hash);
    if (number != CacheWarm::none) {
        CacheValue const& value = warm.value(number);
        if (age_of(key.kind, value, now.unix_ms).believed) {
            tier = CacheTier::warm;
            found.copy_from(value);
            warm.touch(number);
            if (now.monotonic - warm.placed(number) < warm_residence) return tier;
        } else {
            warm.erase(number);
        }
    }
    if (slot && age_of(key.kind, slot->value, now.unix_ms).believed &&
        (tier == CacheTier::none || slot->value.written_unix_ms > found.written_unix_ms)) {
        tier = CacheTier::hot;
        found.copy_from(slot->value);
    }
    if (cold.get(key, from_cold) && age_of(key.kind, from_cold, now.unix_ms).believed &&
        (tier == CacheTier::none || from_cold.written_unix_ms >= found.written_unix_ms)) {
        tier = CacheTier::cold;
        found.copy_from(from_cold);
    }
    tell_cold_failures();
    if (tier != CacheTier::none) to_warm(key, hash, found, now.monotonic);
    return tier;
}

CacheHit Cache::Parts::find_below(CacheKey const& key, std::uint64_t hash, CacheHot::Slot* slot,
                                  CacheNow const& now) {
    warm.expect(hash);
    // One more look-up, and those that hot has answered meanwhile.
    warm.used(hash, 1 + (slot ? std::min(slot->hits, CacheSketch::count_max) : 0));
    CacheTier const tier = look_below(key, hash, slot, now);
    if (tier == CacheTier::none) {
        if (slot) slot->taken = false;
        count(CacheMetric::misses);
        count_kind(key.kind, 1);
        return {};
    }
    constexpr std::array counters{CacheMetric::misses, CacheMetric::hot_hits,
                                  CacheMetric::warm_hits, CacheMetric::cold_hits};
    count(counters[static_cast<std::size_t>(tier)]);
    if (slot) {
        slot->value.copy_from(found);
        slot->placed = now.monotonic;
        slot->hits = 0;
    } else if (auto const left = hot.place(key, hash, found, now.monotonic, slot)) {
        leave_hot(*left);
    }
    std::uint64_t const age_ms = age_of(key.kind, slot->value, now.unix_ms).ms;
    return hit(key, hash, slot->value, age_ms, tier, now.monotonic);
}

Cache::Cache(CacheOptions const& options, io::Store* store, pipeline::MetricsPage& metrics)
    : parts_(std::make_unique<Parts>(options, store, metrics)) {}

Cache::~Cache() = default;

CacheHit Cache::find(CacheKey const& key, CacheNow const& now) {
    Parts& p = *parts_;
    std::uint64_t const hash = hash_of(key, p.seed);
    CacheHot::Slot* const slot = p.hot.find(key, hash);
    if (slot && now.monotonic - slot->placed < p.hot_residence) [[likely]] {
        auto const age = p.age_of(key.kind, slot->value, now.unix_ms);
        if (age.believed) [[likely]] {
            ++slot->hits;
            p.count(CacheMetric::hot_hits);
            return p.hit(key, hash, slot->value, age.ms, CacheTier::hot, now.monotonic);
        }
    }
    return p.find_below(key, hash, slot, now);
}

CacheAsk Cache::begin(CacheKey const& key, CacheNow const& now) {
    Parts& p = *parts_;
    std::uint64_t const hash = hash_of(key, p.seed);
    auto begun = p.flying.begin(key, hash, now.monotonic);
    if (begun == CacheFlights::Begun::full) {
        p.count(CacheMetric::flights_timed_out, p.flying.sweep(now.monotonic));
        begun = p.flying.begin(key, hash, now.monotonic);
    }
    switch (begun) {
    case CacheFlights::Begun::in_flight:
        p.count(CacheMetric::flights_shared);
        return CacheAsk::in_flight;
    case CacheFlights::Begun::resting: return CacheAsk::resting;
    case CacheFlights::Begun::full: p.count(CacheMetric::flights_refused); return CacheAsk::full;
    case CacheFlights::Begun::ask_after_timeout: p.count(CacheMetric::flights_timed_out); break;
    case CacheFlights::Begun::ask: break;
    }
    p.count(CacheMetric::flights);
    if (p.hot.find(key, hash) || p.warm.find(key, hash) != CacheWarm::none)
        p.count(CacheMetric::refreshes);
    return CacheAsk::ask;
}

void Cache::put(CacheKey const& key, CacheValue const& value, CacheNow const& now) {
    Parts& p = *parts_;
    CHECK(value.size <= CacheValue::bytes_max && (!value.absent || value.size == 0));
    CHECK(static_cast<std::size_t>(value.source) < cache_sources);
    std::uint64_t const hash = hash_of(key, p.seed);
    static_cast<void>(p.flying.end(key, hash));
    p.found.copy_from(value);
    if (p.found.written_unix_ms == 0) p.found.written_unix_ms = now.unix_ms;
    if (CacheHot::Slot* const slot = p.hot.find(key, hash)) {
        slot->value.copy_from(p.found);
        slot->placed = now.monotonic;
    }
    p.to_warm(key, hash, p.found, now.monotonic);
    Ages const& limits = p.ages[index(key.kind)][value.absent ? 1 : 0];
    p.cold.put(key, p.found, p.found.written_unix_ms + limits.gone);
    p.tell_cold_failures();
}

void Cache::put_absent(CacheKey const& key, CacheSource source, CacheNow const& now) {
    CacheValue value;
    value.source = source;
    value.absent = true;
    put(key, value, now);
}

void Cache::fail(CacheKey const& key, CacheNow const& now) {
    parts_->count(CacheMetric::flights_failed);
    parts_->flying.fail(key, hash_of(key, parts_->seed), now.monotonic);
}

void Cache::forget(CacheKey const& key) {
    Parts& p = *parts_;
    std::uint64_t const hash = hash_of(key, p.seed);
    if (CacheHot::Slot* const slot = p.hot.find(key, hash)) slot->taken = false;
    std::uint32_t const number = p.warm.find(key, hash);
    if (number != CacheWarm::none) p.warm.erase(number);
    p.cold.remove(key);
    p.tell_cold_failures();
}

void Cache::upkeep(CacheNow const& now) {
    Parts& p = *parts_;
    p.count(CacheMetric::flights_timed_out, p.flying.sweep(now.monotonic));
    p.count(CacheMetric::cold_expired, p.cold.clear_expired(now.unix_ms, expired_an_upkeep));
    auto const counts = p.cold.counts();
    p.metrics.set(CacheMetric::cold_evictions, counts.dropped);
    p.metrics.set(CacheMetric::cold_entries, counts.entries);
    p.metrics.set(CacheMetric::warm_entries, p.warm.size());
    p.tell_cold_failures();
}

std::size_t Cache::warm_size() const { return parts_->warm.size(); }
std::size_t Cache::flights() const { return parts_->flying.size(); }
std::size_t Cache::memory_bytes() const {
    return sizeof(Parts) + parts_->hot.memory_bytes() + parts_->warm.memory_bytes() +
           parts_->flying.memory_bytes();
}
std::string const& Cache::cold_trouble() const { return parts_->cold.trouble(); }

} // namespace stages
