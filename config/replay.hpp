// What `spyhop replay` makes of a capture: every line that the rules of a configuration tell, in
// the order of chain time, and how another configuration would differ. By backtest.hpp, so with the
// service's own decode, detect and line code; ids are those the service gives.
//
// Nothing depends on the clock: a line is told when the newest block known then was made, latencies
// are 0. The same capture and configuration give the same bytes. Pure; any thread.
#pragma once

#include "config/backtest.hpp"

#include <string>
#include <vector>

namespace config {

// Places in Backtest::told and ::lines. By the time of telling; of one time as they were told.
std::vector<std::size_t> by_chain_time(Backtest const& run);

// An alert with all that was said of it.
struct ReplayedAlert {
    ToldAlert last{}; // severity: the highest
    std::uint32_t lines = 0;
};

struct AlertChange {
    ReplayedAlert before{};
    ReplayedAlert after{};
};

// A rule's keys that the two configurations say differently.
struct KeyChange {
    std::string key;
    std::string before, after; // as TOML; empty: no value
};
enum class RuleFate : std::uint8_t { same, changed, added, dropped };
struct RuleDifference {
    std::string name;
    RuleFate fate{};
    std::vector<KeyChange> keys{};
    std::uint64_t alerts_before = 0, alerts_after = 0;
    std::uint64_t added = 0, dropped = 0, changed = 0;
};

struct ReplayDifference {
    std::vector<RuleDifference> rules; // those before, then new ones, in the order of the files
    std::vector<ReplayedAlert> added, dropped;
    std::vector<AlertChange> changed; // in severity, in what they add up to, or in how often told
    std::uint64_t same = 0;
};

// Alerts are the same if their ids are: of one event and of a rule of one name.
ReplayDifference difference_of(Config const& before, Backtest const& run_before,
                               Config const& after, Backtest const& run_after);

// For people, and as one line of JSON; each ends in a line break.
std::string difference_table(Config const& before, Config const& after,
                             ReplayDifference const& found);
std::string difference_json(Config const& before, Config const& after,
                            ReplayDifference const& found);
// A line an alert that differs, then one with the counts.
std::string difference_ndjson(Config const& before, Config const& after,
                              ReplayDifference const& found);

} // namespace config
