#include "stages/standin_subscan.hpp"

#include "decoders/value_json.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_host.hpp" // node_path
#include "stages/standin_subscan_impl.hpp"

#include <algorithm>
#include <fmt/format.h>

// Who is let in: keys, quota, faults that break an answer, and the envelope around it.
namespace stages {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::string_view health = "/healthz";
constexpr std::string_view html =
    "<html><head><title>Bad Gateway</title></head><body>nginx</body></html>";

StandinFault const* fault(SubscanFaults const& faults, StandinFaultKind kind) {
    return faults[static_cast<std::size_t>(kind)];
}

// "/polkadot/api/now" -> "/polkadot" and "/api/now"; nothing where there is no such path.
std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view target) {
    target = target.substr(0, target.find('?'));
    auto const api = target.find("/api/");
    if (api == target.npos) return std::nullopt;
    return std::pair{target.substr(0, api), target.substr(api)};
}

} // namespace

std::string json_text(std::string_view text) {
    std::string out;
    decoders::append_json_text(text, out);
    return out;
}

std::string SubscanCounters::text() const {
    auto out = fmt::format("requests {}, unauthorized {}, over quota {}, answered {}, faults {}, "
                           "errors {}, rows {}\n",
                           requests, unauthorized, over_quota, answered, faults, errors, rows);
    for (auto const& [path, count] : endpoints) out += fmt::format("  {} {}\n", path, count);
    return out;
}

bool StandinSubscan::Impl::knows(std::string_view key) const {
    if (key.empty() || key.size() > key_bytes_max) return false;
    return options.key.empty() || key == options.key;
}

bool StandinSubscan::Impl::admit() {
    auto const now = clock.monotonic();
    auto const today = unix_s() / day_s;
    if (quota.day != today) quota = {std::move(quota.answered), today, 0};
    while (!quota.answered.empty() && now - quota.answered.front() >= pipeline::second) {
        quota.answered.pop_front();
    }
    auto const& scenario = options.scenario;
    if (scenario.quota_per_second != 0 && quota.answered.size() >= scenario.quota_per_second) {
        return false;
    }
    if (scenario.quota_per_day != 0 && quota.answered_in_day >= scenario.quota_per_day) {
        return false;
    }
    if (scenario.quota_per_second != 0) quota.answered.push_back(now);
    ++quota.answered_in_day;
    return true;
}

// Of the two quotas the one that is nearer to its end is told of.
void StandinSubscan::Impl::add_quota(io::HttpHeaders& headers, bool refused) const {
    auto const& scenario = options.scenario;
    auto limit = scenario.quota_per_second;
    auto left = limit - std::min<std::uint64_t>(limit, quota.answered.size());
    std::uint64_t reset = 1; // the oldest of this second makes room by then
    if (scenario.quota_per_day != 0) {
        auto const of_day =
            scenario.quota_per_day - std::min(scenario.quota_per_day, quota.answered_in_day);
        if (limit == 0 || of_day < left) {
            limit = scenario.quota_per_day;
            left = of_day;
            reset = day_s - unix_s() % day_s;
        }
    }
    if (limit == 0) return;
    headers.emplace_back("ratelimit-limit", std::to_string(limit));
    headers.emplace_back("ratelimit-remaining", std::to_string(refused ? 0 : left));
    headers.emplace_back("ratelimit-reset", std::to_string(reset));
    if (refused) headers.emplace_back("retry-after", std::to_string(reset));
}

StandinIndex* StandinSubscan::Impl::chain_of(std::string_view path) {
    if (chains.size() == 1) return chains.front().get();
    auto const chain = std::ranges::find_if(
        chains, [&](auto const& index) { return node_path(index->name()) == path; });
    return chain == chains.end() ? nullptr : chain->get();
}

// Counts the request for each fault that it may be of.
SubscanFaults StandinSubscan::Impl::faults_of(std::string_view endpoint) {
    SubscanFaults found{};
    bool const page = endpoint.ends_with("/scan/transfers");
    for (std::size_t i = 0; i < fault_requests.size(); ++i) {
        auto const& one = options.scenario.faults[i];
        auto const kind = static_cast<std::size_t>(one.kind);
        if (!one.endpoint.empty() && one.endpoint != endpoint) continue;
        if (subscan_fault_kinds[kind].of_pages && !page) continue;
        auto const request = ++fault_requests[i];
        if (request >= one.at_request && request - one.at_request < one.count) found[kind] = &one;
    }
    return found;
}

// A body of the gateway's own: it has no code.
StandinReply StandinSubscan::Impl::gateway(unsigned status, std::string_view message) {
    StandinReply reply;
    reply.response.status = status;
    reply.response.headers.emplace_back("content-type", "application/json; charset=utf-8");
    add_quota(reply.response.headers, status == 429);
    reply.response.body = "{\"message\":" + json_text(message) + "}";
    return reply;
}

StandinReply StandinSubscan::Impl::enveloped(SubscanData const& data) {
    StandinReply reply;
    reply.response.headers.emplace_back("content-type", "application/json; charset=utf-8");
    add_quota(reply.response.headers, false);
    if (!data) ++counters.errors;
    reply.response.body = fmt::format(
        R"({{"code":{},"message":{},"generated_at":{},"data":{}}})", data ? 0 : data.error().code,
        json_text(data ? "Success" : data.error().message), unix_s(), data ? *data : "null");
    return reply;
}

// What a fault makes of the request, where it leaves no right answer.
std::optional<StandinReply> StandinSubscan::Impl::broken(SubscanFaults const& faults,
                                                         std::string_view endpoint) {
    using enum StandinFaultKind;
    StandinReply reply;
    reply.response.headers.emplace_back("content-type", "text/html");
    reply.response.body = html;
    if (fault(faults, limited)) return gateway(429, "API rate limit exceeded");
    if (auto const* error = fault(faults, server_error)) {
        reply.response.status = error->status;
        return reply;
    }
    if (fault(faults, unauthorized)) return gateway(401, "Invalid authentication credentials");
    if (fault(faults, plan)) return gateway(402, "The plan of this API key does not allow it");
    if (fault(faults, timeout)) {
        reply.kind = StandinReply::Kind::silence;
        return reply;
    }
    if (fault(faults, reset)) {
        reply.kind = StandinReply::Kind::drop;
        return reply;
    }
    if (fault(faults, garbage)) {
        reply.kind = StandinReply::Kind::raw;
        reply.raw = "\x16\x03\x01 this is not HTTP\r\n\r\n";
        return reply;
    }
    if (fault(faults, not_json)) return reply;
    if (auto const* error = fault(faults, error_in_200)) {
        return enveloped(std::unexpected(
            SubscanRefusal{error->code, fmt::format("something went wrong in {}", endpoint)}));
    }
    if (fault(faults, no_code_200)) return gateway(200, "no Route matched with those values");
    return std::nullopt;
}

StandinSubscan::StandinSubscan(pipeline::Clock const& clock, Options options)
    : impl_(std::make_unique<Impl>(clock, std::move(options))) {}
StandinSubscan::~StandinSubscan() = default;

std::size_t StandinSubscan::add_chain() {
    impl_->chains.push_back(std::make_unique<StandinIndex>(impl_->options.blocks_max));
    return impl_->chains.size() - 1;
}

std::expected<void, std::string> StandinSubscan::add(std::size_t chain,
                                                     io::CaptureRecord const& record) {
    CHECK(chain < impl_->chains.size());
    return impl_->chains[chain]->add(record);
}

StandinReply StandinSubscan::answer(io::HttpRequest const& request) {
    auto& impl = *impl_;
    if (request.target == health) return {.response = {.body = "ok"}};
    auto& counters = impl.counters;
    ++counters.requests;
    if (!impl.knows(io::find_header(request.headers, "X-API-Key"))) {
        ++counters.unauthorized;
        return impl.gateway(401, "Invalid authentication credentials");
    }
    if (!impl.admit()) {
        ++counters.over_quota;
        return impl.gateway(429, "API rate limit exceeded");
    }
    ++counters.answered;
    auto const parts = split(request.target);
    auto* const index = parts ? impl.chain_of(parts->first) : nullptr;
    auto const path = parts ? parts->second : std::string_view();
    auto const* const endpoint = Impl::find_endpoint(path, request.method);
    if (index == nullptr || endpoint == nullptr) {
        return impl.gateway(404, "no Route matched with those values");
    }
    ++counters.endpoints[std::string(path)];
    auto const faults = impl.faults_of(path);
    if (std::ranges::any_of(faults, [](auto const* one) { return one != nullptr; })) {
        ++counters.faults;
    }
    if (auto broken = impl.broken(faults, path)) return std::move(*broken);
    // A request without a body asks for everything.
    simdjson::dom::element body;
    constexpr std::string_view nothing = "{}";
    std::string_view const text = request.body.empty() ? nothing : std::string_view(request.body);
    if (impl.parser.parse(simdjson::padded_string(text)).get(body) != simdjson::SUCCESS ||
        !body.is_object()) {
        return impl.enveloped(std::unexpected(SubscanRefusal::params()));
    }
    auto reply = impl.enveloped((impl.*endpoint->answer)({*index, path, body, faults}));
    if (auto const* slow = fault(faults, StandinFaultKind::slow)) reply.delay = slow->delay;
    return reply;
}

SubscanCounters const& StandinSubscan::counters() const { return impl_->counters; }

StandinIndex const& StandinSubscan::index(std::size_t chain) const {
    CHECK(chain < impl_->chains.size());
    return *impl_->chains[chain];
}

} // namespace stages
