// A stand-in Subscan with its HTTP server, as one thread holds it: that of `spyhop subscan`, or
// that of the nodes it stands beside. The thread polls its proactor and calls turn().
//
// Owns the listener; the network and the clock must outlive it. Failures are sentences.
#pragma once

#include "io/url.hpp"
#include "stages/standin_subscan_host.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace config {

class SubscanServer {
  public:
    SubscanServer(pipeline::Clock const& clock, stages::StandinSubscan::Options options)
        : clock_(clock)
        , subscan_(clock, std::move(options)) {}
    SubscanServer(SubscanServer const&) = delete;
    SubscanServer& operator=(SubscanServer const&) = delete;

    // The port. Called once, before anything below.
    [[nodiscard]] std::expected<std::uint16_t, std::string> listen(io::Network& network,
                                                                   io::HostPort const& at);
    // A chain with a feed of its own.
    [[nodiscard]] std::expected<void, std::string>
    add(std::unique_ptr<stages::ChainFeed> feed, std::optional<pipeline::Nanoseconds> block_time);
    // A chain that is somebody else's: what that one reads of the feed returned is told here.
    std::unique_ptr<stages::ChainFeed> beside(std::unique_ptr<stages::ChainFeed> feed);

    bool turn() { return host_->turn(); }
    pipeline::Nanoseconds next_deadline() const { return host_->next_deadline(); }
    stages::StandinSubscan const& subscan() const { return subscan_; }
    // Lets go of the sockets; the counters stay.
    void close();

  private:
    pipeline::Clock const& clock_;
    stages::StandinSubscan subscan_;
    std::optional<io::HttpServer> server_;
    std::optional<stages::StandinSubscanHost> host_;
};

// Where a chain's API begins: "http://127.0.0.1:4399", with the chain's path if there are several.
std::vector<std::string> subscan_urls(io::HostPort const& at, std::uint16_t port,
                                      std::vector<std::string> const& chains);
// As it stands in a URL that is to be reached from here.
std::string url_host(io::HostPort const& at);

// A scenario file; an empty path: the defaults.
[[nodiscard]] std::expected<stages::SubscanScenario, std::string>
load_subscan_scenario(std::string const& path);

} // namespace config
