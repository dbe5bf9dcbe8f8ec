// The TLS half of a connection, either role. Internal to io; see io/tls.hpp for the rules.
//
//   below ──bytes──▶ from_below_ (BIO) ──SSL──▶ inbox_ ──▶ readable()
//   below ◀──bytes── to_below_ (BIO)   ◀──SSL── write()
//
// pump() moves what can be moved; every question asked of the stream pumps first.
#pragma once

#include "io/stream.hpp"
#include "pipeline/clock.hpp"

#include <openssl/ssl.h>

#include <memory>

namespace io {

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, SslDeleter>;

// What OpenSSL has to say, oldest first, and its error queue is empty afterwards.
std::string take_openssl_errors();

class TlsStream final : public Stream {
  public:
    // ssl: role and checks are set up, BIOs are not.
    TlsStream(std::unique_ptr<Stream> below, SslPointer ssl, pipeline::Clock const& clock,
              pipeline::Nanoseconds deadline, std::string name);
    // Closed from the start.
    TlsStream(std::unique_ptr<Stream> below, pipeline::Clock const& clock, Error error);

    StreamState state() override;
    Error const* error() const override { return failed_ ? &error_ : nullptr; }
    pipeline::Bytes readable() override;
    void consume(std::size_t bytes) override;
    bool ended() override;
    pipeline::Nanoseconds received() const override { return below_->received(); }
    std::size_t write(pipeline::Bytes bytes) override;
    std::size_t room() override;
    std::size_t unsent() override;
    void shutdown() override;
    void close() override;
    pipeline::Nanoseconds next_deadline() const override;
    std::string_view peer() const override { return below_->peer(); }

  private:
    void pump();
    bool take_from_below();
    void give_to_below();
    void shake_hands();
    bool decrypt();
    void fail(Error error);
    Error handshake_error();

    std::unique_ptr<Stream> below_;
    SslPointer ssl_;
    BIO* from_below_ = nullptr; // both belong to ssl_
    BIO* to_below_ = nullptr;
    pipeline::Clock const& clock_;
    pipeline::Nanoseconds deadline_;
    std::string name_;
    StreamState state_ = StreamState::opening;
    std::unique_ptr<std::uint8_t[]> inbox_; // never moves, so that what was lent stays in place
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool peer_done_ = false;
    bool shutdown_wanted_ = false;
    bool failed_ = false;
    Error error_{Code::tls_failure};
};

} // namespace io
