// An extrinsic as one line of JSON, values in the canonical form of interface.md section 6:
//
//   {"hash","length","version","kind":"bare|signed|general","signed","signer","signature",
//    "extension_version","extensions":{name: value},"nonce","tip","pallet","call","args",
//    "fee_payer","calls":[{"path":[0],"via":["Utility.batch"],"origin":"signed|root|none|other",
//    "actor","pallet","call","args"}],"calls_complete","outcome"}
//
// What there is not is null. "signer" is the address as it stands; fee payer and actor are public
// keys. "path" numbers the calls inside each wrapper of "via", outermost first. "outcome" is there
// if a block's events were given. Cold path; any thread, pure.
#pragma once

#include "decoders/calls.hpp"
#include "decoders/outcome.hpp"

#include <expected>
#include <string>

namespace decoders {

// Failures inside one extrinsic that are listed; "inner_failures_total" counts them all.
inline constexpr std::size_t max_inner_failures = 256;

// Appends the object without its last brace. `parts` are of `runtime`. too_much_work: text beyond
// json_limit(); `out` is then as it was.
[[nodiscard]] std::expected<void, Error>
append_extrinsic_json(CallTree const& tree, ExtrinsicParts const& parts, std::string& out);

// Appends {"dispatched":"ok|failed"|null,"error","inner_failures":[{"event_index","pallet",
// "event","item","error"}],"inner_failures_total"} of the extrinsic with that index in its block.
[[nodiscard]] std::expected<void, EventsError> append_outcome_json(Runtime const& runtime,
                                                                   Bytes events,
                                                                   std::uint32_t extrinsic_index,
                                                                   std::string& out);

} // namespace decoders
