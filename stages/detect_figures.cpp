// Detect's part that counts: how often each rule speaks, for the pages of rule_figures.hpp.
#include "stages/detect.hpp"

#include <algorithm>

namespace stages {

void Detect::see(Chain& chain, std::uint64_t timestamp_ms) {
    if (rule_pages_.empty() || timestamp_ms == 0) return;
    auto const time_s = static_cast<std::uint32_t>(timestamp_ms / 1'000);
    chain.newest_s = std::max(chain.newest_s, time_s);
    chain.oldest_s = chain.oldest_s == 0 ? time_s : std::min(chain.oldest_s, time_s);
    figures_changed_ = true;
}

void Detect::count_told(Chain& chain, Match const& match) {
    bool const more = match.is_pattern && match.pattern.ongoing; // of an alert that is there
    if (rule_pages_.empty() || more) return;
    chain.told[match.rule].told(
        static_cast<std::uint32_t>(match.transfer.block.timestamp_ms / 1'000));
    figures_changed_ = true;
}

void Detect::write_figures(pipeline::Turn const& turn) {
    if (!figures_changed_ || turn.now < figures_at_) return;
    figures_changed_ = false;
    figures_at_ = turn.now + figures_pause;
    for (std::size_t i = 0; i < chains_.size() && i < rule_pages_.size(); ++i)
        write_figures(chains_[i], rule_pages_[i]);
}

void Detect::write_figures(Chain& chain, std::vector<pipeline::MetricsPage*> const& pages) {
    std::uint32_t const observed_s = std::min(chain.newest_s - chain.oldest_s, day_s);
    for (std::size_t rule = 0; rule < pages.size(); ++rule) {
        if (pages[rule] == nullptr) continue;
        pages[rule]->set(RuleMetric::alerts, chain.told[rule].last_day(chain.newest_s));
        pages[rule]->set(RuleMetric::observed, observed_s);
        pages[rule]->set(RuleMetric::chain_time, chain.newest_s);
    }
    if (!chain.patterns) return;
    for (PatternRule const& rule : chain.patterns->rules()) {
        auto* const page = pages[rule.options().rule];
        if (page == nullptr) continue;
        auto const left_s = rule.warm_left_s();
        page->set(RuleMetric::warming, rule.warming());
        page->set(RuleMetric::warm_at, left_s ? chain.newest_s + *left_s : 0);
        if (Budget const* const budget = rule.budget())
            page->set(RuleMetric::forecast, micro_alerts(budget->forecast_a_day()));
    }
}

} // namespace stages
