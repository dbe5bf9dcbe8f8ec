// A cache with a store in a directory that goes away with the test, and a time that is a number.
// One thread; every call advances nothing by itself.
#pragma once

#include "stages/cache.hpp"
#include "tests/io/turns.hpp"

#include <gtest/gtest.h>

namespace stages::testing {

inline constexpr std::uint64_t minute_ms = 60'000;

inline CacheKey key_of(std::uint64_t number, CacheKind kind = CacheKind::identity) {
    return number_key(kind, 0x91b1'71bb'158e'2d38, number);
}

inline CacheValue value_of(std::string_view text, CacheSource source = CacheSource::subscan) {
    CacheValue value;
    EXPECT_TRUE(value.assign(text));
    value.source = source;
    return value;
}

struct CacheWorld {
    io::testing::TemporaryDirectory directory;
    CacheOptions options{};
    io::StoreOptions store_options{.boot_id = "boot"};
    CacheNow now{.monotonic = pipeline::second, .unix_ms = 1'700'000'000'000};
    std::unique_ptr<io::Store> store;
    std::unique_ptr<pipeline::MetricsPage> page;
    std::unique_ptr<Cache> cache;

    void open_store() {
        auto opened = io::Store::open(directory / "cache.mdb", {std::string(cache_table_name)},
                                      store_options);
        ASSERT_TRUE(opened) << io::describe(opened.error());
        EXPECT_EQ(opened->note, "");
        store = std::move(opened->store);
    }
    // A new process, as far as a cache can tell.
    void start(bool with_store = true) {
        cache.reset();
        store.reset();
        if (with_store) open_store();
        page = std::make_unique<pipeline::MetricsPage>("", cache_metrics);
        cache = std::make_unique<Cache>(options, store.get(), *page);
    }
    void advance(std::uint64_t ms) {
        now.monotonic += ms * pipeline::millisecond;
        now.unix_ms += ms;
    }
    void put(CacheKey const& key, std::string_view text) { cache->put(key, value_of(text), now); }
    CacheHit find(CacheKey const& key) { return cache->find(key, now); }
    // "warm one fresh", "hot two stale due", "hot absent fresh", "none".
    std::string look(CacheKey const& key) {
        auto const hit = find(key);
        if (!hit) return "none";
        return std::string(to_text(hit.tier)) + " " +
               (hit.absent() ? "absent" : std::string(hit.value->text())) +
               (hit.fresh ? " fresh" : " stale") + (hit.refresh_due ? " due" : "");
    }
    std::uint64_t read(CacheMetric metric) const { return page->read(metric); }
};

} // namespace stages::testing
