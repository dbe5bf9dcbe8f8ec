#include "io/http_server.hpp"

#include <algorithm>
#include <utility>

namespace io {

namespace {

HttpResponse plain(unsigned status, std::string_view text) {
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(text)};
}

} // namespace

struct HttpServer::Connection {
    // request ◀─▶ owed; any state ─▶ draining (the last bytes are being sent) ─▶ gone
    enum class State { request, owed, draining, gone };

    std::uint64_t id;
    std::unique_ptr<Stream> stream;
    pipeline::Nanoseconds deadline; // of the request or of the draining
    HttpRequestParser parser{};
    bool begun = false;      // bytes of a request have come
    bool known = false;      // it gave a request: its end will be told
    bool keep_alive = false; // as the request owed wants it
    bool head_only = false;
    State state = State::request;

    void drain(pipeline::Nanoseconds now) {
        stream->shutdown();
        deadline = now + limits::close_timeout;
        state = State::draining;
    }
};

HttpServer::HttpServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
                       HttpServerOptions options)
    : listener_(std::move(listener))
    , clock_(clock)
    , options_(options) {}

HttpServer::~HttpServer() = default;

HttpServerEvent HttpServer::poll() {
    accept_new();
    for (std::size_t asked = 0; asked < connections_.size(); ++asked) {
        next_ = next_ % connections_.size();
        HttpServerEvent event = advance(*connections_[next_]);
        ++next_;
        if (event.kind != HttpServerEvent::Kind::none) return event;
    }
    std::erase_if(connections_, [](auto const& c) { return c->state == Connection::State::gone; });
    return {};
}

void HttpServer::accept_new() {
    pipeline::Nanoseconds const now = clock_.monotonic();
    while (std::unique_ptr<Stream> stream = listener_->accept()) {
        if (connections_.size() >= 2 * options_.connections_max) continue; // dropped unanswered
        bool const full = connections_.size() >= options_.connections_max;
        connections_.push_back(
            std::make_unique<Connection>(++last_id_, std::move(stream), now + options_.idle_max));
        if (full) send(*connections_.back(), plain(503, "too many connections\n"), false);
    }
}

HttpServer::Connection* HttpServer::find(std::uint64_t id) const {
    for (auto const& connection : connections_)
        if (connection->id == id && connection->state != Connection::State::gone)
            return connection.get();
    return nullptr;
}

HttpServerEvent HttpServer::advance(Connection& connection) {
    switch (connection.state) {
    case Connection::State::request: {
        HttpServerEvent event = advance_request(connection);
        if (event.kind != HttpServerEvent::Kind::none) return event;
        break;
    }
    case Connection::State::owed:
        // A peer that has only finished sending still waits for its answer.
        if (connection.stream->state() == StreamState::closed)
            connection.state = Connection::State::gone;
        break;
    case Connection::State::draining: advance_draining(connection); break;
    case Connection::State::gone: break;
    }
    if (connection.state != Connection::State::gone) return {};
    connection.stream->close();
    if (!std::exchange(connection.known, false)) return {};
    return {.kind = HttpServerEvent::Kind::closed, .connection = connection.id};
}

HttpServerEvent HttpServer::advance_request(Connection& connection) {
    Stream& stream = *connection.stream;
    pipeline::Nanoseconds const now = clock_.monotonic();
    for (pipeline::Bytes bytes = stream.readable(); !bytes.empty(); bytes = stream.readable()) {
        if (!connection.begun) connection.deadline = now + options_.head_timeout;
        connection.begun = true;
        auto const used = connection.parser.feed(bytes);
        if (!used) {
            refuse(connection, used.error());
            return {};
        }
        stream.consume(*used);
        if (!connection.parser.done()) continue;
        HttpRequest request = connection.parser.take();
        connection.begun = false;
        connection.known = true;
        connection.keep_alive = request.keep_alive;
        connection.head_only = request.method == "HEAD";
        connection.state = Connection::State::owed;
        return {.kind = HttpServerEvent::Kind::request,
                .connection = connection.id,
                .request = std::move(request)};
    }
    if (stream.ended() || now >= connection.deadline) connection.state = Connection::State::gone;
    return {};
}

void HttpServer::advance_draining(Connection& connection) {
    Stream& stream = *connection.stream;
    stream.consume(stream.readable().size());
    if (stream.state() == StreamState::closed || clock_.monotonic() >= connection.deadline ||
        (stream.unsent() == 0 && stream.ended()))
        connection.state = Connection::State::gone;
}

void HttpServer::refuse(Connection& connection, Error const& error) {
    unsigned const status = error.code == Code::http_head_too_large ? 431
                          : error.code == Code::http_body_too_large ? 413
                                                                    : 400;
    send(connection, plain(status, describe(error) + "\n"), false);
}

// Closes afterwards unless keep_alive.
void HttpServer::send(Connection& connection, HttpResponse const& response, bool keep_alive,
                      bool body_sent) {
    std::string const text = write_response(response, keep_alive, body_sent);
    bool const fits = connection.stream->room() >= text.size();
    if (fits) connection.stream->write(pipeline::as_bytes(text));
    if (fits && keep_alive) {
        connection.deadline = clock_.monotonic() + options_.idle_max;
        connection.state = Connection::State::request;
    } else {
        connection.drain(clock_.monotonic());
    }
}

bool HttpServer::respond(std::uint64_t id, HttpResponse const& response) {
    Connection* const connection = find(id);
    if (!connection || connection->state != Connection::State::owed ||
        connection->stream->state() == StreamState::closed)
        return false;
    send(*connection, response, connection->keep_alive, !connection->head_only);
    return true;
}

bool HttpServer::send_raw(std::uint64_t id, pipeline::Bytes bytes) {
    Connection* const connection = find(id);
    if (!connection || connection->stream->room() < bytes.size()) return false;
    return connection->stream->write(bytes) == bytes.size();
}

void HttpServer::drop(std::uint64_t id) {
    Connection* const connection = find(id);
    if (connection) connection->drain(clock_.monotonic());
}

std::uint16_t HttpServer::port() const { return listener_->port(); }

std::size_t HttpServer::connections() const { return connections_.size(); }

pipeline::Nanoseconds HttpServer::next_deadline() const {
    pipeline::Nanoseconds deadline = listener_->next_deadline();
    for (auto const& connection : connections_) {
        deadline = std::min(deadline, connection->stream->next_deadline());
        if (connection->state == Connection::State::owed) continue;
        // A pipelined request lies there already: nothing else will wake whoever has to look.
        bool const ready = connection->state == Connection::State::request &&
                           !connection->stream->readable().empty();
        deadline = std::min(deadline, ready ? clock_.monotonic() : connection->deadline);
    }
    return deadline;
}

} // namespace io
