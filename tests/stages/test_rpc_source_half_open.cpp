// Connections that look open and are not: found by ping where nothing at all comes, and by silence
// where the node still answers pings but makes no blocks. On chains of every cadence.
#include "tests/stages/scripted_failover.hpp"

using namespace scripted;
using pipeline::millisecond;
using pipeline::second;

namespace {

// A chain with this block time, followed long enough for its cadence to be known.
struct Paced : TwoEndpoints {
    explicit Paced(pipeline::Nanoseconds block_time) {
        for (int i = 0; i < 30; ++i) {
            run_for(block_time, block_time / 4);
            chain.announce(node, chain.add({}));
            run();
        }
        take_told();
    }
    // How long until the other endpoint is spoken to.
    pipeline::Nanoseconds found_after(pipeline::Nanoseconds most) {
        pipeline::Nanoseconds const begin = clock.now;
        while (spare.opened == 0 && clock.now - begin < most) run_for(250 * millisecond);
        return clock.now - begin;
    }
};

struct Row {
    pipeline::Nanoseconds block_time;
    pipeline::Nanoseconds silence; // after which it is suspicious: ten blocks, at least 15 s
};
constexpr Row rows[] = {{500 * millisecond, 15 * second},
                        {2 * second, 20 * second},
                        {6 * second, 60 * second},
                        {12 * second, 120 * second}};

} // namespace

TEST(RpcSourceHalfOpen, a_connection_that_swallows_bytes_is_found_by_ping_or_by_silence) {
    io::WebSocketOptions const options;
    auto const by_ping = options.ping_interval + options.pong_timeout;
    for (Row const& row : rows) {
        Paced world(row.block_time);
        world.network.apply({.stop_after_bytes = 0});
        auto const after = world.found_after(300 * second);
        EXPECT_LE(after, std::min(by_ping, row.silence) + second) << row.block_time;
        EXPECT_EQ(world.spare.opened, 1u) << row.block_time;
        EXPECT_EQ(world.metric(SourceMetric::disconnects), 1u);
        bool const by_silence = row.silence < by_ping;
        EXPECT_EQ(world.metric(SourceMetric::silent), by_silence ? 1u : 0u) << row.block_time;
    }
}

TEST(RpcSourceHalfOpen, a_node_that_answers_pings_but_makes_no_blocks_is_found_by_silence) {
    for (Row const& row : rows) {
        Paced world(row.block_time);
        auto const after = world.found_after(300 * second);
        EXPECT_GE(after + second, row.silence) << row.block_time;
        EXPECT_LE(after, row.silence + second) << row.block_time;
        EXPECT_EQ(world.metric(SourceMetric::silent), 1u) << row.block_time;
        EXPECT_TRUE(world.log.has("no new block for")) << world.log.all();
    }
}

TEST(RpcSourceHalfOpen, after_it_was_found_the_chain_goes_on_where_it_was) {
    for (Row const& row : rows) {
        Paced world(row.block_time);
        world.network.apply({.stop_after_bytes = 0});
        for (int i = 0; i < 20; ++i) world.chain.add({}); // nobody hears of these
        world.found_after(300 * second);
        world.chain.announce(world.spare, world.chain.add({}));
        world.run_for(10 * second);
        Words const told = world.take_told();
        for (std::uint32_t number = 131; number <= 151; ++number)
            EXPECT_EQ(std::count(told.begin(), told.end(), fmt::format("block {}", number)), 1)
                << number;
    }
}

// Timers that fire early would call a slow chain dead.
TEST(RpcSourceHalfOpen, a_healthy_chain_is_left_alone) {
    for (Row const& row : rows) {
        Paced world(row.block_time);
        for (int i = 0; i < 20; ++i) {
            world.run_for(row.block_time, row.block_time / 4);
            world.chain.announce(world.node, world.chain.add({}));
        }
        EXPECT_EQ(world.metric(SourceMetric::disconnects), 0u) << world.log.all();
    }
}
