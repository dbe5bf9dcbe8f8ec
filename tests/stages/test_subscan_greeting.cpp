// What is kept of a chain's genesis and tokens, over a store on disk and without one.
#include "stages/subscan_greeting.hpp"

#include "tests/io/turns.hpp"

#include <gtest/gtest.h>

namespace {

using stages::CacheNow;
using stages::SubscanGreetings;

constexpr std::uint64_t hour_ms = 3'600'000;
constexpr CacheNow begin{pipeline::second, 1'700'000'000'000};

struct Greetings {
    io::testing::TemporaryDirectory directory;
    pipeline::MetricsPage metrics{"", stages::cache_metrics};
    std::unique_ptr<io::Store> store;
    pipeline::Hash genesis{1, 2, 3};
    std::vector<decoders::SubscanToken> tokens{
        {.symbol = "DOT", .unique_id = "DOT", .asset_type = "native", .price = "", .decimals = 10},
        {.symbol = "", .unique_id = "x", .asset_type = "", .price = "", .decimals = std::nullopt},
    };

    Greetings() { reopen(); }
    void reopen() {
        store.reset();
        auto opened =
            io::Store::open(directory / "state.lmdb", {std::string(stages::cache_table_name)});
        ASSERT_TRUE(opened) << io::describe(opened.error());
        store = std::move(opened->store);
    }
    SubscanGreetings run() { return SubscanGreetings(hour_ms, store.get(), metrics); }
};

TEST(SubscanGreetings, outlive_a_restart_until_their_hour_is_over) {
    Greetings world;
    world.run().keep("host:443", world.genesis, world.tokens, begin);
    world.reopen();
    SubscanGreetings::Known known;
    auto later = world.run();
    ASSERT_TRUE(later.load("host:443", {begin.monotonic, begin.unix_ms + hour_ms - 1}, known));
    EXPECT_EQ(known.genesis, world.genesis);
    ASSERT_EQ(known.tokens.size(), 2U);
    EXPECT_EQ(known.tokens[0].symbol, "DOT");
    EXPECT_EQ(known.tokens[0].unique_id, "DOT");
    EXPECT_EQ(known.tokens[0].asset_type, "native");
    EXPECT_EQ(known.tokens[0].decimals, 10);
    EXPECT_EQ(known.tokens[1].symbol, "");
    EXPECT_EQ(known.tokens[1].decimals, std::nullopt);
    EXPECT_FALSE(world.run().load("host:443", {begin.monotonic, begin.unix_ms + hour_ms}, known));
}

TEST(SubscanGreetings, of_another_host_are_not_ours) {
    Greetings world;
    world.run().keep("host:443", world.genesis, world.tokens, begin);
    SubscanGreetings::Known known;
    EXPECT_FALSE(world.run().load("host:444", begin, known));
}

// One token is too long for an entry: neither it nor the others are given back as the whole list.
TEST(SubscanGreetings, are_kept_whole_or_not_at_all) {
    Greetings world;
    world.run().keep("host:443", world.genesis, world.tokens, begin);
    std::string const long_id(300, 'x');
    world.tokens[1].unique_id = long_id;
    world.run().keep("host:443", world.genesis, world.tokens, begin);
    SubscanGreetings::Known known;
    EXPECT_FALSE(world.run().load("host:443", begin, known));
}

TEST(SubscanGreetings, without_a_store_last_as_long_as_they_live) {
    Greetings world;
    world.store.reset();
    auto mine = world.run();
    mine.keep("host:443", world.genesis, world.tokens, begin);
    SubscanGreetings::Known known;
    EXPECT_TRUE(mine.load("host:443", begin, known));
    EXPECT_FALSE(world.run().load("host:443", begin, known));
}

} // namespace
