// The same desk over HTTP: health for load balancers, metrics, answers to read, and the emergency
// rollback. Reading needs no token (it listens on the loopback unless told otherwise); a POST needs
// the bearer token, of which only the hash is kept and compared, so that neither the token nor the
// time of the comparison can leak.
#include "stages/control.hpp"

#include "decoders/hash.hpp"
#include "stages/control_words.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::string_view rollback_path = "/admin/emergency-rollback";

io::HttpResponse plain(unsigned status, std::string body) {
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

io::HttpResponse json(unsigned status, std::string body) {
    return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

io::HttpResponse refusal(unsigned status, std::string_view why) {
    std::string body = R"({"ok":false,"error":)";
    append_json_string(why, body);
    return json(status, body + "}\n");
}

// Every byte is looked at, whatever the first ones say.
bool same(Hash const& a, Hash const& b) {
    std::uint8_t differences = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        differences = static_cast<std::uint8_t>(differences | (a[i] ^ b[i]));
    return differences == 0;
}

} // namespace

bool Control::authorized(io::HttpRequest const& request) const {
    constexpr std::string_view scheme = "Bearer ";
    std::string_view const given = io::find_header(request.headers, "Authorization");
    if (!given.starts_with(scheme) || !options_.admin_token) return false;
    auto const hash = decoders::blake2b_256(pipeline::as_bytes(given.substr(scheme.size())));
    return same(hash, *options_.admin_token);
}

// Nothing: the answer waits for the routing stage.
std::optional<io::HttpResponse> Control::answer_http(io::HttpRequest const& request,
                                                     pipeline::Turn const& turn) {
    std::string_view const target =
        std::string_view(request.target).substr(0, request.target.find('?'));
    bool const reads = request.method == "GET" || request.method == "HEAD";
    if (target == rollback_path) {
        if (request.method == "POST") return rollback_http(request, turn);
        auto response = refusal(405, "POST is meant");
        response.headers.emplace_back("Allow", "POST");
        return response;
    }
    if (!reads) {
        auto response = refusal(405, "this can only be read");
        response.headers.emplace_back("Allow", "GET, HEAD");
        return response;
    }
    if (target == "/healthz") return plain(200, "ok\n");
    if (target == "/readyz")
        return ready(turn.regime) ? plain(200, "ready\n") : plain(503, "not ready\n");
    if (target == "/metrics")
        return io::HttpResponse{
            200, {{"Content-Type", "text/plain; version=0.0.4"}}, needs_.metrics.exposition()};
    constexpr std::string_view api = "/api/";
    if (!target.starts_with(api))
        return refusal(404, "there is /metrics, /healthz, /readyz, /api/");
    std::string line(target.substr(api.size()));
    std::replace(line.begin(), line.end(), '/', ' ');
    return read_http(line, turn);
}

// What a viewer may ask on the socket, as JSON: /api/status, /api/shadow/report, ...
io::HttpResponse Control::read_http(std::string const& line, pipeline::Turn const& turn) {
    auto request = parse_admin_request(line);
    if (!request) return refusal(400, request.error());
    asker_ = {Role::viewer, "http"};
    Answer answer = dispatch(*request, asker_, turn);
    unsigned const status = answer.code == 0            ? 200
                          : answer.code == exit_usage   ? 404
                          : answer.code == exit_refused ? 403
                                                        : 500;
    return json(status, render(std::move(answer), true, false));
}

std::optional<io::HttpResponse> Control::rollback_http(io::HttpRequest const& request,
                                                       pipeline::Turn const& turn) {
    if (!options_.admin_token)
        return refusal(403, "POST is refused: no [http] admin_token_file is configured");
    if (!authorized(request)) {
        auto response = refusal(401, "the bearer token is missing or wrong");
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
        return response;
    }
    auto const order = parse_rollback_order(request.body);
    if (!order) return refusal(400, order.error());
    asker_ = {Role::admin, "http"};
    AdminRequest asked;
    asked.words = {"rollback"};
    asked.json = true;
    asked.args = {{"reason", order->reason}};
    if (!order->operator_name.empty()) asked.args["operator"] = order->operator_name;
    Answer answer = rollback(asked, turn);
    if (!answer.wait) return json(409, render(std::move(answer), true, false));
    waiting_ = Waiting{0, true, false, std::move(*answer.wait), true};
    std::string const text = waited(turn);
    if (text.empty()) return std::nullopt;
    return json(200, text);
}

void Control::respond_http(std::uint64_t connection, std::string const& text) {
    needs_.http->respond(connection, json(text.starts_with(R"({"ok":true)") ? 200 : 504, text));
}

// True: something was done.
bool Control::poll_http(pipeline::Turn const& turn) {
    if (!needs_.http) return false;
    io::HttpServerEvent const event = needs_.http->poll();
    if (event.kind == io::HttpServerEvent::Kind::none) return false;
    if (event.kind != io::HttpServerEvent::Kind::request) return true;
    last_turn_ = turn.now;
    if (auto const response = answer_http(event.request, turn))
        needs_.http->respond(event.connection, *response);
    else
        waiting_->connection = event.connection;
    return true;
}

} // namespace stages
