// What the rules of a configuration would have said of a capture: the real decode and detect, with
// patterns, over every block of it, each final, in order; and how many alerts a day that means.
//
// One chain after the other, in one thread, by chain time. Nothing is written anywhere. Errors are
// sentences.
#pragma once

#include "config/rule_play.hpp"
#include "stages/admin_alerts.hpp"
#include "stages/route.hpp"

#include <array>

namespace config {

// Alerts a day: as counted, and the ends of the interval that holds the true rate 95 times of 100
// if alerts come independently of each other (exact, Garwood 1936). NaN: no chain time has passed.
struct DayRate {
    double mean = 0;
    double low = 0;
    double high = 0;
};
DayRate day_rate(std::uint64_t alerts, double days);

struct RuleTally {
    std::uint16_t rule = 0;                             // index in the configuration
    std::array<std::uint64_t, stages::severities> by{}; // alerts, by the severity they came to
    std::uint64_t amended = 0;                          // times that more was said of one of them
    double days = 0;                                    // of the chain it saw longest
    DayRate rate{}; // over those in which it may have spoken: without what it warms up for
    // The largest, in whole tokens; of a pattern its sum. Empty: none, or none with known decimals.
    std::string largest{};
    std::string symbol{};
    std::string chain{};
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    stages::AlertId id{};
    std::string warming{}; // why it may have been silent: "10d" of chain time; empty: not for that

    std::uint64_t alerts() const { return by[0] + by[1] + by[2]; }
};

// What a line says, as values.
struct ToldAlert {
    stages::AlertId id{};
    std::uint16_t rule = 0;
    std::uint16_t chain = 0;
    std::uint32_t block = 0;
    std::uint32_t event = 0;
    stages::Severity severity{};
    std::string amount{}; // whole tokens, of a pattern the sum; the smallest unit without decimals
    std::string symbol{};
    std::uint64_t time_ms = 0; // of its block; 0: not known
    std::uint64_t told_ms = 0; // of the newest block when it was told
};

struct Backtest {
    std::vector<RuleTally> rules;
    std::vector<ToldAlert> told;            // of each of the lines
    std::vector<stages::ListedAlert> lines; // each alert, and what was said more of it
    std::uint64_t incomplete = 0;           // blocks of which some events could not be read
    std::vector<std::string> problems;      // of labels, decode and detect, as they are logged
};

// only: the one rule that is judged, by its name; nothing: all of them. with_lines: of every alert.
[[nodiscard]] std::expected<Backtest, std::string>
run_backtest(Config const& config, Recording const& recording,
             std::optional<std::uint16_t> only = std::nullopt, bool with_lines = false);

// How much chain time a rule's model or budget needs before it speaks, in seconds; 0: none. A
// coordination's and a burst's depend on the traffic: theirs is the least.
double warm_up_s(stages::Rule const& rule);

// The configured rules as they are; of the others than `only` none covers a chain.
std::vector<stages::Rule> rules_with(Config const& config, std::optional<std::uint16_t> only);
// The configured rule of that name; the error is a sentence with the nearest.
[[nodiscard]] std::expected<std::uint16_t, std::string> find_rule(Config const& config,
                                                                  std::string_view name);

} // namespace config
