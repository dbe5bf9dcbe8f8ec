// A plain HTTP/1.1 server over a Listener: for the stand-in Subscan. Requests in, responses out,
// one at a time a connection (keep-alive; a pipelined second request waits until the first is
// answered).
//
// Pull style, one thread: poll() until `none`; each request is owed respond(), or misbehaviour on
// purpose: send_raw() and drop(). A connection above connections_max is turned away with 503; one
// that is silent for idle_max, or slow with a request for head_timeout, is closed. What is no
// request is answered with 400, 413 or 431. `closed` follows, once, for each connection that gave a
// request. Limits: limits::http_*.
#pragma once

#include "io/http.hpp"
#include "io/stream.hpp"
#include "pipeline/clock.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace io {

struct HttpServerOptions {
    std::size_t connections_max = limits::server_connections_max;
    pipeline::Nanoseconds head_timeout = 10 * pipeline::second;
    pipeline::Nanoseconds idle_max = 75 * pipeline::second;
};

struct HttpServerEvent {
    enum class Kind { none, request, closed };

    Kind kind = Kind::none;
    std::uint64_t connection = 0; // never reused
    HttpRequest request{};
};

class HttpServer {
  public:
    HttpServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
               HttpServerOptions options = {});
    ~HttpServer();

    HttpServerEvent poll();
    // The answer to the connection's request. False when the connection is gone, or owes none.
    bool respond(std::uint64_t connection, HttpResponse const& response);
    // To misbehave on purpose: bytes as they are, and the request is still owed its answer; an end
    // without an answer, behind the bytes that were given to send_raw().
    bool send_raw(std::uint64_t connection, pipeline::Bytes bytes);
    void drop(std::uint64_t connection);

    std::uint16_t port() const;
    std::size_t connections() const;
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Connection;

    void accept_new();
    Connection* find(std::uint64_t id) const;
    HttpServerEvent advance(Connection& connection);
    HttpServerEvent advance_request(Connection& connection);
    void advance_draining(Connection& connection);
    void refuse(Connection& connection, Error const& error);
    void send(Connection& connection, HttpResponse const& response, bool keep_alive,
              bool body_sent = true);

    std::unique_ptr<Listener> listener_;
    pipeline::Clock const& clock_;
    HttpServerOptions options_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::size_t next_ = 0; // whose turn it is
    std::uint64_t last_id_ = 0;
};

} // namespace io
