#include "io/uring_socket.hpp"

#include "pipeline/check.hpp"

#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace io {

namespace {

// Dead peers behind silent routers are noticed after about a minute, whatever is spoken above.
constexpr int keepalive_idle_seconds = 30;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;

// With less free space at its end the inbox is moved to its beginning before more is received.
constexpr std::size_t receive_bytes_min = limits::inbox_bytes / 2;

bool is_temporary(int result) {
    return result == -EINTR || result == -EAGAIN || result == -ENOBUFS;
}

} // namespace

UringSocket::UringSocket(Proactor& proactor, int fd, std::size_t outbox_bytes_max)
    : proactor_(proactor)
    , fd_(fd)
    , inbox_(std::make_unique_for_overwrite<std::uint8_t[]>(limits::inbox_bytes))
    , outbox_bytes_max_(outbox_bytes_max) {
    // Failure is harmless: Unix sockets know neither.
    int const on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_idle_seconds, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &keepalive_interval_seconds, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &keepalive_probes, sizeof(int));
}

UringSocket::~UringSocket() { ::close(fd_); }

void UringSocket::connect(SocketAddress const& address) {
    address_ = address;
    proactor_.connect(connecting_, fd_, reinterpret_cast<sockaddr const*>(&address_.storage),
                      address_.size);
}

void UringSocket::start() {
    connected_ = true;
    receive_more();
    send_more();
}

void UringSocket::retire() { proactor_.release(*this, {&connecting_, &receiving_, &sending_}); }

void UringSocket::completed(Operation& operation) {
    int const result = operation.result();
    if (&operation == &receiving_)
        on_received(result);
    else if (&operation == &sending_)
        on_sent(result);
    else if (result == 0)
        start();
    else
        failure_ = -result;
}

void UringSocket::on_received(int result) {
    if (result > 0) {
        end_ += static_cast<std::size_t>(result);
        received_ = proactor_.clock().monotonic();
    } else if (result == 0) {
        ended_ = true;
    } else if (!is_temporary(result)) {
        failure_ = -result;
    }
    receive_more();
}

void UringSocket::receive_more() {
    if (!connected_ || ended_ || failure_ != 0 || receiving_.in_flight()) return;
    if (begin_ > 0 && (begin_ == end_ || limits::inbox_bytes - end_ < receive_bytes_min)) {
        std::memmove(inbox_.get(), inbox_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == limits::inbox_bytes) return; // the consumer is waited for
    proactor_.recv(receiving_, fd_, {inbox_.get() + end_, limits::inbox_bytes - end_});
}

void UringSocket::consume(std::size_t bytes) {
    CHECK(bytes <= end_ - begin_);
    begin_ += bytes;
    receive_more();
}

std::size_t UringSocket::write(pipeline::Bytes bytes) {
    if (failure_ != 0 || shutdown_wanted_) return 0;
    std::size_t const size = std::min(bytes.size(), room());
    queued_.insert(queued_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    send_more();
    return size;
}

void UringSocket::on_sent(int result) {
    if (result >= 0)
        active_sent_ += static_cast<std::size_t>(result);
    else if (!is_temporary(result))
        failure_ = -result;
    send_more();
}

void UringSocket::send_more() {
    if (!connected_ || failure_ != 0 || sending_.in_flight()) return;
    if (active_sent_ == active_.size()) {
        active_.clear();
        active_sent_ = 0;
        std::swap(active_, queued_);
    }
    if (!active_.empty()) {
        proactor_.send(sending_, fd_, pipeline::Bytes(active_).subspan(active_sent_));
    } else if (shutdown_wanted_ && !shut_) {
        shut_ = true;
        ::shutdown(fd_, SHUT_WR);
    }
}

void UringSocket::shutdown() {
    shutdown_wanted_ = true;
    send_more();
}

} // namespace io
