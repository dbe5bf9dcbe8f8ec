#include "stages/detect.hpp"

#include <fmt/format.h>

namespace stages {

Detect::Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
               pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates)
    : rules_(std::move(rules))
    , log_(log)
    , metrics_(metrics)
    , candidates_(candidates) {
    CHECK(rules_.size() <= rules_max);
    for (std::string& name : chains) chains_.push_back({std::move(name), {}});
}

void Detect::on(pipeline::Part<Fact> const& part, pipeline::Turn const&) {
    Fact const& fact = part.message;
    Chain& chain = chains_[fact.chain];
    Candidate candidate;
    candidate.header.received = fact.header.received;
    candidate.chain = fact.chain;
    candidate.path = fact.path;
    if (auto const* transfer = std::get_if<Transfer>(&fact.body))
        return judge(candidate, chain, *transfer);
    if (auto const* facts = std::get_if<ChainFacts>(&fact.body)) learn(chain, fact.chain, *facts);
    if (auto const* asset = std::get_if<AssetFacts>(&fact.body)) learn(chain, fact.chain, *asset);
    CHECK(pass_on(fact.body, candidate.body));
    candidates_.emit(candidate);
}

void Detect::learn(Chain& chain, std::uint16_t index, ChainFacts const& facts) {
    if (chain.assets.empty()) chain.assets.resize(1);
    Asset& native = chain.assets[native_asset];
    native = {};
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (rules_[i].chains[index] && covers_native(rules_[i], facts))
            native.bounds.push_back(
                {static_cast<std::uint16_t>(i), levels_of(rules_[i], facts.decimals)});
}

void Detect::learn(Chain& chain, std::uint16_t index, AssetFacts const& facts) {
    if (chain.assets.size() <= facts.slot) chain.assets.resize(facts.slot + 1);
    Asset& asset = chain.assets[facts.slot];
    asset = {};
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        Rule const& rule = rules_[i];
        if (!rule.chains[index] || !covers(rule, facts)) continue;
        asset.blind = !facts.decimals_known;
        asset.bounds.push_back(
            {static_cast<std::uint16_t>(i), facts.decimals_known ? levels_of(rule, facts.decimals)
                                                                 : levels_without_decimals(rule)});
    }
    if (!asset.blind) return;
    log_.write(pipeline::Level::warning, "detect",
               fmt::format("{}: asset {} has not said how many decimals it has; only a level of "
                           "\"0\" can be judged for it",
                           chain.name, facts.id.view()));
}

void Detect::judge(Candidate& candidate, Chain const& chain, Transfer const& transfer) {
    metrics_.add(DetectMetric::transfers);
    if (transfer.asset >= chain.assets.size()) { // decode's book of assets is full
        metrics_.add(DetectMetric::unjudged);
        return;
    }
    Asset const& asset = chain.assets[transfer.asset];
    bool met = false;
    for (Bound const& bound : asset.bounds) {
        auto const severity = bound.levels.met(transfer.amount);
        if (!severity) continue;
        met = true;
        metrics_.add(DetectMetric::matches);
        candidate.body = Match{transfer, bound.rule, *severity};
        candidates_.emit(candidate);
    }
    if (asset.blind && !met) metrics_.add(DetectMetric::unjudged);
}

} // namespace stages
