// Checksums of our own files: what tells damage, and no hash of any chain's. Pure; any thread.
#pragma once

#include "pipeline/types.hpp"

namespace decoders {

// XXH3, 64 bits. No protection from forgers.
std::uint64_t xxh3_64(pipeline::Bytes bytes, std::uint64_t seed = 0);

} // namespace decoders
