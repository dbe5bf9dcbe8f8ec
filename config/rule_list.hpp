// What `spyhop rule list` and `explain` print: the rules of a configuration with everything they go
// by, one rule with what that means, and the kinds of rules there are with their keys. Generated
// from the tables of stages/rules.hpp and rule_keys.hpp. Pure; any thread. Texts end in a line
// break, JSON is one line without.
#pragma once

#include "config/config.hpp"

namespace config {

// The paths on which a rule runs for a chain, by how the chain is configured.
struct RulePaths {
    bool hybrid = false; // it has a node
    bool legacy = false; // it has Subscan, and the kind is content with its rows
};
RulePaths paths_of(stages::Rule const& rule, ChainConfig const& chain);

// A block a rule: "NAME  KIND", where it runs, and each key with its value.
std::string rules_table(Config const& config);
// {"ok":true,"rules":[{"name":…,"kind":…,"chains":[{"name":…,"paths":["hybrid"]}],
//   "parameters":{"window":{"value":"24h","default":true},…}}]}
std::string rules_json(Config const& config);

// One rule: what its kind claims and by what model, where it runs, and each key with its value and
// what that means.
std::string rule_page(Config const& config, stages::Rule const& rule);
// {"ok":true,"rule":{… as above …,"claim":…,"model":…,
//   "parameters":{"window":{"value":"24h","default":true,"unit":…,"meaning":…},…}}}
std::string rule_page_json(Config const& config, stages::Rule const& rule);

std::string kinds_table();
// {"ok":true,"kinds":[{"kind":…,"claim":…,"model":…,"paths":[…],
//   "keys":[{"key":…,"type":…,"default":…,"unit":…,"meaning":…}]}]}; default null: none
std::string kinds_json();

} // namespace config
