// Arbitrary bytes as a request to the server and as the answer to a client's upgrade; and the
// request parser fed at once and in pieces, which must agree.
#include "io/loopback_network.hpp"
#include "io/websocket_server.hpp"
#include "pipeline/check.hpp"
#include "pipeline/clock.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using pipeline::Bytes;

// Method, target and body of each request up to the first error, and whether there was one.
std::string parse_all(Bytes bytes, std::size_t step) {
    io::HttpRequestParser parser;
    std::string seen;
    while (!bytes.empty()) {
        Bytes const piece = bytes.first(std::min(step, bytes.size()));
        auto const used = parser.feed(piece);
        if (!used) return seen + "!";
        CHECK(*used <= piece.size());
        bytes = bytes.subspan(*used);
        if (parser.done()) {
            io::HttpRequest const request = parser.take();
            CHECK(request.headers.size() <= io::limits::http_headers_max);
            CHECK(request.body.size() <= io::limits::http_body_bytes_max);
            seen += request.method + " " + request.target + " " + request.body + "\n";
        } else if (*used == 0) {
            break;
        }
    }
    return seen;
}

void feed_server(Bytes bytes, std::size_t step) {
    pipeline::ManualClock clock;
    io::LoopbackNetwork network(clock);
    network.faults.step_bytes_max = step;
    io::SeededRandom random(1);
    io::WebSocketServer server(*network.listen("", 1), clock, random,
                               {.handler = [](io::HttpRequest const& request) {
                                   return std::optional(io::HttpResponse{200, {}, request.body});
                               }});
    auto const peer = network.connect({.host = "h", .port = 1}, pipeline::never);
    network.step();
    peer->write(bytes);
    peer->shutdown();
    for (bool moved = true; moved;) {
        moved = network.step();
        while (server.poll().kind != io::ServerEvent::Kind::none) moved = true;
        peer->consume(peer->readable().size());
    }
}

void feed_client(Bytes bytes, std::size_t step) {
    pipeline::ManualClock const clock;
    io::LoopbackNetwork network(clock);
    network.faults.step_bytes_max = step;
    io::SeededRandom random(1);
    auto [near, far] = network.pair();
    io::WebSocketClient client(std::move(near), *io::parse_url("ws://node/"), clock, random);
    far->write(bytes);
    far->shutdown();
    bool closed = false;
    for (bool moved = true; moved && !closed;) {
        moved = network.step();
        io::WebSocketEvent const event = client.poll();
        closed = event.kind == io::WebSocketEvent::Kind::closed;
    }
    CHECK(closed);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::size_t const step = data[0] == 0 ? io::limits::inbox_bytes : data[0];
    Bytes const bytes{data + 1, size - 1};
    CHECK(parse_all(bytes, bytes.size() + 1) == parse_all(bytes, step));
    feed_server(bytes, step);
    feed_client(bytes, step);
    return 0;
}
