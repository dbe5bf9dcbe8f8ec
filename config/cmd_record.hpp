// spyhop record: blocks of a configured chain, from its nodes, into a capture file that `node`,
// `demo`, `replay` and `rule backtest` play.
//
// Written beside its name and given it at the end: what stands there is whole. Ends with the last
// block wanted, or with SIGINT or SIGTERM; then what was recorded until then is kept. Returns the
// exit code: 0; 1: a block is missing, or nothing could be written; 3: no node can be reached; 4:
// the file is there; 78: a bad configuration.
#pragma once

#include "config/commands.hpp"

#include <cstdint>
#include <optional>

namespace config {

struct RecordOptions {
    std::string config_path;
    std::string out;
    std::string chain;                   // empty: the only one
    std::optional<std::uint32_t> blocks; // the newest finalized ones
    std::optional<std::uint32_t> from;   // nothing of all three: what is finalized from now on
    std::optional<std::uint32_t> to;     // nothing: until it is stopped
    bool force = false;                  // in place of a file that is there
};

int cmd_record(Common const& common, RecordOptions const& options);

} // namespace config
