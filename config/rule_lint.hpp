// What no single key of a [[rule]] can see: rules that could never speak, or would speak twice. A
// person who wrote such a rule believes to be watched over, so it is refused at the start, with its
// place and the reason.
//
// Problems are added to the list; whoever calls sorts them. Any thread. Pure, except for
// lint_labels_of_files(), which reads whole files and blocks.
#pragma once

#include "config/config.hpp"

#include <span>
#include <string_view>

namespace config {

// What the native token of a well-known chain can be at most, in whole tokens.
struct KnownSupply {
    std::string_view symbol;
    std::string_view tokens;
    std::string_view as_of; // when that was looked up
    std::string_view why;
    std::span<std::string_view const> chains; // names that are used for it
};
std::span<KnownSupply const> known_supplies();

// Everything but labels. config.rules as load() has made them.
void lint_rules(Config const& config, std::vector<Problem>& problems);

// Labels that nobody has, against all that there are.
void lint_labels(Config const& config, std::span<std::string_view const> known,
                 std::vector<Problem>& problems);
std::vector<std::string_view> labels_of_watches(Config const& config);
// The same where [labels] names files: with theirs. Files that cannot be read are others' problem,
// and then nothing is said.
void lint_labels_of_files(Config const& config, std::vector<Problem>& problems);
// load(), and that; for what goes by the rules without a service. Problems in the order of places.
Loaded load_and_lint(std::string const& path);

} // namespace config
