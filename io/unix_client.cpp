#include "io/unix_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace io {

namespace {

class Asker {
  public:
    Asker(std::string const& path, pipeline::Clock const& clock, pipeline::Nanoseconds deadline)
        : path_(path)
        , clock_(clock)
        , deadline_(deadline) {}
    ~Asker() {
        if (fd_ >= 0) ::close(fd_);
    }
    Asker(Asker const&) = delete;
    Asker& operator=(Asker const&) = delete;

    std::expected<void, Error> connect();
    std::expected<void, Error> send(std::string_view text);
    std::expected<std::string, Error> read_all(std::size_t bytes_max);

  private:
    std::unexpected<Error> failed(int system) const {
        Code code = code_of_socket(system);
        if (system == ENOENT || system == ECONNREFUSED) code = Code::service_not_running;
        return std::unexpected(Error{code, system, path_});
    }
    std::expected<void, Error> wait(short events);

    std::string const& path_;
    pipeline::Clock const& clock_;
    pipeline::Nanoseconds deadline_;
    int fd_ = -1;
};

std::expected<void, Error> Asker::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.empty() || path_.size() > limits::unix_path_bytes_max)
        return std::unexpected(
            Error{Code::bad_address, 0, path_ + ": a socket path has 1 to 107 bytes"});
    path_.copy(address.sun_path, path_.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return failed(errno);
    // A Unix socket connects at once, or its backlog is full (EAGAIN) because nobody serves it.
    if (::connect(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) return {};
    if (errno == EAGAIN)
        return std::unexpected(Error{Code::timeout, EAGAIN, path_ + ": the service hangs"});
    return failed(errno);
}

std::expected<void, Error> Asker::wait(short events) {
    for (;;) {
        pipeline::Nanoseconds const now = clock_.monotonic();
        if (now >= deadline_) return std::unexpected(Error{Code::timeout, 0, path_});
        // Rounded up, and short enough for an int.
        pipeline::Nanoseconds const left =
            std::min((deadline_ - now) / pipeline::millisecond + 1, pipeline::Nanoseconds{60'000});
        pollfd entry{.fd = fd_, .events = events, .revents = 0};
        int const ready = ::poll(&entry, 1, static_cast<int>(left));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return failed(errno);
    }
}

std::expected<void, Error> Asker::send(std::string_view text) {
    while (!text.empty()) {
        if (auto const ready = wait(POLLOUT); !ready) return ready;
        ssize_t const n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) return failed(errno);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::shutdown(fd_, SHUT_WR) != 0) return failed(errno);
    return {};
}

std::expected<std::string, Error> Asker::read_all(std::size_t bytes_max) {
    std::string text;
    char buffer[16 * limits::kib];
    for (;;) {
        if (auto const ready = wait(POLLIN); !ready) return std::unexpected(ready.error());
        ssize_t const n = ::recv(fd_, buffer, sizeof buffer, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) return failed(errno);
        if (n == 0) break;
        if (static_cast<std::size_t>(n) > bytes_max - text.size())
            return std::unexpected(Error{Code::message_too_large, 0, path_ + ": the answer"});
        text.append(buffer, static_cast<std::size_t>(n));
    }
    if (text.empty()) return std::unexpected(Error{Code::closed_by_peer, 0, path_ + ": no answer"});
    return text;
}

} // namespace

std::expected<std::string, Error> ask_unix(std::string const& path, std::string_view line,
                                           pipeline::Clock const& clock,
                                           pipeline::Nanoseconds deadline,
                                           std::size_t reply_bytes_max) {
    if (line.size() >= limits::admin_line_bytes_max)
        return std::unexpected(Error{Code::line_too_long, 0, "request"});
    Asker asker(path, clock, deadline);
    if (auto const connected = asker.connect(); !connected)
        return std::unexpected(connected.error());
    if (auto const sent = asker.send(std::string(line).append("\n")); !sent)
        return std::unexpected(sent.error());
    return asker.read_all(reply_bytes_max);
}

} // namespace io
