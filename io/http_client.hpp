// The client side of HTTP/1.1 over any Network: requests out, whole responses in. A few hosts, kept
// alive: one request in flight a connection, at most `connections_per_host_max` of them, further
// requests wait in the order they came. Bodies by Content-Length, chunked, or up to the end of the
// connection. No redirects, no cookies, no compression.
//
// Pull style, one thread: after the poller was polled, call poll() until it gives nothing. Every
// request ends in exactly one HttpDone, at the latest at its deadline: a response (whatever its
// status), or an Error. A request that was sent over a kept-alive connection which the server had
// just closed (no byte of an answer came) is sent once more over a new one; otherwise nothing is
// sent twice. Secrets: header values never appear in an error.
//
// Limits: limits::http_*, HttpClientOptions. Sources: RFC 9110, RFC 9112.
#pragma once

#include "io/http.hpp"
#include "io/stream.hpp"
#include "io/url.hpp"
#include "pipeline/clock.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace io {

using HttpTicket = std::uint64_t; // never reused; 0 is none

struct HttpClientOptions {
    std::size_t connections_per_host_max = 2;
    std::size_t body_bytes_max = 8 * limits::mib; // of a response
    std::size_t waiting_max = 256;                // requests that wait or run, over all hosts
    pipeline::Nanoseconds connect_timeout = limits::handshake_timeout;
    pipeline::Nanoseconds idle_max = 60 * pipeline::second; // a connection nobody uses is closed
    std::string ca_file{}; // for https; in addition to the system's store
};

struct HttpDone {
    HttpTicket ticket = 0;
    std::expected<HttpResponse, Error> result;
    pipeline::Nanoseconds received = 0; // when the last bytes came off the socket; 0: an error
    bool sent = false;                  // its bytes had (begun to) leave: it may count at the server
};

class HttpClient {
  public:
    HttpClient(Network& network, pipeline::Clock const& clock, HttpClientOptions options = {});
    ~HttpClient();

    // Host, Content-Length and Connection are added. `url` gives scheme, host and port; the target
    // is the request's. Absent: waiting_max requests are under way.
    [[nodiscard]] std::optional<HttpTicket> send(Url const& url, HttpRequest request,
                                                 pipeline::Nanoseconds deadline);
    std::optional<HttpDone> poll();
    // Nobody waits for it any more: no HttpDone follows; its connection, if it has one, is closed.
    void cancel(HttpTicket ticket);

    std::size_t open() const;        // requests that wait or run
    std::size_t connections() const; // over all hosts
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Connection;
    struct Host;
    // ... private members are the implementer's
};

} // namespace io
