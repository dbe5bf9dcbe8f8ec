// Why the rules speak of one movement of a capture, or do not: the steps of each with their values.
// The blocks before it are played as in a backtest, by the real decode and the real engine of
// patterns, one rule after the other; the movement itself is then looked at from inside.
//
// One thread; nothing is written. Errors are sentences.
#pragma once

#include "config/rule_play.hpp"
#include "stages/journal.hpp"
#include "stages/pattern_why.hpp"

namespace config {

struct WhyPlace {
    std::uint16_t chain = 0; // index in the configuration
    std::uint32_t block = 0;
    std::uint32_t event = 0;
};

// One rule; a watch with balance marks is two of them.
struct RuleWhy {
    std::uint16_t rule = 0;
    bool of_block = false; // it judges whole blocks: told for another movement of it, perhaps
    stages::WhySteps steps{};
    std::string said{}; // what was told: "important, alert 9f2c..."; empty: nothing
};

struct MovementWhy {
    stages::Transfer transfer{};
    std::string amount{}; // with its symbol
    std::vector<RuleWhy> rules{};
    std::vector<std::string> problems{};
};

[[nodiscard]] std::expected<MovementWhy, std::string>
why_of(Config const& config, Recording const& recording, WhyPlace const& place,
       std::optional<std::uint16_t> only = std::nullopt);

} // namespace config
