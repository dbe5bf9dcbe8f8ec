#include "stages/standin_host.hpp"

#include <algorithm>

namespace stages {

namespace {

constexpr std::uint16_t going_away = 1001; // RFC 6455 section 7.4.1
constexpr std::uint16_t policy_violation = 1008;

} // namespace

std::string node_path(std::string_view chain_name) {
    std::string path = "/";
    for (char const c : chain_name) {
        bool const plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        bool const upper = c >= 'A' && c <= 'Z';
        path += plain ? c : upper ? static_cast<char>(c - 'A' + 'a') : '-';
    }
    return path;
}

void StandinHost::add(std::unique_ptr<StandinNode> node, pipeline::Nanoseconds block_time,
                      bool wait_for_follower) {
    Chain& chain = chains_.emplace_back();
    chain.path = node_path(node->name());
    chain.node = std::move(node);
    chain.block_time = block_time;
    chain.waiting = wait_for_follower;
    if (!wait_for_follower) chain.due = clock_.monotonic() + block_time;
}

bool StandinHost::turn() {
    bool worked = serve();
    for (Chain& chain : chains_) worked = produce(chain) || worked;
    return reset_drained() || worked;
}

void StandinHost::open(io::ConnectionId connection, std::string_view path) {
    path = path.substr(0, path.find('?'));
    auto chain = std::ranges::find(chains_, path, &Chain::path);
    if (chain == chains_.end() && (chains_.size() == 1 || path == "/")) chain = chains_.begin();
    if (chain == chains_.end()) {
        server_.close(connection, policy_violation, "no chain is served at this path");
        return;
    }
    connections_[connection] = static_cast<std::size_t>(chain - chains_.begin());
    chain->node->opened(connection);
}

bool StandinHost::serve() {
    bool worked = false;
    for (;;) {
        io::ServerEvent const event = server_.poll();
        if (event.kind == io::ServerEvent::Kind::none) return worked;
        worked = true;
        if (event.kind == io::ServerEvent::Kind::opened) open(event.connection, event.path);
        auto const found = connections_.find(event.connection);
        if (found == connections_.end()) continue;
        Chain& chain = chains_[found->second];
        if (event.kind == io::ServerEvent::Kind::message) {
            chain.node->request(event.connection, pipeline::as_text(event.text));
        } else if (event.kind == io::ServerEvent::Kind::closed) {
            chain.node->closed(event.connection);
            connections_.erase(found);
        }
        carry_out(chain);
    }
}

bool StandinHost::produce(Chain& chain) {
    pipeline::Nanoseconds const now = clock_.monotonic();
    if (chain.waiting && chain.node->followed()) {
        chain.waiting = false;
        chain.due = now + chain.block_time;
    }
    if (chain.ended || now < chain.due) return false;
    chain.ended = !chain.node->produce_block();
    // From the time it was due, so that the cadence does not drift; after a long pause from now on.
    chain.due = std::max(chain.due + chain.block_time, now);
    if (chain.ended) chain.due = pipeline::never;
    carry_out(chain);
    return true;
}

void StandinHost::carry_out(Chain& chain) {
    for (NodeAction const& action : chain.node->actions()) {
        switch (action.kind) {
        case NodeAction::Kind::text: server_.send(action.connection, action.bytes); break;
        case NodeAction::Kind::raw:
            server_.send_raw(action.connection, pipeline::as_bytes(action.bytes));
            break;
        case NodeAction::Kind::close: server_.close(action.connection, going_away); break;
        case NodeAction::Kind::reset: to_reset_.push_back(action.connection); break;
        }
    }
    chain.node->actions().clear();
}

bool StandinHost::reset_drained() {
    auto const done = [&](io::ConnectionId connection) {
        if (server_.unsent(connection) > 0) return false;
        server_.drop(connection);
        return true;
    };
    return std::erase_if(to_reset_, done) > 0;
}

pipeline::Nanoseconds StandinHost::next_deadline() const {
    pipeline::Nanoseconds deadline = server_.next_deadline();
    for (Chain const& chain : chains_) deadline = std::min(deadline, chain.due);
    return deadline;
}

bool StandinHost::finished() const {
    return std::ranges::all_of(chains_, [](Chain const& chain) { return chain.ended; });
}

} // namespace stages
