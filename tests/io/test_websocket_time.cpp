// Deadlines of a WebSocket: handshake, silence, pong, close. Time moves only when told.
#include "io/websocket_server.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

using Kind = WebSocketEvent::Kind;
using pipeline::second;

struct Silent : LoopbackWorld {
    SeededRandom random{3};
    decltype(network.pair()) ends = network.pair();
    std::unique_ptr<Stream> peer = std::move(ends.second);
    std::unique_ptr<WebSocketClient> client = std::make_unique<WebSocketClient>(
        std::move(ends.first), *parse_url("ws://node/"), clock, random, WebSocketOptions{});

    void settle() {
        while (network.step()) continue;
    }
    // Plays a server by hand up to the upgrade.
    void upgrade() {
        EXPECT_EQ(client->poll().kind, Kind::none);
        settle();
        HttpRequestParser parser;
        auto const used = parser.feed(peer->readable());
        ASSERT_TRUE(used && parser.done());
        peer->consume(*used);
        HttpRequest const request = parser.take();
        std::string const text =
            write_response({101,
                            {{"Upgrade", "websocket"},
                             {"Connection", "keep-alive, Upgrade"},
                             {"Sec-WebSocket-Accept",
                              websocket_accept(find_header(request.headers, "Sec-WebSocket-Key"))}},
                            {}},
                           true);
        peer->write(pipeline::as_bytes(text));
        settle();
        ASSERT_EQ(client->poll().kind, Kind::opened);
    }
    WebSocketEvent after(pipeline::Nanoseconds time) {
        clock.advance(time);
        WebSocketEvent const event = client->poll();
        settle();
        return event;
    }
};

TEST(WebSocketTime, a_silent_server_fails_the_handshake_at_its_deadline) {
    Silent world;
    EXPECT_EQ(world.client->next_deadline(), world.clock.monotonic() + 10 * second);
    EXPECT_EQ(world.after(10 * second - 1).kind, Kind::none);
    WebSocketEvent const event = world.after(1);
    ASSERT_EQ(event.kind, Kind::closed);
    EXPECT_EQ(event.error->code, Code::timeout);
    EXPECT_EQ(world.client->poll().kind, Kind::none);
    EXPECT_EQ(world.client->next_deadline(), pipeline::never);
}

TEST(WebSocketTime, a_connection_that_never_opens_fails_at_its_deadline) {
    LoopbackWorld world;
    world.network.faults.never_open = true;
    auto const listener = *world.network.listen("", 9944);
    SeededRandom random(1);
    WebSocketClient client(world.network, *parse_url("ws://node:9944"), world.clock, random);
    EXPECT_EQ(client.poll().kind, Kind::none);
    world.clock.advance(10 * second);
    WebSocketEvent const event = client.poll();
    ASSERT_EQ(event.kind, Kind::closed);
    EXPECT_EQ(event.error->code, Code::timeout);
}

TEST(WebSocketTime, silence_is_asked_with_a_ping_and_a_missing_pong_ends_it) {
    Silent world;
    world.upgrade();
    EXPECT_EQ(world.client->next_deadline(), world.clock.monotonic() + 20 * second);
    EXPECT_EQ(world.after(20 * second - 1).kind, Kind::none);
    EXPECT_TRUE(world.peer->readable().empty());
    EXPECT_EQ(world.after(1).kind, Kind::none);
    ASSERT_EQ(world.peer->readable().size(), 6U); // an empty masked ping
    EXPECT_EQ(world.peer->readable()[0], 0x89);
    EXPECT_EQ(world.client->next_deadline(), world.clock.monotonic() + 10 * second);
    EXPECT_EQ(world.after(10 * second - 1).kind, Kind::none);
    WebSocketEvent const event = world.after(1);
    ASSERT_EQ(event.kind, Kind::closed);
    EXPECT_EQ(event.error->code, Code::pong_missing);
}

TEST(WebSocketTime, any_byte_counts_as_a_sign_of_life) {
    Silent world;
    world.upgrade();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(world.after(20 * second).kind, Kind::none);
        world.peer->write(pipeline::as_bytes("\x8a")); // half a pong is enough
        world.settle();
        EXPECT_EQ(world.after(0).kind, Kind::none);
        world.peer->write(pipeline::as_bytes(std::string_view("\0", 1)));
        world.settle();
        EXPECT_EQ(world.after(5 * second).kind, Kind::none);
    }
    EXPECT_TRUE(world.client->open());
}

TEST(WebSocketTime, a_close_frame_without_answer_ends_at_its_deadline) {
    Silent world;
    world.upgrade();
    world.client->close();
    EXPECT_EQ(world.after(3 * second - 1).kind, Kind::none);
    WebSocketEvent const event = world.after(1);
    ASSERT_EQ(event.kind, Kind::closed);
    EXPECT_EQ(event.error, nullptr);
}

TEST(WebSocketTime, a_half_open_connection_is_noticed_by_the_server_too) {
    LoopbackWorld world;
    SeededRandom random(1);
    WebSocketServer server(*world.network.listen("", 1), world.clock, random);
    WebSocketClient client(world.network, *parse_url("ws://n:1"), world.clock, random);
    bool opened = false;
    EXPECT_TRUE(world.run_until([&] {
        opened |= server.poll().kind == ServerEvent::Kind::opened;
        return client.poll().kind == Kind::opened;
    }));
    EXPECT_TRUE(opened);
    LoopbackFaults dead;
    dead.stop_after_bytes = 0;
    world.network.apply(dead);
    world.clock.advance(20 * second);
    EXPECT_EQ(server.poll().kind, ServerEvent::Kind::none);
    world.clock.advance(10 * second);
    ServerEvent const event = server.poll();
    ASSERT_EQ(event.kind, ServerEvent::Kind::closed);
    EXPECT_EQ(event.error->code, Code::pong_missing);
}

} // namespace
} // namespace io::testing
