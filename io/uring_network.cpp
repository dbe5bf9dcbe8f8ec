#include "io/uring_network.hpp"

#include "io/tls.hpp"
#include "io/uring_stream.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace io {

namespace {

constexpr int backlog = 128;

// 0 or an errno; dual-stack where the address is IPv6.
int bind_and_listen(int fd, SocketAddress const& address) {
    int const on = 1;
    int const off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.family() == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(fd, reinterpret_cast<sockaddr const*>(&address.storage), address.size) != 0)
        return errno;
    return ::listen(fd, backlog) == 0 ? 0 : errno;
}

std::uint16_t bound_port(int fd) {
    SocketAddress bound;
    bound.size = sizeof bound.storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0) return 0;
    if (bound.family() == AF_INET)
        return ntohs(reinterpret_cast<sockaddr_in const&>(bound.storage).sin_port);
    return ntohs(reinterpret_cast<sockaddr_in6 const&>(bound.storage).sin6_port);
}

Resolution listening_addresses(std::string_view host, std::uint16_t port) {
    if (host == "localhost") return literal_address("127.0.0.1", port);
    if (host != "*") {
        Resolution literal = literal_address(std::string(host), port);
        if (!literal)
            return std::unexpected(
                Error{Code::bad_address, 0, "\"" + std::string(host) + "\" is no address literal"});
        return literal;
    }
    // Where the machine has no IPv6 the second is used.
    Resolution both = literal_address("::", port);
    Resolution const v4 = literal_address("0.0.0.0", port);
    if (!both) return v4;
    if (v4) both->insert(both->end(), v4->begin(), v4->end());
    return both;
}

// The kernel keeps the socket of a process that was killed until its ring is gone, a moment after
// the process itself: such a one accepts, and nobody is there.
bool listener_is_alive(int connected) {
    ucred peer{};
    socklen_t size = sizeof peer;
    bool const known =
        getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
    return !known || ::kill(peer.pid, 0) == 0 || errno != ESRCH;
}

// 0: nobody answers (any stale file is gone); EADDRINUSE: somebody does; else an errno.
int clear_stale(std::string const& path, sockaddr_un const& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(status.st_mode)) return EEXIST;
    int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    int const result =
        ::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0 ? 0 : errno;
    bool const alive = (result == 0 && listener_is_alive(fd)) || result == EAGAIN;
    ::close(fd);
    if (alive) return EADDRINUSE;
    if (result != 0 && result != ECONNREFUSED) return result;
    return ::unlink(path.c_str()) == 0 ? 0 : errno;
}

Error unix_error(std::string const& path, int system) {
    if (system == EADDRINUSE) return {Code::already_running, system, path};
    if (system == EEXIST)
        return {Code::file_failure, system, path + ": a file that is no socket is in the way"};
    return {code_of_file(system), system, path};
}

} // namespace

std::unique_ptr<Stream> UringNetwork::connect(Endpoint const& endpoint,
                                              pipeline::Nanoseconds deadline) {
    auto stream = std::make_unique<UringStream>(proactor_, resolver_, endpoint, deadline);
    if (!endpoint.tls) return stream;
    return tls_connect(std::move(stream), endpoint, proactor_.clock(), deadline);
}

std::expected<std::unique_ptr<Listener>, Error> UringNetwork::listen(std::string_view host,
                                                                     std::uint16_t port) {
    Resolution const addresses = listening_addresses(host, port);
    if (!addresses) return std::unexpected(addresses.error());
    Error error{Code::bad_address};
    for (SocketAddress const& address : *addresses) {
        int const fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        int const system = fd < 0 ? errno : bind_and_listen(fd, address);
        if (system == 0)
            return std::make_unique<UringListener>(proactor_, fd, bound_port(fd), std::string{});
        if (fd >= 0) ::close(fd);
        error = {code_of_socket(system), system, "listening on " + address.text()};
    }
    return std::unexpected(error);
}

std::expected<std::unique_ptr<Listener>, Error> UringNetwork::listen_unix(std::string const& path,
                                                                          unsigned mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() > limits::unix_path_bytes_max)
        return std::unexpected(
            Error{Code::bad_address, 0, path + ": a socket path has 1 to 107 bytes"});
    path.copy(address.sun_path, path.size());
    if (int const system = clear_stale(path, address); system != 0)
        return std::unexpected(unix_error(path, system));
    int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return std::unexpected(unix_error(path, errno));
    // Before bind: the file never exists with wider rights than asked for.
    ::fchmod(fd, mode);
    int system = 0;
    if (::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), mode) != 0 || ::listen(fd, backlog) != 0)
        system = errno;
    if (system != 0) {
        ::close(fd);
        return std::unexpected(unix_error(path, system));
    }
    return std::make_unique<UringListener>(proactor_, fd, std::uint16_t{0}, path);
}

} // namespace io
