// The chunked coding of a response's body (RFC 9112 section 7.1), a machine of its own because what
// Boost.Beast makes of a chunk depends on how its bytes arrive: it asserts on some splits, and lets
// a quoted extension run over the end of its line.
//
// Strict: lines end with CR LF and hold no control character. Extensions and trailer are passed
// over. Value type, one thread. Limits: the body's, http_chunk_line_bytes_max for a line and for
// the trailer. Fails with http_malformed or http_body_too_large, and is of no use afterwards.
#pragma once

#include "io/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <string>

namespace io {

class HttpChunks {
  public:
    explicit HttpChunks(std::size_t body_bytes_max)
        : body_bytes_max_(body_bytes_max) {}

    // Takes bytes up to the end of the last chunk's trailer; returns how many those were.
    [[nodiscard]] std::expected<std::size_t, Error> feed(pipeline::Bytes bytes);
    bool done() const { return state_ == State::done; }
    // What has come of the body.
    std::string& body() { return body_; }

  private:
    // size ─▶ data ─▶ data_end ─▶ size; a size of zero ─▶ trailer ─▶ done
    enum class State { size, data, data_end, trailer, done };

    std::size_t take_data(pipeline::Bytes bytes);
    std::expected<std::size_t, Error> take_line(pipeline::Bytes bytes);
    std::expected<void, Error> end_line();
    std::expected<void, Error> begin_chunk(std::string_view line);

    std::size_t body_bytes_max_;
    std::string body_;
    std::string line_;              // so far, of a size or of the trailer
    std::size_t left_ = 0;          // of the chunk's data
    std::size_t trailer_bytes_ = 0; // of its lines that have ended
    State state_ = State::size;
};

} // namespace io
