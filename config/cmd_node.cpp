#include "config/cmd_node.hpp"

#include "config/embedded.hpp"
#include "config/subscan_server.hpp"
#include "decoders/hex.hpp"
#include "io/files.hpp"
#include "io/uring_network.hpp"
#include "io/url.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_host.hpp"
#include "stages/traffic.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <future>
#include <thread>

namespace config {

namespace {

// Generated traffic together with what it borrows.
class OwnedTraffic final : public stages::ChainFeed {
  public:
    OwnedTraffic(std::unique_ptr<pipeline::Clock const> clock,
                 std::unique_ptr<decoders::Runtime const> runtime,
                 std::unique_ptr<stages::Traffic> traffic)
        : clock_(std::move(clock))
        , runtime_(std::move(runtime))
        , traffic_(std::move(traffic)) {}
    std::optional<io::CaptureRecord> next() override { return traffic_->next(); }

  private:
    std::unique_ptr<pipeline::Clock const> clock_;
    std::unique_ptr<decoders::Runtime const> runtime_;
    std::unique_ptr<stages::Traffic> traffic_;
};

std::expected<std::unique_ptr<stages::ChainFeed>, std::string>
make_traffic(EmbeddedRuntime const& from, pipeline::Nanoseconds block_time, std::uint64_t seed) {
    auto runtime = decoders::compile(from.metadata);
    if (!runtime) return std::unexpected(describe(runtime.error()));
    auto clock = std::make_unique<pipeline::SystemClock const>();
    stages::TrafficOptions options;
    options.name = from.chain;
    options.spec_name = from.spec_name;
    auto const genesis = decoders::hex_decode(from.genesis_hex, options.genesis);
    CHECK(genesis && *genesis == options.genesis.size());
    options.symbol = from.symbol;
    options.decimals = from.decimals;
    options.ss58_prefix = from.ss58_prefix;
    options.seed = seed;
    options.block_ms = block_time / pipeline::millisecond;
    options.clock = clock.get();
    auto traffic = stages::Traffic::create(std::move(options), **runtime, from.metadata);
    if (!traffic) return std::unexpected(traffic.error());
    return std::make_unique<OwnedTraffic>(std::move(clock), std::move(*runtime),
                                          std::move(*traffic));
}

struct Ports {
    std::uint16_t nodes = 0;
    std::uint16_t subscan = 0; // 0: there is none
};
using Started = std::expected<Ports, std::string>;

// Everything the nodes' thread owns, in the order it has to be taken down.
class NodesThread {
  public:
    NodesThread(io::Proactor& proactor, pipeline::Clock const& clock)
        : proactor_(proactor)
        , clock_(clock)
        , network_(proactor) {}

    Started open(std::vector<EmbeddedChain> chains, io::HostPort const& at,
                 std::optional<EmbeddedSubscan> subscan) {
        auto listener = network_.listen(at.host, at.port);
        if (!listener) return std::unexpected(io::describe(listener.error()));
        Ports ports;
        if (subscan) {
            auto const port = open_subscan(std::move(*subscan));
            if (!port) return std::unexpected(port.error());
            ports.subscan = *port;
        }
        server_.emplace(std::move(*listener), clock_, random_);
        host_.emplace(*server_, clock_);
        for (EmbeddedChain& chain : chains) {
            stages::StandinNode::Options options;
            options.finality_lag_blocks = chain.finality_lag_blocks;
            options.faults = std::move(chain.faults);
            options.history_blocks_max = chain.history_blocks;
            options.older_methods = chain.older_methods;
            options.newer_methods = chain.newer_methods;
            options.seed = random_.next();
            if (subscan_) chain.feed = subscan_->beside(std::move(chain.feed));
            auto node = stages::StandinNode::create(std::move(chain.feed), std::move(options));
            if (!node) return std::unexpected(chain.name + ": " + node.error());
            host_->add(std::move(*node), chain.block_time, chain.wait_for_follower);
        }
        ports.nodes = server_->port();
        return ports;
    }

    void run(std::stop_token const& stop, std::promise<void>& finished) {
        bool told = false;
        while (!stop.stop_requested()) {
            bool worked = proactor_.poll();
            worked = host_->turn() || worked;
            if (subscan_) worked = subscan_->turn() || worked;
            if (!told && host_->finished()) {
                finished.set_value();
                told = true;
            }
            if (!worked) {
                auto const other = subscan_ ? subscan_->next_deadline() : pipeline::never;
                proactor_.park(std::min(host_->next_deadline(), other));
            }
        }
    }

  private:
    std::expected<std::uint16_t, std::string> open_subscan(EmbeddedSubscan subscan) {
        auto const at = io::parse_host_port(subscan.listen);
        if (!at) return std::unexpected(io::describe(at.error()));
        subscan_.emplace(clock_,
                         stages::StandinSubscan::Options{.scenario = std::move(subscan.scenario),
                                                         .seed = subscan.seed});
        return subscan_->listen(network_, *at);
    }

    io::Proactor& proactor_;
    pipeline::Clock const& clock_;
    io::SystemRandom random_;
    io::UringNetwork network_;
    std::optional<SubscanServer> subscan_; // the nodes' feeds tell it
    std::optional<io::WebSocketServer> server_;
    std::optional<stages::StandinHost> host_;
};

int fail(std::string const& message) {
    std::fprintf(stderr, "spyhop node: %s\n", message.c_str());
    return 1;
}

std::expected<std::vector<stages::Fault>, std::string> load_faults(std::string const& path) {
    if (path.empty()) return {};
    auto const text = io::read_file(path);
    if (!text) return std::unexpected(io::describe(text.error()));
    return stages::parse_scenario(*text, path);
}

} // namespace

sigset_t block_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

void wait_for_signal(sigset_t const& signals) {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {}
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

struct EmbeddedNodes::Impl {
    pipeline::SystemClock clock;
    std::unique_ptr<io::Proactor> proactor;
    std::promise<void> promise;
    std::shared_future<void> finished = promise.get_future().share();
    std::jthread thread;
};

EmbeddedNodes::EmbeddedNodes() = default;
EmbeddedNodes::~EmbeddedNodes() { stop(); }

std::expected<std::vector<std::string>, std::string>
EmbeddedNodes::start(std::vector<EmbeddedChain> chains, std::string const& listen,
                     std::optional<EmbeddedSubscan> subscan) {
    CHECK(!impl_);
    subscan_urls_.clear();
    auto const subscan_at = io::parse_host_port(subscan ? subscan->listen : listen);
    auto const at = io::parse_host_port(listen);
    if (!at) return std::unexpected(io::describe(at.error()));
    std::vector<std::string> names;
    names.reserve(chains.size());
    for (EmbeddedChain const& chain : chains) names.push_back(chain.name);

    auto impl = std::make_unique<Impl>();
    auto proactor = io::Proactor::create(impl->clock);
    if (!proactor) return std::unexpected(io::describe(proactor.error()));
    impl->proactor = std::move(*proactor);
    std::promise<Started> started;
    auto answer = started.get_future();
    impl->thread = std::jthread(
        [&at = *at, to = impl.get(), chains = std::move(chains), subscan = std::move(subscan),
         started = std::move(started)](std::stop_token const& stop) mutable {
            NodesThread nodes(*to->proactor, to->clock);
            Started const ports = nodes.open(std::move(chains), at, std::move(subscan));
            started.set_value(ports);
            if (ports) nodes.run(stop, to->promise);
        });
    Started const ports = answer.get();
    if (!ports) return std::unexpected(ports.error());
    impl_ = std::move(impl);
    if (ports->subscan != 0) {
        subscan_urls_ = config::subscan_urls(*subscan_at, ports->subscan, names);
    }
    std::vector<std::string> urls;
    urls.reserve(names.size());
    for (std::string const& name : names) {
        urls.push_back(
            fmt::format("ws://{}:{}{}", url_host(*at), ports->nodes, stages::node_path(name)));
    }
    return urls;
}

void EmbeddedNodes::stop() {
    if (!impl_) return;
    impl_->thread.request_stop();
    impl_->proactor->wake();
    impl_->thread.join();
    impl_.reset();
}

bool EmbeddedNodes::finished() const {
    return impl_ && impl_->finished.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

std::expected<std::vector<EmbeddedChain>, std::string>
traffic_chains(pipeline::Nanoseconds block_time, std::uint64_t seed) {
    std::vector<EmbeddedChain> chains;
    for (EmbeddedRuntime const& runtime : embedded_runtimes()) {
        auto feed = make_traffic(runtime, block_time, seed + chains.size());
        if (!feed) return std::unexpected(fmt::format("{}: {}", runtime.chain, feed.error()));
        EmbeddedChain& chain = chains.emplace_back();
        chain.name = runtime.chain;
        chain.feed = std::move(*feed);
        chain.block_time = block_time;
        chain.wait_for_follower = false;
    }
    return chains;
}

std::expected<std::vector<EmbeddedChain>, std::string>
capture_chains(std::string const& path, pipeline::Nanoseconds block_time) {
    auto captures = stages::load_capture(path);
    if (!captures) return std::unexpected(captures.error());
    std::vector<EmbeddedChain> chains;
    for (stages::ChainCapture& capture : *captures) {
        EmbeddedChain& chain = chains.emplace_back();
        chain.name = capture.name;
        chain.feed = std::make_unique<stages::CaptureFeed>(std::move(capture.records));
        chain.block_time = block_time;
    }
    return chains;
}

int cmd_node(NodeOptions const& options) {
    auto const faults = load_faults(options.scenario);
    if (!faults) return fail(faults.error());
    constexpr std::uint64_t demo_seed = 1;
    auto chains = options.capture.empty() ? traffic_chains(options.block_time, demo_seed)
                                          : capture_chains(options.capture, options.block_time);
    if (!chains) return fail(chains.error());
    std::vector<std::string> names;
    names.reserve(chains->size());
    for (EmbeddedChain& chain : *chains) {
        chain.faults = *faults;
        chain.finality_lag_blocks = options.finality_lag_blocks;
        chain.history_blocks = options.history_blocks;
        chain.wait_for_follower = chain.wait_for_follower || options.wait_for_follower;
        chain.older_methods = options.methods != "newer";
        chain.newer_methods = options.methods != "older";
        names.push_back(chain.name);
    }
    auto const signals = block_stop_signals();
    EmbeddedNodes nodes;
    auto const urls = nodes.start(std::move(*chains), options.listen);
    if (!urls) return fail(urls.error());
    std::string const& first = urls->front();
    std::printf("listening on %s\n", first.substr(0, first.rfind('/')).c_str());
    for (std::size_t i = 0; urls->size() > 1 && i < urls->size(); ++i) {
        std::printf("%s at %s\n", names[i].c_str(), (*urls)[i].c_str());
    }
    std::fflush(stdout);
    wait_for_signal(signals);
    nodes.stop();
    return 0;
}

} // namespace config
