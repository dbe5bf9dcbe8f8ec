// spyhop explain: everything that is known of an alert that was told, from the state folder's
// alerts.db, which is only read, so that it may be asked while the service runs. One thread,
// blocking.
#pragma once

#include "config/commands.hpp"

#include <cstdio>

namespace config {

struct ExplainOptions {
    std::string config_path;
    std::string id; // 32 hex digits, or the first 8 or more of them
};
// 0; 1: there is no such alert, or more than one; 2: that is no id; 78 with every problem of the
// configuration on `err`. Data goes to `out`.
int cmd_explain(Common const& common, ExplainOptions const& options, std::FILE* out = stdout,
                std::FILE* err = stderr);

} // namespace config
