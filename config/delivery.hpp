// Where alerts go and where they are kept: the journal in the state directory, and the sinks behind
// it, brought to where the journal is before anything is said. Beside them the sinks of operators,
// which hear of incidents; no journal keeps those.
//
// Called while wiring, by one thread; blocks on the disk. Errors are sentences with the place in
// the configuration.
#pragma once

#include "config/config.hpp"
#include "io/proactor.hpp"
#include "io/random.hpp"
#include "pipeline/stop.hpp"
#include "stages/deliver.hpp"
#include "stages/operator_sinks.hpp"

namespace config {

struct DeliveryWorld {
    io::Proactor& proactor; // of the thread that writes: deliver's, or control's for incidents
    io::Random& random;
    pipeline::Log& log;
    pipeline::StopRequest& stop; // asked when a sink's reader went away for good
};

std::string journal_path(Config const& config);

[[nodiscard]] std::expected<std::unique_ptr<stages::Journal>, std::string>
open_journal(Config const& config);

[[nodiscard]] std::expected<std::vector<stages::Outlet>, std::string>
open_outlets(Config const& config, stages::Journal& journal, DeliveryWorld const& world);

[[nodiscard]] std::expected<stages::OperatorSinks, std::string>
open_operator_sinks(Config const& config, DeliveryWorld const& world);

} // namespace config
