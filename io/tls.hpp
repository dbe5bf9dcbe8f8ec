// TLS as a Stream over a Stream: OpenSSL 3 on memory BIOs, so it runs wherever a Stream does.
//
// Client: SNI, host name (or IP) check, TLS >= 1.2, the system's trust store plus an optional CA
// file. The validity dates of certificates are compared with the injected clock. Server:
// certificate and key from PEM files, for stand-in nodes and tests. Same thread as the stream
// below. Fails as the stream fails, or with a tls_* code that names what the certificate lacks.
#pragma once

#include "io/stream.hpp"
#include "pipeline/clock.hpp"

typedef struct ssl_ctx_st SSL_CTX;

namespace io {

// Client side. endpoint: ca_file, server_name, host. Closed with the reason if the set-up fails.
std::unique_ptr<Stream> tls_connect(std::unique_ptr<Stream> below, Endpoint const& endpoint,
                                    pipeline::Clock const& clock, pipeline::Nanoseconds deadline);

// Server side: accepts on `below` and speaks TLS on what comes. One thread.
class TlsListener final : public Listener {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<Listener>, Error>
    create(std::unique_ptr<Listener> below, std::string const& certificate_file,
           std::string const& key_file, pipeline::Clock const& clock);
    ~TlsListener() override;

    std::unique_ptr<Stream> accept() override;
    std::uint16_t port() const override { return below_->port(); }
    pipeline::Nanoseconds next_deadline() const override { return below_->next_deadline(); }
    Error const* error() const override { return below_->error(); }

  private:
    TlsListener(std::unique_ptr<Listener> below, SSL_CTX* context, pipeline::Clock const& clock)
        : below_(std::move(below))
        , context_(context)
        , clock_(clock) {}

    std::unique_ptr<Listener> below_;
    SSL_CTX* context_;
    pipeline::Clock const& clock_;
};

} // namespace io
