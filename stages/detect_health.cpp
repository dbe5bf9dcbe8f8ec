// Detect's part that is the health of chains: what it is told, and what it says.
#include "stages/detect.hpp"

#include <algorithm>

namespace stages {

std::unique_ptr<ChainHealth> Detect::health_of(std::uint16_t index) const {
    std::vector<ChainHealthOptions> made;
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (rules_[i].kind == RuleKind::chain_health && rules_[i].chains[index])
            made.push_back(chain_health_options(rules_[i], static_cast<std::uint16_t>(i)));
    return made.empty() ? nullptr : std::make_unique<ChainHealth>(made);
}

std::unique_ptr<Conservation> Detect::audit_of(std::uint16_t index) const {
    auto accounts = audited_accounts(rules_, index);
    return accounts.empty() ? nullptr : std::make_unique<Conservation>(std::move(accounts));
}

void Detect::audit(Chain& chain, Fact const& fact) {
    Conservation& audit = *chain.audit;
    Conservation::Counts const before = audit.counts();
    if (auto const* moved = std::get_if<Transfer>(&fact.body)) return audit.movement(*moved);
    if (auto const* end = std::get_if<BlockEnd>(&fact.body)) audit.end(*end);
    if (auto const* final = std::get_if<Finalized>(&fact.body)) audit.finalized(*final);
    if (auto const* held = std::get_if<Holding>(&fact.body)) audit.holding(*held);
    while (auto const found = audit.next()) chain.health->differs(*found, chain.facts);
    Conservation::Counts const& now = audit.counts();
    metrics_.add(DetectMetric::audited, now.compared - before.compared);
    metrics_.add(DetectMetric::audit_differences, now.differences - before.differences);
    metrics_.add(DetectMetric::audits_anew, now.anew - before.anew);
}

// True: all that the fact means has been said. Before the fact itself, so that what a block's
// finality makes known is in the journal when the block is.
bool Detect::judge_health(Chain& chain, Fact const& fact, pipeline::Turn const& turn) {
    // Nobody would believe what is said before the chain has said what it is.
    if (fact.path != Path::hybrid || fact.recheck || chain.assets.empty()) return true;
    bool const first = !std::exchange(weighed_, true);
    if (first && chain.audit) audit(chain, fact);
    if (std::holds_alternative<Transfer>(fact.body)) {
        weighed_ = false;
        return true;
    }
    if (first) {
        if (auto const* end = std::get_if<BlockEnd>(&fact.body)) chain.health->end(*end, turn.now);
        if (auto const* final = std::get_if<Finalized>(&fact.body))
            chain.health->finalized(*final, turn.now);
        if (auto const* gone = std::get_if<Abandoned>(&fact.body)) chain.health->abandoned(*gone);
    }
    weighed_ = !emit_health(chain, fact.chain, fact.header.received);
    return !weighed_;
}

// True: there is no more.
bool Detect::emit_health(Chain& chain, std::uint16_t index, pipeline::Nanoseconds received) {
    // Room is left for the fact itself.
    for (std::uint32_t emitted = 0; emitted + 1 < max_burst; ++emitted) {
        auto const found = chain.health->next();
        if (!found) return true;
        metrics_.add(DetectMetric::health);
        Candidate candidate;
        candidate.header.received = received;
        candidate.chain = index;
        candidate.path = Path::hybrid;
        Match match{.rule = found->rule,
                    .severity = found->severity,
                    .is_pattern = true,
                    .is_health = true};
        match.transfer.block = found->block;
        match.transfer.block.finalized = true; // no fork undoes what has been seen
        match.transfer.event_index = found->event;
        match.pattern.ongoing = found->ongoing;
        match.pattern.details = found->details;
        candidate.body = match;
        count_told(chain, match);
        candidates_.emit(candidate);
    }
    return false;
}

// One chain a call; true: there may be more.
bool Detect::look_at_time(pipeline::Turn const& turn) {
    for (std::size_t i = 0; i < chains_.size(); ++i) {
        Chain& chain = chains_[i];
        if (!chain.health || chain.assets.empty()) continue;
        chain.health->at(turn.now);
        if (!emit_health(chain, static_cast<std::uint16_t>(i), turn.now)) return true;
    }
    return false;
}

pipeline::Nanoseconds Detect::next_deadline() const {
    pipeline::Nanoseconds earliest = figures_changed_ ? figures_at_ : pipeline::never;
    for (Chain const& chain : chains_)
        if (chain.health) earliest = std::min(earliest, chain.health->next_deadline());
    return earliest;
}

} // namespace stages
