// The floor: what a reader of the same socket cannot be faster than.
#include "config/bench_crew.hpp"
#include "config/bench_load.hpp"
#include "config/io_thread.hpp"
#include "config/signals.hpp"
#include "decoders/hex.hpp"
#include "decoders/storage_key.hpp"
#include "io/websocket.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>

namespace config {

namespace {

// The value of System.Number in a notice, read as text: little-endian hex behind its key.
std::optional<std::uint32_t> number_in(std::string_view notice, std::string_view key) {
    std::size_t const found = notice.find(key);
    if (found == notice.npos) return std::nullopt;
    std::string_view rest = notice.substr(found + key.size());
    std::size_t const value = rest.find("0x");
    if (value == rest.npos) return std::nullopt;
    rest = rest.substr(value, rest.find('"', value) - value);
    std::array<std::uint8_t, 4> bytes{};
    auto const size = decoders::hex_decode(rest, bytes);
    if (!size || *size != bytes.size()) return std::nullopt;
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

} // namespace

int read_floor(std::string const& url, std::string const& ca_file, int out) {
    constexpr pipeline::Nanoseconds look = 100 * pipeline::millisecond; // at signals
    pipeline::SystemClock const clock;
    io::SystemRandom random;
    auto proactor = io::Proactor::create(clock);
    auto const parsed = io::parse_url(url);
    if (!proactor || !parsed) {
        fmt::print(stderr, "the floor cannot read {}\n", url);
        return 1;
    }
    IoThread thread(std::move(*proactor));
    io::WebSocketOptions options;
    options.ca_file = ca_file;
    io::WebSocketClient client(thread.network(), *parsed, clock, random, options);
    std::string const number_key = decoders::hex_text(decoders::system_number_key());
    std::string const request = fmt::format(
        R"({{"jsonrpc":"2.0","id":1,"method":"state_subscribeStorage","params":[["{}","{}"]]}})",
        decoders::hex_text(decoders::system_events_key()), number_key);
    std::vector<std::pair<std::uint32_t, pipeline::Nanoseconds>> seen;
    while (next_signal(0) != SIGTERM) {
        bool const worked = thread.poll();
        io::WebSocketEvent const event = client.poll();
        pipeline::Nanoseconds const now = clock.monotonic();
        if (event.kind == io::WebSocketEvent::Kind::opened && !client.send_text(request)) return 1;
        if (event.kind == io::WebSocketEvent::Kind::closed) {
            fmt::print(stderr, "the floor lost its node: {}\n",
                       event.error ? io::describe(*event.error) : "closed");
            return 1;
        }
        if (event.kind == io::WebSocketEvent::Kind::message)
            if (auto const number = number_in(pipeline::as_text(event.text), number_key))
                seen.emplace_back(*number, now);
        if (!worked && event.kind == io::WebSocketEvent::Kind::none)
            thread.park(std::min(client.next_deadline(), now + look));
    }
    for (auto const& [number, at] : seen) say(out, fmt::format("seen {} {}", number, at));
    return 0;
}

} // namespace config
