// TLS with a CA made on the spot: good, wrong host, expired, not yet valid, unknown, self-signed.
#include "io/files.hpp"
#include "io/tls.hpp"
#include "io/websocket_server.hpp"
#include "tests/io/certificates.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

constexpr long day = 24 * 3600;

// One CA and one server certificate on disk; times are relative to the world's clock.
template <typename World>
struct Tls : World {
    TemporaryDirectory directory;
    long now = static_cast<long>(this->clock.unix_milliseconds() / 1000);
    Authority authority{"spyhop test CA", now - 10 * day, now + 100 * day};
    std::string ca_file = directory / "ca.pem";
    std::string certificate_file = directory / "server.pem";
    std::string key_file = directory / "server.key";
    std::unique_ptr<Listener> listener;

    Tls() { EXPECT_TRUE(write_file(ca_file, authority.certificate_pem())); }
    void serve(std::string const& names, long from, long until) {
        Issued const issued = authority.issue(names, from, until);
        ASSERT_TRUE(write_file(certificate_file, issued.certificate_pem));
        ASSERT_TRUE(write_file(key_file, issued.key_pem));
        auto below = this->network.listen("127.0.0.1", 0);
        ASSERT_TRUE(below);
        auto made = TlsListener::create(std::move(*below), certificate_file, key_file, this->clock);
        ASSERT_TRUE(made) << describe(made.error());
        listener = std::move(*made);
    }
    void serve_good() { serve("DNS:localhost,IP:127.0.0.1", now - day, now + day); }
    Endpoint endpoint(std::string const& name = "localhost") const {
        return {.host = "127.0.0.1",
                .port = listener->port(),
                .tls = true,
                .ca_file = ca_file,
                .server_name = name};
    }
    // "open", or the name of the client's error.
    std::string outcome(Endpoint const& endpoint) {
        auto const client = this->network.connect(endpoint, this->soon());
        std::unique_ptr<Stream> server;
        EXPECT_TRUE(this->run_until([&] {
            if (!server) server = listener->accept();
            if (server) server->state();
            return client->state() != StreamState::opening;
        }));
        if (client->state() == StreamState::open) return "open";
        detail = client->error()->detail;
        return std::string(name(client->error()->code));
    }
    std::string detail;
};

using Memory = Tls<LoopbackWorld>;
using Ring = Tls<RingWorld>;

TEST(Tls, accepts_a_name_and_an_address_of_the_certificate) {
    Memory world;
    world.serve_good();
    EXPECT_EQ(world.outcome(world.endpoint("localhost")), "open");
    EXPECT_EQ(world.outcome(world.endpoint("127.0.0.1")), "open");
    EXPECT_EQ(world.outcome(world.endpoint("")), "open"); // the host itself
}

TEST(Tls, refuses_another_host_name) {
    Memory world;
    world.serve_good();
    EXPECT_EQ(world.outcome(world.endpoint("example.org")), "tls_wrong_host");
    EXPECT_EQ(world.outcome(world.endpoint("127.0.0.2")), "tls_wrong_host");
}

TEST(Tls, refuses_dates_by_the_injected_clock) {
    Memory world;
    world.serve("DNS:localhost", world.now - 2 * day, world.now - day);
    EXPECT_EQ(world.outcome(world.endpoint()), "tls_expired");
    world.clock.unix_ms -= static_cast<std::uint64_t>(36 * 3600) * 1000;
    EXPECT_EQ(world.outcome(world.endpoint()), "open");
    world.clock.unix_ms -= static_cast<std::uint64_t>(36 * 3600) * 1000;
    EXPECT_EQ(world.outcome(world.endpoint()), "tls_not_yet_valid");
}

TEST(Tls, refuses_an_unknown_authority_and_a_self_signed_certificate) {
    Memory world;
    world.serve_good();
    Endpoint without = world.endpoint();
    without.ca_file.clear();
    EXPECT_EQ(world.outcome(without), "tls_unknown_authority");
    Authority const alone("localhost", world.now - day, world.now + day);
    ASSERT_TRUE(write_file(world.certificate_file, alone.certificate_pem()));
    ASSERT_TRUE(write_file(world.key_file, alone.key_pem()));
    auto below = world.network.listen("", 0);
    world.listener = std::move(*TlsListener::create(std::move(*below), world.certificate_file,
                                                    world.key_file, world.clock));
    EXPECT_EQ(world.outcome(world.endpoint()), "tls_self_signed");
}

TEST(Tls, names_the_file_that_cannot_be_used) {
    Memory world;
    world.serve_good();
    Endpoint missing = world.endpoint();
    missing.ca_file = world.directory / "none.pem";
    EXPECT_EQ(world.outcome(missing), "tls_bad_file");
    EXPECT_NE(world.detail.find("none.pem"), std::string::npos);
    auto below = world.network.listen("", 0);
    auto const made =
        TlsListener::create(std::move(*below), world.certificate_file, world.ca_file, world.clock);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::tls_bad_file);
}

TEST(Tls, a_peer_without_tls_or_without_a_word) {
    Memory world;
    world.listener = *world.network.listen("", 0); // plain
    auto const client = world.network.connect(world.endpoint(), world.soon());
    std::unique_ptr<Stream> server;
    EXPECT_TRUE(world.run_until([&] {
        if (!server) server = world.listener->accept();
        if (server) server->write(pipeline::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
        return client->state() == StreamState::closed;
    }));
    EXPECT_EQ(client->error()->code, Code::tls_failure);
    auto const mute = world.network.connect(world.endpoint(), world.soon());
    for (int i = 0; i < 10; ++i) world.network.step();
    EXPECT_EQ(mute->state(), StreamState::opening);
    EXPECT_EQ(mute->next_deadline(), world.soon());
    world.clock.now = world.soon();
    EXPECT_EQ(mute->state(), StreamState::closed);
    EXPECT_EQ(mute->error()->code, Code::timeout);
}

template <typename World>
void carry_megabytes() {
    World world;
    world.serve_good();
    auto const client = world.network.connect(world.endpoint(), world.soon());
    std::unique_ptr<Stream> server;
    std::string const sent = pattern(3 * limits::mib);
    std::size_t given = 0;
    std::string got;
    EXPECT_TRUE(world.run_until([&] {
        if (!server) server = world.listener->accept();
        given += client->write(pipeline::as_bytes(std::string_view(sent).substr(given)));
        if (given == sent.size()) client->shutdown();
        if (server) drain_into(got, *server);
        return server && server->ended() && server->readable().empty();
    }));
    EXPECT_TRUE(got == sent);
    EXPECT_EQ(server->write(pipeline::as_bytes("thanks")), 6U);
    std::string thanks;
    EXPECT_TRUE(world.run_until([&] {
        server->state();
        drain_into(thanks, *client);
        return thanks == "thanks";
    }));
}

TEST(Tls, carries_megabytes_and_half_closes_in_memory) { carry_megabytes<Memory>(); }
TEST(Tls, carries_megabytes_and_half_closes_on_the_ring) { carry_megabytes<Ring>(); }

// A peer that ends TCP without close_notify while its last record waits for room in the inbox.
TEST(Tls, gives_the_whole_last_record_to_a_slow_reader) {
    Memory world;
    world.serve_good();
    auto const client = world.network.connect(world.endpoint(), world.soon());
    std::unique_ptr<Stream> server;
    ASSERT_TRUE(world.run_until([&] {
        if (!server) server = world.listener->accept();
        if (server) server->state();
        return server && client->state() == StreamState::open;
    }));
    // Seven records, of which the last one fits into the inbox in part.
    constexpr std::size_t record_bytes = 10'000;
    std::string const sent = pattern(7 * record_bytes);
    std::size_t given = 0;
    ASSERT_TRUE(world.run_until([&] {
        std::string_view const left = std::string_view(sent).substr(given);
        given += server->write(pipeline::as_bytes(left.substr(0, record_bytes)));
        client->state();
        return given == sent.size() && server->unsent() == 0;
    }));
    server->close();
    for (int i = 0; i < 10; ++i) world.network.step();
    std::string got;
    EXPECT_TRUE(world.run_until([&] {
        drain_into(got, *client);
        return client->ended() && client->readable().empty();
    }));
    EXPECT_EQ(got.size(), sent.size());
    EXPECT_TRUE(got == sent);
}

TEST(Tls, survives_one_byte_reads) {
    Memory world;
    world.network.faults.step_bytes_max = 1;
    world.serve_good();
    EXPECT_EQ(world.outcome(world.endpoint()), "open");
}

TEST(Tls, a_reset_during_the_handshake) {
    Memory world;
    world.network.faults.reset_after_bytes = 100;
    world.serve_good();
    EXPECT_EQ(world.outcome(world.endpoint()), "reset");
}

TEST(Tls, carries_a_websocket_on_the_ring) {
    Ring world;
    world.serve_good();
    SeededRandom random(1);
    WebSocketServer server(std::move(world.listener), world.clock, random);
    Url const url = *parse_url("wss://localhost:" + std::to_string(server.port()));
    WebSocketOptions options;
    options.ca_file = world.ca_file;
    WebSocketClient client(world.network, url, world.clock, random, options);
    std::string const big = pattern(2 * limits::mib);
    std::string got;
    ConnectionId connection = 0;
    EXPECT_TRUE(world.run_until([&] {
        ServerEvent const at_server = server.poll();
        if (at_server.kind == ServerEvent::Kind::opened) {
            connection = at_server.connection;
            EXPECT_TRUE(server.send(connection, big));
        }
        WebSocketEvent const at_client = client.poll();
        EXPECT_NE(at_client.kind, WebSocketEvent::Kind::closed) << describe(*at_client.error);
        got += pipeline::as_text(at_client.text);
        return !got.empty();
    }));
    EXPECT_TRUE(got == big);
}

} // namespace
} // namespace io::testing
