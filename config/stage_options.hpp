// What each stage is told of the configuration. Pure functions of a loaded configuration, any
// thread; they cannot fail, because load() has checked everything they read.
#pragma once

#include "config/config.hpp"
#include "pipeline/switchboard.hpp"
#include "stages/control.hpp"
#include "stages/rpc_source.hpp"

namespace config {

std::vector<std::string> chain_names(Config const& config);
std::vector<std::string> rule_names(Config const& config);
stages::RpcSourceOptions source_options(Config const& config, std::uint16_t chain);
stages::DeliverOptions deliver_options(Config const& config);
stages::ControlOptions control_options(Config const& config);
pipeline::Regime first_regime(Config const& config);

} // namespace config
