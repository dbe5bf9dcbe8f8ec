// The server's HTTP side and its limits, and what a client makes of odd answers.
#include "io/websocket_server.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {
namespace {

using Kind = ServerEvent::Kind;

struct Http : LoopbackWorld {
    SeededRandom random{5};
    WebSocketServer server;

    explicit Http(WebSocketServerOptions options = {})
        : server(*network.listen("", 80), clock, random, std::move(options)) {}

    std::unique_ptr<Stream> dial() { return network.connect({.host = "h", .port = 80}, soon()); }
    // What the server says to these bytes until nothing moves any more.
    std::string ask(Stream& stream, std::string_view request) {
        std::string answer;
        std::size_t sent = 0;
        for (int quiet = 0; quiet < 5;) {
            bool moved = network.step();
            if (stream.state() == StreamState::open && sent < request.size()) {
                sent += stream.write(pipeline::as_bytes(request.substr(sent)));
                moved = true;
            }
            moved |= server.poll().kind != Kind::none;
            drain_into(answer, stream);
            quiet = moved ? 0 : quiet + 1;
        }
        return answer;
    }
    std::string ask(std::string_view request) {
        auto const stream = dial();
        return ask(*stream, request);
    }
};

std::string upgrade(std::string_view more = "Sec-WebSocket-Version: 13\r\n") {
    return std::string("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n"
                       "Connection: keep-alive, Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        .append(more)
        .append("\r\n");
}

bool starts(std::string const& text, std::string_view prefix) { return text.starts_with(prefix); }

TEST(WebSocketServer, upgrades_without_accepting_permessage_deflate) {
    Http http;
    std::string const answer =
        http.ask(upgrade("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: "
                         "permessage-deflate; client_max_window_bits\r\n"));
    EXPECT_TRUE(starts(answer, "HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_NE(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
              std::string::npos);
    EXPECT_EQ(answer.find("Extensions"), std::string::npos);
}

TEST(WebSocketServer, plain_requests_get_426_without_a_handler) {
    Http http;
    EXPECT_TRUE(starts(http.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 426 "));
}

TEST(WebSocketServer, a_handler_answers_plain_requests) {
    Http http({.handler = [](HttpRequest const& request) -> std::optional<HttpResponse> {
        if (request.target != "/metrics") return std::nullopt;
        return HttpResponse{200, {{"Content-Type", "text/plain"}}, request.method + request.body};
    }});
    auto const stream = http.dial();
    std::string const first = http.ask(*stream, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(starts(first, "HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(first.ends_with("\r\n\r\nGET"));
    EXPECT_TRUE(starts(http.ask(*stream, "GET /no HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 404 "));
    std::string const post =
        http.ask(*stream, "POST /metrics HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_TRUE(post.ends_with("POSTbody"));
    std::string const head = http.ask(*stream, "HEAD /metrics HTTP/1.1\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 4\r\n"), std::string::npos);
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
    EXPECT_TRUE(starts(http.ask(*stream, upgrade()), "HTTP/1.1 101 ")); // still the same connection
}

TEST(WebSocketServer, refuses_bad_requests) {
    EXPECT_TRUE(starts(Http().ask("\x16\x03\x01\x02 TLS hello"), "HTTP/1.1 400 "));
    EXPECT_TRUE(starts(Http().ask("GET / HTTP/1.1\r\nbroken\r\n\r\n"), "HTTP/1.1 400 "));
    EXPECT_TRUE(starts(Http().ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                       "HTTP/1.1 400 "));
    EXPECT_TRUE(starts(Http().ask(upgrade("")), "HTTP/1.1 426 "));
    EXPECT_TRUE(starts(Http().ask(upgrade("Sec-WebSocket-Version: 8\r\n")), "HTTP/1.1 426 "));
    EXPECT_TRUE(starts(Http().ask("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n"),
                       "HTTP/1.1 400 "));
    EXPECT_TRUE(
        starts(Http().ask("GET /" + pattern(limits::http_head_bytes_max)), "HTTP/1.1 431 "));
    EXPECT_TRUE(
        starts(Http().ask("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), "HTTP/1.1 413 "));
}

TEST(WebSocketServer, connections_above_the_limit_get_503) {
    Http http({.connections_max = 2});
    auto const first = http.dial();
    auto const second = http.dial();
    auto const third = http.dial();
    EXPECT_TRUE(starts(http.ask(*first, upgrade()), "HTTP/1.1 101 "));
    EXPECT_TRUE(starts(http.ask(*third, ""), "HTTP/1.1 503 "));
    EXPECT_TRUE(starts(http.ask(*second, upgrade()), "HTTP/1.1 101 "));
}

TEST(WebSocketServer, a_request_that_never_ends_is_dropped_at_its_deadline) {
    Http http;
    auto const stream = http.dial();
    EXPECT_EQ(http.ask(*stream, "GET / HT"), "");
    EXPECT_EQ(http.server.connections(), 1U);
    http.clock.advance(limits::handshake_timeout);
    http.ask(*stream, "");
    EXPECT_EQ(http.server.connections(), 0U);
}

TEST(WebSocketServer, one_busy_connection_does_not_starve_another) {
    Http http;
    auto const busy = http.dial();
    auto const calm = http.dial();
    http.ask(*busy, upgrade());
    http.ask(*calm, upgrade());
    std::string frames;
    for (int i = 0; i < 50; ++i) frames += std::string("\x81\x81\0\0\0\0x", 7);
    busy->write(pipeline::as_bytes(frames));
    calm->write(pipeline::as_bytes(std::string_view("\x81\x81\0\0\0\0y", 7)));
    while (http.network.step()) continue;
    std::string first_two;
    for (int i = 0; i < 2; ++i) first_two += pipeline::as_text(http.server.poll().text);
    EXPECT_NE(first_two.find('y'), std::string::npos);
}

// A client's error after a server's answer to its upgrade; nothing if there was none.
std::optional<Error> judge(std::string const& answer) {
    LoopbackWorld world;
    SeededRandom random(1);
    auto [near, far] = world.network.pair();
    WebSocketClient client(std::move(near), *parse_url("ws://node"), world.clock, random);
    far->write(pipeline::as_bytes(answer));
    far->shutdown();
    WebSocketEvent event;
    EXPECT_TRUE(world.run_until([&] {
        event = client.poll();
        return event.kind != WebSocketEvent::Kind::none;
    }));
    return event.error ? std::optional(*event.error) : std::nullopt;
}

// The same in words.
std::string verdict(std::string const& answer) {
    auto const error = judge(answer);
    return error ? std::string(name(error->code)) + " " + error->detail : "open";
}

TEST(WebSocketClient, hears_how_long_a_server_wants_to_be_left_alone) {
    auto const asked = [](std::string const& value) {
        return judge("HTTP/1.1 429 Too Many Requests\r\nRetry-After: " + value + "\r\n\r\n")
            ->retry_after_s;
    };
    EXPECT_EQ(asked("7"), 7u);
    EXPECT_EQ(asked("0"), 0u);
    EXPECT_EQ(asked("99999999"), limits::retry_after_s_max);
    EXPECT_EQ(asked("99999999999999999999999999"), limits::retry_after_s_max);
    for (std::string const bad : {"-1", "7s", "", "Wed, 21 Oct 2026 07:28:00 GMT"})
        EXPECT_EQ(asked(bad), 0u) << bad;
    EXPECT_EQ(judge("HTTP/1.1 503 Service Unavailable\r\n\r\n")->retry_after_s, 0u);
}

TEST(WebSocketClient, judges_the_answer_to_its_upgrade) {
    std::string const head = "HTTP/1.1 101 Switching Protocols\r\n";
    std::string const upgrade_line = "Upgrade: websocket\r\n";
    EXPECT_EQ(verdict("HTTP/1.1 403 Forbidden\r\n\r\n"), "upgrade_refused node: HTTP status 403");
    EXPECT_EQ(verdict("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
              "upgrade_refused node: HTTP status 200");
    EXPECT_EQ(verdict(head + "\r\n"), "upgrade_malformed node: no \"Upgrade: websocket\"");
    EXPECT_EQ(verdict(head + upgrade_line + "\r\n"),
              "upgrade_malformed node: no \"Connection: Upgrade\"");
    EXPECT_EQ(verdict(head + upgrade_line +
                      "Connection: upgrade\r\n"
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
                      "\r\n\r\n"),
              "upgrade_malformed node: wrong Sec-WebSocket-Accept");
    EXPECT_TRUE(starts(verdict("SSH-2.0-OpenSSH_9.2\r\n"), "http_malformed"));
    EXPECT_TRUE(starts(verdict(head + "X: " + pattern(limits::http_head_bytes_max)),
                       "http_head_too_large"));
    std::string many = head;
    for (std::size_t i = 0; i <= limits::http_headers_max; ++i) many += "a: b\r\n";
    EXPECT_TRUE(starts(verdict(many + "\r\n"), "http_head_too_large"));
    EXPECT_EQ(verdict(""), "closed_by_peer during the upgrade");
}

} // namespace
} // namespace io::testing
