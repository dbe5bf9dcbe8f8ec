// `spyhop demo`: the whole service against a node inside this process, over a real WebSocket.
#include "config/commands.hpp"

#include "config/cmd_node.hpp"
#include "config/corpus_capture.hpp"
#include "config/exit_codes.hpp"
#include "config/log.hpp"
#include "config/service.hpp"
#include "config/signals.hpp"
#include "config/temporary_folder.hpp"
#include "io/files.hpp"
#include "pipeline/clock.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>

namespace config {

namespace {

using Chains = std::expected<std::vector<EmbeddedChain>, std::string>;

Chains chains_to_play(DemoOptions const& options, pipeline::Log& log) {
    if (!options.capture.empty()) return capture_chains(options.capture, options.block_time);
    if (options.corpus.empty()) {
        auto traffic = traffic_chains(options.block_time, options.seed);
        // The same seed shows the same blocks, however long the service took to start.
        if (traffic) {
            for (EmbeddedChain& chain : *traffic) chain.wait_for_follower = true;
        }
        return traffic;
    }
    auto corpus = load_corpus(options.corpus);
    if (!corpus) return std::unexpected(corpus.error());
    for (std::string const& note : corpus->notes) log.write(pipeline::Level::info, "demo", note);
    std::vector<EmbeddedChain> chains;
    for (stages::ChainCapture& capture : corpus->chains) {
        auto& chain = chains.emplace_back();
        chain.name = capture.name;
        chain.feed = std::make_unique<stages::CaptureFeed>(std::move(capture.records));
        chain.block_time = options.block_time;
    }
    return chains;
}

// Blocks come faster than on a real chain, so more is asked than the free plan allows.
constexpr std::uint32_t demo_requests_per_day = 2'000'000;
constexpr std::uint32_t demo_requests_per_second = 100;

// Generated traffic is watched on both paths: the node speaks for half of the accounts, a stand-in
// Subscan for the others, and both are asked for names and prices.
std::expected<void, std::string> add_subscan(Config& config, std::vector<std::string> const& urls,
                                             std::string const& folder,
                                             pipeline::Nanoseconds block_time) {
    constexpr double half = 50;
    constexpr pipeline::Nanoseconds poll_min = pipeline::second, poll_max = 5 * pipeline::second;
    SubscanConfig& subscan = config.subscan.emplace();
    subscan.api_key_file = folder + "/made-up.key";
    if (auto const written = io::write_file(subscan.api_key_file, "made-up-key"); !written)
        return std::unexpected(io::describe(written.error()));
    subscan.requests_per_day = demo_requests_per_day;
    subscan.requests_per_second = demo_requests_per_second;
    config.flags.hybrid_traffic_percent = half;
    for (std::size_t i = 0; i < urls.size(); ++i) {
        config.chains[i].subscan_url = io::parse_url(urls[i]).value();
        config.chains[i].legacy_poll = std::clamp(2 * block_time, poll_min, poll_max);
    }
    return {};
}

Config demo_config(std::vector<std::string> const& names, std::vector<std::string> const& urls,
                   std::string const& folder, bool recorded) {
    Config config;
    config.file = "demo";
    config.service.state_dir = folder;
    config.service.socket = folder + "/admin.sock";
    config.service.isolation = Isolation::thread;
    stages::Rule rule;
    rule.name = "large-transfer";
    // Recorded blocks are few: every transfer is shown. Generated traffic is shown from 10,000
    // tokens.
    rule.assets = {recorded ? "*" : "native"};
    rule.levels = {recorded ? "0" : "10000", "100000", "1000000"};
    rule.chains.assign(names.size(), true);
    config.rules.push_back(rule);
    for (std::size_t i = 0; i < names.size(); ++i) {
        ChainConfig chain;
        chain.name = names[i];
        chain.endpoints.push_back(io::parse_url(urls[i]).value());
        config.chains.push_back(std::move(chain));
    }
    config.sinks.push_back({});
    return config;
}

} // namespace

int cmd_demo(Common const& common, DemoOptions const& options) {
    block_signals(); // before the node's thread is started
    auto const log = make_log(common.quiet, common.color);
    auto chains = chains_to_play(options, *log);
    TemporaryFolder const folder("demo");
    if (!chains || folder.path().empty()) {
        fmt::print(stderr, "spyhop: {}\n", chains ? folder.trouble() : chains.error());
        return exit_failed;
    }
    std::vector<std::string> names;
    for (EmbeddedChain const& chain : *chains) names.push_back(chain.name);
    // Recorded blocks come to their end before anybody would poll for them.
    bool const recorded = !options.corpus.empty() || !options.capture.empty();
    EmbeddedSubscan subscan;
    subscan.scenario.quota_per_day = demo_requests_per_day;
    subscan.scenario.quota_per_second = demo_requests_per_second;
    EmbeddedNodes nodes;
    auto const urls = nodes.start(std::move(*chains), "127.0.0.1:0",
                                  recorded ? std::nullopt : std::optional(std::move(subscan)));
    if (!urls) {
        fmt::print(stderr, "spyhop: {}\n", urls.error());
        return exit_failed;
    }
    for (std::string const& url : *urls)
        log->write(pipeline::Level::info, "demo", "a node listens on " + url);
    Config config = demo_config(names, *urls, folder.path(), recorded);
    for (std::string const& url : nodes.subscan_urls())
        log->write(pipeline::Level::info, "demo", "a Subscan listens on " + url);
    auto const added =
        recorded ? std::expected<void, std::string>()
                 : add_subscan(config, nodes.subscan_urls(), folder.path(), options.block_time);
    if (!added) {
        fmt::print(stderr, "spyhop: {}\n", added.error());
        return exit_failed;
    }
    auto service = Service::make(config, *log);
    if (!service) {
        fmt::print(stderr, "spyhop: {}\n", service.error().text);
        return service.error().exit_code;
    }
    // What a recording's end leaves open for longer than this will never come.
    constexpr pipeline::Nanoseconds patience = 30 * pipeline::second;
    pipeline::SystemClock const clock;
    std::optional<pipeline::Nanoseconds> ended;
    int const exit_code = (*service)->run([&] {
        if (!nodes.finished()) return false;
        if (!ended) ended = clock.monotonic();
        return (*service)->caught_up() || clock.monotonic() - *ended > patience;
    });
    service->reset(); // the service first: it is the node's client
    nodes.stop();
    return exit_code;
}

} // namespace config
