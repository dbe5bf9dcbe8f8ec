#include "stages/bucket.hpp"

#include "decoders/hash.hpp"
#include "pipeline/switchboard.hpp"

namespace stages {

std::uint16_t bucket_of(decoders::Account const& account) {
    constexpr std::array<std::uint8_t, 16> key{'s', 'p', 'y', 'h', 'o', 'p', ' ', 'b',
                                               'u', 'c', 'k', 'e', 't', ' ', 'v', '1'};
    pipeline::u128 const hash = decoders::siphash_2_4(account.bytes(), key);
    return static_cast<std::uint16_t>(hash * pipeline::buckets_max >> 64);
}

} // namespace stages
