// The runtime version a node answers with, out of the runtime's own metadata (constant
// System.Version, sp_version::RuntimeVersion). Pure; any thread.
#pragma once

#include "decoders/runtime.hpp"

#include <expected>
#include <string>

namespace stages {

// {"specName":…,"implName":…,"authoringVersion":…,"specVersion":…,"implVersion":…,
// "apis":[["0x…",1]],"transactionVersion":…,"systemVersion":…,"stateVersion":…}
[[nodiscard]] std::expected<std::string, std::string>
runtime_version_json(decoders::Runtime const& runtime);

} // namespace stages
