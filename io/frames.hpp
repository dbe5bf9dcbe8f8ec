// RFC 6455 after the upgrade, both roles: frames in from a Stream, whole messages out, and the
// other way round. wslay parses and writes frames; this class puts messages together, answers
// pings, checks masks, opcodes, lengths, UTF-8 and close codes, and sends the fitting close frame
// when a peer errs.
//
// One thread. Owns the message buffer (grows with the bytes that arrive, not with what a header
// announces, and keeps its size). Fails by a `failed` event, after which it must not be asked
// again.
#pragma once

#include "io/random.hpp"
#include "io/stream.hpp"

#include <wslay/wslay.h>

#include <vector>

namespace io {

enum class Role { client, server };

struct FrameLimits {
    std::size_t message_bytes_max = limits::websocket_message_bytes_max;
    std::size_t frame_bytes_max = limits::websocket_frame_bytes_max;
};

struct FrameEvent {
    enum class Kind { none, message, closing, failed };

    Kind kind = Kind::none;
    pipeline::MutableBytes text{};     // message: valid until the next call of next(), padded
    Error error{Code::closed_by_peer}; // closing: the peer's code and reason; failed: what it did
};

class Frames {
  public:
    Frames(Role role, FrameLimits const& limits, Random& random);
    ~Frames();
    Frames(Frames const&) = delete;
    Frames& operator=(Frames const&) = delete;

    // Reads on until there is one message, or no more bytes. A ping is answered on the way; a close
    // frame is answered too, unless we closed first.
    FrameEvent next(Stream& stream);

    // All or nothing: false when the stream's outbox has no room for it.
    [[nodiscard]] bool send_text(Stream& stream, std::string_view text);
    bool send_ping(Stream& stream);
    bool send_close(Stream& stream, std::uint16_t code, std::string_view reason);
    bool close_sent() const { return close_sent_; }

  private:
    static ssize_t on_recv(std::uint8_t* into, std::size_t size, int, void* self);
    static ssize_t on_send(std::uint8_t const* from, std::size_t size, int, void* self);
    static int on_mask(std::uint8_t* into, std::size_t size, void* self);

    bool send(Stream& stream, std::uint8_t opcode, pipeline::Bytes payload);
    FrameEvent begin_frame(wslay_frame_iocb const& frame);
    FrameEvent take_chunk(wslay_frame_iocb const& frame);
    FrameEvent end_frame();
    FrameEvent end_control();
    FrameEvent end_close();
    FrameEvent end_message();
    FrameEvent fail(Code code, std::uint16_t close_code, std::string detail);
    void store(pipeline::Bytes bytes);

    Role role_;
    FrameLimits limits_;
    Random& random_;
    wslay_frame_context_ptr context_ = nullptr;
    Stream* stream_ = nullptr; // during a call only
    std::vector<std::uint8_t> message_;
    std::size_t message_size_ = 0;
    std::size_t fragments_ = 0;
    bool in_message_ = false;
    bool message_taken_ = false;
    bool in_frame_ = false;
    std::uint64_t frame_left_ = 0;
    std::uint8_t opcode_ = 0;
    bool fin_ = false;
    std::uint8_t control_[limits::websocket_control_bytes_max] = {};
    std::size_t control_size_ = 0;
    bool close_sent_ = false;
};

} // namespace io
