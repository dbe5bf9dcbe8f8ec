#include "io/tls.hpp"

#include "io/tls_stream.hpp"
#include "pipeline/check.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace io {

namespace {

struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPointer = std::unique_ptr<SSL_CTX, ContextDeleter>;

bool is_address(std::string const& host) {
    in6_addr scratch{};
    return inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

ContextPointer new_context(SSL_METHOD const* method) {
    ContextPointer context(SSL_CTX_new(method));
    CHECK(context);
    CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1);
    // A peer that leaves without close_notify has ended; WebSocket and HTTP tell truncation apart.
    SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    return context;
}

std::expected<SslPointer, Error> client_session(Endpoint const& endpoint,
                                                pipeline::Clock const& clock) {
    ERR_clear_error();
    ContextPointer const context = new_context(TLS_client_method());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_verify_paths(context.get());
    if (!endpoint.ca_file.empty() &&
        SSL_CTX_load_verify_file(context.get(), endpoint.ca_file.c_str()) != 1)
        return std::unexpected(
            Error{Code::tls_bad_file, 0, endpoint.ca_file + ": " + take_openssl_errors()});
    ERR_clear_error(); // a missing system store is not an error where a CA file is given
    SslPointer ssl(SSL_new(context.get()));
    CHECK(ssl);
    SSL_set_connect_state(ssl.get());
    std::string const& name = endpoint.server_name.empty() ? endpoint.host : endpoint.server_name;
    X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_time(checks, static_cast<time_t>(clock.unix_milliseconds() / 1000));
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool named = false;
    if (is_address(name))
        named = X509_VERIFY_PARAM_set1_ip_asc(checks, name.c_str()) == 1;
    else
        named = SSL_set1_host(ssl.get(), name.c_str()) == 1 &&
                SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1;
    if (!named)
        return std::unexpected(Error{Code::tls_wrong_host, 0, name + ": not usable as a name"});
    return ssl;
}

} // namespace

std::unique_ptr<Stream> tls_connect(std::unique_ptr<Stream> below, Endpoint const& endpoint,
                                    pipeline::Clock const& clock, pipeline::Nanoseconds deadline) {
    auto ssl = client_session(endpoint, clock);
    if (!ssl) return std::make_unique<TlsStream>(std::move(below), clock, ssl.error());
    return std::make_unique<TlsStream>(std::move(below), std::move(*ssl), clock, deadline,
                                       endpoint.host + ":" + std::to_string(endpoint.port));
}

std::expected<std::unique_ptr<Listener>, Error>
TlsListener::create(std::unique_ptr<Listener> below, std::string const& certificate_file,
                    std::string const& key_file, pipeline::Clock const& clock) {
    ERR_clear_error();
    ContextPointer context = new_context(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
        return std::unexpected(
            Error{Code::tls_bad_file, 0, certificate_file + ": " + take_openssl_errors()});
    if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1)
        return std::unexpected(
            Error{Code::tls_bad_file, 0, key_file + ": " + take_openssl_errors()});
    return std::unique_ptr<Listener>(new TlsListener(std::move(below), context.release(), clock));
}

TlsListener::~TlsListener() { SSL_CTX_free(context_); }

std::unique_ptr<Stream> TlsListener::accept() {
    std::unique_ptr<Stream> below = below_->accept();
    if (!below) return nullptr;
    SslPointer ssl(SSL_new(context_));
    CHECK(ssl);
    SSL_set_accept_state(ssl.get());
    std::string name(below->peer());
    return std::make_unique<TlsStream>(std::move(below), std::move(ssl), clock_,
                                       clock_.monotonic() + limits::handshake_timeout,
                                       std::move(name));
}

} // namespace io
