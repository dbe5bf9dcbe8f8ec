#include "io/unix_server.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace io {

struct UnixServer::Connection {
    std::uint64_t id;
    std::unique_ptr<Stream> stream;
    Credentials peer;
    std::size_t owed = 0;   // lines without a complete answer
    bool taking = true;     // lines are still taken
    bool finishing = false; // closes when the outbox is empty
    bool gone = false;
    pipeline::Nanoseconds deadline = pipeline::never;
};

UnixServer::UnixServer(std::unique_ptr<Listener> listener, pipeline::Clock const& clock,
                       UnixServerOptions const& options)
    : listener_(std::move(listener))
    , clock_(clock)
    , options_(options) {
    CHECK(options.line_bytes_max < limits::inbox_bytes); // a whole line must fit into the inbox
}

UnixServer::~UnixServer() = default;

std::expected<std::unique_ptr<UnixServer>, Error>
UnixServer::create(Network& network, std::string const& path, pipeline::Clock const& clock,
                   UnixServerOptions const& options) {
    auto listener = network.listen_unix(path, options.mode);
    if (!listener) return std::unexpected(listener.error());
    return std::unique_ptr<UnixServer>(new UnixServer(std::move(*listener), clock, options));
}

LineEvent UnixServer::poll() {
    accept_new();
    for (std::size_t asked = 0; asked < connections_.size(); ++asked) {
        next_ = next_ % connections_.size();
        LineEvent const event = advance(*connections_[next_]);
        ++next_;
        if (event.kind != LineEvent::Kind::none) return event;
    }
    std::erase_if(connections_, [](auto const& connection) { return connection->gone; });
    return {};
}

void UnixServer::accept_new() {
    while (std::unique_ptr<Stream> stream = listener_->accept()) {
        // Without credentials nobody knows the caller's rights.
        std::optional<Credentials> const peer = stream->credentials();
        if (!peer || connections_.size() >= options_.connections_max) {
            constexpr std::string_view refusal = "too many connections (admin_connections_max)\n\n";
            stream->write(pipeline::as_bytes(peer ? refusal : std::string_view{}));
            if (connections_.size() >= 2 * options_.connections_max) continue;
        }
        bool const welcome = peer && connections_.size() < options_.connections_max;
        connections_.push_back(std::make_unique<Connection>(++last_id_, std::move(stream),
                                                            peer.value_or(Credentials{})));
        if (!welcome) finish(last_id_);
    }
}

UnixServer::Connection* UnixServer::find(std::uint64_t id) const {
    for (auto const& connection : connections_)
        if (connection->id == id) return connection.get();
    return nullptr;
}

LineEvent UnixServer::advance(Connection& connection) {
    if (connection.gone) return {};
    Stream& stream = *connection.stream;
    if (connection.taking) {
        if (LineEvent const event = take_line(connection); event.kind != LineEvent::Kind::none)
            return event;
    } else {
        stream.consume(stream.readable().size());
    }
    if (!connection.finishing && stream.ended() && stream.readable().empty() &&
        connection.owed == 0)
        finish(connection.id);
    bool const over = stream.state() == StreamState::closed ||
                      clock_.monotonic() >= connection.deadline ||
                      (connection.finishing && stream.unsent() == 0);
    if (!over) return {};
    connection.gone = true;
    stream.close();
    return {.kind = LineEvent::Kind::closed, .connection = connection.id, .peer = connection.peer};
}

LineEvent UnixServer::take_line(Connection& connection) {
    Stream& stream = *connection.stream;
    bool const ended = stream.ended(); // before readable(): what is there now is then complete
    std::string_view const text = pipeline::as_text(stream.readable());
    std::size_t const newline = text.find('\n');
    // A client may end its line by ending: echo -n status | socat.
    std::size_t const size = newline == std::string_view::npos ? text.size() : newline;
    if (size > options_.line_bytes_max) {
        refuse_line(connection);
        return {};
    }
    if (newline == std::string_view::npos && (!ended || text.empty())) return {};
    line_.assign(text.substr(0, size));
    if (line_.ends_with('\r')) line_.pop_back();
    stream.consume(std::min(size + 1, text.size()));
    ++connection.owed;
    return {.kind = LineEvent::Kind::line,
            .connection = connection.id,
            .line = line_,
            .peer = connection.peer};
}

void UnixServer::refuse_line(Connection& connection) {
    Error const error{Code::line_too_long, 0,
                      "line_bytes_max is " + std::to_string(options_.line_bytes_max)};
    reply(connection.id, describe(error) + "\n\n");
    finish(connection.id);
}

bool UnixServer::reply(std::uint64_t id, std::string_view text) {
    Connection* const connection = find(id);
    if (!connection || connection->gone || connection->finishing) return false;
    Stream& stream = *connection->stream;
    if (stream.room() >= text.size() && stream.write(pipeline::as_bytes(text)) == text.size())
        return true;
    stream.close(); // reads too slowly, or is gone; `closed` follows
    return false;
}

void UnixServer::end_reply(std::uint64_t id) {
    Connection* const connection = find(id);
    if (connection && connection->owed > 0) --connection->owed;
}

void UnixServer::finish(std::uint64_t id) {
    Connection* const connection = find(id);
    if (!connection || connection->finishing) return;
    connection->taking = false;
    connection->finishing = true;
    connection->deadline = clock_.monotonic() + limits::close_timeout;
    connection->stream->shutdown();
}

pipeline::Nanoseconds UnixServer::next_deadline() const {
    pipeline::Nanoseconds deadline = listener_->next_deadline();
    for (auto const& connection : connections_)
        deadline = std::min({deadline, connection->deadline, connection->stream->next_deadline()});
    return deadline;
}

} // namespace io
