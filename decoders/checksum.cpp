#include "decoders/checksum.hpp"

#include <xxhash.h>

namespace decoders {

std::uint64_t xxh3_64(pipeline::Bytes bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

} // namespace decoders
