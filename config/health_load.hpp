// [health] of the configuration: for each check of the table in stages/health.hpp its threshold in
// the check's own unit, its action, and how it is measured. What is not written keeps the default.
//
// Part of loading (config/load.cpp): one thread, problems with file, line and column.
#pragma once

#include "config/reader.hpp"

namespace config {

void read_health(Reader& in, HealthConfig& out);

} // namespace config
