#include "io/tls_stream.hpp"

#include "pipeline/check.hpp"

#include <openssl/err.h>

#include <algorithm>

namespace io {

namespace {

// Ciphertext held back while the plaintext is not taken.
constexpr std::size_t ciphertext_bytes_max = limits::inbox_bytes;

// What records add to the text, generously: under 1/16, and a little for the last one.
constexpr std::size_t record_share = 16;
constexpr std::size_t record_reserve_bytes = 1024;

// Most text given to OpenSSL at once; its lengths are ints.
constexpr std::size_t write_bytes_max = 1U << 30;

Code code_of_verification(long result) {
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return Code::tls_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return Code::tls_not_yet_valid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return Code::tls_self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return Code::tls_unknown_authority;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return Code::tls_wrong_host;
    default: return Code::tls_failure;
    }
}

} // namespace

std::string take_openssl_errors() {
    std::string text;
    while (unsigned long const code = ERR_get_error()) {
        char const* const reason = ERR_reason_error_string(code);
        if (!text.empty()) text.append(", ");
        text.append(reason ? reason : "error " + std::to_string(code));
    }
    return text;
}

TlsStream::TlsStream(std::unique_ptr<Stream> below, SslPointer ssl, pipeline::Clock const& clock,
                     pipeline::Nanoseconds deadline, std::string name)
    : below_(std::move(below))
    , ssl_(std::move(ssl))
    , from_below_(BIO_new(BIO_s_mem()))
    , to_below_(BIO_new(BIO_s_mem()))
    , clock_(clock)
    , deadline_(deadline)
    , name_(std::move(name))
    , inbox_(std::make_unique_for_overwrite<std::uint8_t[]>(limits::inbox_bytes)) {
    CHECK(from_below_ && to_below_);
    SSL_set_bio(ssl_.get(), from_below_, to_below_);
}

TlsStream::TlsStream(std::unique_ptr<Stream> below, pipeline::Clock const& clock, Error error)
    : below_(std::move(below))
    , clock_(clock)
    , deadline_(pipeline::never) {
    fail(std::move(error));
}

void TlsStream::fail(Error error) {
    if (to_below_) give_to_below(); // the alert that tells the peer why
    below_->shutdown();
    state_ = StreamState::closed;
    failed_ = true;
    error_ = std::move(error);
}

bool TlsStream::take_from_below() {
    pipeline::Bytes const bytes = below_->readable();
    std::size_t const held = BIO_ctrl_pending(from_below_);
    std::size_t const size =
        std::min(bytes.size(), ciphertext_bytes_max - std::min(held, ciphertext_bytes_max));
    if (size == 0) return false;
    CHECK(BIO_write(from_below_, bytes.data(), static_cast<int>(size)) == static_cast<int>(size));
    below_->consume(size);
    return true;
}

void TlsStream::give_to_below() {
    char* data = nullptr;
    auto const size = static_cast<std::size_t>(BIO_get_mem_data(to_below_, &data));
    if (size == 0) return;
    std::size_t const taken = below_->write({reinterpret_cast<std::uint8_t const*>(data), size});
    // Reading is how a memory BIO forgets.
    char sink[4 * limits::kib];
    for (std::size_t left = taken; left > 0;) {
        int const n = BIO_read(to_below_, sink, static_cast<int>(std::min(left, sizeof sink)));
        CHECK(n > 0);
        left -= static_cast<std::size_t>(n);
    }
}

Error TlsStream::handshake_error() {
    long const verification = SSL_get_verify_result(ssl_.get());
    std::string const said = take_openssl_errors();
    if (verification != X509_V_OK) {
        Code const code = code_of_verification(verification);
        return {code, 0, name_ + ": " + X509_verify_cert_error_string(verification)};
    }
    return {Code::tls_failure, 0, name_ + ": " + said};
}

void TlsStream::shake_hands() {
    ERR_clear_error();
    int const result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        state_ = StreamState::open;
        return;
    }
    int const why = SSL_get_error(ssl_.get(), result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) fail(handshake_error());
}

bool TlsStream::decrypt() {
    if (end_ == limits::inbox_bytes || peer_done_) return false;
    ERR_clear_error();
    int const n =
        SSL_read(ssl_.get(), inbox_.get() + end_, static_cast<int>(limits::inbox_bytes - end_));
    if (n > 0) {
        end_ += static_cast<std::size_t>(n);
        return true;
    }
    int const why = SSL_get_error(ssl_.get(), n);
    if (why == SSL_ERROR_ZERO_RETURN)
        peer_done_ = true;
    else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        fail({Code::tls_failure, 0, name_ + ": " + take_openssl_errors()});
    return false;
}

void TlsStream::pump() {
    if (state_ == StreamState::closed) return;
    StreamState const below = below_->state();
    bool moved = true;
    while (moved && state_ != StreamState::closed) {
        moved = take_from_below();
        if (state_ == StreamState::opening && below == StreamState::open) shake_hands();
        if (state_ == StreamState::open) moved |= decrypt();
    }
    if (state_ == StreamState::closed) return;
    give_to_below();
    bool const dry = below_->readable().empty();
    if (below == StreamState::closed && below_->error() && dry)
        fail(*below_->error());
    else if (state_ == StreamState::opening && below_->ended() && dry)
        fail({Code::tls_failure, 0, name_ + ": the peer closed during the handshake"});
    else if (state_ == StreamState::opening && clock_.monotonic() >= deadline_)
        fail({Code::timeout, 0, name_ + ": TLS handshake"});
    else if (shutdown_wanted_ && BIO_ctrl_pending(to_below_) == 0)
        below_->shutdown();
    // A record is decrypted whole and read in pieces: its rest is in neither BIO.
    bool const all_read = BIO_ctrl_pending(from_below_) == 0 && SSL_pending(ssl_.get()) == 0;
    if (below_->ended() && dry && all_read) peer_done_ = true;
}

StreamState TlsStream::state() {
    pump();
    if (state_ == StreamState::open && below_->state() == StreamState::closed)
        state_ = StreamState::closed;
    return state_;
}

pipeline::Bytes TlsStream::readable() {
    pump();
    return {inbox_.get() + begin_, end_ - begin_};
}

void TlsStream::consume(std::size_t bytes) {
    CHECK(bytes <= end_ - begin_);
    begin_ += bytes;
    if (begin_ < end_ && begin_ < limits::inbox_bytes / 2) return;
    std::memmove(inbox_.get(), inbox_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

bool TlsStream::ended() { return state() == StreamState::closed || peer_done_; }

std::size_t TlsStream::room() {
    if (state() != StreamState::open || shutdown_wanted_) return 0;
    std::size_t const held = BIO_ctrl_pending(to_below_) + record_reserve_bytes;
    std::size_t const below = below_->room();
    if (below <= held) return 0;
    return std::min((below - held) / record_share * (record_share - 1), write_bytes_max);
}

std::size_t TlsStream::write(pipeline::Bytes bytes) {
    std::size_t const size = std::min(bytes.size(), room());
    if (size == 0) return 0;
    ERR_clear_error();
    // A memory BIO takes everything, so a partial write cannot be.
    int const n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(size));
    if (n != static_cast<int>(size)) {
        fail({Code::tls_failure, 0, name_ + ": " + take_openssl_errors()});
        return 0;
    }
    give_to_below();
    return size;
}

std::size_t TlsStream::unsent() {
    if (state() != StreamState::open) return 0;
    return BIO_ctrl_pending(to_below_) + below_->unsent();
}

void TlsStream::shutdown() {
    if (state() != StreamState::open || shutdown_wanted_) return;
    shutdown_wanted_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_.get()); // writes close_notify; the peer's is not waited for
    pump();
}

void TlsStream::close() {
    below_->close();
    state_ = StreamState::closed;
}

pipeline::Nanoseconds TlsStream::next_deadline() const {
    pipeline::Nanoseconds const own = state_ == StreamState::opening ? deadline_ : pipeline::never;
    return std::min(own, below_->next_deadline());
}

} // namespace io
