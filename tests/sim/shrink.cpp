#include "shrink.hpp"

#include <algorithm>

namespace sim {

namespace {

struct Search {
    Scenario best;
    Fails const& fails;
    unsigned runs_left;

    bool try_one(Scenario const& smaller) {
        if (runs_left == 0) return false;
        --runs_left;
        if (!fails(smaller)) return false;
        best = smaller;
        return true;
    }
    // Halves, then quarters, ... then single events.
    void drop_events() {
        for (std::size_t size = std::max<std::size_t>(best.events.size() / 2, 1);; size /= 2) {
            for (std::size_t at = 0; at < best.events.size() && runs_left > 0;) {
                Scenario smaller = best;
                auto const begin = smaller.events.begin() + static_cast<std::ptrdiff_t>(at);
                std::size_t const count = std::min(size, smaller.events.size() - at);
                smaller.events.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
                if (!try_one(smaller)) at += size;
            }
            if (size <= 1) return;
        }
    }
    void shorten() {
        while (best.blocks > 4) {
            Scenario smaller = best;
            smaller.blocks = smaller.blocks * 2 / 3;
            if (!try_one(smaller)) return;
        }
    }
    void without_the_impossible(Scenario smaller) {
        auto const impossible = [&](Event const& event) {
            KindRow const& row = row_of(event.kind);
            if (event.chain >= smaller.chains.size()) return true;
            bool const legacy =
                row.unit == Unit::time ? smaller.legacy() : smaller.chains[event.chain].legacy;
            return (row.needs == Needs::legacy && !legacy) ||
                   (row.needs == Needs::processes && !smaller.processes) ||
                   (row.needs == Needs::steward && !smaller.steward);
        };
        std::erase_if(smaller.events, impossible);
        smaller.steward = smaller.steward && smaller.legacy();
        try_one(smaller);
    }
    void simplify() {
        while (best.chains.size() > 1) {
            std::size_t const before = best.chains.size();
            Scenario smaller = best;
            smaller.chains.pop_back();
            without_the_impossible(smaller);
            if (best.chains.size() == before) break;
        }
        for (bool Scenario::* option :
             {&Scenario::steward, &Scenario::processes, &Scenario::watch, &Scenario::patterns}) {
            if (!(best.*option)) continue;
            Scenario smaller = best;
            smaller.*option = false;
            without_the_impossible(smaller);
        }
        for (bool ChainDraw::* option : {&ChainDraw::two_nodes, &ChainDraw::newer_methods,
                                         &ChainDraw::finalized_only, &ChainDraw::legacy}) {
            if (std::ranges::none_of(best.chains, option)) continue;
            Scenario smaller = best;
            for (ChainDraw& chain : smaller.chains) chain.*option = false;
            without_the_impossible(smaller);
        }
    }
};

} // namespace

Scenario shrink(Scenario failing, Fails const& fails, unsigned runs_max) {
    Search search{std::move(failing), fails, runs_max};
    search.drop_events();
    search.shorten();
    search.simplify();
    search.drop_events();
    return search.best;
}

} // namespace sim
