#include "io/websocket.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace io {

namespace {

constexpr std::string_view accept_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
constexpr std::size_t key_bytes = 16;
constexpr std::size_t sha1_bytes = 20;

std::string base64(pipeline::Bytes bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                    static_cast<int>(bytes.size()));
    return text;
}

std::string new_key(Random& random) {
    std::array<std::uint8_t, key_bytes> bytes{};
    random.fill(bytes);
    return base64(bytes);
}

Endpoint endpoint_of(Url const& url, WebSocketOptions const& options) {
    return {.host = url.host,
            .port = url.port,
            .tls = url.tls(),
            .ca_file = options.ca_file,
            .outbox_bytes_max = options.outbox_bytes_max};
}

std::string upgrade_request(Url const& url, std::string const& key) {
    HttpRequest request;
    request.method = "GET";
    request.target = url.target;
    request.headers = {{"Host", url.authority()},       {"Upgrade", "websocket"},
                       {"Connection", "Upgrade"},       {"Sec-WebSocket-Key", key},
                       {"Sec-WebSocket-Version", "13"}, {"User-Agent", "spyhop/" SPYHOP_VERSION}};
    return write_request(request);
}

// Retry-After in seconds (RFC 9110 section 10.2.3); its other form, a date, says nothing to a
// machine whose clock may be wrong.
std::uint64_t retry_after_s(std::string_view text) {
    std::uint64_t seconds = 0;
    auto const* const end = text.data() + text.size();
    auto const [at, error] = std::from_chars(text.data(), end, seconds);
    if (text.empty() || at != end || error == std::errc::invalid_argument) return 0;
    return error == std::errc{} ? std::min(seconds, limits::retry_after_s_max)
                                : limits::retry_after_s_max;
}

} // namespace

std::string websocket_accept(std::string_view key) {
    std::string const text = std::string(key).append(accept_suffix);
    std::array<std::uint8_t, sha1_bytes> digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
    return base64(digest);
}

WebSocketClient::WebSocketClient(Network& network, Url const& url, pipeline::Clock const& clock,
                                 Random& random, WebSocketOptions const& options)
    : WebSocketClient(
          network.connect(endpoint_of(url, options), clock.monotonic() + options.handshake_timeout),
          url, clock, random, options) {}

WebSocketClient::WebSocketClient(std::unique_ptr<Stream> stream, Url const& url,
                                 pipeline::Clock const& clock, Random& random,
                                 WebSocketOptions const& options)
    : clock_(clock)
    , random_(random)
    , options_(options)
    , url_(url)
    , deadline_(clock.monotonic() + options.handshake_timeout)
    , stream_(std::move(stream))
    , key_(new_key(random)) {}

WebSocketEvent WebSocketClient::poll() {
    switch (state_) {
    case State::connecting: return advance_connecting();
    case State::upgrading: return advance_upgrading();
    case State::upgraded: return session_->poll();
    case State::closed: break;
    }
    return {};
}

WebSocketEvent WebSocketClient::fail(Error error) {
    error_ = std::move(error);
    state_ = State::closed;
    stream_->close();
    return {.kind = WebSocketEvent::Kind::closed, .error = &error_};
}

WebSocketEvent WebSocketClient::advance_connecting() {
    StreamState const state = stream_->state();
    if (state == StreamState::closed)
        return fail(stream_->error() ? *stream_->error() : Error{Code::closed_by_peer});
    if (state == StreamState::opening) {
        if (clock_.monotonic() < deadline_) return {};
        return fail({Code::timeout, 0, "connecting to " + url_.authority()});
    }
    std::string const request = upgrade_request(url_, key_);
    if (stream_->write(pipeline::as_bytes(request)) != request.size())
        return fail({Code::outbox_full, 0, "upgrade request"});
    state_ = State::upgrading;
    return advance_upgrading();
}

WebSocketEvent WebSocketClient::advance_upgrading() {
    pipeline::Bytes const bytes = stream_->readable();
    if (!bytes.empty()) {
        auto const used = head_.feed(bytes);
        if (!used) return fail(used.error());
        stream_->consume(*used);
    }
    if (head_.done()) {
        if (auto const good = check_upgrade(head_.response()); !good) return fail(good.error());
        session_.emplace(Role::client, *stream_, clock_, random_, options_);
        state_ = State::upgraded;
        return {.kind = WebSocketEvent::Kind::opened};
    }
    if (stream_->state() == StreamState::closed || stream_->ended())
        return fail(stream_->error() ? *stream_->error()
                                     : Error{Code::closed_by_peer, 0, "during the upgrade"});
    if (clock_.monotonic() >= deadline_)
        return fail({Code::timeout, 0, "WebSocket upgrade at " + url_.authority()});
    return {};
}

std::expected<void, Error> WebSocketClient::check_upgrade(HttpResponse const& response) const {
    auto const malformed = [this](std::string_view why) {
        return std::unexpected(
            Error{Code::upgrade_malformed, 0, url_.authority().append(": ").append(why)});
    };
    if (response.status != 101)
        return std::unexpected(
            Error{Code::upgrade_refused, 0,
                  url_.authority() + ": HTTP status " + std::to_string(response.status),
                  retry_after_s(find_header(response.headers, "Retry-After"))});
    if (!header_has_token(response.headers, "Upgrade", "websocket"))
        return malformed("no \"Upgrade: websocket\"");
    if (!header_has_token(response.headers, "Connection", "upgrade"))
        return malformed("no \"Connection: Upgrade\"");
    if (find_header(response.headers, "Sec-WebSocket-Accept") != websocket_accept(key_))
        return malformed("wrong Sec-WebSocket-Accept");
    if (!find_header(response.headers, "Sec-WebSocket-Extensions").empty())
        return malformed("an extension that was not offered");
    if (!find_header(response.headers, "Sec-WebSocket-Protocol").empty())
        return malformed("a subprotocol that was not offered");
    return {};
}

bool WebSocketClient::send_text(std::string_view text) {
    return session_ && session_->send_text(text);
}

void WebSocketClient::close(std::uint16_t code, std::string_view reason) {
    if (session_) {
        session_->close(code, reason);
    } else if (state_ != State::closed) {
        stream_->close();
        state_ = State::closed;
    }
}

pipeline::Nanoseconds WebSocketClient::next_deadline() const {
    if (state_ == State::closed) return pipeline::never;
    pipeline::Nanoseconds const own = session_ ? session_->next_deadline() : deadline_;
    return std::min(own, stream_->next_deadline());
}

} // namespace io
