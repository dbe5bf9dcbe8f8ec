#include "stages/subscan_gate.hpp"

#include "pipeline/check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace stages {
namespace {

using pipeline::never;

constexpr std::array priorities{QuotaClass::alerting, QuotaClass::critical, QuotaClass::rest};

std::size_t index_of(QuotaClass priority) { return static_cast<std::size_t>(priority); }

// What a header may hold, and no blanks, which no key has.
bool usable(std::string_view key) {
    return key.size() <= SubscanGate::key_bytes_max &&
           std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

bool same_host(io::Url const& a, io::Url const& b) {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

// The client must take whatever the gate lets go.
io::HttpClientOptions client_options(SubscanGateOptions const& options) {
    io::HttpClientOptions http = options.http;
    CHECK(http.connections_per_host_max > 0);
    http.waiting_max =
        std::max(http.waiting_max, options.hosts.size() * http.connections_per_host_max);
    return http;
}

} // namespace

SubscanGate::SubscanGate(SubscanGateOptions options, Needs needs)
    : options_(std::move(options))
    , needs_(needs)
    , client_(needs.network, needs.clock, client_options(options_))
    , reader_(options_.http.body_bytes_max)
    , quota_(options_.quota, needs.clock.monotonic()) {
    CHECK(options_.chains.size() == options_.hosts.size());
    for (auto const& url : options_.hosts) add_way(url);
    in_flight_.reserve(hosts_.size() * options_.http.connections_per_host_max);
    if (usable(options_.api_key)) return;
    options_.api_key.clear();
    say(pipeline::Level::error,
        fmt::format(
            "the API key is not sent: a key has at most {} visible characters and no blank. "
            "Look into what subscan.api_key_env names.",
            key_bytes_max));
}

SubscanGate::~SubscanGate() = default;

void SubscanGate::add_way(std::optional<io::Url> const& url) {
    if (!url) {
        ways_.emplace_back();
        return;
    }
    auto const known =
        std::ranges::find_if(hosts_, [&](Host const& host) { return same_host(host.url, *url); });
    auto const index = static_cast<std::size_t>(known - hosts_.begin());
    if (known == hosts_.end())
        hosts_.push_back({.url = *url, .breaker = Breaker(options_.breaker)});
    std::string base = url->target;
    while (base.ends_with('/')) base.pop_back();
    ways_.emplace_back(Way{.host = index, .base = std::move(base)});
}

// ---- asking

std::optional<std::uint64_t> SubscanGate::ask(SubscanRequest request) {
    CHECK(request.chain < ways_.size());
    if (open_ == waiting_max) return std::nullopt;
    ++open_;
    Nanoseconds const now = needs_.clock.monotonic();
    Waiting what{.id = next_id_++, .request = std::move(request)};
    std::uint64_t const id = what.id;
    auto const& way = ways_[what.request.chain];
    if (!way) {
        end(std::move(what), SubscanFault::shed,
            {.kind = "no host", .text = "Subscan does not serve this chain"}, now);
        return id;
    }
    auto const& [path, body] = std::tie(what.request.path, what.request.body);
    if (!path.starts_with('/') || path.size() > path_bytes_max || body.size() > body_bytes_max ||
        !std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f; })) {
        what.request.path.resize(std::min(path.size(), path_bytes_max));
        end(std::move(what), SubscanFault::bad_request,
            {.kind = "not sent", .text = "its path or its body is above the limits"}, now);
        return id;
    }
    next_leave_by_ = std::min(next_leave_by_, what.request.leave_by);
    hosts_[way->host].queues[index_of(what.request.priority)].push_back(std::move(what));
    ++waiting_;
    return id;
}

std::optional<SubscanReply> SubscanGate::poll() {
    Nanoseconds const now = needs_.clock.monotonic();
    while (auto done = client_.poll()) on_done(std::move(*done), now);
    if (next_leave_by_ <= now) shed_late(now);
    send_all(now);
    tell_repeats(now);
    count(now);
    if (ended_.empty()) return std::nullopt;
    SubscanReply reply = std::move(ended_.front());
    ended_.pop_front();
    --open_;
    return reply;
}

// ---- sending

void SubscanGate::send_all(Nanoseconds now) {
    if (waiting_ == 0) return;
    for (QuotaClass const priority : priorities)
        while (quota_.may_send(priority, now) && send_one(priority, now)) {}
}

bool SubscanGate::send_one(QuotaClass priority, Nanoseconds now) {
    if (key_hold_ && key_hold_->holds(now)) return false;
    std::size_t& turn = turn_[index_of(priority)];
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        std::size_t const index = (turn + i) % hosts_.size();
        Host& host = hosts_[index];
        Queue& queue = host.queues[index_of(priority)];
        if (queue.empty() || !has_room(host, priority) || !host.breaker.may_send(now)) continue;
        std::size_t const free = first_free(queue, now);
        if (free == queue.size()) continue;
        turn = index + 1;
        Waiting what = std::move(queue[free]);
        queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(free));
        --waiting_;
        send(index, std::move(what), now);
        return true;
    }
    return false;
}

void SubscanGate::send(std::size_t index, Waiting what, Nanoseconds now) {
    Host& host = hosts_[index];
    SubscanRequest const& request = what.request;
    io::HttpRequest http{
        .method = std::string(request.method),
        .target = ways_[request.chain]->base + request.path,
        .headers = {{"Accept", "application/json"}, {"User-Agent", "spyhop/" SPYHOP_VERSION}},
        .body = request.body};
    if (!request.body.empty()) http.headers.emplace_back("Content-Type", "application/json");
    if (!options_.api_key.empty()) http.headers.emplace_back("X-API-Key", options_.api_key);
    auto const ticket = client_.send(host.url, std::move(http), now + options_.answer_timeout);
    CHECK(ticket); // its waiting_max was made to fit
    needs_.metrics.add(static_cast<std::size_t>(SubscanMetric::sent_alerting) +
                       index_of(request.priority));
    if (key_hold_) key_hold_->trying = true;
    if (Hold* const hold = hold_of(request)) hold->trying = true;
    ++host.in_flight;
    in_flight_.push_back({.http = *ticket,
                          .host = index,
                          .quota = quota_.sent(request.priority, now),
                          .call = host.breaker.sent(now),
                          .tries_key = key_hold_.has_value(),
                          .what = std::move(what)});
}

// The last connection of a host is for alerting.
bool SubscanGate::has_room(Host const& host, QuotaClass priority) const {
    std::size_t most = options_.http.connections_per_host_max;
    if (priority != QuotaClass::alerting && most > 1) --most;
    return host.in_flight < most;
}

SubscanGate::Hold* SubscanGate::hold_of(SubscanRequest const& request) {
    auto const at = std::ranges::find_if(plan_holds_, [&](Hold const& hold) {
        return hold.chain == request.chain && hold.path == request.path;
    });
    return at == plan_holds_.end() ? nullptr : &*at;
}

Nanoseconds SubscanGate::free_at(SubscanRequest const& request) const {
    for (Hold const& hold : plan_holds_)
        if (hold.chain == request.chain && hold.path == request.path) return hold.next_time();
    return 0;
}

std::size_t SubscanGate::first_free(Queue const& queue, Nanoseconds now) const {
    std::size_t i = 0;
    if (plan_holds_.empty()) return i;
    while (i < queue.size() && free_at(queue[i].request) > now) ++i;
    return i;
}

// ---- deadlines

void SubscanGate::shed_late(Nanoseconds now) {
    next_leave_by_ = never;
    for (Host& host : hosts_)
        for (Queue& queue : host.queues) {
            Queue kept;
            for (Waiting& what : queue) {
                Nanoseconds const leave_by = what.request.leave_by;
                if (leave_by > now) {
                    next_leave_by_ = std::min(next_leave_by_, leave_by);
                    kept.push_back(std::move(what));
                    continue;
                }
                --waiting_;
                std::string why = why_late(what.request, host, now);
                end(std::move(what), SubscanFault::shed, {.kind = why, .text = why}, now);
            }
            queue.swap(kept);
        }
}

std::string SubscanGate::why_late(SubscanRequest const& request, Host const& host,
                                  Nanoseconds now) const {
    if (key_hold_) return "the API key is refused";
    if (free_at(request) > now) return "the plan of the API key does not have this path";
    if (host.breaker.state(now) != BreakerState::closed) return "the host fails";
    if (now < quota_.paused_until()) return "Subscan wants to be asked later";
    if (quota_.left_today(now) == 0) return "all requests of the day are used";
    if (!quota_.may_send(request.priority, now)) return "its share of the quota is used";
    return "others came first";
}

Nanoseconds SubscanGate::next_send(QuotaClass priority, Nanoseconds now) const {
    Nanoseconds earliest = never;
    for (Host const& host : hosts_) {
        Queue const& queue = host.queues[index_of(priority)];
        if (queue.empty() || !has_room(host, priority)) continue;
        Nanoseconds free = plan_holds_.empty() ? 0 : never;
        for (std::size_t i = 0; i < queue.size() && free > now; ++i)
            free = std::min(free, free_at(queue[i].request));
        earliest = std::min(earliest, std::max(host.breaker.next_time(now), free));
    }
    if (earliest == never) return never;
    if (key_hold_) earliest = std::max(earliest, key_hold_->next_time());
    return std::max(earliest, quota_.next_time(priority, now));
}

Nanoseconds SubscanGate::next_deadline() const {
    if (!ended_.empty()) return 0;
    Nanoseconds earliest =
        std::min({client_.next_deadline(), next_leave_by_, repeats_.next_deadline()});
    if (waiting_ == 0) return earliest;
    Nanoseconds const now = needs_.clock.monotonic();
    for (QuotaClass const priority : priorities)
        earliest = std::min(earliest, next_send(priority, now));
    return earliest;
}

// ---- the quota and views

void SubscanGate::reserve(std::uint64_t alerting_calls_per_day) {
    quota_.reserve(alerting_calls_per_day, needs_.clock.monotonic());
}

std::string SubscanGate::exported_quota() const {
    return quota_.exported(needs_.clock.monotonic(), needs_.clock.unix_milliseconds());
}

std::expected<void, std::string> SubscanGate::restore_quota(std::string_view state) {
    return quota_.restore(state, needs_.clock.monotonic(), needs_.clock.unix_milliseconds());
}

BreakerState SubscanGate::breaker(std::uint16_t chain) const {
    CHECK(chain < ways_.size());
    if (!ways_[chain]) return BreakerState::closed;
    return hosts_[ways_[chain]->host].breaker.state(needs_.clock.monotonic());
}

bool SubscanGate::key_refused() const { return key_hold_.has_value(); }

} // namespace stages
