// What each stage is told of the configuration. Pure functions of a loaded configuration, any
// thread; they cannot fail, because load() has checked everything they read.
#pragma once

#include "config/config.hpp"
#include "pipeline/switchboard.hpp"
#include "stages/control.hpp"
#include "stages/detect.hpp"
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
// What patterns have to hear again after a restart, to know what they knew.
struct Reread {
    stages::Stretch blocks{};   // may end before it begins: none
    std::uint32_t told_to = 0;  // what they say of blocks up to here has been told
    bool from_snapshot = false; // else from the beginning of their longest window
};
// Where what was kept of them ends at `stamp`: the blocks behind it up to the journal's cursor, at
// most those of the longest window. Nothing: the journal knows nothing of the chain.
std::optional<Reread> reread_of(Config const& config, std::uint16_t chain,
                                stages::Journal const* journal,
                                std::optional<stages::PatternStamp> const& stamp);
// Some rule of the chain is a pattern, and there is a node whose blocks it can be judged by.
bool has_patterns(Config const& config, std::uint16_t chain);
// Rules of the chain have levels in dollars.
bool priced(Config const& config, std::uint16_t chain);
bool has_legacy(Config const& config); // some chain has a subscan_url
// api_key: empty, none is sent.
stages::SubscanSourceOptions subscan_options(Config const& config, stages::Journal const* journal,
                                             std::string api_key);
stages::EnrichOptions enrich_options(Config const& config);
stages::ShadowOptions shadow_options(Config const& config);
stages::RouteOptions route_options(Config const& config);
std::vector<decoders::Account> watched_accounts(Config const& config);
// What the rules look at, of all that decode could tell.
decoders::MovementKinds movement_kinds(Config const& config);
// Without labels and seed.
stages::DetectPatterns patterns_of(Config const& config, stages::Journal const* journal);
stages::DeliverOptions deliver_options(Config const& config);
// The first wanted block of each chain, where one is configured.
std::vector<std::optional<std::uint32_t>> starts(Config const& config);
// Of a user's name, or a number as it is; nothing: there is no such user.
std::optional<std::uint32_t> uid_of(std::string const& name);
stages::ControlOptions control_options(Config const& config);
// Every rule on every chain that it covers, with its pages; made while wiring.
std::vector<stages::RuleOnChain> rules_on_chains(Config const& config,
                                                 pipeline::MetricsBook& metrics);
// Those that the Detect of one path writes.
stages::RulePages hybrid_pages(Config const& config, std::vector<stages::RuleOnChain> const& rules);
stages::RulePages legacy_pages(Config const& config, std::vector<stages::RuleOnChain> const& rules);
pipeline::Regime first_regime(Config const& config);

} // namespace config
