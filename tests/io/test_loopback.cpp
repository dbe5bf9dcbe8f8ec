// The network in memory, where it has to behave as a real one does.
#include "turns.hpp"

#include <gtest/gtest.h>

using namespace io;

TEST(LoopbackNetwork, a_connection_that_does_not_open_holds_up_none_behind_it) {
    io::testing::LoopbackWorld world;
    auto const listener = world.network.listen("127.0.0.1", 80);
    ASSERT_TRUE(listener);
    Endpoint const to{.host = "127.0.0.1", .port = 80};
    auto const connect = [&] { return world.network.connect(to, pipeline::never); };
    world.network.faults.never_open = true;
    auto slow = connect();
    auto given_up = connect();
    world.network.faults = {};
    auto const quick = connect();
    world.network.step();
    given_up.reset();
    EXPECT_NE((*listener)->accept(), nullptr);
    EXPECT_EQ((*listener)->accept(), nullptr);
    world.network.apply({}); // now it opens
    world.network.step();
    EXPECT_NE((*listener)->accept(), nullptr);
    EXPECT_EQ((*listener)->accept(), nullptr);
}
