// The one way to Subscan: every request of the service, of whatever chain, goes through here, so
// that one key has one quota. Owns the HTTP client, the quota (stages/quota.hpp) and a circuit
// breaker per host (stages/breaker.hpp); judges what comes back (stages/subscan_faults.hpp). Does
// not retry: what a refusal means for a request is its owner's to say.
//
//   ask() ──▶ waits by priority ──▶ quota lets it go, breaker lets it go ──▶ HTTP ──▶ poll()
//
// Among equals hosts take turns, and at one host it is first come, first served; a host has as many
// requests under way as connections, the last of which is kept for alerting: so a slow host delays
// nobody else. A refused key (401) holds everything for a while, then one request tries; a plan
// that is too small (402) holds that path of that chain alone.
//
// Every request ends in exactly one SubscanReply. One that has not left by `leave_by` ends as
// `shed`. One thread. The key is sent as X-API-Key and appears nowhere else, not even where a
// server repeats it. Limits: waiting_max, the bytes below, holds_max, and those of its parts.
#pragma once

#include "decoders/subscan.hpp"
#include "io/http_client.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "stages/breaker.hpp"
#include "stages/quota.hpp"
#include "stages/repeats.hpp"
#include "stages/subscan_faults.hpp"
#include "stages/subscan_metrics.hpp"

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace stages {

using pipeline::Nanoseconds;

struct SubscanRequest {
    std::uint16_t chain = 0;                // index of the host
    QuotaClass priority{};                  // alerting, critical, rest
    std::string_view method = "POST";       // a literal
    std::string path{};                     // "/api/v2/scan/transfers"
    std::string body{};                     // JSON; empty: none
    Nanoseconds leave_by = pipeline::never; // not sent by then: shed
    std::string subject{};                  // for the log: "blocks 100-200"
};

struct SubscanReply {
    std::uint64_t id = 0; // of the request, as in the log
    SubscanRequest request;
    SubscanFault fault{};
    std::string text{}; // a sentence for the log; empty: none
    std::string
        body{}; // of a good answer, with code 0 and json_padding bytes of capacity behind it
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
        pipeline::MetricsPage& metrics; // with subscan_metrics
    };
    SubscanGate(SubscanGateOptions options, Needs needs);
    ~SubscanGate();
    SubscanGate(SubscanGate const&) = delete;
    SubscanGate& operator=(SubscanGate const&) = delete;

    static constexpr std::size_t waiting_max = 4'096; // asked for, and not yet given by poll()
    static constexpr std::size_t path_bytes_max = 512;
    static constexpr std::size_t body_bytes_max = io::limits::http_body_bytes_max;
    static constexpr std::size_t holds_max = 256; // paths of chains that the plan does not have
    static constexpr std::size_t key_bytes_max = 512;

    // Its id; absent: too many wait already. A chain without Subscan, and a request above the
    // limits, are answered at once: `shed` and `bad_request`.
    [[nodiscard]] std::optional<std::uint64_t> ask(SubscanRequest request);
    // The next one that has ended. Also drives everything: call it each turn until none is left.
    std::optional<SubscanReply> poll();
    Nanoseconds next_deadline() const;

    // As in Quota. restore() before the first ask().
    void reserve(std::uint64_t alerting_calls_per_day);
    std::string exported_quota() const;
    std::expected<void, std::string> restore_quota(std::string_view state);

    Quota const& quota() const { return quota_; }
    BreakerState breaker(std::uint16_t chain) const; // of its host; closed where it has none
    bool key_refused() const; // 401 was the answer, and no request has been accepted since
    std::size_t waiting() const { return waiting_; }

  private:
    struct Waiting {
        std::uint64_t id = 0;
        SubscanRequest request;
    };
    using Queue = std::deque<Waiting>;
    struct Host {
        io::Url url;
        Breaker breaker;
        std::array<Queue, quota_classes> queues{};
        std::size_t in_flight = 0;
    };
    struct Way { // of a chain
        std::size_t host = 0;
        std::string base{}; // before each path, without a slash at its end
    };
    struct InFlight {
        io::HttpTicket http = 0;
        std::size_t host = 0;
        Quota::Ticket quota = 0;
        Breaker::Call call = 0;
        bool tries_key = false;
        Waiting what;
    };
    // After a refusal: nothing until `until`, then one request tries.
    struct Hold {
        std::uint16_t chain = 0;
        std::string path{};
        Nanoseconds until = 0;
        bool trying = false;
        bool holds(Nanoseconds now) const { return trying || now < until; }
        Nanoseconds next_time() const { return trying ? pipeline::never : until; }
    };
    struct Seen { // what came of a request
        SubscanSeen judged{};
        std::string kind{}; // "HTTP 502": alike for all that repeat it
        std::string text{}; // with what the other side says
    };

    void add_way(std::optional<io::Url> const& url);
    // ---- sending
    void send_all(Nanoseconds now);
    bool send_one(QuotaClass priority, Nanoseconds now);
    void send(std::size_t host, Waiting what, Nanoseconds now);
    bool has_room(Host const& host, QuotaClass priority) const;
    std::size_t first_free(Queue const& queue, Nanoseconds now) const;
    Nanoseconds next_send(QuotaClass priority, Nanoseconds now) const;
    void shed_late(Nanoseconds now);
    std::string why_late(SubscanRequest const& request, Host const& host, Nanoseconds now) const;
    Hold* hold_of(SubscanRequest const& request);
    Nanoseconds free_at(SubscanRequest const& request) const; // of a plan's hold; 0: there is none
    // ---- what came (subscan_gate_answers.cpp)
    void on_done(io::HttpDone done, Nanoseconds now);
    Seen look_at(io::HttpDone& done);
    void tell_breaker(InFlight const& sent, SubscanFault fault, Nanoseconds now);
    void heed_key(InFlight const& sent, SubscanFault fault, Seen const& seen, Nanoseconds now);
    void heed_plan(InFlight const& sent, SubscanFault fault, Seen const& seen, Nanoseconds now);
    SubscanReply& end(Waiting what, SubscanFault fault, Seen const& seen, Nanoseconds now);
    void tell_repeats(Nanoseconds now);
    void count(Nanoseconds now);
    void say(pipeline::Level level, std::string text) const;
    std::string place(SubscanRequest const& request) const;

    SubscanGateOptions options_;
    Needs needs_;
    io::HttpClient client_;
    decoders::SubscanReader reader_;
    Quota quota_;
    std::vector<Host> hosts_;
    std::vector<std::optional<Way>> ways_;          // by chain
    std::array<std::size_t, quota_classes> turn_{}; // the host that is next
    std::vector<InFlight> in_flight_;
    std::deque<SubscanReply> ended_;
    std::optional<Hold> key_hold_;
    std::vector<Hold> plan_holds_;
    Repeats repeats_;
    std::uint64_t next_id_ = 1;
    std::size_t open_ = 0;                        // asked for, and not yet given by poll()
    std::size_t waiting_ = 0;                     // in queues
    Nanoseconds next_leave_by_ = pipeline::never; // no later than the earliest of the queues
};

} // namespace stages
