// Where alerts go and where they are kept: the journal in the state directory, and the sinks behind
// it, brought to where the journal is before anything is said.
//
// Called while wiring, by one thread; blocks on the disk. Errors are sentences with the place in
// the configuration.
#pragma once

#include "config/config.hpp"
#include "io/proactor.hpp"
#include "io/random.hpp"
#include "pipeline/stop.hpp"
#include "stages/deliver.hpp"

namespace config {

struct DeliveryWorld {
    io::Proactor& proactor; // of deliver's thread
    io::Random& random;
    pipeline::Log& log;
    pipeline::StopRequest& stop; // asked when a sink's reader went away for good
};

std::string journal_path(Config const& config);

[[nodiscard]] std::expected<std::unique_ptr<stages::Journal>, std::string>
open_journal(Config const& config);

[[nodiscard]] std::expected<std::vector<stages::Outlet>, std::string>
open_outlets(Config const& config, stages::Journal& journal, DeliveryWorld const& world);

} // namespace config
