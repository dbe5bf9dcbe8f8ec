// An option of the command line that is a duration ("250ms", "30s"), checked while it is parsed, so
// that a wrong one is a usage error.
#pragma once

#include "pipeline/types.hpp"

#include <CLI/CLI.hpp>
#include <string>

namespace config {

// Of `positive` ones 0 is refused, too. `out` outlives the application.
CLI::Option* duration_option(CLI::App* app, std::string const& name, pipeline::Nanoseconds& out,
                             std::string const& help, bool positive = false);

} // namespace config
