// The bounded table below the hot one: what it keeps, against plain LRU on the same traces, and the
// parts it is made of, against plain containers.
#include "stages/cache_hot.hpp"
#include "stages/cache_warm.hpp"
#include "tests/stages/cache_fixture.hpp"

#include <cmath>
#include <list>
#include <map>
#include <random>
#include <unordered_map>

namespace stages::testing {
namespace {

constexpr std::uint64_t seed = 0x5eed;

std::uint64_t hash(std::uint64_t number) { return hash_of(key_of(number), seed); }

// The rival: the textbook list and map.
class PlainLru {
  public:
    explicit PlainLru(std::size_t entries)
        : entries_(entries) {}
    bool access(std::uint64_t key) {
        auto const found = where_.find(key);
        if (found != where_.end()) {
            order_.splice(order_.begin(), order_, found->second);
            return true;
        }
        order_.push_front(key);
        where_[key] = order_.begin();
        if (order_.size() > entries_) {
            where_.erase(order_.back());
            order_.pop_back();
        }
        return false;
    }

  private:
    std::size_t const entries_;
    std::list<std::uint64_t> order_;
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

bool access(CacheWarm& warm, std::uint64_t number) {
    static CacheValue const value = value_of("v");
    warm.used(hash(number));
    std::uint32_t const found = warm.find(key_of(number), hash(number));
    if (found != CacheWarm::none) {
        warm.touch(found);
        return true;
    }
    warm.insert(key_of(number), hash(number), value, 0);
    return false;
}

// Keys 0 .. keys - 1, the i-th with a probability that goes with 1 / (i + 1)^skew.
class Zipf {
  public:
    Zipf(std::size_t keys, double skew) {
        double sum = 0;
        for (std::size_t i = 0; i < keys; ++i)
            sums_.push_back(sum += 1 / std::pow(static_cast<double>(i + 1), skew));
    }
    std::uint64_t operator()(std::mt19937_64& random) const {
        double const at = static_cast<double>(random() >> 11) * 0x1p-53 * sums_.back();
        return static_cast<std::uint64_t>(std::ranges::upper_bound(sums_, at) - sums_.begin());
    }

  private:
    std::vector<double> sums_;
};

struct Rates {
    double ours = 0, lru = 0;
};

// In per cent of the look-ups that are no scan; the first half warms up.
Rates rates(std::vector<std::pair<std::uint64_t, bool>> const& trace, std::size_t entries) {
    CacheWarm warm(entries);
    PlainLru lru(entries);
    std::size_t counted = 0, ours = 0, theirs = 0;
    for (std::size_t i = 0; i < trace.size(); ++i) {
        auto const [key, scan] = trace[i];
        bool const hit = access(warm, key), rival = lru.access(key);
        if (scan || i < trace.size() / 2) continue;
        ++counted;
        ours += hit ? 1 : 0;
        theirs += rival ? 1 : 0;
    }
    EXPECT_EQ(warm.size(), entries);
    auto const percent = [&](std::size_t n) {
        return 100 * static_cast<double>(n) / static_cast<double>(counted);
    };
    return {percent(ours), percent(theirs)};
}

void tell(std::string const& what, Rates const& rates) {
    ::testing::Test::RecordProperty(what + "_ours_percent", std::to_string(rates.ours));
    ::testing::Test::RecordProperty(what + "_lru_percent", std::to_string(rates.lru));
}

TEST(CacheWarm, a_scan_does_not_empty_it) {
    std::mt19937_64 random(1); // NOLINT: a fixed seed
    Zipf const zipf(50'000, 0.9);
    std::vector<std::pair<std::uint64_t, bool>> trace;
    std::uint64_t scanned = 1'000'000;
    while (trace.size() < 400'000) {
        for (int i = 0; i < 10'000; ++i) trace.emplace_back(zipf(random), false);
        for (int i = 0; i < 10'000; ++i) trace.emplace_back(scanned++, true);
    }
    auto const got = rates(trace, 4'096);
    tell("scan", got);
    EXPECT_GT(got.ours, got.lru + 10);
}

TEST(CacheWarm, is_no_worse_than_lru_where_there_is_no_scan) {
    std::mt19937_64 random(2); // NOLINT: a fixed seed
    Zipf const zipf(50'000, 0.9);
    std::vector<std::pair<std::uint64_t, bool>> trace;
    while (trace.size() < 300'000) trace.emplace_back(zipf(random), false);
    auto const got = rates(trace, 4'096);
    tell("zipf", got);
    EXPECT_GT(got.ours, got.lru);
}

// All popular keys change at once, which is what LRU is best at: what was popular must not stay for
// ever.
TEST(CacheWarm, follows_when_other_keys_become_popular) {
    std::mt19937_64 random(3); // NOLINT: a fixed seed
    Zipf const zipf(50'000, 0.9);
    std::vector<std::pair<std::uint64_t, bool>> trace;
    for (std::uint64_t i = 0; i < 600'000; ++i)
        trace.emplace_back(zipf(random) + i / 150'000 * 50'000, false);
    auto const got = rates(trace, 4'096);
    tell("shift", got);
    EXPECT_GT(got.ours, got.lru - 5);
}

TEST(CacheWarm, never_holds_more_than_it_may_and_what_it_holds_is_right) {
    std::mt19937_64 random(4); // NOLINT: a fixed seed
    CacheWarm warm(16);
    std::map<std::uint64_t, std::string> last;
    for (int step = 0; step < 50'000; ++step) {
        std::uint64_t const number = random() % 64;
        std::uint32_t const found = warm.find(key_of(number), hash(number));
        if (found != CacheWarm::none) {
            ASSERT_EQ(warm.value(found).text(), last[number]);
            if (random() % 4 == 0)
                warm.erase(found);
            else
                warm.touch(found);
        } else {
            last[number] = std::to_string(step);
            warm.used(hash(number));
            warm.insert(key_of(number), hash(number), value_of(last[number]), 0);
        }
        ASSERT_LE(warm.size(), 16U);
    }
}

// All hashes alike: every look-up walks, nothing is confused.
TEST(CacheWarm, keys_with_one_hash_are_kept_apart) {
    CacheWarm warm(16);
    for (std::uint64_t i = 0; i < 16; ++i)
        warm.insert(key_of(i), 7, value_of(std::to_string(i)), 0);
    for (std::uint64_t i = 0; i < 16; ++i) {
        std::uint32_t const found = warm.find(key_of(i), 7);
        ASSERT_NE(found, CacheWarm::none);
        EXPECT_EQ(warm.value(found).text(), std::to_string(i));
    }
    warm.erase(warm.find(key_of(3), 7));
    EXPECT_EQ(warm.find(key_of(3), 7), CacheWarm::none);
    EXPECT_NE(warm.find(key_of(15), 7), CacheWarm::none);
}

TEST(CacheIndex, does_what_a_map_does) {
    std::mt19937_64 random(5); // NOLINT: a fixed seed
    CacheIndex index(64);
    std::map<std::uint32_t, std::uint64_t> hashes; // by number
    for (int step = 0; step < 100'000; ++step) {
        auto const number = static_cast<std::uint32_t>(random() % 64);
        if (hashes.contains(number)) {
            index.erase(hashes[number], number);
            hashes.erase(number);
        } else {
            hashes[number] = random() % 40 * 0x1'0000'0001; // many alike, many neighbours
            index.insert(hashes[number], number);
        }
        ASSERT_EQ(index.size(), hashes.size());
        auto const probe = static_cast<std::uint32_t>(random() % 64);
        std::uint64_t const hash = hashes.contains(probe) ? hashes[probe] : random() % 40;
        auto const found = index.find(hash, [&](std::uint32_t n) { return n == probe; });
        ASSERT_EQ(found, hashes.contains(probe) ? probe : CacheIndex::none);
    }
}

TEST(CacheSketch, never_counts_too_little_and_seldom_too_much) {
    std::size_t const entries = 4'096;
    CacheSketch sketch(entries);
    std::mt19937_64 random(6); // NOLINT: a fixed seed
    std::map<std::uint64_t, unsigned> truth;
    for (std::size_t i = 0; i < entries; ++i) { // a tenth of a period: next to nothing has aged
        std::uint64_t const number = random() % 1'000;
        ++truth[number];
        sketch.add(hash(number));
    }
    std::size_t low = 0, high = 0;
    for (auto const& [number, count] : truth) {
        unsigned const seen = sketch.count(hash(number)), real = std::min(count, 15U);
        low += seen < real ? 1 : 0;
        high += seen > real ? 1 : 0;
    }
    EXPECT_LE(low, truth.size() / 5); // those a tenth of whose counters were halved
    EXPECT_LE(high, truth.size() / 20);
    EXPECT_EQ(sketch.count(hash(1'000'000)), 0U);
}

TEST(CacheSketch, stops_at_fifteen_and_forgets) {
    CacheSketch sketch(64);
    for (int i = 0; i < 3; ++i) sketch.add(hash(1), 9);
    EXPECT_EQ(sketch.count(hash(1)), 15U);
    // One period of ageing, made of other keys that miss its counters or not: halved or a bit more.
    for (std::uint64_t i = 0; i < 640; ++i) sketch.add(hash(1'000), 1);
    EXPECT_LE(sketch.count(hash(1)), 8U);
    for (std::uint64_t i = 0; i < 4 * 640; ++i) sketch.add(hash(1'000), 1);
    EXPECT_LE(sketch.count(hash(1)), 1U);
    EXPECT_GE(sketch.count(hash(1'000)), 7U);
}

TEST(CacheHot, the_way_used_last_stays) {
    CacheHot hot(2); // one set
    CacheHot::Slot* slot = nullptr;
    EXPECT_FALSE(hot.place(key_of(1), hash(1), value_of("1"), 0, slot));
    EXPECT_FALSE(hot.place(key_of(2), hash(2), value_of("2"), 0, slot));
    ASSERT_TRUE(hot.find(key_of(1), hash(1)));
    hot.find(key_of(1), hash(1))->hits = 5;
    auto const left = hot.place(key_of(3), hash(3), value_of("3"), 0, slot);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->hash, hash(2));
    EXPECT_EQ(slot->value.text(), "3");
    EXPECT_TRUE(hot.find(key_of(1), hash(1)));
    EXPECT_FALSE(hot.find(key_of(2), hash(2)));
    ASSERT_TRUE(hot.find(key_of(3), hash(3)));
    auto const next = hot.place(key_of(4), hash(4), value_of("4"), 0, slot);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->hash, hash(1));
    EXPECT_EQ(next->hits, 5U);
    EXPECT_FALSE(hot.find(key_of(4), hash(3)));
}

TEST(CacheKey, hashes_spread_over_sets) {
    // 4,096 keys that differ in one counter, into 1,024 sets: as even as chance. The number of keys
    // in a set is Poisson with mean 4; more than 20 in one has a probability below 1e-7.
    for (std::uint64_t const given : {std::uint64_t{0}, std::uint64_t{1}, seed}) {
        for (unsigned const shift : {0U, 32U, 54U}) {
            std::vector<int> sets(1'024);
            for (std::uint64_t i = 0; i < 4'096; ++i) {
                int& set = sets[hash_of(key_of(i), given) >> shift & 1'023];
                EXPECT_LT(++set, 21);
            }
        }
    }
    EXPECT_NE(hash_of(key_of(1), 1), hash_of(key_of(1), 2));
}

} // namespace
} // namespace stages::testing
