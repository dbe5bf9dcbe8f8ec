#include "config/cmd_subscan.hpp"

#include "config/cmd_node.hpp"
#include "config/subscan_server.hpp"
#include "io/uring_network.hpp"

#include <csignal>
#include <cstdio>
#include <future>
#include <thread>

namespace config {

namespace {

using Started = std::expected<std::uint16_t, std::string>;

int fail(std::string const& message) {
    std::fprintf(stderr, "spyhop subscan: %s\n", message.c_str());
    return 1;
}

// What the thread does, from its first listener to the stop.
void serve(std::stop_token const& stop, io::Proactor& proactor, SubscanServer& server,
           io::HostPort const& at, std::vector<EmbeddedChain> chains,
           std::optional<pipeline::Nanoseconds> block_time, std::promise<Started> started) {
    io::UringNetwork network(proactor);
    Started port = server.listen(network, at);
    for (EmbeddedChain& chain : chains) {
        if (!port) break;
        auto const added = server.add(std::move(chain.feed), block_time);
        if (!added) port = std::unexpected(chain.name + ": " + added.error());
    }
    started.set_value(port);
    while (port && !stop.stop_requested()) {
        bool worked = proactor.poll();
        worked = server.turn() || worked;
        if (!worked) proactor.park(server.next_deadline());
    }
    server.close();
}

void announce(std::vector<std::string> const& names, io::HostPort const& at, std::uint16_t port) {
    std::printf("listening on http://%s:%u\n", url_host(at).c_str(), port);
    auto const urls = subscan_urls(at, port, names);
    for (std::size_t i = 0; urls.size() > 1 && i < urls.size(); ++i) {
        std::printf("%s at %s\n", names[i].c_str(), urls[i].c_str());
    }
    std::fflush(stdout);
}

} // namespace

int cmd_subscan(SubscanOptions const& options) {
    auto scenario = load_subscan_scenario(options.scenario);
    if (!scenario) return fail(scenario.error());
    auto const at = io::parse_host_port(options.listen);
    if (!at) return fail(io::describe(at.error()));
    auto block_time = scenario->block_time;
    if (options.block_time != 0) block_time = options.block_time;
    constexpr auto traffic_block_time = 6 * pipeline::second;
    if (options.capture.empty() && !block_time) block_time = traffic_block_time;
    auto chains = options.capture.empty() ? traffic_chains(*block_time, options.seed)
                                          : capture_chains(options.capture, 0);
    if (!chains) return fail(chains.error());
    std::vector<std::string> names;
    for (EmbeddedChain const& chain : *chains) names.push_back(chain.name);
    auto const signals = block_stop_signals();

    pipeline::SystemClock const clock;
    auto const proactor = io::Proactor::create(clock);
    if (!proactor) return fail(io::describe(proactor.error()));
    SubscanServer server(clock, {.scenario = std::move(*scenario), .seed = options.seed});
    std::promise<Started> started;
    auto answer = started.get_future();
    std::jthread thread([&, chains = std::move(*chains),
                         started = std::move(started)](std::stop_token const& stop) mutable {
        serve(stop, **proactor, server, *at, std::move(chains), block_time, std::move(started));
    });
    Started const port = answer.get();
    if (!port) return fail(port.error());
    announce(names, *at, *port);
    wait_for_signal(signals);
    thread.request_stop();
    (*proactor)->wake();
    thread.join();
    std::fputs(server.subscan().counters().text().c_str(), stderr);
    return 0;
}

} // namespace config
