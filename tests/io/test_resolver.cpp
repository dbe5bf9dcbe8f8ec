// Names without a network: look-ups are replaced, or answered by /etc/hosts.
#include "tests/io/turns.hpp"

#include <arpa/inet.h>

#include <atomic>
#include <semaphore>

namespace io::testing {
namespace {

Resolution fail_lookup(std::string const& host, std::uint16_t) {
    return std::unexpected(Error{Code::dns_failure, 0, host + ": Name or service not known"});
}

// First an address where nobody listens, then the good one.
Resolution two_addresses(std::string const&, std::uint16_t port) {
    Addresses both = *literal_address("127.0.0.2", 1);
    both.push_back(literal_address("127.0.0.1", port)->front());
    return both;
}

TEST(Resolver, literals_need_no_thread) {
    RingWorld world;
    Resolution const v4 = literal_address("127.0.0.1", 9944);
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->front().text(), "127.0.0.1:9944");
    EXPECT_EQ(literal_address("::1", 80)->front().text(), "[::1]:80");
    EXPECT_FALSE(literal_address("localhost", 80));
}

TEST(Resolver, a_name_is_resolved_and_connected) {
    RingWorld world;
    auto const listener = *world.network.listen("localhost", 0);
    auto const stream =
        world.network.connect({.host = "localhost", .port = listener->port()}, world.soon());
    EXPECT_TRUE(world.run_until([&] { return stream->state() == StreamState::open; }));
}

TEST(Resolver, a_failure_names_the_host) {
    RingWorld world;
    UringNetwork network(*world.proactor, fail_lookup);
    auto const stream = network.connect({.host = "no.such.host", .port = 1}, world.soon());
    EXPECT_TRUE(world.run_until([&] { return stream->state() == StreamState::closed; }));
    EXPECT_EQ(stream->error()->code, Code::dns_failure);
    EXPECT_NE(describe(*stream->error()).find("no.such.host"), std::string::npos);
}

TEST(Resolver, each_address_is_tried_in_turn) {
    RingWorld world;
    UringNetwork network(*world.proactor, two_addresses);
    auto const listener = *network.listen("127.0.0.1", 0);
    auto const stream = network.connect({.host = "two", .port = listener->port()}, world.soon());
    EXPECT_TRUE(world.run_until([&] { return stream->state() == StreamState::open; }));
    EXPECT_EQ(stream->peer(), "127.0.0.1:" + std::to_string(listener->port()));
}

// One test at a time uses this pair; a look-up is a plain function and has no other way to it.
struct Gate {
    std::binary_semaphore entered{0};
    std::binary_semaphore leave{0};
    std::atomic<bool> left = false;
};
Gate& gate() {
    static Gate instance;
    return instance;
}
Resolution slow_lookup(std::string const& host, std::uint16_t port) {
    gate().entered.release();
    gate().leave.acquire();
    gate().left = true;
    gate().left.notify_one();
    return fail_lookup(host, port);
}

TEST(Resolver, a_slow_look_up_ends_at_the_deadline_and_does_not_hold_up_the_end) {
    {
        RingWorld world;
        UringNetwork network(*world.proactor, slow_lookup);
        auto const stream = network.connect({.host = "slow", .port = 1}, world.soon());
        gate().entered.acquire();
        EXPECT_EQ(stream->state(), StreamState::opening);
        EXPECT_EQ(stream->next_deadline(), world.soon());
        world.clock.now = world.soon();
        EXPECT_EQ(stream->state(), StreamState::closed);
        EXPECT_EQ(stream->error()->code, Code::timeout);
    } // the resolver goes while the look-up still runs
    gate().leave.release();
    gate().left.wait(false);
}

TEST(Resolver, waiting_look_ups_are_bounded) {
    RingWorld world;
    Resolver resolver(*world.proactor, slow_lookup);
    for (std::size_t i = 0; i < limits::lookups_max; ++i) ASSERT_TRUE(resolver.ask("slow", 1)) << i;
    EXPECT_FALSE(resolver.ask("slow", 1));
    gate().entered.acquire();
    for (std::uint64_t ticket = 1; ticket <= limits::lookups_max; ++ticket) resolver.forget(ticket);
    EXPECT_TRUE(resolver.ask("slow", 1));
    resolver.forget(limits::lookups_max + 1);
    gate().leave.release();
}

} // namespace
} // namespace io::testing
