// A plain HTTP/1.1 server over a Listener: for the stand-in Subscan. Requests in, responses out, one
// at a time a connection (keep-alive; a pipelined second request waits until the first is answered).
//
// Pull style, one thread: poll() until `none`; each request is owed respond(), or misbehaviour on
// purpose: send_raw() and drop(). A connection above connections_max is turned away with 503; one
// that is silent for idle_max, or slow with its head for head_timeout, is closed. Limits:
// limits::http_*.
#pragma once

#include "io/http.hpp"
#include "io/stream.hpp"
#include "pipeline/clock.hpp"

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
    // The answer to the connection's request. False when the connection is gone.
    bool respond(std::uint64_t connection, HttpResponse const& response);
    // To misbehave on purpose: bytes as they are; an end without an answer.
    bool send_raw(std::uint64_t connection, pipeline::Bytes bytes);
    void drop(std::uint64_t connection);

    std::uint16_t port() const;
    std::size_t connections() const;
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Connection;
    // ... private members are the implementer's
};

} // namespace io
