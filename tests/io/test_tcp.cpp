// Streams on the ring: TCP on 127.0.0.1, port 0.
#include "tests/io/turns.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace io::testing {
namespace {

using pipeline::as_bytes;

// A connected pair over the kernel.
struct Tcp : RingWorld {
    std::unique_ptr<Listener> listener = *network.listen("127.0.0.1", 0);
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;

    [[nodiscard]] bool connect(std::size_t outbox_bytes_max = limits::outbox_bytes_max) {
        client = network.connect(
            {.host = "127.0.0.1", .port = listener->port(), .outbox_bytes_max = outbox_bytes_max},
            soon());
        return run_until([&] {
            if (!server) server = listener->accept();
            return server && client->state() == StreamState::open;
        });
    }
};

// A port on which nobody listens: bound, then let go.
std::uint16_t free_port() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (fd < 0) return ADD_FAILURE() << "no socket", 0;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

TEST(Tcp, carries_bytes_both_ways) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    EXPECT_EQ(tcp.client->write(as_bytes("question")), 8U);
    EXPECT_EQ(tcp.server->write(as_bytes("answer")), 6U);
    std::string asked;
    std::string answered;
    EXPECT_TRUE(tcp.run_until([&] {
        drain_into(asked, *tcp.server);
        drain_into(answered, *tcp.client);
        return asked == "question" && answered == "answer";
    }));
    EXPECT_EQ(tcp.client->received(), tcp.clock.monotonic());
    EXPECT_FALSE(tcp.client->credentials());
}

TEST(Tcp, carries_megabytes_through_a_small_inbox) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    std::string const sent = pattern(5 * limits::mib);
    ASSERT_EQ(tcp.client->write(as_bytes(sent)), sent.size());
    std::string got;
    EXPECT_TRUE(tcp.run_until([&] {
        EXPECT_LE(tcp.server->readable().size(), limits::inbox_bytes);
        drain_into(got, *tcp.server);
        return got.size() == sent.size();
    }));
    EXPECT_TRUE(got == sent);
    EXPECT_TRUE(tcp.run_until([&] { return tcp.client->unsent() == 0; }));
}

TEST(Tcp, a_consumer_that_takes_little_at_a_time_misses_nothing) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    std::string const sent = pattern(300 * limits::kib);
    ASSERT_EQ(tcp.client->write(as_bytes(sent)), sent.size());
    std::string got;
    EXPECT_TRUE(tcp.run_until([&] {
        std::size_t const size = std::min(tcp.server->readable().size(), std::size_t{777});
        got.append(pipeline::as_text(tcp.server->readable().first(size)));
        tcp.server->consume(size);
        return got.size() == sent.size();
    }));
    EXPECT_TRUE(got == sent);
}

TEST(Tcp, not_consuming_stops_the_peer) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    std::string const sent = pattern(32 * limits::mib); // more than the kernel buffers
    ASSERT_EQ(tcp.client->write(as_bytes(sent)), sent.size());
    EXPECT_TRUE(
        tcp.run_until([&] { return tcp.server->readable().size() == limits::inbox_bytes; }));
    for (int turn = 0; turn < 50; ++turn) tcp.proactor->poll();
    EXPECT_EQ(tcp.server->readable().size(), limits::inbox_bytes);
    EXPECT_GT(tcp.client->unsent(), 0U);
}

TEST(Tcp, the_outbox_takes_what_fits) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect(1000));
    EXPECT_EQ(tcp.client->room(), 1000U);
    EXPECT_EQ(tcp.client->write(as_bytes(pattern(1500))), 1000U);
    EXPECT_EQ(tcp.client->room(), 0U);
    EXPECT_TRUE(tcp.run_until([&] { return tcp.client->room() == 1000; }));
}

TEST(Tcp, shutdown_ends_one_direction) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    tcp.client->write(as_bytes("last words"));
    tcp.client->shutdown();
    EXPECT_EQ(tcp.client->write(as_bytes("too late")), 0U);
    EXPECT_TRUE(tcp.run_until([&] { return tcp.server->ended(); }));
    EXPECT_EQ(pipeline::as_text(tcp.server->readable()), "last words");
    EXPECT_EQ(tcp.server->state(), StreamState::open);
    EXPECT_EQ(tcp.server->write(as_bytes("still here")), 10U);
    std::string got;
    EXPECT_TRUE(tcp.run_until([&] {
        drain_into(got, *tcp.client);
        return got == "still here";
    }));
    tcp.server->shutdown();
    EXPECT_TRUE(tcp.run_until([&] { return tcp.client->state() == StreamState::closed; }));
    EXPECT_EQ(tcp.client->error(), nullptr);
}

TEST(Tcp, a_reset_is_an_error) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    tcp.client->write(as_bytes(pattern(4 * limits::inbox_bytes)));
    EXPECT_TRUE(
        tcp.run_until([&] { return tcp.server->readable().size() == limits::inbox_bytes; }));
    tcp.server.reset(); // bytes the kernel could not hand over make it reset the connection
    EXPECT_TRUE(tcp.run_until([&] { return tcp.client->state() == StreamState::closed; }));
    ASSERT_NE(tcp.client->error(), nullptr);
    EXPECT_EQ(tcp.client->error()->code, Code::reset);
}

TEST(Tcp, refused_says_where_and_what_to_do) {
    RingWorld world;
    auto stream = world.network.connect({.host = "127.0.0.1", .port = free_port()}, world.soon());
    EXPECT_TRUE(world.run_until([&] { return stream->state() == StreamState::closed; }));
    ASSERT_NE(stream->error(), nullptr);
    EXPECT_EQ(stream->error()->code, Code::refused);
    EXPECT_NE(describe(*stream->error()).find("127.0.0.1:"), std::string::npos);
    EXPECT_NE(describe(*stream->error()).find("[ECONNREFUSED]"), std::string::npos);
}

TEST(Tcp, port_in_use) {
    RingWorld world;
    auto const first = world.network.listen("127.0.0.1", 0);
    ASSERT_TRUE(first);
    auto const second = world.network.listen("127.0.0.1", (*first)->port());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::port_in_use);
}

TEST(Tcp, listens_on_literals_localhost_and_everything) {
    RingWorld world;
    EXPECT_TRUE(world.network.listen("localhost", 0));
    EXPECT_TRUE(world.network.listen("*", 0));
    auto const name = world.network.listen("example.org", 0);
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code, Code::bad_address);
}

TEST(Tcp, a_handle_that_dies_with_operations_in_flight_is_reaped) {
    Tcp tcp;
    ASSERT_TRUE(tcp.connect());
    std::size_t const before = tcp.proactor->slots();
    tcp.client->write(as_bytes(pattern(16 * limits::mib))); // a send that cannot complete
    tcp.proactor->poll();
    EXPECT_GE(tcp.proactor->in_flight(), 3U);
    tcp.client.reset();
    EXPECT_TRUE(tcp.run_until([&] { return tcp.proactor->slots() == before - 1; }));
    tcp.server.reset();
    tcp.listener.reset();
    EXPECT_TRUE(tcp.run_until([&] { return tcp.proactor->slots() == 0; }));
    EXPECT_EQ(tcp.proactor->in_flight(), 0U);
}

TEST(Tcp, the_ring_may_go_down_with_operations_in_flight) {
    auto tcp = std::make_unique<Tcp>();
    ASSERT_TRUE(tcp->connect());
    tcp->client->write(as_bytes(pattern(16 * limits::mib)));
    tcp->proactor->poll();
    tcp.reset(); // the sanitizers see it if the kernel still writes
}

} // namespace
} // namespace io::testing
