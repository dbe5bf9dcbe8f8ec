// Arbitrary bytes as an answer to the HTTP client: the parser fed at once and in pieces, which must
// agree, and a client over a connection that delivers in steps. Whatever comes, the request ends in
// exactly one HttpDone, within its limits, at the latest at its deadline.
#include "io/http_client.hpp"
#include "io/loopback_network.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using pipeline::Bytes;

constexpr std::size_t body_bytes_max = 1000;

void check_limits(io::HttpResponse const& response) {
    CHECK(response.status >= 200 && response.status <= 999);
    CHECK(response.headers.size() <= io::limits::http_headers_max);
    CHECK(response.body.size() <= body_bytes_max);
    CHECK(response.body.capacity() >= response.body.size() + pipeline::json_padding);
}

// Status, headers and body of each response up to the first error, and that error's name. Shown as
// a stream shows it: what was not taken, with `step` bytes more.
std::string parse_all(Bytes const bytes, std::size_t step) {
    io::HttpResponseParser parser(body_bytes_max);
    std::string seen;
    std::size_t taken = 0;
    for (std::size_t arrived = 0; arrived < bytes.size();) {
        arrived = std::min(arrived + step, bytes.size());
        while (taken < arrived) {
            auto const used = parser.feed(bytes.subspan(taken, arrived - taken));
            if (!used) return seen.append(name(used.error().code));
            CHECK(*used <= arrived - taken);
            taken += *used;
            if (parser.done()) {
                seen += parser.keep_alive() ? "kept " : "closed ";
                io::HttpResponse const response = parser.take();
                check_limits(response);
                seen += std::to_string(response.status) + " " + response.body + "\n";
                for (auto const& [name, value] : response.headers)
                    seen += name + ":" + value + "\n";
            } else if (*used == 0) {
                break;
            }
        }
    }
    if (!parser.started()) return seen;
    if (!parser.end()) return seen + "cut short";
    return seen + "to the end " + parser.take().body;
}

// Takes everything there is to hear; whether any of it was the ticket's.
bool heard(io::HttpClient& client, io::HttpTicket ticket) {
    bool any = false;
    while (auto const done = client.poll()) {
        CHECK(done->ticket == ticket && !any);
        any = true;
        if (done->result)
            check_limits(*done->result);
        else
            CHECK(describe(done->result.error()).find("very-secret") == std::string::npos);
    }
    return any;
}

void feed_client(Bytes bytes, std::size_t step, bool end) {
    pipeline::ManualClock clock;
    io::LoopbackNetwork network(clock);
    network.faults.step_bytes_max = step;
    auto const listener = *network.listen("", 80);
    io::HttpClient client(network, clock, {.body_bytes_max = body_bytes_max});
    pipeline::Nanoseconds const deadline = clock.monotonic() + pipeline::second;
    io::HttpRequest const request{
        .method = "GET", .target = "/", .headers = {{"X-API-Key", "very-secret"}}};
    auto const ticket = client.send(*io::parse_url("http://h/"), request, deadline);
    network.step();
    auto const peer = listener->accept();
    peer->write(bytes);
    if (end) peer->shutdown();
    bool over = false;
    for (bool moved = true; moved;) {
        moved = network.step();
        peer->consume(peer->readable().size());
        bool const now = heard(client, *ticket);
        CHECK(!(over && now));
        over |= now;
    }
    clock.now = deadline;
    over |= heard(client, *ticket);
    CHECK(over);
    CHECK(client.open() == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    std::size_t const step = (data[0] & 0x7f) == 0 ? io::limits::inbox_bytes : data[0] & 0x7f;
    Bytes const bytes{data + 1, size - 1};
    CHECK(parse_all(bytes, bytes.size() + 1) == parse_all(bytes, step));
    CHECK(parse_all(bytes, 1) == parse_all(bytes, step));
    feed_client(bytes, step, (data[0] & 0x80) != 0);
    return 0;
}
