// Runtime metadata that the binary carries, so that the demo and the stand-in node need no file.
// The bytes are those of tests/data/metadata, put in by the assembler. Any thread; never fails.
#pragma once

#include "pipeline/types.hpp"

#include <array>
#include <string_view>

namespace config {

struct EmbeddedRuntime {
    std::string_view chain;     // "polkadot"
    std::string_view spec_name; // "polkadot"
    std::string_view genesis_hex;
    std::string_view symbol;
    unsigned decimals;
    unsigned ss58_prefix;
    pipeline::Bytes metadata;
};

std::array<EmbeddedRuntime, 2> embedded_runtimes();

// config/default.toml, word for word.
std::string_view default_configuration();
// config/rollout.toml, word for word.
std::string_view default_rollout_plan();

} // namespace config
