// SCALE encoded block headers, backwards: the stand-in node keeps headers as they are hashed and
// has to show them as JSON. Pure; any thread. Bytes that are no header give nothing.
#pragma once

#include "decoders/header.hpp"

#include <optional>
#include <string>

namespace stages {

std::optional<decoders::HeaderParts> decode_header(pipeline::Bytes header);

// {"parentHash":…}, or "null" if the bytes are no header.
std::string header_text(pipeline::Bytes header);

} // namespace stages
