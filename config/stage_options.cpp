#include "config/stage_options.hpp"

#include "config/flags_file.hpp"
#include "config/reader.hpp"
#include "config/rule_list.hpp"
#include "decoders/storage_key.hpp"
#include "stages/assets.hpp"
#include "stages/pattern_rule_make.hpp"

#include <algorithm>
#include <charconv>
#include <pwd.h>
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

namespace {

// Of whom a rule of the chain has to know what they hold.
std::vector<decoders::Account> marked_accounts(Config const& config, std::uint16_t chain) {
    bool const marks = std::ranges::any_of(config.rules, [&](stages::Rule const& rule) {
        return rule.chains[chain] && rule.kind == stages::RuleKind::watch &&
               stages::is_pattern(rule);
    });
    return marks ? watched_accounts(config) : std::vector<decoders::Account>();
}

} // namespace

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
    options.audited = stages::audited_accounts(config.rules, index);
    options.balances = marked_accounts(config, index);
    options.audit_every = stages::audit_every(config.rules, index) * pipeline::second;
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

bool has_patterns(Config const& config, std::uint16_t chain) {
    return !config.chains[chain].endpoints.empty() &&
           std::ranges::any_of(config.rules, [&](stages::Rule const& rule) {
               return rule.chains[chain] && stages::is_pattern(rule);
           });
}

std::optional<Reread> reread_of(Config const& config, std::uint16_t chain,
                                stages::Journal const* journal,
                                std::optional<stages::PatternStamp> const& stamp) {
    constexpr std::uint32_t usual_block_ms = 6'000;
    if (journal == nullptr) return std::nullopt;
    std::string const& name = config.chains[chain].name;
    auto const cursor = journal->cursor_of(name);
    auto const genesis = journal->genesis_of(name);
    if (!cursor || !genesis) return std::nullopt;
    bool const kept = stamp && stamp->genesis == *genesis;
    std::uint64_t const window_ms = std::uint64_t{1'000} * longest_window_s(config.rules, chain);
    std::uint64_t const most =
        window_ms / (kept && stamp->block_ms != 0 ? stamp->block_ms : usual_block_ms) + 1;
    std::uint64_t const end = std::uint64_t{cursor->number} + 1;
    auto const oldest = static_cast<std::uint32_t>(end - std::min(end, most));
    auto const ranges = journal->covered(name);
    if (ranges.empty()) return std::nullopt;
    std::uint32_t const from = std::max(kept ? stamp->number + 1 : ranges.front().from, oldest);
    // Behind the first hole nothing had been judged yet.
    auto const of = std::ranges::find_if(ranges, [&](stages::CoveredRange const& range) {
        return range.from <= from && from <= std::uint64_t{range.to} + 1;
    });
    std::uint32_t const told = of == ranges.end() ? from - std::min(from, 1U) : of->to;
    return Reread{{from, cursor->number}, told, kept};
}

bool has_legacy(Config const& config) {
    return std::any_of(config.chains.begin(), config.chains.end(),
                       [](ChainConfig const& chain) { return chain.subscan_url.has_value(); });
}

namespace {

// What no rule would tell need not be asked for: the lowest level of any rule of the chain that
// this path runs, in whole tokens. Empty: every transfer; nothing: no rule looks at this chain.
std::optional<std::string> min_amount(Config const& config, std::size_t chain) {
    std::optional<std::string> lowest;
    auto const consider = [&](std::string const& level) {
        if (!lowest || decimal_less(level, *lowest)) lowest = level;
    };
    for (stages::Rule const& rule : config.rules) {
        if (!rule.chains[chain] || !stages::looks_at_one_movement(rule.kind)) continue;
        if (rule.kind == stages::RuleKind::watch) consider(rule.settings.min.value_or("0"));
        for (auto const& level : rule.levels)
            if (level) consider(*level);
    }
    if (lowest && !decimal_less("0", *lowest)) lowest = "";
    return lowest;
}

} // namespace

stages::SubscanSourceOptions subscan_options(Config const& config, stages::Journal const* journal,
                                             std::string api_key) {
    constexpr std::uint64_t calls_a_poll = 2; // how far it is, and one page
    stages::SubscanSourceOptions options;
    std::uint64_t planned = 0;
    for (std::size_t i = 0; i < config.chains.size(); ++i) {
        ChainConfig const& chain = config.chains[i];
        auto& made = options.chains.emplace_back();
        auto const least = min_amount(config, i);
        made.name = chain.name;
        made.polled = chain.subscan_url && least;
        made.min_amount = least.value_or("");
        made.poll.every = chain.legacy_poll;
        made.poll.start = chain.start;
        made.poll.finalized_only = chain.finalized_only;
        if (journal != nullptr) {
            made.genesis = journal->genesis_of(chain.name);
            made.poll.resume = journal->legacy_cursor_of(chain.name);
            // Subscan is new to this chain: it goes on where the node was, or began.
            auto const cursor = journal->cursor_of(chain.name);
            if (!made.poll.resume && cursor) made.poll.resume = cursor->number;
            if (!made.poll.start) made.poll.start = journal->start_of(chain.name);
        }
        if (made.polled) planned += calls_a_poll * 86'400 * pipeline::second / chain.legacy_poll;
        options.gate.chains.push_back(chain.name);
        options.gate.hosts.push_back(chain.subscan_url);
    }
    options.planned_per_day = planned;
    options.gate.api_key = std::move(api_key);
    if (!config.subscan) return options;
    options.gate.quota.requests_per_second = config.subscan->requests_per_second;
    options.gate.quota.requests_per_day = config.subscan->requests_per_day;
    options.gate.http.ca_file = config.subscan->ca_file;
    return options;
}

bool priced(Config const& config, std::uint16_t chain) {
    return std::ranges::any_of(config.rules, [&](stages::Rule const& rule) {
        auto const& usd = rule.settings.usd;
        return rule.chains[chain] && (usd[0] || usd[1] || usd[2]);
    });
}

stages::EnrichOptions enrich_options(Config const& config) {
    stages::EnrichOptions options;
    for (std::uint16_t i = 0; std::size_t{i} < config.chains.size(); ++i)
        options.chains.push_back({config.chains[i].subscan_url.has_value(), priced(config, i)});
    if (!has_legacy(config)) { // nobody to ask, so nothing to keep
        options.cache.hot_entries = 2;
        options.cache.warm_entries = 16;
    }
    options.accounts = config.enrich.accounts;
    options.prices = config.enrich.prices;
    auto const keep = [&](stages::CacheKind kind, Nanoseconds ttl) {
        options.cache.kinds[static_cast<std::size_t>(kind)].ttl_ms = ttl / pipeline::millisecond;
    };
    keep(stages::CacheKind::identity, config.cache.identity);
    keep(stages::CacheKind::balance, config.cache.balance);
    keep(stages::CacheKind::price, config.cache.price);
    return options;
}

stages::ShadowOptions shadow_options(Config const& config) {
    stages::ShadowOptions options;
    for (ChainConfig const& chain : config.chains)
        options.chains.push_back(
            {chain.name, chain.subscan_url.has_value() && !chain.endpoints.empty(), {}});
    return options;
}

stages::RouteOptions route_options(Config const& config) {
    stages::RouteOptions options;
    options.rule_names = rule_names(config);
    for (ChainConfig const& chain : config.chains) {
        options.chains.push_back(
            {chain.name, chain.subscan_url.has_value(), !chain.endpoints.empty()});
    }
    for (WatchConfig const& watch : config.watches)
        options.watched.push_back({watch.account, watch.tier});
    options.handover.hybrid_patience = config.routing.hybrid_patience;
    options.handover.legacy_patience = config.routing.legacy_patience;
    return options;
}

namespace {

bool has_patterns(Config const& config) {
    return std::ranges::any_of(config.rules, stages::is_pattern);
}

} // namespace

std::vector<decoders::Account> watched_accounts(Config const& config) {
    std::vector<decoders::Account> accounts;
    for (WatchConfig const& watch : config.watches) accounts.push_back(watch.account);
    return accounts;
}

decoders::MovementKinds movement_kinds(Config const& config) {
    bool const audits = std::ranges::any_of(
        config.rules, [](stages::Rule const& rule) { return !rule.settings.audit.empty(); });
    if (has_patterns(config) || audits) return stages::Patterns::kinds();
    return decoders::MovementKind::transfer;
}

stages::DetectPatterns patterns_of(Config const& config, stages::Journal const* journal) {
    stages::DetectPatterns patterns;
    patterns.on = has_patterns(config);
    patterns.options.accounts_max = config.patterns.accounts;
    patterns.options.movements_max = config.patterns.movements;
    for (ChainConfig const& chain : config.chains) {
        auto& begin = patterns.begin.emplace_back(chain.start);
        if (journal == nullptr) continue;
        if (auto const cursor = journal->cursor_of(chain.name)) begin = cursor->number + 1;
    }
    return patterns;
}

stages::DeliverOptions deliver_options(Config const& config) {
    stages::DeliverOptions options;
    options.chains = chain_names(config);
    for (stages::Rule const& rule : config.rules) options.rules.push_back({rule.name, rule.kind});
    return options;
}

std::vector<std::optional<std::uint32_t>> starts(Config const& config) {
    std::vector<std::optional<std::uint32_t>> all;
    all.reserve(config.chains.size());
    for (ChainConfig const& chain : config.chains) all.push_back(chain.start);
    return all;
}

std::optional<std::uint32_t> uid_of(std::string const& name) {
    std::uint32_t uid = 0;
    auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
    if (error == std::errc() && end == name.data() + name.size()) return uid;
    passwd const* const entry = getpwnam(name.c_str());
    return entry != nullptr ? std::optional(entry->pw_uid) : std::nullopt;
}

stages::ControlOptions control_options(Config const& config) {
    stages::ControlOptions options;
    options.version = SPYHOP_VERSION;
    options.rules = rule_names(config);
    options.uid = geteuid();
    options.pid = getpid();
    for (ChainConfig const& chain : config.chains) {
        auto& made = options.chains.emplace_back();
        made.name = chain.name;
        for (io::Url const& url : chain.endpoints) made.endpoints.push_back(url.authority());
        if (chain.subscan_url) made.subscan = chain.subscan_url->authority();
        made.hybrid = !chain.endpoints.empty();
    }
    for (WatchConfig const& watch : config.watches)
        if (watch.tier != 0) options.watched.push_back({watch.account, watch.tier});
    for (std::string const& name : config.service.operators)
        if (auto const uid = uid_of(name)) options.operators.push_back(*uid);
    return options;
}

std::vector<stages::RuleOnChain> rules_on_chains(Config const& config,
                                                 pipeline::MetricsBook& metrics) {
    std::vector<stages::RuleOnChain> made;
    auto const page = [&](stages::RuleOnChain const& of, std::string_view path) {
        auto& there = metrics.add(stages::rule_label(of.name, config.chains[of.chain].name, path),
                                  stages::rule_metrics);
        auto const budget = stages::budget(config.rules[of.rule]);
        there.set(stages::RuleMetric::budget, budget ? stages::micro_alerts(*budget) : 0);
        return &there;
    };
    for (std::uint16_t rule = 0; std::size_t{rule} < config.rules.size(); ++rule)
        for (std::uint16_t chain = 0; std::size_t{chain} < config.chains.size(); ++chain) {
            stages::Rule const& of = config.rules[rule];
            if (!of.chains[chain]) continue;
            stages::RuleKindRow const& kind = stages::row_of(of.kind);
            auto& one = made.emplace_back(
                stages::RuleOnChain{.name = of.name,
                                    .kind = kind.name,
                                    .statistical = kind.model == stages::RuleModel::statistical,
                                    .rule = rule,
                                    .chain = chain});
            RulePaths const paths = paths_of(of, config.chains[chain]);
            if (paths.hybrid) one.hybrid = page(one, "hybrid");
            if (paths.legacy) one.legacy = page(one, "legacy");
        }
    return made;
}

namespace {

stages::RulePages pages_of(Config const& config, std::vector<stages::RuleOnChain> const& rules,
                           pipeline::MetricsPage* stages::RuleOnChain::* path) {
    stages::RulePages pages(config.chains.size());
    for (auto& of_chain : pages) of_chain.resize(config.rules.size());
    for (stages::RuleOnChain const& one : rules) pages[one.chain][one.rule] = one.*path;
    return pages;
}

} // namespace

stages::RulePages hybrid_pages(Config const& config,
                               std::vector<stages::RuleOnChain> const& rules) {
    return pages_of(config, rules, &stages::RuleOnChain::hybrid);
}

stages::RulePages legacy_pages(Config const& config,
                               std::vector<stages::RuleOnChain> const& rules) {
    return pages_of(config, rules, &stages::RuleOnChain::legacy);
}

pipeline::Regime first_regime(Config const& config) {
    return stages::regime_of(first_flags(config));
}

} // namespace config
