#include "io/http_client.hpp"

#include "pipeline/check.hpp"

#include <algorithm>

namespace io {

namespace {

// A request waits for room there; what does not fit is kept by the exchange.
constexpr std::size_t outbox_bytes_max = 256 * limits::kib;

std::string text_of(Url const& url, HttpRequest request) {
    request.headers.emplace(request.headers.begin(), "Host", url.authority());
    // Without it a server may choose any coding (RFC 9110 section 12.5.3).
    if (find_header(request.headers, "Accept-Encoding").empty())
        request.headers.emplace_back("Accept-Encoding", "identity");
    request.headers.emplace_back("Connection", request.keep_alive ? "keep-alive" : "close");
    return write_request(request);
}

} // namespace

// A request from send() to its HttpDone.
struct HttpClient::Exchange {
    HttpTicket ticket;
    std::string text; // kept whole: it may have to be sent again
    pipeline::Nanoseconds deadline;
    bool keep_alive;
    bool sent = false;
};

struct HttpClient::Connection {
    // connecting ─▶ exchange ◀─▶ idle; any state ─▶ closed. Those before idle have an exchange.
    enum class State { connecting, exchange, idle, closed };

    explicit Connection(std::size_t body_bytes_max)
        : parser(body_bytes_max) {}

    std::unique_ptr<Stream> stream{};
    std::unique_ptr<Exchange> exchange{};
    pipeline::Nanoseconds deadline = 0; // of connecting, or of idling
    HttpResponseParser parser;
    std::size_t written = 0; // of the exchange's text
    bool used = false;       // it has carried an exchange before this one
    State state = State::closed;

    void close() {
        stream->close();
        state = State::closed;
    }
};

struct HttpClient::Host {
    Url url;
    Endpoint endpoint;
    std::deque<std::unique_ptr<Exchange>> waiting{};
    std::vector<std::unique_ptr<Connection>> connections{};

    bool matches(Url const& other) const {
        return url.tls() == other.tls() && url.host == other.host && url.port == other.port;
    }
    void forget_closed() {
        std::erase_if(connections,
                      [](auto const& c) { return c->state == Connection::State::closed; });
    }
};

HttpClient::HttpClient(Network& network, pipeline::Clock const& clock, HttpClientOptions options)
    : network_(network)
    , clock_(clock)
    , options_(std::move(options)) {
    CHECK(options_.connections_per_host_max > 0);
}
HttpClient::~HttpClient() = default;

HttpClient::Host& HttpClient::host_of(Url const& url) {
    for (auto const& host : hosts_)
        if (host->matches(url)) return *host;
    Endpoint endpoint{.host = url.host,
                      .port = url.port,
                      .tls = url.tls(),
                      .ca_file = options_.ca_file,
                      .outbox_bytes_max = outbox_bytes_max};
    hosts_.push_back(std::make_unique<Host>(url, std::move(endpoint)));
    return *hosts_.back();
}

std::optional<HttpTicket> HttpClient::send(Url const& url, HttpRequest request,
                                           pipeline::Nanoseconds deadline) {
    if (open() + done_.size() >= options_.waiting_max) return std::nullopt;
    HttpTicket const ticket = ++last_ticket_;
    std::expected<void, Error> good = check_request(request);
    if (good && url.websocket())
        good = std::unexpected(Error{Code::bad_url, 0, "it must begin with http:// or https://"});
    if (!good) {
        good.error().detail.insert(0, url.authority() + ": ");
        done_.push_back({ticket, std::unexpected(good.error())});
        return ticket;
    }
    Host& host = host_of(url);
    bool const keep_alive = request.keep_alive;
    host.waiting.push_back(
        std::make_unique<Exchange>(ticket, text_of(url, std::move(request)), deadline, keep_alive));
    dispatch(host);
    return ticket;
}

std::optional<HttpDone> HttpClient::poll() {
    for (auto const& host : hosts_) {
        for (auto const& connection : host->connections) advance(*host, *connection);
        dispatch(*host);
    }
    std::erase_if(hosts_,
                  [](auto const& h) { return h->waiting.empty() && h->connections.empty(); });
    if (done_.empty()) return std::nullopt;
    HttpDone done = std::move(done_.front());
    done_.pop_front();
    return done;
}

// Whoever waits goes to an idle connection, or to a new one where there is room for it.
void HttpClient::dispatch(Host& host) {
    expire(host);
    for (auto const& connection : host.connections)
        if (connection->state == Connection::State::idle) advance_idle(*connection);
    host.forget_closed();
    while (!host.waiting.empty()) {
        auto const idle = std::ranges::find(host.connections, Connection::State::idle,
                                            [](auto const& c) { return c->state; });
        bool const reuse = idle != host.connections.end();
        if (!reuse && host.connections.size() >= options_.connections_per_host_max) return;
        if (!reuse)
            host.connections.push_back(std::make_unique<Connection>(options_.body_bytes_max));
        Connection& connection = reuse ? **idle : *host.connections.back();
        connection.exchange = std::move(host.waiting.front());
        host.waiting.pop_front();
        if (reuse) {
            connection.written = 0;
            connection.state = Connection::State::exchange;
            advance_exchange(host, connection);
        } else {
            connect(host, connection);
        }
    }
}

void HttpClient::expire(Host& host) {
    pipeline::Nanoseconds const now = clock_.monotonic();
    for (auto const& exchange : host.waiting) {
        if (now < exchange->deadline) continue;
        Error error{Code::timeout, 0,
                    host.url.authority() + ": the request waited for one of " +
                        std::to_string(options_.connections_per_host_max) +
                        " connections (connections_per_host_max)"};
        done_.push_back({exchange->ticket, std::unexpected(std::move(error))});
    }
    std::erase_if(host.waiting, [now](auto const& exchange) { return now >= exchange->deadline; });
}

void HttpClient::connect(Host& host, Connection& connection) {
    connection.deadline =
        std::min(connection.exchange->deadline, clock_.monotonic() + options_.connect_timeout);
    connection.stream = network_.connect(host.endpoint, connection.deadline);
    connection.written = 0;
    connection.used = false;
    connection.state = Connection::State::connecting;
}

void HttpClient::advance(Host& host, Connection& connection) {
    switch (connection.state) {
    case Connection::State::connecting: advance_connecting(host, connection); break;
    case Connection::State::exchange: advance_exchange(host, connection); break;
    case Connection::State::idle: advance_idle(connection); break;
    case Connection::State::closed: break;
    }
}

void HttpClient::advance_connecting(Host& host, Connection& connection) {
    StreamState const state = connection.stream->state();
    if (state == StreamState::closed) {
        Error const* const error = connection.stream->error();
        fail(host, connection, error ? *error : Error{Code::closed_by_peer, 0, "connecting"});
    } else if (state == StreamState::open) {
        connection.state = Connection::State::exchange;
        advance_exchange(host, connection);
    }
}

void HttpClient::advance_exchange(Host& host, Connection& connection) {
    Exchange& exchange = *connection.exchange;
    std::string_view const left = std::string_view(exchange.text).substr(connection.written);
    connection.written += connection.stream->write(pipeline::as_bytes(left));
    if (connection.written > 0) exchange.sent = true;
    if (auto const good = read_answer(connection); !good)
        broken(host, connection, good.error());
    else if (connection.parser.done())
        finish(host, connection);
    else if (clock_.monotonic() >= exchange.deadline)
        fail(host, connection, {Code::timeout, 0, connection.parser.progress()});
}

std::expected<void, Error> HttpClient::read_answer(Connection& connection) {
    Stream& stream = *connection.stream;
    for (pipeline::Bytes bytes = stream.readable(); !bytes.empty(); bytes = stream.readable()) {
        auto const used = connection.parser.feed(bytes);
        if (!used) return std::unexpected(used.error());
        stream.consume(*used);
        if (connection.parser.done()) return {};
        if (*used == 0) break; // the rest of a line is waited for
    }
    if (!stream.ended()) return {};
    if (Error const* const error = stream.error())
        return std::unexpected(
            Error{error->code, error->system, error->detail + "; " + connection.parser.progress()});
    return connection.parser.end();
}

// A server may close an idle connection while a request is on its way to it. The new connection has
// carried nothing, so that a request is sent twice at the most.
void HttpClient::broken(Host& host, Connection& connection, Error error) {
    bool const by_peer = error.code == Code::reset || error.code == Code::closed_by_peer;
    if (connection.used && by_peer && !connection.parser.started() &&
        clock_.monotonic() < connection.exchange->deadline)
        connect(host, connection);
    else
        fail(host, connection, std::move(error));
}

void HttpClient::advance_idle(Connection& connection) {
    // Bytes nobody asked for would be taken for the next answer.
    if (connection.stream->ended() || !connection.stream->readable().empty() ||
        clock_.monotonic() >= connection.deadline)
        connection.close();
}

void HttpClient::finish(Host const& host, Connection& connection) {
    Exchange& exchange = *connection.exchange;
    Stream& stream = *connection.stream;
    if (std::size_t const behind = stream.readable().size(); behind > 0) {
        fail(host, connection,
             {Code::http_malformed, 0, std::to_string(behind) + " bytes came behind the response"});
        return;
    }
    // After an answer to half a request the other half would be taken for the next one.
    bool const whole = connection.written == exchange.text.size();
    bool const keep =
        whole && exchange.keep_alive && connection.parser.keep_alive() && !stream.ended();
    done_.push_back({exchange.ticket, connection.parser.take(), stream.received(), exchange.sent});
    connection.exchange.reset();
    connection.used = true;
    connection.deadline = clock_.monotonic() + options_.idle_max;
    connection.state = Connection::State::idle;
    if (!keep) connection.close();
}

void HttpClient::fail(Host const& host, Connection& connection, Error error) {
    std::string const where = host.url.authority();
    error.detail = error.detail.empty() ? where : where + ": " + error.detail;
    done_.push_back({connection.exchange->ticket, std::unexpected(std::move(error)), 0,
                     connection.exchange->sent});
    connection.exchange.reset();
    connection.close();
}

void HttpClient::cancel(HttpTicket ticket) {
    std::erase_if(done_, [ticket](auto const& done) { return done.ticket == ticket; });
    for (auto const& host : hosts_) {
        std::erase_if(host->waiting, [ticket](auto const& e) { return e->ticket == ticket; });
        for (auto const& connection : host->connections) {
            if (!connection->exchange || connection->exchange->ticket != ticket) continue;
            connection->exchange.reset();
            connection->close();
        }
        dispatch(*host);
    }
}

std::size_t HttpClient::open() const {
    std::size_t count = 0;
    for (auto const& host : hosts_) {
        count += host->waiting.size();
        for (auto const& connection : host->connections)
            if (connection->exchange) ++count;
    }
    return count;
}

std::size_t HttpClient::connections() const {
    std::size_t count = 0;
    for (auto const& host : hosts_) count += host->connections.size();
    return count;
}

pipeline::Nanoseconds HttpClient::next_deadline() const {
    if (!done_.empty()) return clock_.monotonic();
    pipeline::Nanoseconds deadline = pipeline::never;
    for (auto const& host : hosts_) {
        for (auto const& exchange : host->waiting)
            deadline = std::min(deadline, exchange->deadline);
        for (auto const& connection : host->connections) {
            bool const busy = connection->state == Connection::State::exchange;
            deadline = std::min({deadline, connection->stream->next_deadline(),
                                 busy ? connection->exchange->deadline : connection->deadline});
        }
    }
    return deadline;
}

} // namespace io
