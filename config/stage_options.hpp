// What each stage is told of the configuration. Pure functions of a loaded configuration, any
// thread; they cannot fail, because load() has checked everything they read.
#pragma once

#include "config/config.hpp"
#include "pipeline/switchboard.hpp"
#include "stages/control.hpp"
#include "stages/enrich.hpp"
#include "stages/route.hpp"
#include "stages/rpc_history.hpp"
#include "stages/rpc_source.hpp"
#include "stages/shadow.hpp"
#include "stages/subscan_source.hpp"

namespace config {

std::vector<std::string> chain_names(Config const& config);
std::vector<std::string> rule_names(Config const& config);
// journal: what earlier runs know of the chain; null: nothing.
stages::RpcSourceOptions source_options(Config const& config, std::uint16_t chain,
                                        stages::Journal const* journal);
stages::RpcHistoryOptions history_options(Config const& config, std::uint16_t chain,
                                          stages::Journal const* journal);
bool has_legacy(Config const& config); // some chain has a subscan_url
// api_key: empty, none is sent.
stages::SubscanSourceOptions subscan_options(Config const& config, stages::Journal const* journal,
                                             std::string api_key);
stages::EnrichOptions enrich_options(Config const& config);
stages::ShadowOptions shadow_options(Config const& config);
stages::RouteOptions route_options(Config const& config);
stages::DeliverOptions deliver_options(Config const& config);
// The first wanted block of each chain, where one is configured.
std::vector<std::optional<std::uint32_t>> starts(Config const& config);
// Of a user's name, or a number as it is; nothing: there is no such user.
std::optional<std::uint32_t> uid_of(std::string const& name);
stages::ControlOptions control_options(Config const& config);
pipeline::Regime first_regime(Config const& config);

} // namespace config
