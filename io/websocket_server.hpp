// The server end: a listener, many WebSocket connections, and plain HTTP requests on the same port.
//
// Pull style, one thread, like the client. poll() serves the connections in turn, so that a busy
// one does not starve the others. A reader that lets its outbox fill up is closed (outbox_full); a
// connection above connections_max is turned away with 503. permessage-deflate is not accepted.
#pragma once

#include "io/websocket.hpp"

#include <functional>

namespace io {

using ConnectionId = std::uint64_t; // never reused; 0 is none

struct ServerEvent {
    enum class Kind { none, opened, message, closed };

    Kind kind = Kind::none;
    ConnectionId connection = 0;
    std::string_view path{};       // opened: the request's target; valid until the next poll()
    pipeline::MutableBytes text{}; // message: valid until the next poll(), padded like the client's
    pipeline::Nanoseconds received = 0; // message
    Error const* error = nullptr;       // closed: why; valid until the next poll()
};

// Answers a request that is no upgrade; empty: 404. Called from poll().
using HttpHandler = std::function<std::optional<HttpResponse>(HttpRequest const&)>;

struct WebSocketServerOptions {
    std::size_t connections_max = limits::server_connections_max;
    WebSocketOptions connection{.message_bytes_max = 16 * limits::mib,
                                .frame_bytes_max = 16 * limits::mib};
    HttpHandler handler{}; // none: every plain request gets 426 Upgrade Required
};

class WebSocketServer {
  public:
    using Event = ServerEvent;

    WebSocketServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
                    Random& random, WebSocketServerOptions options = {});
    ~WebSocketServer();

    ServerEvent poll();
    // False when the connection is not open, or was just given up for its full outbox.
    bool send(ConnectionId connection, std::string_view text);
    void close(ConnectionId connection, std::uint16_t code = 1000, std::string_view reason = {});
    // To misbehave on purpose (stand-in servers, tests): bytes as they are, no frame around them,
    // and an end without a close frame. `closed` follows a drop().
    bool send_raw(ConnectionId connection, pipeline::Bytes bytes);
    void drop(ConnectionId connection);

    std::uint16_t port() const { return listener_->port(); }
    std::size_t connections() const { return connections_.size(); }
    // Bytes waiting for a connection's reader; 0 for an unknown one.
    std::size_t unsent(ConnectionId connection) const;
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Connection;

    void accept_new();
    Connection* find(ConnectionId id) const;
    ServerEvent advance(Connection& connection);
    ServerEvent advance_request(Connection& connection);
    ServerEvent advance_session(Connection& connection);
    void advance_draining(Connection& connection);
    ServerEvent upgrade(Connection& connection, HttpRequest const& request);
    void answer(Connection& connection, HttpRequest const& request);
    // Closes afterwards unless keep_alive.
    void send_response(Connection& connection, HttpResponse const& response, bool keep_alive,
                       bool body_sent = true);

    std::unique_ptr<Listener> listener_;
    pipeline::Clock const& clock_;
    Random& random_;
    WebSocketServerOptions options_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::size_t next_ = 0; // whose turn it is
    ConnectionId last_id_ = 0;
    std::string path_;
};

} // namespace io
