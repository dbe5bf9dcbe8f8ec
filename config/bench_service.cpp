#include "config/bench_service.hpp"

#include "io/files.hpp"
#include "io/unix_client.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <simdjson.h>

namespace config {

namespace {

std::string chain_text(ServicePlan const& plan, ServicePlan::Chain const& chain) {
    std::string text = fmt::format("[[chain]]\nname = \"{}\"\nendpoints = [{}]\n", chain.name,
                                   chain.url.empty() ? std::string() : '"' + chain.url + '"');
    if (!chain.subscan_url.empty())
        text += fmt::format("subscan_url = \"{}\"\n", chain.subscan_url);
    if (!plan.ca_file.empty()) text += fmt::format("ca_file = \"{}\"\n", plan.ca_file);
    return text + chain.more;
}

std::string config_text(ServicePlan const& plan, std::string const& state,
                        std::string const& socket, std::string const& key_file) {
    std::string text = fmt::format("[service]\nstate_dir = \"{}\"\nsocket = \"{}\"\n{}\n", state,
                                   socket, plan.service);
    if (plan.subscan)
        text += fmt::format("[subscan]\napi_key_file = \"{}\"\nrequests_per_second = 1000\n"
                            "requests_per_day = 100000000\n",
                            key_file);
    for (ServicePlan::Chain const& chain : plan.chains) text += chain_text(plan, chain);
    text += fmt::format("[[rule]]\nname = \"large-transfer\"\nkind = \"large_transfer\"\n"
                        "assets = [\"native\"]\nnotable = \"{}\"\n",
                        plan.level);
    if (!plan.flags.empty()) text += "[flags]\n" + plan.flags;
    return text + plan.more +
           fmt::format("[[sink]]\nkind = \"ndjson\"\npath = \"{}\"\n", plan.sink);
}

} // namespace

std::expected<BenchService, std::string> BenchService::make(ServicePlan plan) {
    BenchService service(std::move(plan));
    ServicePlan& with = service.plan_;
    if (with.state_dir.empty()) with.state_dir = with.folder + "/" + with.name;
    std::string const key_file = with.folder + "/made-up.key";
    auto written = io::write_file(key_file, "made-up-key", 0600);
    if (written)
        written =
            io::write_file(service.config_path(),
                           config_text(with, with.state_dir, service.socket_path(), key_file));
    if (!written) return std::unexpected(io::describe(written.error()));
    return service;
}

void BenchService::start(BenchCrew& crew) {
    who_ = crew.run(plan_.name, {"/proc/self/exe", "run", "-c", config_path()});
}

std::optional<std::string> BenchService::ask(std::string_view line) const {
    pipeline::SystemClock const clock;
    auto const answer =
        io::ask_unix(socket_path(), line, clock, clock.monotonic() + 5 * pipeline::second);
    if (!answer) return std::nullopt;
    return *answer;
}

std::map<std::string, double> BenchService::metrics() const {
    std::map<std::string, double> found;
    auto const answer = ask("metrics");
    if (!answer) return found;
    std::string_view rest = *answer;
    while (!rest.empty()) {
        std::size_t const end = rest.find('\n');
        std::string_view const line = rest.substr(0, end);
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
        std::size_t const blank = line.rfind(' ');
        if (line.starts_with('#') || blank == line.npos) continue;
        std::string_view const value = line.substr(blank + 1);
        double number = 0;
        auto const [at, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error == std::errc()) found[std::string(line.substr(0, blank))] = number;
    }
    return found;
}

std::optional<double> BenchService::drill() const {
    auto const answer =
        ask(R"({"command":["rollback"],"args":{"drill":"true","reason":"spyhop bench"}})");
    simdjson::dom::parser parser;
    double microseconds = 0;
    if (!answer || parser.parse(*answer)["command_to_obeyed_us"].get(microseconds))
        return std::nullopt;
    return microseconds * 1e3;
}

bool BenchService::all_chains(std::string_view state) const {
    auto const answer = ask(R"({"command":["status"],"args":{}})");
    simdjson::dom::parser parser;
    simdjson::dom::array chains;
    if (!answer || parser.parse(*answer)["chains"].get(chains)) return false;
    return std::ranges::all_of(chains, [&](simdjson::dom::element chain) {
        std::string_view said;
        return !chain["state"].get(said) && said == state;
    });
}

double metric_sum(std::map<std::string, double> const& metrics, std::string_view name) {
    double sum = 0;
    for (auto const& [label, value] : metrics)
        if (label.starts_with(name) && (label.size() == name.size() || label[name.size()] == '{'))
            sum += value;
    return sum;
}

struct AlertReader::Parser {
    simdjson::dom::parser of;
};

AlertReader::AlertReader()
    : parser_(std::make_unique<Parser>()) {}
AlertReader::~AlertReader() = default;

std::optional<AlertSaid> AlertReader::read(std::string_view line) {
    simdjson::dom::element alert;
    if (parser_->of.parse(line.data(), line.size()).get(alert)) return std::nullopt;
    AlertSaid said;
    std::string_view chain, state;
    std::uint64_t block = 0, event = 0;
    if (alert["chain"].get(chain) || alert["state"].get(state) ||
        alert["block"]["number"].get(block) || alert["event"]["index"].get(event) ||
        alert["latency"]["received_to_emitted_ns"].get(said.received_to_emitted_ns))
        return std::nullopt;
    double milliseconds = 0;
    if (!alert["latency"]["block_to_emitted_ms"].get(milliseconds))
        said.block_to_emitted_ms = milliseconds;
    said.chain = chain;
    said.state = state;
    said.block = static_cast<std::uint32_t>(block);
    said.event = static_cast<std::uint32_t>(event);
    said.amended = !alert["amended"].error();
    return said;
}

FirstTold::Line FirstTold::look(AlertSaid const& alert) {
    constexpr unsigned seen = 1, final = 2;
    unsigned const state = alert.state == "seen" ? seen : alert.state == "final" ? final : 0;
    if (state == 0 || alert.amended) return Line::other;
    unsigned& before = states_[alert.chain][std::uint64_t{alert.block} << 32 | alert.event];
    bool const new_state = (before & state) == 0;
    bool const first = before == 0;
    before |= state;
    return first ? Line::first : new_state ? Line::other : Line::again;
}

} // namespace config
