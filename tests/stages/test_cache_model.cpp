// The whole cache against a naive map, over random calls and random steps of time.
#include "tests/stages/cache_fixture.hpp"

#include <map>
#include <random>

namespace stages::testing {
namespace {

struct Known {
    std::string text;
    bool absent = false;
    std::uint64_t written = 0;
};

struct Flight {
    std::uint64_t until_ms = 0; // by the wall clock, which runs beside the other one here
    bool resting = false;
};

constexpr std::uint64_t ttl = 100'000, grace = 50'000, absent_ttl = 20'000;

// What must be found: all that was put and is not gone. That it is found, in whatever tier, needs a
// store, for hot and warm are far too small here.
struct Model {
    std::map<std::uint64_t, Known> known;
    std::map<std::uint64_t, Flight> flights;

    Known const* find(std::uint64_t number, std::uint64_t now) const {
        auto const found = known.find(number);
        if (found == known.end()) return nullptr;
        std::uint64_t const age = now - found->second.written;
        return age < (found->second.absent ? absent_ttl : ttl + grace) ? &found->second : nullptr;
    }
    CacheAsk begin(std::uint64_t number, std::uint64_t now) {
        auto const found = flights.find(number);
        if (found != flights.end() && now < found->second.until_ms)
            return found->second.resting ? CacheAsk::resting : CacheAsk::in_flight;
        flights[number] = {now + 30'000, false};
        return CacheAsk::ask;
    }
};

class Walk {
  public:
    Walk(std::uint64_t seed, bool with_store)
        : random_(seed)
        , with_store_(with_store) {
        world_.options.hot_entries = 8;
        world_.options.warm_entries = 16;
        world_.options.flights_max = 256;
        world_.options.fail_pause = 10 * pipeline::second;
        world_.options.seed = seed;
        world_.options.kinds[0] = {ttl, absent_ttl, grace};
        world_.start(with_store);
    }

    void step() {
        std::uint64_t const number = random_() % 100;
        CacheKey const key = key_of(number);
        std::uint64_t const now = world_.now.unix_ms;
        switch (random_() % 32) {
        case 0:
            world_.cache->forget(key);
            model_.known.erase(number);
            break;
        case 1:
            world_.cache->put_absent(key, CacheSource::subscan, world_.now);
            model_.known[number] = {"", true, now};
            model_.flights.erase(number);
            break;
        case 2:
        case 3:
        case 4: {
            std::string const text = std::string(random_() % 250, 'x') + std::to_string(number);
            world_.put(key, text);
            model_.known[number] = {text, false, now};
            model_.flights.erase(number);
            break;
        }
        case 5:
            world_.cache->fail(key, world_.now);
            model_.flights[number] = {now + 10'000, true};
            break;
        case 6:
        case 7: EXPECT_EQ(world_.cache->begin(key, world_.now), model_.begin(number, now)); break;
        case 8: world_.advance(random_() % 4'000); break;
        case 9: world_.cache->upkeep(world_.now); break;
        case 10:
            if (random_() % 50 == 0 && with_store_) {
                world_.start();
                model_.flights.clear();
            }
            break;
        default: look(number);
        }
    }

    void look(std::uint64_t number) {
        std::uint64_t const now = world_.now.unix_ms;
        auto const hit = world_.find(key_of(number));
        Known const* const known = model_.find(number, now);
        if (with_store_) {
            ASSERT_EQ(bool(hit), known != nullptr);
        }
        if (!hit) return;
        ++hits[static_cast<std::size_t>(hit.tier)];
        ASSERT_TRUE(known); // nothing that was forgotten, replaced or is gone
        std::uint64_t const age = now - known->written;
        ASSERT_EQ(hit.absent(), known->absent);
        ASSERT_EQ(hit.value->text(), known->text);
        ASSERT_EQ(hit.age_ms, age);
        ASSERT_EQ(hit.fresh, age < (known->absent ? absent_ttl : ttl));
        auto const flight = model_.flights.find(number);
        bool const busy = flight != model_.flights.end() && now < flight->second.until_ms;
        bool const ahead = hit.tier == CacheTier::hot && !known->absent && age >= ttl / 5 * 4;
        ASSERT_EQ(hit.refresh_due, (!hit.fresh || ahead) && !busy);
    }

    std::array<std::size_t, 4> hits{};

  private:
    std::mt19937_64 random_;
    bool const with_store_;
    CacheWorld world_;
    Model model_;
};

TEST(CacheModel, finds_what_a_map_would_find) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        SCOPED_TRACE(seed);
        Walk walk(seed, true);
        for (int i = 0; i < 30'000 && !::testing::Test::HasFatalFailure(); ++i) walk.step();
        for (CacheTier const tier : {CacheTier::hot, CacheTier::warm, CacheTier::cold})
            EXPECT_GT(walk.hits[static_cast<std::size_t>(tier)], 500U) << to_text(tier);
    }
}

TEST(CacheModel, without_a_store_what_it_finds_is_right) {
    for (std::uint64_t seed = 11; seed <= 14; ++seed) {
        SCOPED_TRACE(seed);
        Walk walk(seed, false);
        for (int i = 0; i < 60'000 && !::testing::Test::HasFatalFailure(); ++i) walk.step();
        for (CacheTier const tier : {CacheTier::hot, CacheTier::warm})
            EXPECT_GT(walk.hits[static_cast<std::size_t>(tier)], 500U) << to_text(tier);
    }
}

} // namespace
} // namespace stages::testing
