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
    void simplify() {
        for (bool Scenario::* option :
             {&Scenario::steward, &Scenario::two_nodes, &Scenario::newer_methods,
              &Scenario::finalized_only, &Scenario::processes, &Scenario::legacy}) {
            if (!(best.*option)) continue;
            Scenario smaller = best;
            smaller.*option = false;
            auto const impossible = [&](Event const& event) {
                Needs const needs = row_of(event.kind).needs;
                return (needs == Needs::legacy && !smaller.legacy) ||
                       (needs == Needs::processes && !smaller.processes);
            };
            std::erase_if(smaller.events, impossible);
            try_one(smaller);
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
