// Names to addresses without blocking the I/O thread: one helper thread runs getaddrinfo, results
// are pulled, the owning poller is woken when one is ready. Address literals never go to that
// thread.
//
// All calls but the helper's belong to the owning thread. The helper starts with the first lookup.
// A resolver destroyed while getaddrinfo runs does not wait for it: the last one out frees the
// desk.
#pragma once

#include "io/error.hpp"
#include "pipeline/poller.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace io {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    int family() const { return storage.ss_family; }
    std::string text() const; // "127.0.0.1:9944", "[::1]:9944"
};

using Addresses = std::vector<SocketAddress>;
using Resolution = std::expected<Addresses, Error>;

// Blocks; runs on the helper thread. Replaceable for tests.
using Lookup = Resolution (*)(std::string const& host, std::uint16_t port);
Resolution system_lookup(std::string const& host, std::uint16_t port);

// The address if `host` is a literal, without asking anybody.
Resolution literal_address(std::string const& host, std::uint16_t port);

struct ResolverDesk; // what both threads see

class Resolver {
  public:
    Resolver(pipeline::Poller& poller, Lookup lookup);
    ~Resolver();
    Resolver(Resolver const&) = delete;
    Resolver& operator=(Resolver const&) = delete;

    // A ticket for take(); fails when limits::lookups_max are waiting.
    [[nodiscard]] std::expected<std::uint64_t, Error> ask(std::string const& host,
                                                          std::uint16_t port);
    // The answer, once; empty while it is not there.
    [[nodiscard]] std::optional<Resolution> take(std::uint64_t ticket);
    // The answer is not wanted any more.
    void forget(std::uint64_t ticket);

  private:
    pipeline::Poller& poller_;
    Lookup lookup_;
    ResolverDesk* desk_ = nullptr;
    std::uint64_t next_ticket_ = 1;
};

} // namespace io
