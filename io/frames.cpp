#include "io/frames.hpp"

#include "io/utf8.hpp"
#include "pipeline/check.hpp"

#include <algorithm>

namespace io {

namespace {

constexpr std::size_t frame_head_bytes_max = 14; // RFC 6455 section 5.2, with a mask

enum CloseCode : std::uint16_t {
    close_normal = 1000,
    close_protocol_error = 1002,
    close_unsupported = 1003,
    close_no_status = 1005,
    close_invalid_utf8 = 1007,
    close_too_big = 1009,
};

// Codes an endpoint may put on the wire: RFC 6455 section 7.4 and the IANA registry.
bool is_sendable(std::uint16_t code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

bool is_known(std::uint8_t opcode) {
    return opcode <= WSLAY_BINARY_FRAME ||
           (opcode >= WSLAY_CONNECTION_CLOSE && opcode <= WSLAY_PONG);
}

} // namespace

Frames::Frames(Role role, FrameLimits const& limits, Random& random)
    : role_(role)
    , limits_(limits)
    , random_(random) {
    wslay_frame_callbacks const callbacks{on_send, on_recv, on_mask};
    CHECK(wslay_frame_context_init(&context_, &callbacks, this) == 0);
}

Frames::~Frames() { wslay_frame_context_free(context_); }

ssize_t Frames::on_recv(std::uint8_t* into, std::size_t size, int, void* self) {
    Stream& stream = *static_cast<Frames*>(self)->stream_;
    pipeline::Bytes const bytes = stream.readable();
    std::size_t const count = std::min(size, bytes.size());
    if (count == 0) return -1;
    std::memcpy(into, bytes.data(), count);
    stream.consume(count);
    return static_cast<ssize_t>(count);
}

ssize_t Frames::on_send(std::uint8_t const* from, std::size_t size, int, void* self) {
    // send() made sure that all of it fits.
    CHECK(static_cast<Frames*>(self)->stream_->write({from, size}) == size);
    return static_cast<ssize_t>(size);
}

int Frames::on_mask(std::uint8_t* into, std::size_t size, void* self) {
    static_cast<Frames*>(self)->random_.fill({into, size});
    return 0;
}

bool Frames::send(Stream& stream, std::uint8_t opcode, pipeline::Bytes payload) {
    if (stream.room() < payload.size() + frame_head_bytes_max) return false;
    wslay_frame_iocb frame{};
    frame.fin = 1;
    frame.opcode = opcode;
    frame.mask = role_ == Role::client;
    frame.payload_length = payload.size();
    frame.data = payload.data();
    frame.data_length = payload.size();
    stream_ = &stream;
    CHECK(wslay_frame_send(context_, &frame) == static_cast<ssize_t>(payload.size()));
    stream_ = nullptr;
    return true;
}

bool Frames::send_text(Stream& stream, std::string_view text) {
    return !close_sent_ && send(stream, WSLAY_TEXT_FRAME, pipeline::as_bytes(text));
}

bool Frames::send_ping(Stream& stream) { return !close_sent_ && send(stream, WSLAY_PING, {}); }

bool Frames::send_close(Stream& stream, std::uint16_t code, std::string_view reason) {
    if (close_sent_) return false;
    close_sent_ = true;
    std::uint8_t payload[limits::websocket_control_bytes_max];
    payload[0] = static_cast<std::uint8_t>(code >> 8);
    payload[1] = static_cast<std::uint8_t>(code & 0xff);
    std::size_t const size = std::min(reason.size(), sizeof payload - 2);
    std::copy_n(reason.begin(), size, payload + 2);
    bool const empty = code == close_no_status; // may not appear on the wire
    return send(stream, WSLAY_CONNECTION_CLOSE, {payload, empty ? 0 : size + 2});
}

FrameEvent Frames::fail(Code code, std::uint16_t close_code, std::string detail) {
    // wslay may be in the middle of the peer's frame; sending has its own state and is unharmed.
    send_close(*stream_, close_code, {});
    FrameEvent event{.kind = FrameEvent::Kind::failed};
    event.error = {code, 0, std::move(detail)};
    return event;
}

FrameEvent Frames::next(Stream& stream) {
    if (message_taken_) {
        message_taken_ = false;
        message_size_ = 0;
    }
    for (;;) {
        stream_ = &stream;
        wslay_frame_iocb frame{};
        ssize_t const size = wslay_frame_recv(context_, &frame);
        if (size == WSLAY_ERR_WANT_READ) return {};
        FrameEvent event;
        if (size < 0)
            event = fail(Code::protocol_violation, close_protocol_error,
                         "malformed frame header (bad length or fragmented control frame)");
        else if (!in_frame_)
            event = begin_frame(frame);
        if (event.kind == FrameEvent::Kind::none) event = take_chunk(frame);
        if (event.kind == FrameEvent::Kind::none && frame_left_ == 0) event = end_frame();
        if (event.kind != FrameEvent::Kind::none) return event;
    }
}

FrameEvent Frames::begin_frame(wslay_frame_iocb const& frame) {
    auto const violation = [this](std::string what) {
        return fail(Code::protocol_violation, close_protocol_error, std::move(what));
    };
    in_frame_ = true;
    opcode_ = frame.opcode;
    fin_ = frame.fin != 0;
    frame_left_ = frame.payload_length;
    control_size_ = 0;
    if (frame.rsv != 0) return violation("reserved bits set without an extension");
    if (!is_known(opcode_)) return violation("reserved opcode " + std::to_string(opcode_));
    if ((frame.mask != 0) != (role_ == Role::server))
        return violation(role_ == Role::server ? "unmasked frame from a client"
                                               : "masked frame from a server");
    if (wslay_is_ctrl_frame(opcode_)) return {};
    if (in_message_ && opcode_ != WSLAY_CONTINUATION_FRAME)
        return violation("a new message inside a fragmented one");
    if (!in_message_ && opcode_ == WSLAY_CONTINUATION_FRAME)
        return violation("a continuation of no message");
    if (opcode_ == WSLAY_BINARY_FRAME) return fail(Code::binary_message, close_unsupported, "");
    if (frame_left_ > limits_.frame_bytes_max)
        return fail(Code::frame_too_large, close_too_big,
                    std::to_string(frame_left_) + " bytes, frame_bytes_max is " +
                        std::to_string(limits_.frame_bytes_max));
    if (frame_left_ > limits_.message_bytes_max - message_size_)
        return fail(Code::message_too_large, close_too_big,
                    std::to_string(frame_left_ + message_size_) + " bytes, message_bytes_max is " +
                        std::to_string(limits_.message_bytes_max));
    fragments_ = in_message_ ? fragments_ + 1 : 1;
    if (fragments_ > limits::websocket_fragments_max)
        return fail(Code::message_too_large, close_too_big,
                    "over " + std::to_string(limits::websocket_fragments_max) + " frames");
    in_message_ = true;
    return {};
}

FrameEvent Frames::take_chunk(wslay_frame_iocb const& frame) {
    CHECK(frame.data_length <= frame_left_);
    frame_left_ -= frame.data_length;
    if (!wslay_is_ctrl_frame(opcode_)) {
        store({frame.data, frame.data_length});
        return {};
    }
    CHECK(frame.data_length <= sizeof control_ - control_size_); // wslay refuses longer ones
    if (frame.data_length > 0) std::memcpy(control_ + control_size_, frame.data, frame.data_length);
    control_size_ += frame.data_length;
    return {};
}

void Frames::store(pipeline::Bytes bytes) {
    std::size_t const needed = message_size_ + bytes.size() + pipeline::json_padding;
    if (message_.size() < needed) message_.resize(std::max(needed, 2 * message_.size()));
    if (!bytes.empty()) std::memcpy(message_.data() + message_size_, bytes.data(), bytes.size());
    message_size_ += bytes.size();
}

FrameEvent Frames::end_frame() {
    in_frame_ = false;
    if (wslay_is_ctrl_frame(opcode_)) return end_control();
    return fin_ ? end_message() : FrameEvent{};
}

FrameEvent Frames::end_message() {
    in_message_ = false;
    message_taken_ = true;
    store({}); // an empty message is padded too
    std::memset(message_.data() + message_size_, 0, pipeline::json_padding);
    pipeline::MutableBytes const text{message_.data(), message_size_};
    if (!valid_utf8(text)) return fail(Code::invalid_utf8, close_invalid_utf8, "");
    return {.kind = FrameEvent::Kind::message, .text = text};
}

FrameEvent Frames::end_control() {
    if (opcode_ == WSLAY_CONNECTION_CLOSE) return end_close();
    // A pong that finds no room is left out: the peer does not read, its deadline is not ours.
    if (opcode_ == WSLAY_PING && !close_sent_)
        send(*stream_, WSLAY_PONG, {control_, control_size_});
    return {};
}

FrameEvent Frames::end_close() {
    std::uint16_t code = close_no_status;
    std::string_view reason;
    if (control_size_ >= 2) {
        code = static_cast<std::uint16_t>(control_[0] << 8 | control_[1]);
        reason = pipeline::as_text({control_ + 2, control_size_ - 2});
    }
    if (control_size_ == 1 || (control_size_ >= 2 && !is_sendable(code)))
        return fail(Code::protocol_violation, close_protocol_error,
                    "close frame without valid code");
    if (!valid_utf8(pipeline::as_bytes(reason)))
        return fail(Code::invalid_utf8, close_invalid_utf8, "reason of a close frame");
    FrameEvent event{.kind = FrameEvent::Kind::closing};
    event.error = {Code::closed_by_websocket, 0, "code " + std::to_string(code)};
    if (!reason.empty()) event.error.detail.append(" \"").append(reason).append("\"");
    send_close(*stream_, code, {});
    return event;
}

} // namespace io
