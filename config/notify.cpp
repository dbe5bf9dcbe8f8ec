#include "config/notify.hpp"

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace config {

namespace {

void notify(std::string_view state) {
    char const* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (!path || std::strlen(path) < 2 || std::strlen(path) >= sizeof address.sun_path) return;
    int const socket_fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0'; // abstract names
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    // A manager that does not listen is no reason not to work.
    (void)::sendto(socket_fd, state.data(), state.size(), MSG_NOSIGNAL,
                   reinterpret_cast<sockaddr const*>(&address), size);
    ::close(socket_fd);
}

} // namespace

void notify_ready() { notify("READY=1"); }
void notify_stopping() { notify("STOPPING=1"); }
void notify_alive() { notify("WATCHDOG=1"); }

pipeline::Nanoseconds watchdog_interval() {
    char const* const text = std::getenv("WATCHDOG_USEC");
    if (!text) return 0;
    std::uint64_t microseconds = 0;
    auto const [end, error] = std::from_chars(text, text + std::strlen(text), microseconds);
    constexpr std::uint64_t longest = 86'400'000'000; // a day
    return error == std::errc() && *end == '\0' && microseconds <= longest
             ? microseconds * pipeline::microsecond
             : 0;
}

} // namespace config
