#include "io/uring_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace io {

UringStream::UringStream(Proactor& proactor, Resolver& resolver, Endpoint const& endpoint,
                         pipeline::Nanoseconds deadline)
    : proactor_(proactor)
    , resolver_(&resolver)
    , outbox_bytes_max_(endpoint.outbox_bytes_max)
    , deadline_(deadline)
    , peer_(endpoint.host + ":" + std::to_string(endpoint.port)) {
    Resolution literal = literal_address(endpoint.host, endpoint.port);
    if (literal) {
        resolved(std::move(literal));
        return;
    }
    auto const ticket = resolver.ask(endpoint.host, endpoint.port);
    if (ticket)
        ticket_ = *ticket;
    else
        fail(ticket.error());
}

UringStream::UringStream(Proactor& proactor, int fd, std::size_t outbox_bytes_max)
    : proactor_(proactor)
    , state_(StreamState::open)
    , outbox_bytes_max_(outbox_bytes_max) {
    SocketAddress address;
    address.size = sizeof address.storage;
    getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
    peer_ = address.text();
    socket_ = &proactor_.adopt(std::make_unique<UringSocket>(proactor_, fd, outbox_bytes_max));
    socket_->start();
}

UringStream::~UringStream() {
    if (ticket_ != 0) resolver_->forget(ticket_);
    if (socket_) socket_->retire();
}

void UringStream::fail(Error error) {
    if (ticket_ != 0) resolver_->forget(ticket_);
    ticket_ = 0;
    state_ = StreamState::closed;
    failed_ = true;
    error_ = std::move(error);
}

void UringStream::resolved(Resolution resolution) {
    if (!resolution) {
        fail(resolution.error());
        return;
    }
    addresses_ = std::move(*resolution);
    try_next_address();
}

void UringStream::try_next_address() {
    if (socket_) socket_->retire();
    socket_ = nullptr;
    SocketAddress const& address = addresses_[next_address_++];
    peer_ = address.text();
    int const fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail({code_of_socket(errno), errno, peer_});
        return;
    }
    socket_ = &proactor_.adopt(std::make_unique<UringSocket>(proactor_, fd, outbox_bytes_max_));
    socket_->connect(address);
    // An address that swallows packets must not eat the time of those behind it.
    attempt_deadline_ = deadline_;
    pipeline::Nanoseconds const now = proactor_.clock().monotonic();
    std::size_t const left = addresses_.size() - next_address_ + 1;
    if (deadline_ != pipeline::never && deadline_ > now)
        attempt_deadline_ = now + (deadline_ - now) / left;
}

void UringStream::advance_opening() {
    if (ticket_ != 0) {
        std::optional<Resolution> resolution = resolver_->take(ticket_);
        if (resolution) {
            ticket_ = 0;
            resolved(std::move(*resolution));
        } else if (proactor_.clock().monotonic() >= deadline_) {
            fail({Code::timeout, 0, peer_ + ": name resolution"});
        }
        if (!socket_) return;
    }
    if (socket_->connected()) {
        state_ = StreamState::open;
        return;
    }
    pipeline::Nanoseconds const now = proactor_.clock().monotonic();
    bool const late = now >= attempt_deadline_;
    if (socket_->failure() == 0 && !late) return;
    if (next_address_ < addresses_.size() && now < deadline_) {
        try_next_address();
        return;
    }
    int const system = socket_->failure();
    fail({late && system == 0 ? Code::timeout : code_of_socket(system), system,
          "connecting to " + peer_});
}

StreamState UringStream::state() {
    if (state_ == StreamState::opening) advance_opening();
    if (state_ == StreamState::open) {
        int const system = socket_->failure();
        if (system != 0)
            fail({code_of_socket(system), system, peer_});
        else if (socket_->ended() && socket_->shut())
            state_ = StreamState::closed;
    }
    return state_;
}

pipeline::Bytes UringStream::readable() {
    return socket_ ? socket_->readable() : pipeline::Bytes{};
}

void UringStream::consume(std::size_t bytes) {
    if (socket_) socket_->consume(bytes);
}

bool UringStream::ended() {
    if (state() == StreamState::closed) return true;
    return socket_ && socket_->ended();
}

std::size_t UringStream::write(pipeline::Bytes bytes) {
    return state() == StreamState::open ? socket_->write(bytes) : 0;
}

std::size_t UringStream::room() { return state() == StreamState::open ? socket_->room() : 0; }

std::size_t UringStream::unsent() { return state() == StreamState::open ? socket_->unsent() : 0; }

void UringStream::shutdown() {
    if (state() == StreamState::open) socket_->shutdown();
}

void UringStream::close() {
    if (ticket_ != 0) resolver_->forget(ticket_);
    ticket_ = 0;
    if (socket_) socket_->retire();
    socket_ = nullptr;
    state_ = StreamState::closed;
}

pipeline::Nanoseconds UringStream::next_deadline() const {
    if (state_ != StreamState::opening) return pipeline::never;
    return ticket_ != 0 ? deadline_ : std::min(deadline_, attempt_deadline_);
}

std::optional<Credentials> UringStream::credentials() const {
    if (!socket_) return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket_->fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    if (peer.pid == 0) return std::nullopt; // not a Unix socket
    return Credentials{peer.uid, peer.gid, peer.pid};
}

// The listening descriptor and the accept in flight.
class UringListener::Door final : public Slot {
  public:
    Door(Proactor& proactor, int fd)
        : proactor_(proactor)
        , fd_(fd) {}
    ~Door() override {
        // A connection that came after the listener was let go.
        if (armed_ && accepting_.result() >= 0) ::close(accepting_.result());
        ::close(fd_);
    }

    void arm() {
        if (armed_) return;
        armed_ = true;
        proactor_.accept(accepting_, fd_);
    }
    // A descriptor, -errno, or -EINPROGRESS while nobody is there.
    int take() {
        if (!armed_ || accepting_.in_flight()) return -EINPROGRESS;
        armed_ = false;
        return accepting_.result();
    }
    void retire() { proactor_.release(*this, {&accepting_}); }

  private:
    void completed(Operation&) override {}

    Proactor& proactor_;
    int fd_;
    bool armed_ = false;
    Operation accepting_{*this};
};

UringListener::UringListener(Proactor& proactor, int fd, std::uint16_t port, std::string unix_path)
    : proactor_(proactor)
    , door_(proactor.adopt(std::make_unique<Door>(proactor, fd)))
    , port_(port)
    , unix_path_(std::move(unix_path)) {
    door_.arm();
}

UringListener::~UringListener() {
    door_.retire();
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::unique_ptr<Stream> UringListener::accept() {
    if (paused_until_ != pipeline::never) {
        if (proactor_.clock().monotonic() < paused_until_) return nullptr;
        paused_until_ = pipeline::never;
        door_.arm();
    }
    int const result = door_.take();
    if (result == -EINPROGRESS) return nullptr;
    failed_ = result < 0;
    if (failed_) {
        error_ = {code_of_socket(-result), -result, "accept"};
        // Asking again at once would only spin: what is short must come back first.
        paused_until_ = proactor_.clock().monotonic() + limits::accept_pause;
        return nullptr;
    }
    door_.arm();
    return std::make_unique<UringStream>(proactor_, result, limits::outbox_bytes_max);
}

} // namespace io
