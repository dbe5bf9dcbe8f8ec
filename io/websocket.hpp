// The client end of a WebSocket (RFC 6455) over any Stream: upgrade, frames (wslay), ping and pong,
// close handshake, deadlines. No extension is offered. Messages are text; binary ones are refused.
//
// Pull style, one thread: after the poller was polled, call poll() until it says `none`. Not
// calling it leaves bytes in the stream and, from there, at the peer. A message lies in one
// contiguous buffer with pipeline::json_padding writable bytes behind it; the buffer belongs to the
// client and is reused by the next poll(). Fails by a `closed` event, once; after it poll() says
// `none` for ever.
#pragma once

#include "io/http.hpp"
#include "io/url.hpp"
#include "io/websocket_session.hpp"

namespace io {

// The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
std::string websocket_accept(std::string_view key);

class WebSocketClient {
  public:
    using Event = WebSocketEvent;

    // Connects through `network` at once.
    WebSocketClient(Network& network, Url const& url, pipeline::Clock const& clock, Random& random,
                    WebSocketOptions const& options = {});
    // Over a stream that exists already; `url` gives the Host header and the target.
    WebSocketClient(std::unique_ptr<Stream> stream, Url const& url, pipeline::Clock const& clock,
                    Random& random, WebSocketOptions const& options = {});

    WebSocketEvent poll();
    // False when not open or when the outbox has no room; nothing is sent then.
    [[nodiscard]] bool send_text(std::string_view text);
    // Starts the close handshake; `closed` follows, at the latest after close_timeout.
    void close(std::uint16_t code = 1000, std::string_view reason = {});

    bool open() const { return session_ && session_->open(); }
    std::size_t unsent() { return stream_->unsent(); }
    pipeline::Nanoseconds next_deadline() const;
    std::string_view peer() const { return stream_->peer(); }

  private:
    enum class State { connecting, upgrading, upgraded, closed };

    WebSocketEvent fail(Error error);
    WebSocketEvent advance_connecting();
    WebSocketEvent advance_upgrading();
    std::expected<void, Error> check_upgrade(HttpResponse const& response) const;

    pipeline::Clock const& clock_;
    Random& random_;
    WebSocketOptions options_;
    Url url_;
    pipeline::Nanoseconds deadline_; // of connecting and upgrading
    std::unique_ptr<Stream> stream_;
    std::string key_;
    HttpResponseHeadParser head_;
    std::optional<WebSocketSession> session_;
    State state_ = State::connecting;
    Error error_{Code::closed_by_peer};
};

} // namespace io
