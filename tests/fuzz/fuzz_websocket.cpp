// Arbitrary bytes after the upgrade, into both roles of the frame machine and into a whole server.
// The first byte chooses how the rest is cut into reads.
#include "io/loopback_network.hpp"
#include "io/websocket_server.hpp"
#include "pipeline/check.hpp"
#include "pipeline/clock.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using pipeline::Bytes;

constexpr io::FrameLimits small{.message_bytes_max = 4096, .frame_bytes_max = 2048};

// Every message lent must be readable, writable and padded.
void touch(pipeline::MutableBytes text) {
    CHECK(text.size() <= small.message_bytes_max);
    for (std::size_t i = 0; i < text.size() + pipeline::json_padding; ++i) text.data()[i] ^= 1;
}

void feed_frames(io::Role role, Bytes bytes, std::size_t step) {
    pipeline::ManualClock const clock;
    io::LoopbackNetwork network(clock);
    network.faults.step_bytes_max = step;
    io::SeededRandom random(1);
    auto [peer, stream] = network.pair();
    io::Frames frames(role, small, random);
    peer->write(bytes);
    peer->shutdown();
    for (bool moved = true; moved;) {
        moved = network.step();
        for (;;) {
            io::FrameEvent const event = frames.next(*stream);
            if (event.kind == io::FrameEvent::Kind::none) break;
            if (event.kind != io::FrameEvent::Kind::message) return;
            touch(event.text);
        }
    }
}

void feed_server(Bytes bytes, std::size_t step) {
    pipeline::ManualClock clock;
    io::LoopbackNetwork network(clock);
    network.faults.step_bytes_max = step;
    io::SeededRandom random(1);
    io::WebSocketServer server(
        *network.listen("", 1), clock, random,
        {.connection = {.message_bytes_max = 4096, .frame_bytes_max = 2048}});
    auto const peer = network.connect({.host = "h", .port = 1}, pipeline::never);
    network.step();
    constexpr std::string_view upgrade = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
                                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    peer->write(pipeline::as_bytes(upgrade));
    peer->write(bytes);
    peer->shutdown();
    unsigned opened = 0;
    for (bool moved = true; moved;) {
        moved = network.step();
        for (;;) {
            io::ServerEvent const event = server.poll();
            if (event.kind == io::ServerEvent::Kind::none) break;
            moved = true;
            opened += event.kind == io::ServerEvent::Kind::opened;
            if (event.kind == io::ServerEvent::Kind::message) touch(event.text);
        }
        peer->consume(peer->readable().size());
    }
    CHECK(opened == 1);
    clock.advance(io::limits::close_timeout + io::limits::ping_interval + io::limits::pong_timeout);
    for (int i = 0; i < 4; ++i) static_cast<void>(server.poll());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::size_t const step = data[0] == 0 ? io::limits::inbox_bytes : data[0];
    Bytes const bytes{data + 1, size - 1};
    feed_frames(io::Role::client, bytes, step);
    feed_frames(io::Role::server, bytes, step);
    feed_server(bytes, step);
    return 0;
}
