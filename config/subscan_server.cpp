#include "config/subscan_server.hpp"

#include "io/files.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_host.hpp" // node_path

#include <fmt/format.h>

namespace config {

std::expected<std::uint16_t, std::string> SubscanServer::listen(io::Network& network,
                                                                io::HostPort const& at) {
    CHECK(!server_);
    auto listener = network.listen(at.host, at.port);
    if (!listener) return std::unexpected(io::describe(listener.error()));
    server_.emplace(std::move(*listener), clock_);
    host_.emplace(*server_, subscan_, clock_);
    return server_->port();
}

std::expected<void, std::string>
SubscanServer::add(std::unique_ptr<stages::ChainFeed> feed,
                   std::optional<pipeline::Nanoseconds> block_time) {
    CHECK(host_);
    return host_->add(std::move(feed), block_time);
}

std::unique_ptr<stages::ChainFeed> SubscanServer::beside(std::unique_ptr<stages::ChainFeed> feed) {
    auto const chain = subscan_.add_chain();
    auto const tell = [this, chain](io::CaptureRecord const& record) {
        // Only a chain's description can be refused, and that the node has read before.
        static_cast<void>(subscan_.add(chain, record));
    };
    return std::make_unique<stages::ToldFeed>(std::move(feed), tell);
}

void SubscanServer::close() {
    host_.reset();
    server_.reset();
}

std::string url_host(io::HostPort const& at) {
    if (at.host.contains(':')) return "[" + at.host + "]";
    return at.host == "*" ? "127.0.0.1" : at.host;
}

std::vector<std::string> subscan_urls(io::HostPort const& at, std::uint16_t port,
                                      std::vector<std::string> const& chains) {
    std::vector<std::string> urls;
    urls.reserve(chains.size());
    for (std::string const& chain : chains) {
        urls.push_back(fmt::format("http://{}:{}{}", url_host(at), port,
                                   chains.size() > 1 ? stages::node_path(chain) : std::string()));
    }
    return urls;
}

std::expected<stages::SubscanScenario, std::string> load_subscan_scenario(std::string const& path) {
    if (path.empty()) return stages::SubscanScenario{};
    auto const text = io::read_file(path);
    if (!text) return std::unexpected(io::describe(text.error()));
    return stages::parse_subscan_scenario(*text, path);
}

} // namespace config
