#include "config/bench_load.hpp"

#include "config/bench_crew.hpp"
#include "config/io_thread.hpp"
#include "config/signals.hpp"
#include "config/subscan_server.hpp"
#include "io/tls.hpp"
#include "io/websocket_server.hpp"
#include "stages/standin_node.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <map>

namespace config {

namespace {

using pipeline::Nanoseconds;
using pipeline::never;

constexpr Nanoseconds ahead = 5 * pipeline::millisecond;   // a text is made before it is due
constexpr Nanoseconds spun = 300 * pipeline::microsecond;  // a timer may be late by some of it
constexpr Nanoseconds look = 50 * pipeline::millisecond;   // at signals, when nothing is due
constexpr std::size_t unsent_max = std::size_t{256} << 10; // back to back: what may wait

struct Chain {
    std::unique_ptr<stages::StandinNode> node;
    std::string path;
    std::vector<stages::NodeAction> prepared; // of the block that is due next, or of all
    std::size_t told = 0;                     // of those
    bool made = false;
    bool followed = false;
    bool over = false;
    std::uint64_t place = 1; // of the block that is due next
    std::vector<Nanoseconds> sent;
};

class Load {
  public:
    Load(LoadPlan const& plan, int out, io::Network& network)
        : plan_(plan)
        , out_(out)
        , network_(network)
        , subscan_(clock_, {.scenario = plan.subscan}) {}

    std::expected<void, std::string> open();
    bool turn();
    Nanoseconds next_deadline() const;
    void start();
    void tell_sent() const;

  private:
    std::expected<void, std::string> add(std::size_t chain);
    std::uint64_t due_unix_ms(std::size_t chain, std::uint64_t place) const;
    Nanoseconds due(std::size_t chain) const {
        return plan_.due(start_, chain, chains_[chain].place);
    }
    bool back_to_back() const { return plan_.block_time == 0; }
    bool serve();
    bool play(std::size_t chain);
    bool pour(Chain& chain);
    void prepare(Chain& chain);
    void carry_out(stages::NodeAction const& action);
    void carry_out_all(Chain& chain);
    void look_at_end();

    LoadPlan const& plan_;
    int const out_;
    io::Network& network_;
    pipeline::SystemClock clock_;
    io::SystemRandom random_;
    SubscanServer subscan_; // the nodes' feeds tell it
    bool with_subscan_ = false;
    std::optional<io::WebSocketServer> server_;
    std::vector<Chain> chains_;
    std::map<io::ConnectionId, std::size_t> connections_; // index into chains_
    Nanoseconds start_ = 0;                               // 0: not started
    bool finished_ = false;
};

std::expected<void, std::string> Load::open() {
    auto listener = network_.listen("127.0.0.1", 0);
    if (!listener) return std::unexpected(io::describe(listener.error()));
    if (!plan_.certificate.empty()) {
        listener =
            io::TlsListener::create(std::move(*listener), plan_.certificate, plan_.key, clock_);
        if (!listener) return std::unexpected(io::describe(listener.error()));
    }
    std::uint16_t subscan_port = 0;
    with_subscan_ = std::ranges::any_of(plan_.chains, &LoadChain::subscan);
    if (with_subscan_) {
        auto const port = subscan_.listen(network_, {"127.0.0.1", 0});
        if (!port) return std::unexpected(port.error());
        subscan_port = *port;
    }
    server_.emplace(std::move(*listener), clock_, random_);
    chains_.resize(plan_.chains.size());
    for (std::size_t chain = 0; chain < chains_.size(); ++chain)
        if (auto const added = add(chain); !added) return added;
    say(out_, fmt::format("listening {} {}", server_->port(), subscan_port));
    return {};
}

std::expected<void, std::string> Load::add(std::size_t chain) {
    BenchFeed::Options options;
    options.name = load_chain_name(chain);
    options.chain = chain;
    options.blocks = plan_.blocks_each;
    options.due_unix_ms = [this, chain](std::uint64_t place) { return due_unix_ms(chain, place); };
    std::unique_ptr<stages::ChainFeed> feed =
        std::make_unique<BenchFeed>(*plan_.blocks, std::move(options));
    if (plan_.chains[chain].subscan) feed = subscan_.beside(std::move(feed));
    stages::StandinNode::Options node;
    node.finality_lag_blocks = plan_.finality_lag_blocks;
    node.history_blocks_max = plan_.history_blocks;
    node.faults = plan_.faults;
    node.seed = chain + 1;
    auto made = stages::StandinNode::create(std::move(feed), std::move(node));
    if (!made) return std::unexpected(made.error());
    chains_[chain].node = std::move(*made);
    chains_[chain].path = '/' + load_chain_name(chain);
    chains_[chain].sent.reserve(plan_.blocks_each);
    return {};
}

// As a chain's clock would say it: when the block was due, in unix time.
std::uint64_t Load::due_unix_ms(std::size_t chain, std::uint64_t place) const {
    std::uint64_t const now_unix = clock_.unix_milliseconds();
    if (start_ == 0 || place == 0) return now_unix;
    auto const until = static_cast<std::int64_t>(plan_.due(start_, chain, place)) -
                       static_cast<std::int64_t>(clock_.monotonic());
    return now_unix + static_cast<std::uint64_t>(until / 1'000'000);
}

void Load::start() {
    if (start_ != 0) return;
    if (back_to_back())
        for (Chain& chain : chains_)
            for (std::uint64_t i = 0; i < plan_.blocks_each; ++i) prepare(chain);
    start_ = clock_.monotonic() + plan_.start_delay;
    say(out_, fmt::format("started {}", start_));
}

bool Load::turn() {
    bool worked = serve();
    if (with_subscan_) worked = subscan_.turn() || worked;
    if (start_ == 0 || finished_) return worked;
    for (std::size_t chain = 0; chain < chains_.size(); ++chain)
        worked = (back_to_back() ? pour(chains_[chain]) : play(chain)) || worked;
    look_at_end();
    return worked;
}

bool Load::serve() {
    bool worked = false;
    for (;;) {
        io::ServerEvent const event = server_->poll();
        if (event.kind == io::ServerEvent::Kind::none) return worked;
        worked = true;
        if (event.kind == io::ServerEvent::Kind::opened) {
            auto found = std::ranges::find(chains_, event.path, &Chain::path);
            if (found == chains_.end()) found = chains_.begin();
            connections_[event.connection] = static_cast<std::size_t>(found - chains_.begin());
            found->node->opened(event.connection);
        }
        auto const found = connections_.find(event.connection);
        if (found == connections_.end()) continue;
        std::size_t const index = found->second;
        Chain& chain = chains_[index];
        if (event.kind == io::ServerEvent::Kind::message)
            chain.node->request(event.connection, pipeline::as_text(event.text));
        if (event.kind == io::ServerEvent::Kind::closed) {
            chain.node->closed(event.connection);
            connections_.erase(found);
        }
        carry_out_all(chain);
        if (!chain.followed && chain.node->followed()) {
            chain.followed = true;
            say(out_, fmt::format("followed {} {}", index, clock_.monotonic()));
        }
    }
}

void Load::carry_out(stages::NodeAction const& action) {
    using enum stages::NodeAction::Kind;
    constexpr std::uint16_t going_away = 1001; // RFC 6455 section 7.4.1
    switch (action.kind) {
    case text: server_->send(action.connection, action.bytes); break;
    case raw: server_->send_raw(action.connection, pipeline::as_bytes(action.bytes)); break;
    case close: server_->close(action.connection, going_away); break;
    case reset: server_->drop(action.connection); break;
    }
}

void Load::carry_out_all(Chain& chain) {
    for (stages::NodeAction const& action : chain.node->actions()) carry_out(action);
    chain.node->actions().clear();
}

void Load::prepare(Chain& chain) {
    chain.node->produce_block();
    auto& actions = chain.node->actions();
    std::ranges::move(actions, std::back_inserter(chain.prepared));
    actions.clear();
}

// True while it must be asked again at once.
bool Load::play(std::size_t index) {
    Chain& chain = chains_[index];
    if (chain.over) return false;
    Nanoseconds const at = due(index);
    Nanoseconds now = clock_.monotonic();
    if (now + ahead < at) return false;
    if (!chain.made) {
        prepare(chain);
        chain.made = true;
        now = clock_.monotonic();
    }
    if (now < at) return now + spun >= at;
    chain.sent.push_back(now);
    for (stages::NodeAction const& action : chain.prepared) carry_out(action);
    chain.prepared.clear();
    chain.made = false;
    chain.over = chain.place++ == plan_.blocks_each;
    return true;
}

// As much as the readers have room for.
bool Load::pour(Chain& chain) {
    if (clock_.monotonic() < start_ || chain.told == chain.prepared.size()) return false;
    if (chain.told == 0) chain.sent.push_back(clock_.monotonic());
    bool worked = false;
    while (chain.told < chain.prepared.size()) {
        stages::NodeAction& action = chain.prepared[chain.told];
        if (server_->unsent(action.connection) > unsent_max) break;
        carry_out(action);
        action.bytes = std::string(); // gives its memory back
        ++chain.told;
        worked = true;
    }
    chain.over = chain.told == chain.prepared.size();
    return worked;
}

void Load::look_at_end() {
    if (!std::ranges::all_of(chains_, &Chain::over)) return;
    finished_ = true;
    say(out_, fmt::format("finished {}", clock_.monotonic()));
}

Nanoseconds Load::next_deadline() const {
    Nanoseconds deadline = std::min(server_->next_deadline(), clock_.monotonic() + look);
    if (with_subscan_) deadline = std::min(deadline, subscan_.next_deadline());
    if (start_ == 0 || finished_) return deadline;
    if (back_to_back()) // from the start on it is the sockets that call
        return clock_.monotonic() < start_ ? std::min(deadline, start_) : deadline;
    for (std::size_t chain = 0; chain < chains_.size(); ++chain)
        if (!chains_[chain].over)
            deadline = std::min(deadline, due(chain) - (chains_[chain].made ? spun : ahead));
    return deadline;
}

void Load::tell_sent() const {
    std::string text;
    for (std::size_t chain = 0; chain < chains_.size(); ++chain)
        for (std::size_t i = 0; i < chains_[chain].sent.size(); ++i)
            fmt::format_to(std::back_inserter(text), "sent {} {} {}\n", chain, i + 1,
                           chains_[chain].sent[i]);
    if (!text.empty()) text.pop_back();
    say(out_, text);
}

} // namespace

std::string load_chain_name(std::size_t chain) { return fmt::format("bench-{}", chain); }

int play_load(LoadPlan const& plan, int out) {
    pipeline::SystemClock const clock;
    auto proactor = io::Proactor::create(clock);
    if (!proactor) {
        fmt::print(stderr, "{}\n", io::describe(proactor.error()));
        return 1;
    }
    IoThread thread(std::move(*proactor));
    Load load(plan, out, thread.network());
    if (auto const opened = load.open(); !opened) {
        fmt::print(stderr, "{}\n", opened.error());
        return 1;
    }
    for (;;) {
        bool worked = thread.poll();
        worked = load.turn() || worked;
        if (worked) continue;
        int const signal = next_signal(0);
        if (signal == SIGHUP) load.start();
        if (signal == SIGTERM) break;
        if (signal == 0) thread.park(load.next_deadline());
    }
    load.tell_sent();
    return 0;
}

} // namespace config
