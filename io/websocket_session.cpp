#include "io/websocket_session.hpp"

#include <algorithm>

namespace io {

WebSocketSession::WebSocketSession(Role role, Stream& stream, pipeline::Clock const& clock,
                                   Random& random, WebSocketOptions const& options)
    : stream_(stream)
    , clock_(clock)
    , options_(options)
    , frames_(role, {options.message_bytes_max, options.frame_bytes_max}, random)
    , heard_(clock.monotonic()) {}

WebSocketEvent WebSocketSession::poll() {
    switch (state_) {
    case State::open:
    case State::closing: return advance_frames();
    case State::draining: return advance_draining();
    case State::closed: return finished();
    }
    return {};
}

// `closed` once, then nothing.
WebSocketEvent WebSocketSession::finished() {
    if (told_) return {};
    told_ = true;
    stream_.close();
    return {.kind = WebSocketEvent::Kind::closed, .error = failed_ ? &error_ : nullptr};
}

WebSocketEvent WebSocketSession::end(Error error) {
    if (!failed_ && state_ != State::closing) {
        error_ = std::move(error);
        failed_ = true;
    }
    state_ = State::closed;
    return finished();
}

WebSocketEvent WebSocketSession::advance_frames() {
    heard_ = std::max(heard_, stream_.received());
    if (heard_ >= pinged_) pinged_ = 0;
    FrameEvent event = frames_.next(stream_);
    // After our close frame messages may still be under way; nobody wants them.
    while (event.kind == FrameEvent::Kind::message && state_ == State::closing)
        event = frames_.next(stream_);
    switch (event.kind) {
    case FrameEvent::Kind::message:
        return {.kind = WebSocketEvent::Kind::message,
                .text = event.text,
                .received = stream_.received()};
    case FrameEvent::Kind::closing: {
        if (state_ == State::open) {
            error_ = std::move(event.error);
            failed_ = true;
        }
        drain(true);
        return advance_draining();
    }
    case FrameEvent::Kind::failed:
        error_ = std::move(event.error);
        failed_ = true;
        drain(false);
        return advance_draining();
    case FrameEvent::Kind::none: break;
    }
    if (stream_.state() == StreamState::closed)
        return end(stream_.error() ? *stream_.error() : Error{Code::closed_by_peer});
    if (stream_.ended())
        return end({Code::closed_by_peer, 0, std::string(stream_.peer()) + ": no close frame"});
    return watch_time();
}

WebSocketEvent WebSocketSession::watch_time() {
    pipeline::Nanoseconds const now = clock_.monotonic();
    if (now >= deadline_) return end({Code::timeout, 0, "closing handshake"});
    if (state_ != State::open || options_.ping_interval == pipeline::never) return {};
    if (pinged_ != 0) {
        if (now - pinged_ >= options_.pong_timeout)
            return end({Code::pong_missing, 0, std::string(stream_.peer())});
    } else if (now - heard_ >= options_.ping_interval) {
        // Without room the peer reads nothing, and the missing pong will say so.
        frames_.send_ping(stream_);
        pinged_ = now;
    }
    return {};
}

void WebSocketSession::drain(bool wait_for_peer) {
    state_ = State::draining;
    wait_for_peer_ = wait_for_peer;
    deadline_ = clock_.monotonic() + options_.close_timeout;
    stream_.shutdown();
}

WebSocketEvent WebSocketSession::advance_draining() {
    // What comes after the close frame means nothing, but reading it lets the peer finish.
    stream_.consume(stream_.readable().size());
    bool const sent = stream_.unsent() == 0;
    bool const done = sent && (!wait_for_peer_ || stream_.ended());
    if (!done && stream_.state() != StreamState::closed && clock_.monotonic() < deadline_)
        return {};
    state_ = State::closed;
    return finished();
}

bool WebSocketSession::send_text(std::string_view text) {
    return state_ == State::open && frames_.send_text(stream_, text);
}

void WebSocketSession::close(std::uint16_t code, std::string_view reason) {
    if (state_ != State::open) return;
    frames_.send_close(stream_, code, reason);
    state_ = State::closing;
    deadline_ = clock_.monotonic() + options_.close_timeout;
}

void WebSocketSession::abandon(Error error) {
    if (state_ == State::closed) return;
    error_ = std::move(error);
    failed_ = true;
    state_ = State::closed;
}

pipeline::Nanoseconds WebSocketSession::next_deadline() const {
    if (state_ == State::closed) return told_ ? pipeline::never : 0;
    if (state_ != State::open) return deadline_;
    if (options_.ping_interval == pipeline::never) return pipeline::never;
    return pinged_ != 0 ? pinged_ + options_.pong_timeout : heard_ + options_.ping_interval;
}

} // namespace io
