// What a look-up costs in each tier of the cache, and in a book of labels.
//
//   cache/hot/hit     of the keys that are in the hot table
//   cache/warm/hit    over all of a full warm table; none of them is hot
//   cache/cold/hit    over 100,000 values in a store on disk (in the page cache); none is above it
//   cache/miss        keys that nobody has put, with a store
//   cache/put         into warm and cold
//   labels/find       among many labels; most accounts of a chain have none
//
// The figure to look at is p50_ns: the median over batches of 64 look-ups, each batch measured as a
// whole and divided, because reading the clock costs as much as a hot hit.
#include "stages/cache.hpp"
#include "stages/labels.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace {

using namespace stages;

constexpr std::size_t batch = 64;

CacheKey key_of(std::uint64_t number) {
    decoders::Account account;
    std::uint64_t const spread = fold(number + 1, 0x9e3779b97f4a7c15);
    std::memcpy(account.key, &spread, sizeof spread);
    std::memcpy(account.key + 24, &number, sizeof number);
    account.size = 32;
    return account_key(CacheKind::identity, 1, account);
}

// The size of an identity with its judgement.
CacheValue value_of() {
    CacheValue value;
    static_cast<void>(value.assign(std::string_view("A label of a usual length, 40 bytes long")));
    value.source = CacheSource::subscan;
    return value;
}

struct World {
    std::string folder = std::filesystem::temp_directory_path() / "spyhop-bench-XXXXXX";
    std::unique_ptr<io::Store> store;
    pipeline::MetricsPage page{"", cache_metrics};
    std::unique_ptr<Cache> cache;
    CacheNow now{pipeline::second, 1'700'000'000'000};

    World(CacheOptions const& options, bool with_store) {
        if (mkdtemp(folder.data()) == nullptr) return;
        if (with_store) {
            auto opened = io::Store::open(folder + "/cache.mdb", {std::string(cache_table_name)});
            if (opened) store = std::move(opened->store);
        }
        cache = std::make_unique<Cache>(options, store.get(), page);
    }
    ~World() {
        cache.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }
    World(World const&) = delete;
    World& operator=(World const&) = delete;
};

// Batches in a random order of `keys`, made before the clock runs.
template <class One>
void measure(benchmark::State& state, std::vector<CacheKey> const& keys, One const& one) {
    std::vector<double> batches;
    std::size_t next = 0;
    for (auto _ : state) {
        auto const begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < batch; ++i) one(keys[next + i]);
        auto const took = std::chrono::steady_clock::now() - begin;
        next = next + 2 * batch > keys.size() ? 0 : next + batch;
        auto const ns = std::chrono::duration<double, std::nano>(took).count();
        batches.push_back(ns / batch);
        state.SetIterationTime(ns * 1e-9 / batch);
    }
    std::ranges::sort(batches);
    auto const part = [&](double p) {
        return batches[static_cast<std::size_t>(p * static_cast<double>(batches.size() - 1))];
    };
    state.counters["p50_ns"] = part(0.5);
    state.counters["p99_ns"] = part(0.99);
}

std::vector<CacheKey> some_keys(std::uint64_t first, std::size_t count) {
    std::vector<CacheKey> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(key_of(first + i));
    std::ranges::shuffle(keys, std::mt19937_64(1)); // NOLINT: a fixed seed
    return keys;
}

void hot_hit(benchmark::State& state) {
    World world({}, false);
    auto const keys = some_keys(0, 256);
    for (auto const& key : keys) world.cache->put(key, value_of(), world.now);
    // Sets of which more than two keys were put keep changing: those keys are left out.
    std::vector<CacheKey> hot = keys;
    for (int round = 0; round < 4; ++round)
        std::erase_if(hot, [&](CacheKey const& key) {
            return world.cache->find(key, world.now).tier != CacheTier::hot && round > 1;
        });
    for (std::size_t i = 0; hot.size() < 4'096; ++i) hot.push_back(hot[i]);
    std::size_t other = 0;
    measure(state, hot, [&](CacheKey const& key) {
        other += world.cache->find(key, world.now).tier == CacheTier::hot ? 0 : 1;
    });
    if (other > 0) state.SkipWithError("not every hit was hot");
}
BENCHMARK(hot_hit)->Name("cache/hot/hit")->UseManualTime()->Iterations(100'000);

// A hot table of two entries: what is found in warm is copied up, and is gone at the next look-up.
void warm_hit(benchmark::State& state) {
    CacheOptions const options{.hot_entries = 2, .warm_entries = 65'536};
    World world(options, false);
    auto const keys = some_keys(0, 65'536);
    for (auto const& key : keys) world.cache->put(key, value_of(), world.now);
    std::size_t other = 0, all = 0;
    measure(state, keys, [&](CacheKey const& key) {
        other += world.cache->find(key, world.now).tier == CacheTier::warm ? 0 : 1;
        ++all;
    });
    if (other > all / 100 + batch) state.SkipWithError("too many hits were not warm");
}
BENCHMARK(warm_hit)->Name("cache/warm/hit")->UseManualTime()->Iterations(20'000);

void cold_hit(benchmark::State& state) {
    CacheOptions const options{.hot_entries = 2, .warm_entries = 16};
    World world(options, true);
    auto const keys = some_keys(0, 100'000);
    for (auto const& key : keys) world.cache->put(key, value_of(), world.now);
    std::size_t other = 0, all = 0;
    measure(state, keys, [&](CacheKey const& key) {
        other += world.cache->find(key, world.now).tier == CacheTier::cold ? 0 : 1;
        ++all;
    });
    if (other > all / 100 + batch) state.SkipWithError("too many hits were not cold");
}
BENCHMARK(cold_hit)->Name("cache/cold/hit")->UseManualTime()->Iterations(5'000);

void miss(benchmark::State& state) {
    World world({}, true);
    for (auto const& key : some_keys(0, 100'000)) world.cache->put(key, value_of(), world.now);
    auto const strangers = some_keys(1'000'000, 100'000);
    std::size_t hits = 0;
    measure(state, strangers,
            [&](CacheKey const& key) { hits += world.cache->find(key, world.now) ? 1 : 0; });
    if (hits > 0) state.SkipWithError("a stranger was found");
}
BENCHMARK(miss)->Name("cache/miss")->UseManualTime()->Iterations(5'000);

void put(benchmark::State& state) {
    World world({}, true);
    auto const keys = some_keys(0, 100'000);
    auto const value = value_of();
    measure(state, keys, [&](CacheKey const& key) { world.cache->put(key, value, world.now); });
    if (world.page.read(CacheMetric::cold_failures) > 0) state.SkipWithError("the store failed");
}
BENCHMARK(put)->Name("cache/put")->UseManualTime()->Iterations(500);

void labels(benchmark::State& state, std::size_t count, bool known) {
    LabelFile file;
    file.name = "labels.csv";
    for (auto const& key : some_keys(0, count)) {
        LabelRow row;
        row.label_size = 11;
        row.kind_size = 8;
        row.at = static_cast<std::uint32_t>(file.pool.size());
        row.account = decoders::account_of(key.account, 32);
        file.pool += "Cold walletexchange";
        file.rows.push_back(row);
    }
    auto const built = LabelBook::build({}, {&file, 1});
    std::size_t wrong = 0;
    measure(state, some_keys(known ? 0 : count, count), [&](CacheKey const& key) {
        wrong +=
            built.book.find(decoders::account_of(key.account, 32)).has_value() == known ? 0 : 1;
    });
    if (wrong > 0) state.SkipWithError("a label was not found, or a wrong one");
}
BENCHMARK_CAPTURE(labels, known, 50'000, true)
    ->Name("labels/find/known_of_50000")
    ->UseManualTime()
    ->Iterations(20'000);
BENCHMARK_CAPTURE(labels, known_of_many, 200'000, true)
    ->Name("labels/find/known_of_200000")
    ->UseManualTime()
    ->Iterations(20'000);
BENCHMARK_CAPTURE(labels, unknown, 200'000, false)
    ->Name("labels/find/unknown_of_200000")
    ->UseManualTime()
    ->Iterations(20'000);

} // namespace

BENCHMARK_MAIN();
