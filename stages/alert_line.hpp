// One alert as the line of JSON that interface.md section 5 describes. Every amount is exact.
//
// What Subscan or a file of the user knows stands beside its source and its age in seconds:
//
//   "from":{"address":…,"public_key":…,"label":"Binance.com","label_source":"subscan tag",
//           "label_age_s":12,"kind":"Exchange","judgement":"Reasonable",
//           "balance":{"amount":"818617.02","source":"subscan","age_s":12}}
//   "usd":{"value":"5183912.3","price":"4.2","source":"subscan","age_s":30}   amount x price
//   "amended":["from.label","usd"]     this line adds these to the one before
//
// A pattern also says whose it is and why; "score" is surprise in bits, where the rule has a model:
//
//   "subject":{…},"sum":"1200","sum_raw":"12000000000000","score":31.75,
//   "parameters":{"sources":23,…},"evidence_count":40,"evidence":[{"block":7,"index":3},…]
//
// What is said of a chain's health (chain_health.hpp) has none of event, from, to, asset, amount:
//
//   "health":{"what":"finality_stalled","for_s":184,"behind":120,…}
//
// Pure; appends to the caller's buffer. Text from a chain (symbols, asset ids) is escaped.
#pragma once

#include "stages/lifecycle.hpp"
#include "stages/rules.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <string_view>

namespace stages {

// What a line says beyond the alert itself.
struct LineContext {
    std::string_view chain;
    std::string_view rule;
    std::string_view kind;
    ChainFacts const& facts;
    AssetFacts const* asset = nullptr; // null: the chain's own token
    std::uint64_t received_to_emitted_ns = 0;
    std::uint64_t emitted_unix_ms = 0;
};

// Without the newline.
void append_alert_line(AlertLine const& line, LineContext const& context, std::string& out);

// A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);

std::string quoted(std::string_view text); // the same, as a value

// 2025-11-20T08:15:12.000Z
std::string utc_text(std::uint64_t unix_ms);

} // namespace stages
