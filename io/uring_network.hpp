// TCP and Unix stream sockets over one Proactor; TLS on top where an endpoint asks for it.
//
// One receive and one send in flight per stream. TCP_NODELAY and keep-alive are set. connect()
// tries each resolved address in turn, giving each an equal share of the time that is left. Owned
// by the proactor's thread; outlives its streams and listeners.
#pragma once

#include "io/proactor.hpp"
#include "io/resolver.hpp"
#include "io/stream.hpp"

namespace io {

class UringNetwork final : public Network {
  public:
    explicit UringNetwork(Proactor& proactor, Lookup lookup = system_lookup)
        : proactor_(proactor)
        , resolver_(proactor, lookup) {}

    std::unique_ptr<Stream> connect(Endpoint const& endpoint,
                                    pipeline::Nanoseconds deadline) override;
    std::expected<std::unique_ptr<Listener>, Error> listen(std::string_view host,
                                                           std::uint16_t port) override;
    std::expected<std::unique_ptr<Listener>, Error> listen_unix(std::string const& path,
                                                                unsigned mode) override;

  private:
    Proactor& proactor_;
    Resolver resolver_;
};

} // namespace io
