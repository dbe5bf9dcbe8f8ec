#include "stages/detect.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

Candidate about(Fact const& fact) {
    Candidate candidate;
    candidate.header.received = fact.header.received;
    candidate.chain = fact.chain;
    candidate.path = fact.path;
    // An asset that is met there for the first time is news to everybody.
    candidate.recheck = fact.recheck && !std::holds_alternative<AssetFacts>(fact.body);
    return candidate;
}

} // namespace

Detect::Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
               pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates,
               DetectProcesses processes)
    : rules_(std::move(rules))
    , log_(log)
    , metrics_(metrics)
    , candidates_(candidates)
    , processes_(processes)
    , reader_(processes.reader.load()) {
    CHECK(rules_.size() <= rules_max);
    for (std::string& name : chains) chains_.push_back({std::move(name), {}});
}

void Detect::on(pipeline::Part<Fact> const& part, pipeline::Turn const&) {
    Fact const& fact = part.message;
    Chain& chain = chains_[fact.chain];
    if (auto const* transfer = std::get_if<Transfer>(&fact.body)) {
        in_block_ = true;
        return judge(fact, chain, *transfer);
    }
    Candidate candidate = about(fact);
    if (std::holds_alternative<BlockEnd>(fact.body)) {
        in_block_ = false;
        if (std::exchange(headless_, false)) return;
    }
    if (auto const* facts = std::get_if<ChainFacts>(&fact.body)) learn(chain, fact.chain, *facts);
    if (auto const* asset = std::get_if<AssetFacts>(&fact.body)) learn(chain, fact.chain, *asset);
    CHECK(pass_on(fact.body, candidate.body));
    if (auto* facts = std::get_if<ChainFacts>(&candidate.body)) facts->run = processes_.run;
    keep(candidate);
    candidates_.emit(candidate);
}

void Detect::keep(Candidate const& candidate) {
    if (!processes_.reader.can_change()) return;
    auto& said = chains_[candidate.chain].said;
    std::size_t place = 0;
    if (auto const* asset = std::get_if<AssetFacts>(&candidate.body))
        place = std::size_t{1} + asset->slot;
    else if (!std::holds_alternative<ChainFacts>(candidate.body))
        return;
    if (said.size() <= place) said.resize(place + 1);
    said[place] = candidate;
}

bool Detect::tick(pipeline::Turn const&) {
    if (std::uint32_t const now = processes_.reader.load(); now != reader_) {
        reader_ = now;
        repeating_ = true;
        chain_ = said_ = 0;
        headless_ = in_block_;
    }
    if (!repeating_) return false;
    for (std::uint32_t emitted = 0; emitted < max_burst && chain_ < chains_.size();) {
        auto const& said = chains_[chain_].said;
        if (said_ == said.size()) {
            ++chain_;
            said_ = 0;
            continue;
        }
        auto const& candidate = said[said_++];
        if (!candidate) continue;
        candidates_.emit(*candidate);
        metrics_.add(DetectMetric::repeated);
        ++emitted;
    }
    repeating_ = chain_ < chains_.size();
    return true;
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

void Detect::judge(Fact const& fact, Chain const& chain, Transfer const& transfer) {
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
        Candidate candidate = about(fact);
        candidate.body = Match{transfer, bound.rule, *severity};
        candidates_.emit(candidate);
    }
    if (asset.blind && !met) metrics_.add(DetectMetric::unjudged);
}

} // namespace stages
