// What the two ends of a WebSocket share once the upgrade is done: frames, pings, the close
// handshake and their deadlines. Used by WebSocketClient and WebSocketServer; see there for the
// calling rules.
#pragma once

#include "io/frames.hpp"
#include "pipeline/clock.hpp"

namespace io {

struct WebSocketOptions {
    std::size_t message_bytes_max = limits::websocket_message_bytes_max;
    std::size_t frame_bytes_max = limits::websocket_frame_bytes_max;
    pipeline::Nanoseconds handshake_timeout = limits::handshake_timeout; // connect to upgraded
    // A connection silent for this long is asked with a ping; `never`: no pings.
    pipeline::Nanoseconds ping_interval = limits::ping_interval;
    // No byte within this time after a ping: the peer is gone (half-open connection).
    pipeline::Nanoseconds pong_timeout = limits::pong_timeout;
    pipeline::Nanoseconds close_timeout = limits::close_timeout;
    std::string ca_file{}; // for wss; in addition to the system's store
    std::size_t outbox_bytes_max = limits::outbox_bytes_max;
};

struct WebSocketEvent {
    enum class Kind { none, opened, message, closed };

    Kind kind = Kind::none;
    pipeline::MutableBytes text{};      // message: valid until the next poll()
    pipeline::Nanoseconds received = 0; // message: when its last bytes came off the socket
    Error const* error = nullptr;       // closed: why, null after our own close(); lives with us
};

class WebSocketSession {
  public:
    WebSocketSession(Role role, Stream& stream, pipeline::Clock const& clock, Random& random,
                     WebSocketOptions const& options);

    // message, closed (once) or none.
    WebSocketEvent poll();
    [[nodiscard]] bool send_text(std::string_view text);
    void close(std::uint16_t code, std::string_view reason);
    // Gives up now: the stream is closed, `closed` with this error is the next event.
    void abandon(Error error);

    bool open() const { return state_ == State::open; }
    bool closed() const { return state_ == State::closed; }
    pipeline::Nanoseconds next_deadline() const;

  private:
    // open ─▶ closing (our close frame is out) ─▶ draining (both are; the outbox empties) ─▶ closed
    enum class State { open, closing, draining, closed };

    WebSocketEvent advance_frames();
    WebSocketEvent advance_draining();
    WebSocketEvent watch_time();
    WebSocketEvent end(Error error);
    WebSocketEvent finished();
    void drain(bool wait_for_peer);

    Stream& stream_;
    pipeline::Clock const& clock_;
    WebSocketOptions options_;
    Frames frames_;
    State state_ = State::open;
    pipeline::Nanoseconds deadline_ = pipeline::never; // of closing and draining
    pipeline::Nanoseconds heard_;                      // any byte is a sign of life
    pipeline::Nanoseconds pinged_ = 0;                 // when, while unanswered
    bool wait_for_peer_ = false;
    bool failed_ = false;
    bool told_ = false;
    Error error_{Code::closed_by_peer};
};

} // namespace io
