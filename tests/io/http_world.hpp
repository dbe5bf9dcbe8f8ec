// An HTTP client against a server played by hand: what each of its connections receives lies open,
// and it says whatever a test wants it to say.
#pragma once

#include "io/http_client.hpp"
#include "tests/io/turns.hpp"

namespace io::testing {

struct HttpPeer {
    std::unique_ptr<Stream> stream; // null: gone
    std::string got;
};

struct HttpWorld : LoopbackWorld {
    Url const url = *parse_url("http://host.example/");
    std::unique_ptr<Listener> listener = *network.listen("", 80);
    std::vector<HttpPeer> peers; // in the order of accepting
    HttpClient http;
    std::vector<HttpDone> done;

    explicit HttpWorld(HttpClientOptions options = {})
        : http(network, clock, std::move(options)) {}

    // Until nothing moves any more.
    void settle() {
        for (int quiet = 0; quiet < 3;) {
            bool moved = network.step();
            while (std::unique_ptr<Stream> stream = listener->accept())
                peers.push_back({std::move(stream), {}});
            for (HttpPeer& peer : peers)
                if (peer.stream) drain_into(peer.got, *peer.stream);
            while (std::optional<HttpDone> one = http.poll()) done.push_back(std::move(*one));
            quiet = moved ? 0 : quiet + 1;
        }
    }
    HttpTicket send(std::string target, std::string body = {}) {
        HttpRequest request{.method = "POST",
                            .target = std::move(target),
                            .headers = {{"X-API-Key", "very-secret"}},
                            .body = std::move(body)};
        auto const ticket = http.send(url, std::move(request), soon());
        EXPECT_TRUE(ticket);
        return ticket.value_or(0);
    }
    void say(std::size_t peer, std::string_view text) {
        while (!text.empty()) {
            std::size_t const taken = peers.at(peer).stream->write(pipeline::as_bytes(text));
            EXPECT_GT(taken, 0U);
            if (taken == 0) return;
            text.remove_prefix(taken);
            settle();
        }
    }
    void reset_all() {
        network.apply({.reset_after_bytes = 0});
        settle();
    }
    void later(pipeline::Nanoseconds by) {
        clock.advance(by);
        settle();
    }
    // The targets a connection was asked for, a space behind each.
    std::string targets(std::size_t peer) const {
        std::string text;
        std::string_view const got = peers.at(peer).got;
        for (std::size_t at = got.find("POST "); at != std::string::npos;
             at = got.find("POST ", at + 1))
            text.append(got.substr(at + 5, got.find(' ', at + 5) - at - 4));
        return text;
    }
    // "200 body", or an error's name and detail; the oldest that was not asked for.
    std::string next() {
        if (done.empty()) return "nothing";
        HttpDone const one = std::move(done.front());
        done.erase(done.begin());
        if (one.result) return std::to_string(one.result->status) + " " + one.result->body;
        EXPECT_EQ(describe(one.result.error()).find("very-secret"), std::string::npos);
        return std::string(name(one.result.error().code)) + " " + one.result.error().detail;
    }
    // All of them, a comma behind each.
    std::string all() {
        std::string text;
        while (!done.empty()) text.append(next()).append(",");
        return text;
    }
};

inline std::string ok(std::string const& body, std::string const& more = {}) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more +
           "\r\n" + body;
}

} // namespace io::testing
