#include "config/bench_latency.hpp"

#include <algorithm>
#include <unordered_map>

namespace config {

namespace {

// What has to be said, one entry an alert (or a block), in order.
struct Wanted {
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    Passage passage;
    bool seen = false;
};

std::uint64_t key_of(std::uint32_t block, std::uint32_t event) {
    return std::uint64_t{block} << 32 | event;
}

std::vector<Wanted> wanted_of(Contestant const& contestant, Contest const& contest) {
    std::vector<Wanted> wanted;
    auto const& sent = contest.sent[contestant.chain];
    for (std::uint64_t place = contest.warm_up + 1; place <= contest.plan.blocks_each; ++place) {
        Wanted one;
        one.block = bench_first_number + static_cast<std::uint32_t>(place);
        one.passage.due = contest.plan.due(contest.start, contestant.chain, place);
        // What was never sent was never seen either, and counts so.
        one.passage.sent = place <= sent.size() ? sent[place - 1] : one.passage.due;
        if (contestant.says == Says::blocks) {
            wanted.push_back(one);
            continue;
        }
        for (BenchEvents::Transfer const& transfer : contest.plan.blocks->at(place).transfers) {
            if (transfer.amount < contest.level) continue;
            one.event = transfer.event_index;
            wanted.push_back(one);
        }
    }
    return wanted;
}

// The first sighting of each counts; those of the warm-up are passed over.
void look_for(Contestant const& contestant, Contest const& contest, std::vector<Wanted>& wanted,
              ContestFigures& figures) {
    bool const named = contestant.says == Says::alerts;
    std::unordered_map<std::uint64_t, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < wanted.size(); ++i)
        places[key_of(wanted[i].block, named ? wanted[i].event : 0)].push_back(i);
    std::uint64_t const first = bench_first_number + contest.warm_up + 1;
    for (Sighting const& one : contestant.sightings) {
        if (one.block < first) continue;
        auto const found = places.find(key_of(one.block, named ? one.event : 0));
        if (found == places.end()) {
            ++figures.foreign;
            continue;
        }
        auto const next = std::ranges::find_if(
            found->second, [&](std::size_t place) { return !wanted[place].seen; });
        if (next == found->second.end()) {
            ++figures.doubled;
            continue;
        }
        wanted[*next].seen = true;
        wanted[*next].passage.seen = one.at;
    }
}

} // namespace

ContestFigures figures_of(Contestant const& contestant, Contest const& contest) {
    ContestFigures figures;
    auto wanted = wanted_of(contestant, contest);
    look_for(contestant, contest, wanted, figures);
    figures.expected = wanted.size();
    std::vector<Passage> passages;
    passages.reserve(wanted.size());
    for (Wanted const& one : wanted) {
        figures.missing += !one.seen;
        passages.push_back(one.passage);
    }
    figures.sorted_from_due = from_due(passages, contest.end);
    figures.sorted_from_sent = from_sent(passages);
    auto own = contestant.own_ns;
    figures.from_due = quantiles_of(figures.sorted_from_due);
    figures.from_sent = quantiles_of(figures.sorted_from_sent);
    figures.own = quantiles_of(own);
    return figures;
}

std::uint64_t alerts_expected(LoadPlan const& plan, pipeline::u128 level) {
    std::uint64_t alerts = 0;
    for (std::uint64_t place = 1; place <= plan.blocks_each; ++place)
        alerts += plan.blocks->at(place).told_at(level);
    return alerts;
}

} // namespace config
