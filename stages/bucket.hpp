// Which of 10,000 buckets an account is in: the unit in which traffic moves from one path to the
// other. An account is in hybrid's share if its bucket is below the share, so raising the share
// never moves an account back.
//
// Version 1: SipHash-2-4 of the public key's bytes (never of an address, of which one account has
// many) under the key "spyhop bucket v1", taken as a 64-bit integer h; the bucket is
// floor(h * 10,000 / 2^64). Test vectors: stages/README.md. Pure; any thread.
#pragma once

#include "decoders/account.hpp"

namespace stages {

std::uint16_t bucket_of(decoders::Account const& account); // 0..9,999

} // namespace stages
