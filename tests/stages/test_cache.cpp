// The tiers of the cache and what time does to a value.
#include "tests/decoders/count_new.hpp"
#include "tests/stages/cache_fixture.hpp"

namespace stages::testing {
namespace {

TEST(Cache, a_value_goes_down_at_once_and_comes_up_when_it_is_looked_up) {
    CacheWorld world;
    world.start();
    EXPECT_EQ(world.look(key_of(1)), "none");
    world.put(key_of(1), "one");
    EXPECT_EQ(world.look(key_of(1)), "warm one fresh");
    EXPECT_EQ(world.look(key_of(1)), "hot one fresh");
    world.put(key_of(1), "two");
    EXPECT_EQ(world.look(key_of(1)), "hot two fresh");
    EXPECT_EQ(world.look(key_of(2)), "none");
}

TEST(Cache, keys_differ_in_each_of_their_fields) {
    CacheWorld world;
    world.start();
    decoders::Account account{};
    account.size = 32;
    account.key[31] = 1;
    CacheKey const key = account_key(CacheKind::identity, 7, account, 9);
    world.put(key, "it");
    auto const differs = [&](auto change) {
        CacheKey other = key;
        change(other);
        EXPECT_EQ(world.look(other), "none");
        EXPECT_NE(world.look(key), "none");
    };
    differs([](CacheKey& k) { k.chain = 8; });
    differs([](CacheKey& k) { k.number = 8; });
    differs([](CacheKey& k) { k.kind = CacheKind::balance; });
    differs([](CacheKey& k) { k.account[0] = 1; });
    differs([](CacheKey& k) { k.account[31] = 0; });
    differs([](CacheKey& k) { k.account_size = 20; });
}

TEST(Cache, a_value_is_stale_at_its_ttl_and_gone_after_the_grace) {
    for (bool const with_store : {true, false}) {
        CacheWorld world;
        world.options.kinds[0] = {.ttl_ms = 60 * minute_ms, .stale_for_ms = 30 * minute_ms};
        world.start(with_store);
        world.put(key_of(1), "one");
        world.advance(60 * minute_ms - 1);
        EXPECT_TRUE(world.find(key_of(1)).fresh);
        world.advance(1);
        auto const hit = world.find(key_of(1));
        ASSERT_TRUE(hit);
        EXPECT_FALSE(hit.fresh);
        EXPECT_TRUE(hit.refresh_due);
        EXPECT_EQ(hit.age_ms, 60 * minute_ms);
        world.advance(30 * minute_ms - 1);
        EXPECT_TRUE(world.find(key_of(1)));
        world.advance(1);
        EXPECT_FALSE(world.find(key_of(1)));
        EXPECT_EQ(world.read(CacheMetric::stale_hits), 2U);
        EXPECT_EQ(world.read(CacheMetric::misses), 1U);
    }
}

TEST(Cache, each_kind_has_its_own_ttl) {
    CacheWorld world;
    for (std::size_t i = 0; i < cache_kinds; ++i)
        world.options.kinds[i] = {.ttl_ms = (i + 1) * 1'000, .stale_for_ms = 0};
    world.start();
    for (std::size_t i = 0; i < cache_kinds; ++i)
        world.put(key_of(1, static_cast<CacheKind>(i)), "v");
    for (std::size_t alive = cache_kinds; alive > 0; --alive) {
        for (std::size_t i = 0; i < cache_kinds; ++i)
            EXPECT_EQ(bool(world.find(key_of(1, static_cast<CacheKind>(i)))),
                      i >= cache_kinds - alive);
        world.advance(1'000);
    }
    for (std::size_t i = 0; i < cache_kinds; ++i) // a kind with i + 1 s was found i + 1 times of 5
        EXPECT_EQ(world.page->read(static_cast<std::size_t>(CacheMetric::identity_hits) + 2 * i),
                  i + 1);
}

TEST(Cache, hot_answers_for_its_residence_and_warm_for_its_own) {
    CacheWorld world;
    world.start();
    world.put(key_of(1), "one");
    EXPECT_EQ(world.look(key_of(1)), "warm one fresh");
    world.advance(29'999);
    EXPECT_EQ(world.look(key_of(1)), "hot one fresh");
    world.advance(1);
    EXPECT_EQ(world.look(key_of(1)), "warm one fresh");
    EXPECT_EQ(world.look(key_of(1)), "hot one fresh");
    world.advance(5 * minute_ms - 30'000 - 1);
    EXPECT_EQ(world.look(key_of(1)), "warm one fresh");
    world.advance(30'000);
    EXPECT_EQ(world.look(key_of(1)), "cold one fresh");
    EXPECT_EQ(world.look(key_of(1)), "hot one fresh");
    EXPECT_EQ(world.read(CacheMetric::hot_hits), 3U);
    EXPECT_EQ(world.read(CacheMetric::warm_hits), 3U);
    EXPECT_EQ(world.read(CacheMetric::cold_hits), 1U);
}

// Two threads, two caches, one store: what the other has learnt arrives after the residence.
TEST(Cache, what_another_thread_has_put_arrives_in_time) {
    CacheWorld world;
    world.start();
    pipeline::MetricsPage page("", cache_metrics);
    Cache other(world.options, world.store.get(), page);
    world.put(key_of(1), "old");
    EXPECT_EQ(world.look(key_of(1)), "warm old fresh");
    EXPECT_EQ(other.find(key_of(1), world.now).value->text(), "old");
    world.advance(1);
    other.put(key_of(1), value_of("new"), world.now);
    EXPECT_EQ(world.look(key_of(1)), "hot old fresh");
    world.advance(5 * minute_ms);
    EXPECT_EQ(world.look(key_of(1)), "cold new fresh");
}

TEST(Cache, without_a_store_values_last_as_long_as_their_ttl) {
    CacheWorld world;
    world.options.kinds[0].stale_for_ms = 0;
    world.start(false);
    world.put(key_of(1), "one");
    for (int i = 0; i < 59; ++i) {
        world.advance(minute_ms);
        EXPECT_TRUE(world.find(key_of(1)).fresh) << i;
    }
    world.advance(minute_ms);
    EXPECT_FALSE(world.find(key_of(1)));
}

TEST(Cache, says_where_a_value_is_from_and_how_old_it_is) {
    CacheWorld world;
    world.start();
    CacheValue value = value_of("1.25", CacheSource::node);
    value.written_unix_ms = world.now.unix_ms - 5'000;
    world.cache->put(key_of(1, CacheKind::price), value, world.now);
    auto const hit = world.find(key_of(1, CacheKind::price));
    EXPECT_EQ(hit.age_ms, 5'000U);
    EXPECT_EQ(hit.value->source, CacheSource::node);
    EXPECT_EQ(to_text(hit.value->source), "node");
    EXPECT_EQ(hit.value->written_unix_ms, world.now.unix_ms - 5'000);
}

TEST(Cache, absence_is_known_for_its_own_time_and_never_stale) {
    CacheWorld world;
    world.start();
    world.cache->put_absent(key_of(1), CacheSource::subscan, world.now);
    EXPECT_EQ(world.look(key_of(1)), "warm absent fresh");
    world.advance(10 * minute_ms - 1);
    auto const hit = world.find(key_of(1));
    EXPECT_TRUE(hit && hit.absent() && hit.fresh && !hit.refresh_due);
    world.advance(1);
    EXPECT_EQ(world.look(key_of(1)), "none");
    EXPECT_EQ(world.read(CacheMetric::absent_hits), 2U);
    world.cache->put_absent(key_of(1), CacheSource::subscan, world.now);
    world.put(key_of(1), "now there is one");
    EXPECT_EQ(world.look(key_of(1)), "warm now there is one fresh");
}

TEST(Cache, a_restart_finds_what_was_there) {
    CacheWorld world;
    world.start();
    std::string const longest(CacheValue::bytes_max, 'x');
    world.put(key_of(1), longest);
    world.put(key_of(2), "");
    world.cache->put_absent(key_of(3), CacheSource::node, world.now);
    world.advance(5 * minute_ms);
    world.now.monotonic = pipeline::second; // of another boot
    world.start();
    EXPECT_EQ(world.look(key_of(1)), "cold " + longest + " fresh");
    EXPECT_EQ(world.look(key_of(1)), "hot " + longest + " fresh");
    EXPECT_EQ(world.look(key_of(2)), "cold  fresh");
    EXPECT_EQ(world.look(key_of(3)), "cold absent fresh");
    EXPECT_EQ(world.find(key_of(3)).value->source, CacheSource::node);
    EXPECT_EQ(world.find(key_of(1)).age_ms, 5 * minute_ms);
    EXPECT_EQ(world.look(key_of(4)), "none");
}

TEST(Cache, records_that_are_not_ours_are_not_believed) {
    CacheWorld world;
    world.start();
    world.put(key_of(1), "good");
    auto const reader = *world.store->reader();
    std::array<std::uint8_t, io::Store::value_bytes_max> good{};
    CacheKey const key = key_of(1);
    pipeline::Bytes const name(reinterpret_cast<std::uint8_t const*>(&key), sizeof key);
    auto const found = *reader->get(cache_table, name, good);
    ASSERT_TRUE(found);
    auto const look = [&](auto change) {
        std::vector<std::uint8_t> record(good.begin(), good.begin() + found->size);
        change(record);
        EXPECT_TRUE(world.store->put(cache_table, name, record, found->expires_unix_ms));
        pipeline::MetricsPage page("", cache_metrics);
        Cache other(world.options, world.store.get(), page);
        return bool(other.find(key, world.now));
    };
    EXPECT_TRUE(look([](auto&) {}));
    EXPECT_FALSE(look([](auto& r) { r.pop_back(); }));
    EXPECT_FALSE(look([](auto& r) { r.push_back(0); }));
    EXPECT_FALSE(look([](auto& r) { r.resize(11); }));
    EXPECT_FALSE(look([](auto& r) { r.clear(); }));
    EXPECT_FALSE(look([](auto& r) { r[8] = cache_sources; }));
    EXPECT_FALSE(look([](auto& r) { r[9] = 2; }));
    EXPECT_FALSE(look([](auto& r) { r[9] = 1; })); // absent, and a value
    EXPECT_FALSE(look([](auto& r) { std::fill_n(r.begin(), 8, std::uint8_t{0}); }));
    EXPECT_FALSE(look([](auto& r) { // of the year 2554
        std::fill_n(r.begin(), 8, std::uint8_t{0x7f});
    }));
    EXPECT_FALSE(look([](auto& r) { // one byte more than a value may have
        r.resize(12 + CacheValue::bytes_max + 1);
        std::uint16_t const size = CacheValue::bytes_max + 1;
        std::memcpy(r.data() + 10, &size, 2);
    }));
}

TEST(Cache, a_clock_that_was_set_back_makes_no_value_immortal) {
    CacheWorld world;
    world.start();
    world.put(key_of(1), "one");
    world.now.unix_ms -= 60'000;
    auto const hit = world.find(key_of(1));
    EXPECT_TRUE(hit && hit.fresh);
    EXPECT_EQ(hit.age_ms, 0U);
    world.now.unix_ms -= 1;
    EXPECT_FALSE(world.find(key_of(1)));
}

TEST(Cache, forgets_in_every_tier) {
    CacheWorld world;
    world.start();
    world.put(key_of(1), "one");
    EXPECT_EQ(world.look(key_of(1)), "warm one fresh");
    world.cache->forget(key_of(1));
    EXPECT_EQ(world.look(key_of(1)), "none");
    world.start();
    EXPECT_EQ(world.look(key_of(1)), "none");
    world.cache->forget(key_of(1)); // nothing to forget
}

TEST(Cache, upkeep_empties_the_store_of_what_is_gone) {
    CacheWorld world;
    world.start();
    for (std::uint64_t i = 0; i < 300; ++i) world.put(key_of(i), "v");
    world.cache->put_absent(key_of(1'000), CacheSource::subscan, world.now);
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.read(CacheMetric::cold_entries), 301U);
    EXPECT_EQ(world.read(CacheMetric::warm_entries), 301U);
    world.advance(10 * minute_ms);
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.read(CacheMetric::cold_expired), 1U);
    world.advance(110 * minute_ms - 1);
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.read(CacheMetric::cold_expired), 1U);
    world.advance(1);
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.read(CacheMetric::cold_expired), 257U); // a bounded piece
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.read(CacheMetric::cold_expired), 301U);
    EXPECT_EQ(world.read(CacheMetric::cold_entries), 0U);
}

TEST(Cache, goes_on_when_the_store_fails) {
    CacheWorld world;
    world.store_options.readers_max = 1;
    world.start();
    EXPECT_EQ(world.cache->cold_trouble(), "");
    pipeline::MetricsPage page("", cache_metrics);
    Cache other(world.options, world.store.get(), page); // finds no room for its reader
    EXPECT_NE(other.cold_trouble().find("more threads want to read"), std::string::npos);
    other.put(key_of(1), value_of("one"), world.now);
    EXPECT_EQ(other.find(key_of(1), world.now).tier, CacheTier::warm);
    EXPECT_EQ(page.read(CacheMetric::cold_failures), 1U);
}

TEST(Cache, a_small_store_keeps_the_newest) {
    CacheWorld world;
    world.options.warm_entries = 16;
    world.options.hot_entries = 2;
    world.store_options.bytes_max = io::Store::bytes_min;
    world.start();
    std::string const text(CacheValue::bytes_max, 'x');
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        world.put(key_of(i), text);
        world.advance(1);
    }
    world.cache->upkeep(world.now);
    EXPECT_GT(world.read(CacheMetric::cold_evictions), 7'000U);
    EXPECT_EQ(world.read(CacheMetric::cold_entries) + world.read(CacheMetric::cold_evictions),
              10'000U);
    EXPECT_EQ(world.read(CacheMetric::cold_failures), 0U);
    EXPECT_TRUE(world.find(key_of(9'500)));
    EXPECT_FALSE(world.find(key_of(1'000))); // the first ones are in warm
}

TEST(Cache, memory_is_bounded_and_made_once) {
    CacheWorld world;
    world.start();
    EXPECT_LE(world.cache->memory_bytes(), std::size_t{32} << 20);
    std::size_t const before = world.cache->memory_bytes();
    if (!tests::counts_allocations()) GTEST_SKIP() << "a sanitizer's operator new cannot count";
    auto const text = value_of(std::string(200, 'x'));
    std::size_t const allocations = tests::allocations();
    for (std::uint64_t i = 0; i < 200'000; ++i) {
        CacheKey const key = key_of(i);
        static_cast<void>(world.cache->find(key, world.now));
        static_cast<void>(world.cache->begin(key, world.now));
        if (i % 64 != 0) continue;
        world.cache->put(key, text, world.now);
        static_cast<void>(world.cache->find(key, world.now));
        static_cast<void>(world.cache->find(key, world.now));
        world.advance(1'000);
    }
    EXPECT_EQ(tests::allocations(), allocations);
    EXPECT_EQ(world.cache->memory_bytes(), before);
    EXPECT_GT(world.read(CacheMetric::hot_hits), 3'000U);
}

TEST(Cache, values_and_metrics_are_of_the_agreed_form) {
    CacheValue value;
    EXPECT_FALSE(value.assign(std::string(CacheValue::bytes_max + 1, 'x')));
    EXPECT_EQ(value.size, 0U);
    EXPECT_TRUE(value.assign(std::string(CacheValue::bytes_max, 'x')));
    for (auto const& row : cache_metrics) {
        EXPECT_TRUE(row.name.starts_with("spyhop_cache_"));
        EXPECT_EQ(row.name.ends_with("_total"), row.kind == pipeline::MetricKind::counter);
    }
    for (std::size_t i = 0; i < cache_kinds; ++i) {
        auto const kind = std::string(to_text(static_cast<CacheKind>(i)));
        auto const at = static_cast<std::size_t>(CacheMetric::identity_hits) + 2 * i;
        EXPECT_EQ(cache_metrics[at].name, "spyhop_cache_" + kind + "_hits_total");
        EXPECT_EQ(cache_metrics[at + 1].name, "spyhop_cache_" + kind + "_misses_total");
    }
}

} // namespace
} // namespace stages::testing
