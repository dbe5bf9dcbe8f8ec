#include "config/stage_options.hpp"

#include "decoders/storage_key.hpp"
#include "stages/assets.hpp"

#include <algorithm>
#include <cmath>
#include <unistd.h>

namespace config {

std::vector<std::string> chain_names(Config const& config) {
    std::vector<std::string> names;
    names.reserve(config.chains.size());
    for (ChainConfig const& chain : config.chains) names.push_back(chain.name);
    return names;
}

std::vector<std::string> rule_names(Config const& config) {
    std::vector<std::string> names;
    names.reserve(config.rules.size());
    for (stages::Rule const& rule : config.rules) names.push_back(rule.name);
    return names;
}

stages::RpcSourceOptions source_options(Config const& config, std::uint16_t index,
                                        stages::Journal const* journal) {
    ChainConfig const& chain = config.chains[index];
    stages::RpcSourceOptions options;
    options.chain = index;
    options.name = chain.name;
    options.endpoints = chain.endpoints;
    options.follower.finalized_only = chain.finalized_only;
    if (journal != nullptr) options.genesis = journal->genesis_of(chain.name);
    bool const known = options.genesis.has_value();
    // What lies before the node's finalized head is known already, or the history reader's.
    options.follower.from_finalized = chain.start || known;
    if (!known) options.follower.start = chain.start.value_or(0);
    options.attribute = chain.attribute;
    options.socket.ca_file = chain.ca_file;
    // Assets are looked up only where a rule asks for more than the chain's own token.
    bool const beyond_native =
        std::any_of(config.rules.begin(), config.rules.end(), [&](stages::Rule const& rule) {
            return rule.chains[index] && rule.assets != std::vector<std::string>{"native"};
        });
    if (!beyond_native) return options;
    for (stages::AssetMap const& map : stages::asset_maps) {
        auto const prefix = decoders::storage_prefix(map.pallet, map.entry);
        options.asset_maps.emplace_back(prefix.begin(), prefix.end());
    }
    return options;
}

stages::RpcHistoryOptions history_options(Config const& config, std::uint16_t index,
                                          stages::Journal const* journal) {
    ChainConfig const& chain = config.chains[index];
    stages::RpcHistoryOptions options;
    options.chain = index;
    options.name = chain.name;
    options.endpoints = chain.endpoints;
    if (journal != nullptr) options.genesis = journal->genesis_of(chain.name);
    options.attribute = chain.attribute;
    options.socket.ca_file = chain.ca_file;
    return options;
}

stages::DeliverOptions deliver_options(Config const& config) {
    stages::DeliverOptions options;
    options.chains = chain_names(config);
    for (stages::Rule const& rule : config.rules) options.rules.push_back({rule.name, rule.kind});
    for (WatchConfig const& watch : config.watches)
        if (!watch.label.empty()) options.labels.push_back({watch.account, watch.label});
    return options;
}

std::vector<std::optional<std::uint32_t>> starts(Config const& config) {
    std::vector<std::optional<std::uint32_t>> all;
    all.reserve(config.chains.size());
    for (ChainConfig const& chain : config.chains) all.push_back(chain.start);
    return all;
}

stages::ControlOptions control_options(Config const& config) {
    stages::ControlOptions options;
    options.version = SPYHOP_VERSION;
    options.uid = geteuid();
    options.pid = getpid();
    for (ChainConfig const& chain : config.chains) {
        auto& made = options.chains.emplace_back();
        made.name = chain.name;
        for (io::Url const& url : chain.endpoints) made.endpoints.push_back(url.authority());
    }
    return options;
}

// No chain has a legacy path in this version, so nothing can be routed away from the nodes.
pipeline::Regime first_regime(Config const& config) {
    FlagsConfig const& flags = config.flags;
    pipeline::Regime regime;
    regime.epoch = 1;
    regime.mode = pipeline::Mode::hybrid_only;
    regime.hybrid_buckets =
        static_cast<std::uint16_t>(std::lround(flags.hybrid_traffic_percent * 100));
    using pipeline::Flag;
    regime.flags =
        static_cast<std::uint8_t>((flags.enable_hybrid_rpc ? Flag::hybrid_rpc : 0) |
                                  (flags.enable_hybrid_patterns ? Flag::hybrid_patterns : 0) |
                                  (flags.enable_parallel_mode ? Flag::parallel_mode : 0));
    return regime;
}

} // namespace config
