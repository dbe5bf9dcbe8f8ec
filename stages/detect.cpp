#include "stages/detect.hpp"

#include <algorithm>
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

// Of a watch rule: from `min` on it is notable.
Levels watch_levels(Rule const& rule, std::uint8_t decimals) {
    Levels levels = levels_of(rule, decimals);
    if (auto const least = tokens_rounded_up(rule.settings.min.value_or("0"), decimals)) {
        levels.on[0] = true;
        levels.at[0] = *least;
    }
    return levels;
}

// Where nobody has said how many decimals there are, "0" is the one amount that is known.
Levels levels_of_any(Rule const& rule) {
    Levels levels = levels_without_decimals(rule);
    if (rule.kind == RuleKind::watch) {
        auto const least = tokens_rounded_up(rule.settings.min.value_or("0"), 0);
        levels.on[0] = least && *least == 0;
    }
    return levels;
}

} // namespace

Detect::Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
               pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates,
               DetectProcesses processes, std::vector<decoders::Account> watched,
               DetectPatterns patterns, RulePages rule_pages)
    : rules_(std::move(rules))
    , watched_(sorted_set(std::move(watched)))
    , patterns_(std::move(patterns))
    , rule_pages_(std::move(rule_pages))
    , log_(log)
    , metrics_(metrics)
    , candidates_(candidates)
    , processes_(processes)
    , reader_(processes.reader.load()) {
    CHECK(rules_.size() <= rules_max);
    for (std::string& name : chains) {
        chains_.push_back({std::move(name), {}});
        chains_.back().health = health_of(static_cast<std::uint16_t>(chains_.size() - 1));
        chains_.back().audit = audit_of(static_cast<std::uint16_t>(chains_.size() - 1));
    }
    for (Chain& chain : chains_) chain.told.resize(rule_pages_.empty() ? 0 : rules_.size());
    for (std::uint16_t i = 0; i < patterns_.kept.size() && i < chains_.size(); ++i) {
        if (!patterns_.kept[i].store || !patterns_.kept[i].resume) continue;
        auto const stamp = patterns_.kept[i].store->stamp();
        ChainFacts facts;
        if (stamp) facts.genesis = stamp->genesis;
        if (stamp) facts.decimals = stamp->decimals;
        if (stamp) learn_patterns(chains_[i], i, facts);
    }
}

bool Detect::on(pipeline::Part<Fact> const& part, pipeline::Turn const& turn) {
    Fact const& fact = part.message;
    Chain& chain = chains_[fact.chain];
    quiet_ = false;
    if (chain.patterns && !fact.recheck) {
        tell_patterns(chain, fact, turn);
        bool const known = !chain.assets.empty();
        if (known && !emit_patterns(chain, fact)) return false;
    }
    if (chain.health && !judge_health(chain, fact, turn)) return false;
    if (std::holds_alternative<Holding>(fact.body)) return true; // only they wanted it
    if (auto const* transfer = std::get_if<Transfer>(&fact.body)) {
        in_block_ = true;
        auto const kind = decoders::movement_rows()[transfer->movement].kind;
        if (kind == decoders::MovementKind::transfer) judge(fact, chain, *transfer);
        return true;
    }
    if (auto const* end = std::get_if<BlockEnd>(&fact.body)) {
        see(chain, end->block.timestamp_ms);
        in_block_ = false;
        if (std::exchange(headless_, false)) return true;
    }
    Candidate candidate = about(fact);
    if (auto const* facts = std::get_if<ChainFacts>(&fact.body)) learn(chain, fact.chain, *facts);
    if (auto const* asset = std::get_if<AssetFacts>(&fact.body)) learn(chain, fact.chain, *asset);
    CHECK(pass_on(fact.body, candidate.body));
    if (auto* facts = std::get_if<ChainFacts>(&candidate.body)) facts->run = processes_.run;
    keep(candidate);
    candidates_.emit(candidate);
    return true;
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

bool Detect::tick(pipeline::Turn const& turn) {
    save_patterns(turn);
    write_figures(turn);
    if (std::uint32_t const now = processes_.reader.load(); now != reader_) {
        reader_ = now;
        repeating_ = true;
        chain_ = said_ = 0;
        headless_ = in_block_;
    }
    if (!repeating_) return look_at_time(turn);
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
    chain.facts = facts;
    Asset& native = chain.assets[native_asset];
    native = {};
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (rules_[i].chains[index] && covers_native(rules_[i], facts))
            native.bounds.push_back(bound_of(i, facts.decimals));
    read_lists();
    learn_patterns(chain, index, facts);
}

Detect::Bound Detect::bound_of(std::size_t rule, std::uint8_t decimals) const {
    bool const watch = rules_[rule].kind == RuleKind::watch;
    return {static_cast<std::uint16_t>(rule), watch,
            watch ? watch_levels(rules_[rule], decimals) : levels_of(rules_[rule], decimals)};
}

void Detect::learn(Chain& chain, std::uint16_t index, AssetFacts const& facts) {
    if (chain.assets.size() <= facts.slot) chain.assets.resize(facts.slot + 1);
    Asset& asset = chain.assets[facts.slot];
    asset = {};
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        Rule const& rule = rules_[i];
        if (!rule.chains[index] || !covers(rule, facts)) continue;
        asset.blind = !facts.decimals_known;
        if (facts.decimals_known)
            asset.bounds.push_back(bound_of(i, facts.decimals));
        else
            asset.bounds.push_back(
                {static_cast<std::uint16_t>(i), rule.kind == RuleKind::watch, levels_of_any(rule)});
    }
    if (!asset.blind) return;
    log_.write(pipeline::Level::warning, "detect",
               fmt::format("{}: asset {} has not said how many decimals it has; only a level of "
                           "\"0\" can be judged for it",
                           chain.name, facts.id.view()));
}

bool Detect::moves_watched(Transfer const& transfer) const {
    return holds(watched_, transfer.from) || holds(watched_, transfer.to);
}

void Detect::judge(Fact const& fact, Chain& chain, Transfer const& transfer) {
    metrics_.add(DetectMetric::transfers);
    see(chain, transfer.block.timestamp_ms);
    if (transfer.asset >= chain.assets.size()) { // decode's book of assets is full
        metrics_.add(DetectMetric::unjudged);
        return;
    }
    Asset const& asset = chain.assets[transfer.asset];
    bool met = false;
    for (Bound const& bound : asset.bounds) {
        auto const severity = bound.levels.met(transfer.amount);
        if (!severity || (bound.watch && !moves_watched(transfer))) continue;
        if (!speaks_of(bound.rule, transfer)) continue;
        met = true;
        metrics_.add(DetectMetric::matches);
        Candidate candidate = about(fact);
        candidate.body =
            Match{transfer, bound.rule, rules_[bound.rule].settings.severity.value_or(*severity)};
        if (!fact.recheck) count_told(chain, std::get<Match>(candidate.body));
        candidates_.emit(candidate);
    }
    if (asset.blind && !met) metrics_.add(DetectMetric::unjudged);
}

} // namespace stages
