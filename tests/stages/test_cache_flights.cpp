// Who asks, and when: single flight, rest after a failure, refresh ahead.
#include "tests/stages/cache_fixture.hpp"

namespace stages::testing {
namespace {

TEST(CacheFlights, one_caller_asks_until_the_answer_is_here) {
    CacheWorld world;
    world.start();
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::in_flight);
    EXPECT_EQ(world.cache->begin(key_of(2), world.now), CacheAsk::ask);
    EXPECT_EQ(world.cache->flights(), 2U);
    world.put(key_of(1), "one");
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    world.cache->put_absent(key_of(2), CacheSource::subscan, world.now);
    EXPECT_EQ(world.cache->begin(key_of(2), world.now), CacheAsk::ask);
    EXPECT_EQ(world.read(CacheMetric::flights), 4U);
    EXPECT_EQ(world.read(CacheMetric::flights_shared), 1U);
}

TEST(CacheFlights, a_flight_nobody_ends_ends_by_itself) {
    CacheWorld world;
    world.start();
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    world.advance(29'999);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::in_flight);
    world.advance(1);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::in_flight);
    EXPECT_EQ(world.read(CacheMetric::flights_timed_out), 1U);
    world.advance(30'000);
    world.cache->upkeep(world.now);
    EXPECT_EQ(world.cache->flights(), 0U);
    EXPECT_EQ(world.read(CacheMetric::flights_timed_out), 2U);
}

TEST(CacheFlights, rests_after_a_failure) {
    CacheWorld world;
    world.options.fail_pause = 5 * pipeline::second;
    world.start();
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    world.advance(1'000);
    world.cache->fail(key_of(1), world.now);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::resting);
    world.advance(4'999);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::resting);
    world.advance(1);
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    EXPECT_EQ(world.read(CacheMetric::flights_failed), 1U);
    EXPECT_EQ(world.read(CacheMetric::flights_timed_out), 0U);
}

TEST(CacheFlights, an_answer_ends_the_rest) {
    CacheWorld world;
    world.start();
    world.cache->fail(key_of(1), world.now); // also of a flight that was never begun
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::resting);
    world.put(key_of(1), "late");
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
}

TEST(CacheFlights, refuses_more_than_it_has_room_for) {
    CacheWorld world;
    world.options.flights_max = 3;
    world.start();
    for (std::uint64_t i = 0; i < 3; ++i)
        EXPECT_EQ(world.cache->begin(key_of(i), world.now), CacheAsk::ask);
    EXPECT_EQ(world.cache->begin(key_of(3), world.now), CacheAsk::full);
    EXPECT_EQ(world.cache->begin(key_of(0), world.now), CacheAsk::in_flight);
    world.cache->fail(key_of(3), world.now); // no room to remember it
    EXPECT_EQ(world.cache->flights(), 3U);
    EXPECT_EQ(world.read(CacheMetric::flights_refused), 1U);
    world.put(key_of(1), "done");
    EXPECT_EQ(world.cache->begin(key_of(3), world.now), CacheAsk::ask);
    world.advance(30'000); // all three time out: there is room without upkeep
    EXPECT_EQ(world.cache->begin(key_of(4), world.now), CacheAsk::ask);
    EXPECT_EQ(world.cache->flights(), 1U);
    EXPECT_EQ(world.read(CacheMetric::flights_timed_out), 3U);
}

TEST(CacheFlights, a_hot_value_is_refreshed_ahead_by_one_caller) {
    CacheWorld world;
    world.options.kinds[0] = {.ttl_ms = 20'000, .stale_for_ms = 20'000};
    world.start();
    world.put(key_of(1), "old");
    EXPECT_EQ(world.look(key_of(1)), "warm old fresh");
    world.advance(15'999);
    EXPECT_EQ(world.look(key_of(1)), "hot old fresh");
    world.advance(1); // 80 %
    EXPECT_EQ(world.look(key_of(1)), "hot old fresh due");
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    EXPECT_EQ(world.look(key_of(1)), "hot old fresh"); // served, and nobody else is to ask
    EXPECT_EQ(world.read(CacheMetric::refreshes), 1U);
    world.advance(1'000);
    world.put(key_of(1), "new");
    EXPECT_EQ(world.look(key_of(1)), "hot new fresh");
    world.advance(15'999);
    EXPECT_EQ(world.look(key_of(1)), "hot new fresh");
    world.advance(1);
    EXPECT_EQ(world.look(key_of(1)), "hot new fresh due");
}

TEST(CacheFlights, a_value_that_is_not_hot_is_not_refreshed_ahead) {
    CacheWorld world;
    world.options.kinds[0] = {.ttl_ms = 1'000'000, .stale_for_ms = 1'000'000};
    world.start();
    world.put(key_of(1), "old");
    world.advance(900'000);
    EXPECT_EQ(world.look(key_of(1)), "cold old fresh");
    EXPECT_EQ(world.look(key_of(1)), "hot old fresh due"); // asked for twice: now it is
}

TEST(CacheFlights, a_stale_value_is_served_while_its_refresh_rests) {
    CacheWorld world;
    world.options.kinds[0] = {.ttl_ms = 60'000, .stale_for_ms = 600'000};
    world.start();
    world.put(key_of(1), "old");
    world.advance(60'000);
    EXPECT_EQ(world.look(key_of(1)), "warm old stale due");
    EXPECT_EQ(world.cache->begin(key_of(1), world.now), CacheAsk::ask);
    EXPECT_EQ(world.look(key_of(1)), "hot old stale");
    world.cache->fail(key_of(1), world.now);
    EXPECT_EQ(world.look(key_of(1)), "hot old stale");
    world.advance(30'000);
    EXPECT_EQ(world.look(key_of(1)), "warm old stale due");
    EXPECT_EQ(world.read(CacheMetric::refreshes), 1U);
}

} // namespace
} // namespace stages::testing
