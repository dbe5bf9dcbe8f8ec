// Both ends of a WebSocket against each other, on the loopback network and on the ring.
#include "io/websocket_server.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

using Kind = WebSocketEvent::Kind;
using ServerKind = ServerEvent::Kind;

// Both ends and what they have said so far.
template <typename World>
struct Ends : World {
    SeededRandom random{7};
    std::unique_ptr<WebSocketServer> server;
    std::unique_ptr<WebSocketClient> client;
    std::vector<std::string> at_client;
    std::vector<std::string> at_server;
    ConnectionId connection = 0;
    std::string path;
    bool opened = false;
    bool client_closed = false;
    bool server_closed = false;
    std::optional<Error> client_error;
    std::optional<Error> server_error;

    void start(WebSocketServerOptions server_options = {},
               WebSocketOptions const& client_options = {}) {
        auto listener = this->network.listen("127.0.0.1", 0);
        ASSERT_TRUE(listener);
        server = std::make_unique<WebSocketServer>(std::move(*listener), this->clock, random,
                                                   std::move(server_options));
        Url const url = *parse_url("ws://127.0.0.1:" + std::to_string(server->port()) + "/rpc?x=1");
        client = std::make_unique<WebSocketClient>(this->network, url, this->clock, random,
                                                   client_options);
    }
    void take_server(ServerEvent const& event) {
        if (event.kind == ServerKind::opened) connection = event.connection;
        if (event.kind == ServerKind::opened) path = event.path;
        if (event.kind == ServerKind::message)
            at_server.emplace_back(pipeline::as_text(event.text));
        if (event.kind != ServerKind::closed) return;
        server_closed = true;
        if (event.error) server_error = *event.error;
    }
    void take_client(WebSocketEvent const& event) {
        if (event.kind == Kind::opened) opened = true;
        if (event.kind == Kind::message) at_client.emplace_back(pipeline::as_text(event.text));
        if (event.kind != Kind::closed) return;
        client_closed = true;
        if (event.error) client_error = *event.error;
    }
    void ask() {
        for (ServerEvent e = server->poll(); e.kind != ServerKind::none; e = server->poll())
            take_server(e);
        if (!client) return;
        for (WebSocketEvent e = client->poll(); e.kind != Kind::none; e = client->poll())
            take_client(e);
    }
    template <typename Condition>
    [[nodiscard]] bool until(Condition condition) {
        return this->run_until([&] {
            ask();
            return condition();
        });
    }
    [[nodiscard]] bool open() {
        return until([&] { return opened && connection != 0; });
    }
};

using Memory = Ends<LoopbackWorld>;
using Ring = Ends<RingWorld>;

TEST(WebSocket, accept_key_of_rfc_6455_section_1_3) {
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

template <typename World>
void talk_and_close() {
    World world;
    world.start();
    ASSERT_TRUE(world.open());
    EXPECT_EQ(world.path, "/rpc?x=1");
    std::string const big = pattern(3 * limits::mib);
    EXPECT_TRUE(world.client->send_text("one"));
    EXPECT_TRUE(world.client->send_text(""));
    EXPECT_TRUE(world.client->send_text(big));
    EXPECT_TRUE(world.server->send(world.connection, "h\xc3\xa4llo"));
    EXPECT_TRUE(world.server->send(world.connection, big));
    EXPECT_TRUE(
        world.until([&] { return world.at_client.size() == 2 && world.at_server.size() == 3; }));
    EXPECT_EQ(world.at_server[0], "one");
    EXPECT_EQ(world.at_server[1], "");
    EXPECT_TRUE(world.at_server[2] == big);
    EXPECT_EQ(world.at_client[0], "h\xc3\xa4llo");
    EXPECT_TRUE(world.at_client[1] == big);
    world.client->close(1000, "done");
    EXPECT_FALSE(world.client->send_text("late"));
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_FALSE(world.client_error);
    ASSERT_TRUE(world.server_error);
    EXPECT_EQ(world.server_error->code, Code::closed_by_websocket);
    EXPECT_EQ(world.server_error->detail, "code 1000 \"done\"");
    EXPECT_EQ(world.client->poll().kind, Kind::none);
    EXPECT_EQ(world.server->connections(), 0U);
}

TEST(WebSocket, talks_and_closes_in_memory) { talk_and_close<Memory>(); }
TEST(WebSocket, talks_and_closes_on_the_ring) { talk_and_close<Ring>(); }

TEST(WebSocket, survives_one_byte_reads) {
    Memory world;
    world.network.faults.step_bytes_max = 1;
    world.network.faults.delay_steps = 3;
    world.start();
    ASSERT_TRUE(world.open());
    std::string const text = pattern(1000);
    EXPECT_TRUE(world.client->send_text(text));
    EXPECT_TRUE(world.server->send(world.connection, text));
    EXPECT_TRUE(
        world.until([&] { return world.at_client.size() == 1 && world.at_server.size() == 1; }));
    EXPECT_EQ(world.at_client[0], text);
    EXPECT_EQ(world.at_server[0], text);
}

TEST(WebSocket, a_message_is_padded_and_says_when_it_came) {
    Memory world;
    world.start();
    ASSERT_TRUE(world.open());
    EXPECT_TRUE(world.server->send(world.connection, "{}"));
    world.clock.advance(5 * pipeline::millisecond);
    world.server->poll();
    world.network.step();
    pipeline::Nanoseconds const arrived = world.clock.monotonic();
    world.clock.advance(5 * pipeline::millisecond);
    WebSocketEvent const event = world.client->poll();
    ASSERT_EQ(event.kind, Kind::message);
    EXPECT_EQ(event.received, arrived);
    // Writable and readable; the sanitizers check the bounds.
    std::memset(event.text.data() + event.text.size(), 'x', pipeline::json_padding);
    EXPECT_EQ(pipeline::as_text(event.text), "{}");
}

TEST(WebSocket, reset_in_the_middle_of_a_frame) {
    Memory world;
    world.start();
    ASSERT_TRUE(world.open());
    LoopbackFaults faults;
    faults.reset_after_bytes = 1000;
    world.network.apply(faults);
    EXPECT_TRUE(world.server->send(world.connection, pattern(5000)));
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_EQ(world.client_error->code, Code::reset);
    EXPECT_TRUE(world.at_client.empty());
}

TEST(WebSocket, end_of_the_stream_without_close_frame) {
    Memory world;
    world.start();
    ASSERT_TRUE(world.open());
    world.client.reset();
    EXPECT_TRUE(world.until([&] { return world.server_closed; }));
    EXPECT_EQ(world.server_error->code, Code::closed_by_peer);
}

TEST(WebSocket, server_closes_with_code_and_reason) {
    Ring world;
    world.start();
    ASSERT_TRUE(world.open());
    world.server->close(world.connection, 1001, "going away");
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_EQ(world.client_error->detail, "code 1001 \"going away\"");
    EXPECT_FALSE(world.server_error);
}

TEST(WebSocket, oversize_message_names_the_limit) {
    Memory world;
    WebSocketOptions options;
    options.message_bytes_max = 1000;
    world.start({}, options);
    ASSERT_TRUE(world.open());
    EXPECT_TRUE(world.server->send(world.connection, pattern(1000)));
    EXPECT_TRUE(world.until([&] { return world.at_client.size() == 1; }));
    EXPECT_TRUE(world.server->send(world.connection, pattern(1001)));
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_EQ(world.client_error->code, Code::message_too_large);
    EXPECT_NE(describe(*world.client_error).find("message_bytes_max is 1000"), std::string::npos);
    EXPECT_EQ(world.server_error->detail, "code 1009");
}

TEST(WebSocket, oversize_frame_names_the_limit) {
    Memory world;
    WebSocketServerOptions options;
    options.connection.frame_bytes_max = 1000;
    world.start(options);
    ASSERT_TRUE(world.open());
    EXPECT_TRUE(world.client->send_text(pattern(1001)));
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_EQ(world.server_error->code, Code::frame_too_large);
    EXPECT_EQ(world.client_error->detail, "code 1009");
}

TEST(WebSocket, invalid_utf8_is_refused) {
    Memory world;
    world.start();
    ASSERT_TRUE(world.open());
    EXPECT_TRUE(world.server->send(world.connection, "ab\xff"));
    EXPECT_TRUE(world.until([&] { return world.client_closed && world.server_closed; }));
    EXPECT_EQ(world.client_error->code, Code::invalid_utf8);
    EXPECT_EQ(world.server_error->detail, "code 1007");
}

TEST(WebSocket, slow_reader_is_given_up_when_its_outbox_is_full) {
    Memory world;
    world.start();
    ASSERT_TRUE(world.open());
    std::string const big = pattern(15 * limits::mib);
    int sent = 0;
    while (sent < 10 && world.server->send(world.connection, big)) ++sent;
    EXPECT_EQ(sent, 4); // 64 MiB
    EXPECT_FALSE(world.server->send(world.connection, "x"));
    EXPECT_TRUE(world.until([&] { return world.server_closed; }));
    EXPECT_EQ(world.server_error->code, Code::outbox_full);
}

TEST(WebSocket, the_clients_outbox_has_a_limit) {
    Memory world;
    WebSocketOptions options;
    options.outbox_bytes_max = 10'000;
    world.start({}, options);
    ASSERT_TRUE(world.open());
    EXPECT_FALSE(world.client->send_text(pattern(10'000))); // the frame's head does not fit
    EXPECT_TRUE(world.client->send_text(pattern(9'000)));
    EXPECT_FALSE(world.client->send_text(pattern(9'000)));
    EXPECT_TRUE(world.until([&] { return world.at_server.size() == 1; }));
    EXPECT_TRUE(world.client->send_text(pattern(9'000)));
}

TEST(WebSocket, refused_connection_closes_the_client) {
    Memory world;
    world.network.faults.refuse = true;
    world.start();
    EXPECT_TRUE(world.until([&] { return world.client_closed; }));
    EXPECT_EQ(world.client_error->code, Code::refused);
}

} // namespace
} // namespace io::testing
