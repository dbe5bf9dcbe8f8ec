// The one way to Subscan: every request of the service, of whatever chain, goes through here, so
// that one key has one quota. Owns the HTTP client, the quota (stages/quota.hpp) and a circuit
// breaker per host (stages/breaker.hpp); classifies what comes back. Does not retry: what a refusal
// means for a request is its owner's to say.
//
//   ask() ──▶ waits by priority ──▶ quota lets it go, breaker lets it go ──▶ HTTP ──▶ poll()
//
// Every request ends in exactly one SubscanReply. One that has not left by `leave_by` ends as
// `shed`. One thread. The key is sent as X-API-Key and appears nowhere else.
#pragma once

#include "io/http_client.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "stages/breaker.hpp"
#include "stages/quota.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

struct SubscanRequest {
    std::uint16_t chain = 0; // index of the host
    QuotaClass priority{};   // alerting, critical, rest
    std::string_view method = "POST";
    std::string path;                         // "/api/v2/scan/transfers"
    std::string body;                         // JSON; empty: none
    Nanoseconds leave_by = pipeline::never;   // not sent by then: shed
    std::string subject{};                    // for the log: "blocks 100-200"
};

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
    transport,  // refused, reset, TLS, DNS, ...
    garbage,    // not HTTP, not JSON, no envelope
    too_large,  // a body above the limit
    shed,       // never sent: the quota or the breaker did not let it go in time
};
std::string_view to_text(SubscanFault fault);
// Asked again unchanged it will be refused again.
bool permanent(SubscanFault fault);

struct SubscanReply {
    std::uint64_t id = 0; // of the request, as in the log
    SubscanRequest request;
    SubscanFault fault{};
    std::string text;     // a sentence for the log; empty: none
    std::string body;     // of a good answer: JSON with code 0, json_padding bytes of capacity behind it
    Nanoseconds received = 0;
};

struct SubscanGateOptions {
    std::vector<std::optional<io::Url>> hosts; // by chain; absent: that chain has no Subscan
    std::vector<std::string> chains;           // names, for the log
    std::string api_key;                       // empty: none is sent
    QuotaOptions quota{};
    BreakerOptions breaker{};
    io::HttpClientOptions http{};
    Nanoseconds answer_timeout = 20 * pipeline::second;
    Nanoseconds refused_key_pause = 600 * pipeline::second; // after 401
};

class SubscanGate {
  public:
    struct Needs {
        io::Network& network;
        pipeline::Clock const& clock;
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;
    };
    SubscanGate(SubscanGateOptions options, Needs needs);
    ~SubscanGate();

    static constexpr std::size_t waiting_max = 4'096;

    // Its id; absent: too many wait already.
    [[nodiscard]] std::optional<std::uint64_t> ask(SubscanRequest request);
    // The next one that has ended. Also drives everything: call it each turn until it gives nothing.
    std::optional<SubscanReply> poll();
    Nanoseconds next_deadline() const;

    Quota const& quota() const;
    BreakerState breaker(std::uint16_t chain) const;
    bool key_refused() const; // 401 was the answer, and the pause after it lasts

  private:
    // ... the implementer's
};

} // namespace stages
