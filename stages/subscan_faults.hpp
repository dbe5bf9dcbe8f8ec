// What came back from Subscan, judged: one table for every way in which it refuses, fails or
// answers. Its gateway answers without an envelope, and its application with errors under HTTP 200,
// so that neither the status nor the body alone decides.
//
// Pure functions, any thread. Sources: subscan-OpenAPI (2026), subscan-essentials util/ecode.go.
#pragma once

#include "io/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stages {

enum class SubscanFault : std::uint8_t {
    none,
    no_record,    // code 10004: an answer, too
    limited,      // 429, or its body in a 200
    unauthorized, // 401: the key is wrong
    plan,         // 402: the key's plan does not have this
    bad_request,  // 400, 10001, 10002, or another code: asked again it is refused again
    paging_limit, // 10005
    not_found,    // 404
    server,       // 5xx
    timeout,
    transport, // refused, reset, TLS, DNS, ...
    garbage,   // not HTTP, not JSON, no envelope
    too_large, // a body above the limit
    shed,      // never sent: the quota or the breaker did not let it go in time
};
inline constexpr std::size_t subscan_faults = 14;
std::string_view to_text(SubscanFault fault); // "no_record", …
// Asked again unchanged it will be refused again.
bool permanent(SubscanFault fault);
// What it means and what to do, to follow a colon in the log.
std::string_view meaning(SubscanFault fault);

// What a fault says about the host itself.
enum class HostWord : std::uint8_t { good, bad, nothing };
HostWord word_on_host(SubscanFault fault);

struct SubscanSeen {
    std::optional<io::Code> error{}; // there is no response, and nothing below counts
    unsigned status = 0;
    bool json = false; // the body is a JSON object
    std::optional<std::int64_t> code{};
    std::string_view message{};
};
SubscanFault classify(SubscanSeen const& seen);

} // namespace stages
