// What comes back to the gate: judged, told to the quota, the breaker and the log, and handed on.
#include "stages/subscan_gate.hpp"

#include "pipeline/check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace stages {
namespace {

using pipeline::Level;
using pipeline::second;

constexpr std::size_t shown_bytes_max = 160; // of what the other side says
constexpr std::size_t tail_bytes_min = 4;    // of a key, that are worth hiding

std::uint64_t seconds(Nanoseconds time) { return (time + second - 1) / second; }

// Without the key, should it be in there.
std::string without_key(std::string text, std::string_view key) {
    if (key.empty()) return text;
    for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at))
        text.replace(at, key.size(), "(the key)");
    return text;
}

// For the log: short, one line, plain. The whole key is taken out where a text leaves the gate; a
// part of it, where the cut goes through it, here.
std::string shown(std::string_view said, std::string_view key) {
    std::string text(said.substr(0, shown_bytes_max));
    for (std::size_t part = key.size(); said.size() > shown_bytes_max && part >= tail_bytes_min;
         --part)
        if (text.ends_with(key.substr(0, part))) text.resize(text.size() - part);
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    return text;
}

} // namespace

void SubscanGate::on_done(io::HttpDone done, Nanoseconds now) {
    auto const at = std::ranges::find(in_flight_, done.ticket, &InFlight::http);
    CHECK(at != in_flight_.end());
    InFlight sent = std::move(*at);
    in_flight_.erase(at);
    --hosts_[sent.host].in_flight;
    Seen const seen = look_at(done);
    SubscanFault const fault = classify(seen.judged);
    if (done.result) {
        bool const limited = fault == SubscanFault::limited;
        quota_.answered(sent.quota, quota_hints(done.result->headers), limited, now);
        needs_.metrics.add(SubscanMetric::bytes, done.result->body.size());
    } else {
        quota_.ended(sent.quota, now);
    }
    tell_breaker(sent, fault, now);
    heed_key(sent, fault, seen, now);
    heed_plan(sent, fault, seen, now);
    SubscanReply& reply = end(std::move(sent.what), fault, seen, now);
    reply.received = done.received;
    if (fault == SubscanFault::none) reply.body = std::move(done.result->body);
}

SubscanGate::Seen SubscanGate::look_at(io::HttpDone& done) {
    if (!done.result) {
        io::Error const& error = done.result.error();
        return {.judged = {.error = error.code},
                .kind = std::string(io::name(error.code)),
                .text = io::describe(error)};
    }
    io::HttpResponse& response = *done.result;
    std::string const status = fmt::format("HTTP {}", response.status);
    Seen seen{.judged = {.status = response.status}, .kind = status};
    response.body.reserve(response.body.size() + pipeline::json_padding);
    auto const envelope = reader_.envelope(response.body);
    if (!envelope) {
        seen.text = response.body.empty() ? status + " without a body"
                                          : fmt::format("{} and \"{}\"", status,
                                                        shown(response.body, options_.api_key));
        return seen;
    }
    seen.judged.json = true;
    seen.judged.code = envelope->code;
    seen.judged.message = envelope->message;
    if (envelope->code) seen.kind += fmt::format(", code {}", *envelope->code);
    seen.text = fmt::format("{} \"{}\"", seen.kind,
                            shown(decoders::json_unescaped(envelope->message), options_.api_key));
    return seen;
}

void SubscanGate::tell_breaker(InFlight const& sent, SubscanFault fault, Nanoseconds now) {
    Host& host = hosts_[sent.host];
    BreakerState const before = host.breaker.state(now);
    switch (word_on_host(fault)) {
    case HostWord::good: host.breaker.succeeded(sent.call, now); break;
    case HostWord::bad: host.breaker.failed(sent.call, now); break;
    case HostWord::nothing: host.breaker.undecided(sent.call); break;
    }
    BreakerState const after = host.breaker.state(now);
    if (before == after) return;
    if (after == BreakerState::closed)
        say(Level::info, fmt::format("{} answers again", host.url.authority()));
    if (after == BreakerState::open) needs_.metrics.add(SubscanMetric::breaker_opens);
    if (after == BreakerState::open && before == BreakerState::closed)
        say(Level::warning, fmt::format("{} fails; it is left alone, and tried again after {} s",
                                        host.url.authority(), seconds(options_.breaker.open)));
}

void SubscanGate::heed_key(InFlight const& sent, SubscanFault fault, Seen const& seen,
                           Nanoseconds now) {
    Nanoseconds const pause = options_.refused_key_pause;
    if (fault == SubscanFault::unauthorized) {
        // What was under way together with the first one tells nothing new.
        if (key_hold_ && !sent.tries_key) return;
        say(Level::error,
            fmt::format(
                "incident: {}{} ({}). Nothing is asked of Subscan for {} s, then one "
                "request tries again. Check subscan.api_key_env: the variable it names must "
                "hold a valid key.",
                options_.api_key.empty() ? "Subscan wants an API key, and none is set"
                                         : "Subscan refuses the API key",
                key_hold_ ? ", still" : "", seen.text, seconds(pause)));
        key_hold_ = Hold{.until = now + pause};
        return;
    }
    if (!sent.tries_key) return;
    key_hold_->trying = false;
    // Whoever was refused for another reason has been let in; who was not heard at all has not.
    if (word_on_host(fault) != HostWord::good) return;
    key_hold_.reset();
    say(Level::info, "Subscan accepts the API key again");
}

void SubscanGate::heed_plan(InFlight const& sent, SubscanFault fault, Seen const& seen,
                            Nanoseconds now) {
    SubscanRequest const& request = sent.what.request;
    Hold* hold = hold_of(request);
    if (fault == SubscanFault::plan) {
        if (hold && !hold->trying) return; // under way together with the first one
        if (!hold) {
            if (plan_holds_.size() == holds_max) plan_holds_.erase(plan_holds_.begin());
            hold = &plan_holds_.emplace_back(Hold{.chain = request.chain, .path = request.path});
        }
        hold->until = now + options_.refused_key_pause;
        hold->trying = false;
        say(Level::error,
            fmt::format(
                "incident: the plan of the API key does not have {} ({}). That alone is not "
                "asked for {} s. Take a plan that has it, or turn off what needs it.",
                place(request), seen.text, seconds(options_.refused_key_pause)));
        return;
    }
    if (!hold || !hold->trying) return;
    hold->trying = false;
    if (word_on_host(fault) != HostWord::good || fault == SubscanFault::unauthorized) return;
    plan_holds_.erase(plan_holds_.begin() + (hold - plan_holds_.data()));
}

SubscanReply& SubscanGate::end(Waiting what, SubscanFault fault, Seen const& seen,
                               Nanoseconds now) {
    std::string const where = place(what.request);
    needs_.metrics.add(static_cast<std::size_t>(SubscanMetric::good) +
                       static_cast<std::size_t>(fault));
    SubscanReply reply{.id = what.id, .request = std::move(what.request), .fault = fault};
    if (fault != SubscanFault::none) {
        SubscanRequest const& request = reply.request;
        std::string text = fmt::format("request {} ({}{}{}): {}: {}", reply.id, where,
                                       request.subject.empty() ? "" : ", ", request.subject,
                                       seen.text, meaning(fault));
        if (fault == SubscanFault::limited)
            text +=
                fmt::format("; nothing is sent for {} s",
                            seconds(quota_.paused_until() - std::min(now, quota_.paused_until())));
        reply.text = without_key(std::move(text), options_.api_key);
        if (!permanent(fault)) needs_.metrics.add(SubscanMetric::later);
        bool const failed = fault != SubscanFault::no_record;
        if (failed &&
            repeats_.first(fmt::format("{}: {} ({})", where, seen.kind, to_text(fault)), now))
            say(Level::warning, reply.text);
    }
    return ended_.emplace_back(std::move(reply));
}

void SubscanGate::tell_repeats(Nanoseconds now) {
    while (auto const told = repeats_.over(now))
        say(Level::warning, fmt::format("{} more in the last minute: {}", told->count, told->kind));
}

void SubscanGate::count(Nanoseconds now) {
    pipeline::MetricsPage& metrics = needs_.metrics;
    metrics.set(SubscanMetric::quota_used, quota_.used_today(now));
    metrics.set(SubscanMetric::quota_left, quota_.left_today(now));
    metrics.set(SubscanMetric::paused, quota_.paused_total());
    metrics.set(SubscanMetric::pace, quota_.pace_permille());
    metrics.set(SubscanMetric::waiting, waiting_);
    metrics.set(SubscanMetric::in_flight, in_flight_.size());
    metrics.set(SubscanMetric::breakers_open, std::ranges::count_if(hosts_, [&](Host const& host) {
                    return host.breaker.state(now) != BreakerState::closed;
                }));
    metrics.set(SubscanMetric::key_refused, key_hold_ ? 1 : 0);
}

void SubscanGate::say(Level level, std::string text) const {
    needs_.log.write(level, "subscan", without_key(std::move(text), options_.api_key));
}

std::string SubscanGate::place(SubscanRequest const& request) const {
    return fmt::format("{} {} on {}", request.method, request.path, options_.chains[request.chain]);
}

} // namespace stages
