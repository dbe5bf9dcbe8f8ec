// The client side of HTTP/1.1 over any Network: requests out, whole responses in. A few hosts, kept
// alive: one request in flight a connection, at most `connections_per_host_max` of them, further
// requests wait in the order they came. Bodies by Content-Length, chunked, or up to the end of the
// connection. No redirects, no cookies, no compression.
//
// Pull style, one thread: after the poller was polled, call poll() until it gives nothing. Every
// request ends in exactly one HttpDone, at the latest at its deadline: a response (whatever its
// status), or an Error. A request that was sent over a kept-alive connection which the server had
// just closed (no byte of an answer came) is sent once more over a new one; otherwise nothing is
// sent twice. A request that cannot be written ends so, too (check_request). Bytes that come with a
// response and behind it spoil it. Secrets: header values never appear in an error.
//
// Limits: limits::http_*, HttpClientOptions; hosts are as many as its callers know.
// Sources: RFC 9110, RFC 9112.
#pragma once

#include "io/http.hpp"
#include "io/stream.hpp"
#include "io/url.hpp"
#include "pipeline/clock.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
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
    bool sent = false; // its bytes had (begun to) leave: it may count at the server
};

class HttpClient {
  public:
    HttpClient(Network& network, pipeline::Clock const& clock, HttpClientOptions options = {});
    ~HttpClient();

    // Host, Content-Length, Connection and Accept-Encoding are added. `url` gives scheme, host and
    // port; the target is the request's. deadline: monotonic. Absent: waiting_max requests are
    // under way, or have ended and not been polled.
    [[nodiscard]] std::optional<HttpTicket> send(Url const& url, HttpRequest request,
                                                 pipeline::Nanoseconds deadline);
    std::optional<HttpDone> poll();
    // Nobody waits for it any more: no HttpDone follows; its connection, if it has one, is closed.
    void cancel(HttpTicket ticket);

    std::size_t open() const;        // requests that wait or run
    std::size_t connections() const; // over all hosts
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Exchange;
    struct Connection;
    struct Host;

    Host& host_of(Url const& url);
    void dispatch(Host& host);
    void expire(Host& host);
    void connect(Host& host, Connection& connection);
    void advance(Host& host, Connection& connection);
    void advance_connecting(Host& host, Connection& connection);
    void advance_exchange(Host& host, Connection& connection);
    void advance_idle(Connection& connection);
    std::expected<void, Error> read_answer(Connection& connection);
    void finish(Host const& host, Connection& connection);
    void broken(Host& host, Connection& connection, Error error);
    void fail(Host const& host, Connection& connection, Error error);

    Network& network_;
    pipeline::Clock const& clock_;
    HttpClientOptions options_;
    std::vector<std::unique_ptr<Host>> hosts_; // those with a request or a connection
    std::deque<HttpDone> done_;
    HttpTicket last_ticket_ = 0;
};

} // namespace io
