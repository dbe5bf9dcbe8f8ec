// What a configuration needs of the machine it is to run on.
#include "config/service.hpp"

#include "config/io_thread.hpp"
#include "config/label_files.hpp"
#include "config/rollout_plan.hpp"
#include "config/rule_lint.hpp"
#include "config/stage_options.hpp"
#include "io/files.hpp"
#include "io/websocket.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace {

namespace fs = std::filesystem;

void check_state_dir(ServiceConfig const& service, std::vector<Problem>& problems) {
    std::error_code error;
    fs::create_directories(service.state_dir, error);
    auto const writable = io::check_writable_directory(service.state_dir);
    if (!writable)
        problems.push_back({service.state_dir_where,
                            "service.state_dir: " + io::describe(writable.error()), false});
}

void check_sinks(Config const& config, std::vector<Problem>& problems) {
    for (SinkConfig const& sink : config.sinks) {
        if (sink.path == "-") continue;
        auto const folder = fs::path(sink.path).parent_path();
        auto const writable = io::check_writable_directory(folder.empty() ? "." : folder.string());
        if (!writable)
            problems.push_back({sink.where, "sink.path: " + io::describe(writable.error()), false});
    }
}

void check_secrets(Config const& config, std::vector<Problem>& problems) {
    if (config.http && !config.http->admin_token_file.empty())
        if (auto const token = io::read_secret(config.http->admin_token_file); !token)
            problems.push_back({config.http->where,
                                "http.admin_token_file: " + io::describe(token.error()), false});
    if (!config.subscan) return;
    SubscanConfig const& subscan = *config.subscan;
    if (subscan.api_key_env.empty() && subscan.api_key_file.empty() && has_legacy(config))
        problems.push_back(
            {{},
             "subscan: neither api_key_env nor api_key_file is given; Subscan refuses "
             "requests without a key",
             true});
    if (!subscan.api_key_env.empty() && !std::getenv(subscan.api_key_env.c_str()))
        problems.push_back(
            {{}, fmt::format("subscan.api_key_env: ${} is not set", subscan.api_key_env), true});
    if (subscan.api_key_file.empty()) return;
    if (auto const key = io::read_secret(subscan.api_key_file); !key)
        problems.push_back({{}, "subscan.api_key_file: " + io::describe(key.error()), false});
}

void check_labels(Config const& config, std::vector<Problem>& problems) {
    for (std::string const& text : read_labels(config).problems)
        problems.push_back({config.labels.where, text, true});
    for (std::string const& path : config.labels.files)
        if (auto const size = io::file_size(path); !size)
            problems.push_back({config.labels.where, io::describe(size.error()), false});
    // Without files load() has looked already.
    if (!config.labels.files.empty()) lint_labels_of_files(config, problems);
}

// Opens a WebSocket and closes it again; nothing is asked.
std::expected<void, io::Error> reach(IoThread& thread, ChainConfig const& chain, io::Url const& url,
                                     pipeline::Clock const& clock) {
    io::SystemRandom random;
    io::WebSocketOptions options;
    options.ca_file = chain.ca_file;
    io::WebSocketClient client(thread.network(), url, clock, random, options);
    for (;;) {
        thread.poll();
        io::WebSocketEvent const event = client.poll();
        if (event.kind == io::WebSocketEvent::Kind::opened) return {};
        if (event.kind == io::WebSocketEvent::Kind::closed) return std::unexpected(*event.error);
        thread.park(client.next_deadline());
    }
}

// Opens a connection, with TLS where there is any, and closes it again: a request would cost quota.
void check_subscan(Config const& config, ChainConfig const& chain, IoThread& thread,
                   pipeline::Clock const& clock, std::vector<Problem>& problems) {
    if (!chain.subscan_url) return;
    io::Url const& url = *chain.subscan_url;
    io::Endpoint const endpoint{.host = url.host,
                                .port = url.port,
                                .tls = url.tls(),
                                .ca_file = config.subscan ? config.subscan->ca_file : ""};
    auto const stream =
        thread.network().connect(endpoint, clock.monotonic() + io::limits::handshake_timeout);
    while (stream->state() == io::StreamState::opening) {
        thread.poll();
        if (stream->state() == io::StreamState::opening) thread.park(stream->next_deadline());
    }
    if (io::Error const* const error = stream->error(); error != nullptr)
        problems.push_back({chain.where,
                            fmt::format("chain {}: subscan_url: {}: {}", chain.name,
                                        url.authority(), io::describe(*error)),
                            false});
}

void check_endpoints(Config const& config, std::vector<Problem>& problems) {
    pipeline::SystemClock const clock;
    auto proactor = io::Proactor::create(clock);
    if (!proactor) {
        problems.push_back({{}, io::describe(proactor.error()), false});
        return;
    }
    IoThread thread(std::move(*proactor));
    for (ChainConfig const& chain : config.chains) {
        std::size_t reached = 0;
        std::vector<std::string> faults;
        for (io::Url const& url : chain.endpoints) {
            auto const result = reach(thread, chain, url, clock);
            reached += result.has_value();
            if (!result)
                faults.push_back(
                    fmt::format("{}: {}", url.authority(), io::describe(result.error())));
        }
        // One living node is enough to work, and none is needed while nobody asks them.
        bool const bearable = reached > 0 || !config.flags.enable_hybrid_rpc;
        for (std::string const& fault : faults)
            problems.push_back(
                {chain.endpoints_where, fmt::format("chain {}: {}", chain.name, fault), bearable});
        check_subscan(config, chain, thread, clock, problems);
    }
}

} // namespace

std::expected<std::string, std::string> subscan_key(Config const& config) {
    if (!config.subscan) return {};
    if (!config.subscan->api_key_file.empty()) {
        auto key = io::read_secret(config.subscan->api_key_file);
        if (key) return std::move(*key);
        return std::unexpected("subscan.api_key_file: " + io::describe(key.error()));
    }
    char const* const set = std::getenv(config.subscan->api_key_env.c_str());
    return std::string(set != nullptr ? set : "");
}

void check_environment(Config const& config, bool network, std::vector<Problem>& problems) {
    check_state_dir(config.service, problems);
    check_sinks(config, problems);
    check_secrets(config, problems);
    for (std::string const& name : config.service.operators)
        if (!uid_of(name))
            problems.push_back({config.service.operators_where,
                                fmt::format("service.operators: there is no user '{}'", name),
                                false});
    check_labels(config, problems);
    LoadedPlan const plan = rollout_plan_of(config);
    for (Problem const& problem : plan.problems)
        problems.push_back({config.rollout.where, "rollout.plan: " + to_text(plan.file, problem),
                            problem.warning});
    if (network) check_endpoints(config, problems);
}

} // namespace config
