#include "config/drawn_world.hpp"

namespace config {

World DrawnWorld::world(Config const& config, pipeline::Switchboard& switchboard) {
    return World{config,
                 clock_,
                 random_,
                 log_,
                 switchboard,
                 [this](pipeline::Driver&) -> io::Network& { return nowhere_; },
                 [] { return std::unique_ptr<stages::Journal>(); },
                 [](pipeline::Driver&, stages::Journal*) { return std::vector<stages::Outlet>(); },
                 [](pipeline::Driver&) { return std::unique_ptr<io::UnixServer>(); },
                 [] { return std::unique_ptr<stages::StateFiles>(); },
                 {},
                 {},
                 {}};
}

std::size_t region_bytes(Config const& config) {
    constexpr std::size_t of_service = std::size_t{256} << 20;
    constexpr std::size_t of_chain = std::size_t{64} << 20;
    return of_service + config.chains.size() * of_chain;
}

} // namespace config
