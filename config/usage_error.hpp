// What a person most likely got wrong on the command line: the first word that nothing here is
// called, with the nearest one, at whatever depth of commands.
//
// Pure; reads the declared commands, which outlive the call.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace config {

// "there is no command rule lst; did you mean rule list?". Empty: every word is known. What stands
// behind a command that has no further ones is its own business, and so are values of options.
std::string unknown_word(CLI::App const& app, std::vector<std::string> const& arguments);

} // namespace config
