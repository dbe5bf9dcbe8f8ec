// Metadata V16 made by hand for extrinsics: two versions of the transaction extensions, an
// extension that verifies a signature, extensions that wrap and rename nonce and tip, and calls
// inside calls. For tests and fuzz targets that must run without recorded data.
#pragma once

#include <cstdint>
#include <vector>

namespace tests {

std::vector<std::uint8_t> tiny_extrinsic_metadata();

// Pallets and calls of it.
enum TinyCall : std::uint8_t {
    tiny_system = 0,
    tiny_remark = 0, // { remark: Vec<u8> }
    tiny_utility = 1,
    tiny_batch = 0,         // { calls: Vec<Call> }
    tiny_as_derivative = 1, // { index: u16, call: Call }
    tiny_dispatch_as = 2,   // { as_origin: OriginCaller, call: Call }
    tiny_multisig = 2,
    tiny_as_multi = 0, // { threshold: u16, other_signatories: Vec<AccountId>, call: (len, Call) }
    tiny_proxy = 3,
    tiny_proxy_call = 0, // { real: MultiAddress, call: Call }
    tiny_sudo = 4,
    tiny_sudo_call = 0, // { call: Call }
};

} // namespace tests
