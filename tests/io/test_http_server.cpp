// The plain HTTP server: requests, answers, their order, its limits and its deadlines.
#include "io/http_server.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

using Kind = HttpServerEvent::Kind;
using pipeline::second;

struct Served : LoopbackWorld {
    HttpServer server;
    std::vector<HttpRequest> requests;
    std::vector<std::uint64_t> owed;   // connections, one for each request
    std::vector<std::uint64_t> closed; // in the order they were told

    explicit Served(HttpServerOptions options = {})
        : server(*network.listen("", 80), clock, options) {}

    std::unique_ptr<Stream> dial() { return network.connect({.host = "h", .port = 80}, soon()); }
    // What the server says to these bytes until nothing moves any more.
    std::string ask(Stream& stream, std::string_view bytes) {
        std::string answer;
        std::size_t sent = 0;
        for (int quiet = 0; quiet < 3;) {
            bool moved = network.step();
            std::size_t const taken = stream.write(pipeline::as_bytes(bytes.substr(sent)));
            sent += taken;
            moved |= taken > 0 || take_events();
            drain_into(answer, stream);
            quiet = moved ? 0 : quiet + 1;
        }
        return answer;
    }
    bool take_events() {
        bool any = false;
        for (HttpServerEvent event = server.poll(); event.kind != Kind::none;
             event = server.poll()) {
            any = true;
            if (event.kind == Kind::closed) {
                closed.push_back(event.connection);
            } else {
                owed.push_back(event.connection);
                requests.push_back(std::move(event.request));
            }
        }
        return any;
    }
};

std::string const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpServer, gives_a_request_and_sends_its_answer) {
    for (std::size_t const step : {limits::inbox_bytes, std::size_t{1}}) {
        Served world;
        world.network.faults.step_bytes_max = step;
        auto const stream = world.dial();
        EXPECT_EQ(world.ask(*stream, "POST /api?x HTTP/1.1\r\nX-API-Key: k\r\nContent-Length: 4\r\n"
                                     "\r\nbody"),
                  "");
        ASSERT_EQ(world.requests.size(), 1U);
        EXPECT_EQ(world.requests[0].method, "POST");
        EXPECT_EQ(world.requests[0].target, "/api?x");
        EXPECT_EQ(world.requests[0].body, "body");
        EXPECT_EQ(find_header(world.requests[0].headers, "x-api-key"), "k");
        EXPECT_TRUE(world.server.respond(world.owed[0], {404, {{"RateLimit-Limit", "5"}}, "{}"}));
        EXPECT_EQ(world.ask(*stream, ""),
                  "HTTP/1.1 404 Not Found\r\nRateLimit-Limit: 5\r\nContent-Length: 2\r\n"
                  "Connection: keep-alive\r\n\r\n{}");
        EXPECT_FALSE(world.server.respond(world.owed[0], {})); // nothing is owed
        world.ask(*stream, get);
        EXPECT_EQ(world.owed, (std::vector<std::uint64_t>(2, world.owed[0])));
        EXPECT_FALSE(world.server.respond(world.owed[0] + 1, {})); // nobody
    }
}

TEST(HttpServer, a_pipelined_request_waits_until_the_first_is_answered) {
    Served world;
    auto const stream = world.dial();
    world.ask(*stream, get + "GET /b HTTP/1.1\r\n\r\n");
    ASSERT_EQ(world.requests.size(), 1U);
    EXPECT_EQ(world.server.next_deadline(), pipeline::never);
    EXPECT_TRUE(world.server.respond(world.owed[0], {200, {}, "first"}));
    EXPECT_EQ(world.server.next_deadline(), world.clock.monotonic()); // it lies there
    EXPECT_TRUE(world.ask(*stream, "").ends_with("\r\n\r\nfirst"));
    ASSERT_EQ(world.requests.size(), 2U);
    EXPECT_EQ(world.requests[1].target, "/b");
}

TEST(HttpServer, a_peer_that_has_finished_sending_still_gets_its_answer) {
    Served world;
    auto const stream = world.dial();
    world.ask(*stream, get);
    stream->shutdown();
    world.ask(*stream, "");
    EXPECT_TRUE(world.server.respond(world.owed.at(0), {200, {}, "late"}));
    EXPECT_TRUE(world.ask(*stream, "").ends_with("\r\n\r\nlate"));
    EXPECT_EQ(world.closed, world.owed);
    EXPECT_EQ(world.server.connections(), 0U);
}

TEST(HttpServer, closes_where_the_peer_does_not_keep_alive) {
    for (std::string const request :
         {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
        Served world;
        auto const stream = world.dial();
        world.ask(*stream, request);
        EXPECT_TRUE(world.server.respond(world.owed.at(0), {200, {}, "a"}));
        EXPECT_NE(world.ask(*stream, "").find("Connection: close\r\n"), std::string::npos);
        EXPECT_TRUE(stream->ended());
    }
}

TEST(HttpServer, the_answer_to_a_head_has_no_body) {
    Served world;
    auto const stream = world.dial();
    world.ask(*stream, "HEAD / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(world.server.respond(world.owed.at(0), {200, {}, "four"}));
    std::string const answer = world.ask(*stream, "");
    EXPECT_NE(answer.find("Content-Length: 4\r\n"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(HttpServer, what_is_no_request_is_answered_and_closed) {
    auto const status = [](std::string const& bytes) {
        Served world;
        auto const stream = world.dial();
        std::string const answer = world.ask(*stream, bytes);
        EXPECT_TRUE(stream->ended());
        EXPECT_TRUE(world.requests.empty());
        return answer.substr(0, std::string_view("HTTP/1.1 400").size());
    };
    EXPECT_EQ(status("\x16\x03\x01 TLS hello"), "HTTP/1.1 400");
    EXPECT_EQ(status("GET / HTTP/1.1\r\nbroken\r\n\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(status("GET /" + pattern(limits::http_head_bytes_max)), "HTTP/1.1 431");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), "HTTP/1.1 413");
}

TEST(HttpServer, connections_above_the_limit_get_503) {
    Served world({.connections_max = 2});
    auto const first = world.dial();
    auto const second_one = world.dial();
    auto const third = world.dial();
    auto const fourth = world.dial();
    auto const fifth = world.dial();
    EXPECT_TRUE(world.ask(*third, get).starts_with("HTTP/1.1 503 "));
    world.ask(*first, get);
    world.ask(*second_one, get);
    EXPECT_EQ(world.requests.size(), 2U);
    EXPECT_TRUE(fifth->ended());
    std::string text;
    drain_into(text, *fifth);
    EXPECT_EQ(text, ""); // twice too many are dropped unanswered
}

TEST(HttpServer, a_silent_connection_is_closed_after_idle_max) {
    Served world({.idle_max = 20 * second});
    auto const stream = world.dial();
    world.ask(*stream, get);
    EXPECT_EQ(world.server.next_deadline(), pipeline::never); // it is the server's turn
    world.clock.advance(100 * second);
    EXPECT_TRUE(world.server.respond(world.owed.at(0), {}));
    world.ask(*stream, "");
    EXPECT_EQ(world.server.next_deadline(), world.clock.monotonic() + 20 * second);
    world.clock.advance(20 * second - 1);
    world.ask(*stream, "");
    EXPECT_EQ(world.server.connections(), 1U);
    world.clock.advance(1);
    world.ask(*stream, "");
    EXPECT_EQ(world.server.connections(), 0U);
    EXPECT_EQ(world.closed, world.owed);
    EXPECT_TRUE(stream->ended());
}

TEST(HttpServer, a_slow_request_is_given_up_after_head_timeout) {
    for (std::string const start : {"G", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"}) {
        Served world({.head_timeout = 5 * second});
        auto const stream = world.dial();
        world.ask(*stream, start);
        pipeline::Nanoseconds const deadline = world.clock.monotonic() + 5 * second;
        EXPECT_EQ(world.server.next_deadline(), deadline);
        world.clock.advance(4 * second);
        world.ask(*stream, "E");
        EXPECT_EQ(world.server.next_deadline(), deadline);
        world.clock.advance(second);
        world.ask(*stream, "");
        EXPECT_EQ(world.server.connections(), 0U);
        EXPECT_TRUE(world.closed.empty()); // it gave no request
    }
}

TEST(HttpServer, misbehaves_on_purpose) {
    Served world;
    auto const stream = world.dial();
    world.ask(*stream, get);
    EXPECT_TRUE(
        world.server.send_raw(world.owed.at(0), pipeline::as_bytes("HTTP/1.1 200 OK\r\nC")));
    world.server.drop(world.owed[0]);
    EXPECT_FALSE(world.server.respond(world.owed[0], {}));
    EXPECT_EQ(world.ask(*stream, ""), "HTTP/1.1 200 OK\r\nC");
    EXPECT_TRUE(stream->ended());
    stream->close();
    world.ask(*stream, "");
    EXPECT_EQ(world.closed, world.owed);
    EXPECT_FALSE(world.server.send_raw(world.owed[0], pipeline::as_bytes("x")));
}

TEST(HttpServer, a_dropped_peer_that_does_not_close_is_closed_in_time) {
    Served world;
    auto const stream = world.dial();
    world.ask(*stream, get);
    world.server.drop(world.owed.at(0));
    world.ask(*stream, "");
    EXPECT_EQ(world.server.next_deadline(), world.clock.monotonic() + limits::close_timeout);
    world.clock.advance(limits::close_timeout);
    world.ask(*stream, "");
    EXPECT_EQ(world.closed, world.owed);
    EXPECT_EQ(world.server.connections(), 0U);
}

TEST(HttpServer, tells_that_a_peer_has_gone_before_its_answer) {
    Served world;
    auto stream = world.dial();
    auto const other = world.dial();
    world.ask(*stream, get);
    world.network.apply({.reset_after_bytes = 0});
    world.ask(*other, "");
    EXPECT_EQ(world.closed, world.owed);
    EXPECT_FALSE(world.server.respond(world.owed.at(0), {}));
}

TEST(HttpServer, one_busy_connection_does_not_starve_another) {
    Served world;
    auto const busy = world.dial();
    auto const calm = world.dial();
    world.network.step();
    std::string many;
    for (int i = 0; i < 50; ++i) many += get;
    busy->write(pipeline::as_bytes(many));
    calm->write(pipeline::as_bytes("GET /calm HTTP/1.1\r\n\r\n"));
    while (world.network.step()) continue;
    std::string first_two;
    for (int i = 0; i < 2; ++i) {
        HttpServerEvent const event = world.server.poll();
        first_two += event.request.target;
        EXPECT_TRUE(world.server.respond(event.connection, {}));
    }
    EXPECT_NE(first_two.find("/calm"), std::string::npos);
}

} // namespace
} // namespace io::testing
