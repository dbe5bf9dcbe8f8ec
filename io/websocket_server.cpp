#include "io/websocket_server.hpp"

#include <algorithm>

namespace io {

namespace {

HttpResponse plain(unsigned status, std::string_view text) {
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(text)};
}

bool wants_upgrade(HttpRequest const& request) {
    return request.method == "GET" && header_has_token(request.headers, "Upgrade", "websocket") &&
           header_has_token(request.headers, "Connection", "upgrade");
}

constexpr std::size_t key_text_bytes = 24; // base64 of 16 bytes

} // namespace

struct WebSocketServer::Connection {
    // request ─▶ session; any state ─▶ draining (the last answer is being sent) ─▶ gone
    enum class State { request, session, draining, gone };

    ConnectionId id;
    std::unique_ptr<Stream> stream;
    pipeline::Nanoseconds deadline; // of the request or of the draining
    HttpRequestParser parser{};
    std::optional<WebSocketSession> session{};
    State state = State::request;

    void drain(pipeline::Nanoseconds until) {
        stream->shutdown();
        deadline = until;
        state = State::draining;
    }
};

WebSocketServer::WebSocketServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
                                 Random& random, WebSocketServerOptions options)
    : listener_(std::move(listener))
    , clock_(clock)
    , random_(random)
    , options_(std::move(options)) {}

WebSocketServer::~WebSocketServer() = default;

ServerEvent WebSocketServer::poll() {
    accept_new();
    for (std::size_t asked = 0; asked < connections_.size(); ++asked) {
        next_ = next_ % connections_.size();
        ServerEvent const event = advance(*connections_[next_]);
        ++next_;
        if (event.kind != ServerEvent::Kind::none) return event;
    }
    std::erase_if(connections_, [](auto const& c) { return c->state == Connection::State::gone; });
    return {};
}

void WebSocketServer::accept_new() {
    while (std::unique_ptr<Stream> stream = listener_->accept()) {
        auto connection = std::make_unique<Connection>(++last_id_, std::move(stream),
                                                       clock_.monotonic() +
                                                           options_.connection.handshake_timeout);
        if (connections_.size() >= 2 * options_.connections_max) continue; // dropped unanswered
        if (connections_.size() >= options_.connections_max) {
            std::string const text = write_response(
                plain(503, "too many connections (server_connections_max)\n"), false);
            connection->stream->write(pipeline::as_bytes(text));
            connection->drain(clock_.monotonic() + options_.connection.close_timeout);
        }
        connections_.push_back(std::move(connection));
    }
}

WebSocketServer::Connection* WebSocketServer::find(ConnectionId id) const {
    for (auto const& connection : connections_)
        if (connection->id == id) return connection.get();
    return nullptr;
}

ServerEvent WebSocketServer::advance(Connection& connection) {
    switch (connection.state) {
    case Connection::State::request: return advance_request(connection);
    case Connection::State::session: return advance_session(connection);
    case Connection::State::draining: advance_draining(connection); break;
    case Connection::State::gone: break;
    }
    return {};
}

ServerEvent WebSocketServer::advance_request(Connection& connection) {
    Stream& stream = *connection.stream;
    while (connection.state == Connection::State::request) {
        pipeline::Bytes const bytes = stream.readable();
        auto const used = connection.parser.feed(bytes);
        if (!used) {
            unsigned const status = used.error().code == Code::http_head_too_large ? 431
                                  : used.error().code == Code::http_body_too_large ? 413
                                                                                   : 400;
            send_response(connection, plain(status, describe(used.error()) + "\n"), false);
            return {};
        }
        stream.consume(*used);
        if (!connection.parser.done()) {
            bool const over = stream.ended() && stream.readable().empty();
            if (over || stream.state() == StreamState::closed ||
                clock_.monotonic() >= connection.deadline)
                connection.state = Connection::State::gone;
            return {};
        }
        HttpRequest const request = connection.parser.take();
        if (wants_upgrade(request)) return upgrade(connection, request);
        answer(connection, request);
    }
    return {};
}

void WebSocketServer::send_response(Connection& connection, HttpResponse const& response,
                                    bool keep_alive, bool body_sent) {
    std::string const text = write_response(response, keep_alive, body_sent);
    bool const fits = connection.stream->room() >= text.size();
    if (fits) connection.stream->write(pipeline::as_bytes(text));
    pipeline::Nanoseconds const now = clock_.monotonic();
    if (fits && keep_alive)
        connection.deadline = now + options_.connection.handshake_timeout;
    else
        connection.drain(now + options_.connection.close_timeout);
}

void WebSocketServer::answer(Connection& connection, HttpRequest const& request) {
    if (!options_.handler) {
        HttpResponse response = plain(426, "this port speaks WebSocket (RFC 6455)\n");
        response.headers.emplace_back("Upgrade", "websocket");
        send_response(connection, response, false);
        return;
    }
    std::optional<HttpResponse> const response = options_.handler(request);
    send_response(connection, response ? *response : plain(404, "not found\n"), request.keep_alive,
                  request.method != "HEAD");
}

ServerEvent WebSocketServer::upgrade(Connection& connection, HttpRequest const& request) {
    std::string_view const key = find_header(request.headers, "Sec-WebSocket-Key");
    if (find_header(request.headers, "Sec-WebSocket-Version") != "13") {
        HttpResponse response = plain(426, "WebSocket version 13 is spoken here\n");
        response.headers.emplace_back("Sec-WebSocket-Version", "13");
        send_response(connection, response, false);
        return {};
    }
    if (key.size() != key_text_bytes) {
        send_response(connection, plain(400, "Sec-WebSocket-Key is missing or malformed\n"), false);
        return {};
    }
    std::string const text = write_response({101,
                                             {{"Upgrade", "websocket"},
                                              {"Connection", "Upgrade"},
                                              {"Sec-WebSocket-Accept", websocket_accept(key)}},
                                             {}},
                                            true);
    connection.stream->write(pipeline::as_bytes(text));
    connection.session.emplace(Role::server, *connection.stream, clock_, random_,
                               options_.connection);
    connection.state = Connection::State::session;
    path_ = request.target;
    return {.kind = ServerEvent::Kind::opened, .connection = connection.id, .path = path_};
}

ServerEvent WebSocketServer::advance_session(Connection& connection) {
    WebSocketEvent const event = connection.session->poll();
    if (event.kind == WebSocketEvent::Kind::message)
        return {.kind = ServerEvent::Kind::message,
                .connection = connection.id,
                .text = event.text,
                .received = event.received};
    if (event.kind != WebSocketEvent::Kind::closed) return {};
    connection.state =
        Connection::State::gone; // freed by a later poll(); its error lives till then
    return {.kind = ServerEvent::Kind::closed, .connection = connection.id, .error = event.error};
}

void WebSocketServer::advance_draining(Connection& connection) {
    Stream& stream = *connection.stream;
    stream.consume(stream.readable().size());
    if (stream.state() == StreamState::closed || clock_.monotonic() >= connection.deadline ||
        (stream.unsent() == 0 && stream.ended()))
        connection.state = Connection::State::gone;
}

bool WebSocketServer::send(ConnectionId id, std::string_view text) {
    Connection* const connection = find(id);
    if (!connection || !connection->session || !connection->session->open()) return false;
    if (connection->session->send_text(text)) return true;
    connection->session->abandon({Code::outbox_full, 0, std::string(connection->stream->peer())});
    return false;
}

void WebSocketServer::close(ConnectionId id, std::uint16_t code, std::string_view reason) {
    Connection* const connection = find(id);
    if (connection && connection->session) connection->session->close(code, reason);
}

bool WebSocketServer::send_raw(ConnectionId id, pipeline::Bytes bytes) {
    Connection* const connection = find(id);
    if (!connection || connection->stream->room() < bytes.size()) return false;
    return connection->stream->write(bytes) == bytes.size();
}

void WebSocketServer::drop(ConnectionId id) {
    Connection* const connection = find(id);
    if (connection && connection->session) connection->session->abandon({Code::reset, 0, {}});
}

std::size_t WebSocketServer::unsent(ConnectionId id) const {
    Connection const* const connection = find(id);
    return connection ? connection->stream->unsent() : 0;
}

pipeline::Nanoseconds WebSocketServer::next_deadline() const {
    pipeline::Nanoseconds deadline = listener_->next_deadline();
    for (auto const& connection : connections_)
        deadline = std::min(
            {deadline, connection->stream->next_deadline(),
             connection->session ? connection->session->next_deadline() : connection->deadline});
    return deadline;
}

} // namespace io
