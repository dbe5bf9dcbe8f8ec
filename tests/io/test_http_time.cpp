// Deadlines of the HTTP client, which move only when told, and the client on a real ring.
#include "io/files.hpp"
#include "io/http_server.hpp"
#include "io/tls.hpp"
#include "tests/io/certificates.hpp"
#include "tests/io/http_world.hpp"

namespace io::testing {
namespace {

using pipeline::millisecond;
using pipeline::second;

// What becomes of a request at its deadline, ten seconds on, after the server has said this.
std::string after_silence(std::string const& answer) {
    HttpWorld world;
    world.send("/");
    world.settle();
    if (!answer.empty()) world.say(0, answer);
    EXPECT_EQ(world.http.next_deadline(), world.soon());
    world.later(10 * second - 1);
    EXPECT_TRUE(world.done.empty());
    world.later(1);
    EXPECT_EQ(world.http.connections(), 0U);
    EXPECT_EQ(world.done.size(), 1U);
    EXPECT_TRUE(world.done.at(0).sent);
    EXPECT_EQ(world.http.next_deadline(), pipeline::never);
    return world.next();
}

TEST(HttpTime, a_deadline_ends_a_request_in_each_phase) {
    std::string const prefix = "timeout host.example: ";
    EXPECT_EQ(after_silence(""), prefix + "no byte of an answer came");
    EXPECT_EQ(after_silence("HTTP/1.1 100 Continue\r\n\r\n"),
              prefix + "only a part of the answer's head came");
    EXPECT_EQ(after_silence("HTTP/1.1 200 OK\r\nCont"),
              prefix + "only a part of the answer's head came");
    EXPECT_EQ(after_silence("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
              prefix + "3 of 9 body bytes came");
    EXPECT_EQ(after_silence("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello"),
              prefix + "5 body bytes came");
}

TEST(HttpTime, a_connection_that_does_not_open_ends_the_request) {
    HttpWorld world({.connect_timeout = 4 * second});
    world.network.faults.never_open = true;
    world.send("/");
    EXPECT_EQ(world.http.next_deadline(), world.clock.monotonic() + 4 * second);
    world.later(4 * second - 1);
    EXPECT_TRUE(world.done.empty());
    world.later(1);
    EXPECT_FALSE(world.done.at(0).sent);
    EXPECT_EQ(world.next(), "timeout host.example: loopback");
    // A request's own deadline is the earlier one here.
    ASSERT_TRUE(world.http.send(world.url, {.method = "GET", .target = "/"},
                                world.clock.monotonic() + second));
    EXPECT_EQ(world.http.next_deadline(), world.clock.monotonic() + second);
    world.later(second);
    EXPECT_EQ(world.next(), "timeout host.example: loopback");
}

TEST(HttpTime, a_dribble_of_bytes_buys_no_time) {
    HttpWorld world;
    pipeline::Nanoseconds const deadline = world.soon();
    world.send("/");
    world.settle();
    world.say(0, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 9; ++i) {
        world.clock.advance(second);
        world.say(0, "a");
        EXPECT_EQ(world.http.next_deadline(), deadline);
    }
    EXPECT_TRUE(world.done.empty());
    world.later(second);
    EXPECT_EQ(world.next(), "timeout host.example: 9 of 1000 body bytes came");
}

TEST(HttpTime, a_deadline_ends_a_request_that_waits) {
    HttpWorld world({.connections_per_host_max = 1});
    ASSERT_TRUE(world.http.send(world.url, {.method = "GET", .target = "/"}, pipeline::never));
    world.send("/");
    world.settle();
    EXPECT_EQ(world.http.next_deadline(), world.soon());
    world.later(10 * second);
    ASSERT_EQ(world.done.size(), 1U);
    EXPECT_FALSE(world.done[0].sent);
    EXPECT_EQ(world.next(), "timeout host.example: the request waited for one of 1 connections "
                            "(connections_per_host_max)");
    EXPECT_EQ(world.http.open(), 1U);
}

TEST(HttpTime, a_request_whose_time_is_over_is_not_sent) {
    HttpWorld world;
    ASSERT_TRUE(
        world.http.send(world.url, {.method = "GET", .target = "/"}, world.clock.monotonic()));
    world.settle();
    EXPECT_TRUE(world.peers.empty());
    EXPECT_TRUE(world.next().starts_with("timeout "));
}

TEST(HttpTime, an_answer_in_the_moment_of_the_deadline_counts) {
    HttpWorld world;
    world.send("/");
    world.settle();
    world.clock.now = world.soon();
    world.say(0, ok("just"));
    EXPECT_EQ(world.next(), "200 just");
}

TEST(HttpTime, a_silent_kept_alive_connection_is_not_tried_again) {
    HttpWorld world;
    world.send("/a");
    world.settle();
    world.say(0, ok("a"));
    EXPECT_EQ(world.next(), "200 a");
    world.send("/b");
    world.settle();
    world.later(10 * second);
    EXPECT_EQ(world.next(), "timeout host.example: no byte of an answer came");
    EXPECT_EQ(world.peers.size(), 1U);
}

TEST(HttpTime, an_idle_connection_is_closed_after_a_while) {
    HttpWorld world({.idle_max = 30 * second});
    world.send("/");
    world.settle();
    world.say(0, ok("a"));
    EXPECT_EQ(world.http.next_deadline(), world.clock.monotonic() + 30 * second);
    world.later(30 * second - 1);
    EXPECT_EQ(world.http.connections(), 1U);
    EXPECT_FALSE(world.peers[0].stream->ended());
    world.later(1);
    EXPECT_EQ(world.http.connections(), 0U);
    EXPECT_TRUE(world.peers[0].stream->ended());
    EXPECT_EQ(world.http.next_deadline(), pipeline::never);
}

// One client and one server, which answers with twice the body of the request.
struct Ring : RingWorld {
    TemporaryDirectory directory;
    std::vector<std::uint64_t> connections; // of each request
    std::optional<HttpServer> server;
    std::optional<HttpClient> client;

    void serve(std::unique_ptr<Listener> listener) { server.emplace(std::move(listener), clock); }
    HttpDone ask(Url const& url, std::string body) {
        EXPECT_TRUE(
            client->send(url, {.method = "POST", .target = "/", .body = std::move(body)}, soon()));
        std::optional<HttpDone> done;
        EXPECT_TRUE(run_until([&] {
            HttpServerEvent event = server->poll();
            if (event.kind == HttpServerEvent::Kind::request) {
                connections.push_back(event.connection);
                EXPECT_TRUE(server->respond(event.connection,
                                            {200, {}, event.request.body + event.request.body}));
            }
            done = client->poll();
            return done.has_value();
        }));
        return done ? std::move(*done) : HttpDone{0, std::unexpected(Error{Code::timeout})};
    }
};

TEST(HttpClient, asks_many_times_over_one_connection_on_the_ring) {
    Ring world;
    world.serve(*world.network.listen("127.0.0.1", 0));
    world.client.emplace(world.network, world.clock);
    Url const url = *parse_url("http://127.0.0.1:" + std::to_string(world.server->port()));
    for (std::size_t i = 0; i < 20; ++i) {
        std::string const body = pattern(i * i * 150);
        HttpDone const done = world.ask(url, body);
        ASSERT_TRUE(done.result) << describe(done.result.error());
        EXPECT_TRUE(done.result->body == body + body);
    }
    EXPECT_EQ(world.connections, std::vector<std::uint64_t>(20, 1));
}

TEST(HttpClient, sends_once_more_when_a_server_has_closed_on_the_ring) {
    Ring world;
    world.serve(*world.network.listen("127.0.0.1", 0));
    world.client.emplace(world.network, world.clock);
    Url const url = *parse_url("http://127.0.0.1:" + std::to_string(world.server->port()));
    ASSERT_TRUE(world.ask(url, "a").result);
    world.server->drop(1); // the client sends before its ring is polled
    HttpDone const done = world.ask(url, "b");
    ASSERT_TRUE(done.result) << describe(done.result.error());
    EXPECT_EQ(done.result->body, "bb");
    EXPECT_EQ(world.connections, (std::vector<std::uint64_t>{1, 2}));
}

TEST(HttpClient, speaks_tls_on_the_ring) {
    Ring world;
    long const now = static_cast<long>(world.clock.unix_milliseconds() / 1000);
    Authority const authority("spyhop test CA", now - 3600, now + 3600);
    Issued const issued = authority.issue("DNS:localhost", now - 3600, now + 3600);
    std::string const ca_file = world.directory / "ca.pem";
    ASSERT_TRUE(write_file(ca_file, authority.certificate_pem()));
    ASSERT_TRUE(write_file(world.directory / "server.pem", issued.certificate_pem));
    ASSERT_TRUE(write_file(world.directory / "server.key", issued.key_pem));
    auto listener =
        TlsListener::create(*world.network.listen("127.0.0.1", 0), world.directory / "server.pem",
                            world.directory / "server.key", world.clock);
    ASSERT_TRUE(listener);
    world.serve(std::move(*listener));
    Url const url = *parse_url("https://localhost:" + std::to_string(world.server->port()));
    world.client.emplace(world.network, world.clock, HttpClientOptions{.ca_file = ca_file});
    for (std::size_t const size : {1U, 60'000U, 65'536U}) {
        HttpDone const done = world.ask(url, pattern(size));
        ASSERT_TRUE(done.result) << describe(done.result.error());
        EXPECT_TRUE(done.result->body == pattern(size) + pattern(size));
    }
    EXPECT_EQ(world.connections, std::vector<std::uint64_t>(3, world.connections.at(0)));
    world.client.emplace(world.network, world.clock);
    HttpDone const strange = world.ask(url, "a");
    ASSERT_FALSE(strange.result);
    EXPECT_EQ(strange.result.error().code, Code::tls_unknown_authority);
    EXPECT_FALSE(strange.sent);
}

} // namespace
} // namespace io::testing
