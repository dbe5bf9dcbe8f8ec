// Stream and Listener on the proactor. Internal to io: UringNetwork makes them. See io/stream.hpp
// for the rules; one thread, the proactor's.
#pragma once

#include "io/stream.hpp"
#include "io/uring_socket.hpp"

namespace io {

class UringStream final : public Stream {
  public:
    // Connects to the addresses in turn.
    UringStream(Proactor& proactor, Resolver& resolver, Endpoint const& endpoint,
                pipeline::Nanoseconds deadline);
    // An accepted descriptor.
    UringStream(Proactor& proactor, int fd, std::size_t outbox_bytes_max);
    ~UringStream() override;
    UringStream(UringStream const&) = delete;
    UringStream& operator=(UringStream const&) = delete;

    StreamState state() override;
    Error const* error() const override { return failed_ ? &error_ : nullptr; }
    pipeline::Bytes readable() override;
    void consume(std::size_t bytes) override;
    bool ended() override;
    pipeline::Nanoseconds received() const override { return socket_ ? socket_->received() : 0; }
    std::size_t write(pipeline::Bytes bytes) override;
    std::size_t room() override;
    std::size_t unsent() override;
    void shutdown() override;
    void close() override;
    pipeline::Nanoseconds next_deadline() const override;
    std::string_view peer() const override { return peer_; }
    std::optional<Credentials> credentials() const override;

  private:
    void advance_opening();
    void resolved(Resolution resolution);
    void try_next_address();
    void fail(Error error);

    Proactor& proactor_;
    Resolver* resolver_ = nullptr;
    UringSocket* socket_ = nullptr;
    StreamState state_ = StreamState::opening;
    std::size_t outbox_bytes_max_;
    std::uint64_t ticket_ = 0; // of a look-up under way
    Addresses addresses_;
    std::size_t next_address_ = 0;
    pipeline::Nanoseconds deadline_ = pipeline::never;
    pipeline::Nanoseconds attempt_deadline_ = pipeline::never;
    std::string peer_;
    bool failed_ = false;
    Error error_{Code::closed_by_peer};
};

class UringListener final : public Listener {
  public:
    // Takes the descriptor; removes the socket file at its end if there is one.
    UringListener(Proactor& proactor, int fd, std::uint16_t port, std::string unix_path);
    ~UringListener() override;

    std::unique_ptr<Stream> accept() override;
    std::uint16_t port() const override { return port_; }
    pipeline::Nanoseconds next_deadline() const override { return paused_until_; }
    Error const* error() const override { return failed_ ? &error_ : nullptr; }

  private:
    class Door;

    Proactor& proactor_;
    Door& door_;
    std::uint16_t port_;
    std::string unix_path_;
    pipeline::Nanoseconds paused_until_ = pipeline::never;
    bool failed_ = false;
    Error error_{Code::socket_failure};
};

} // namespace io
