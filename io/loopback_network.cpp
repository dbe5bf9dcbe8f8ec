#include "io/loopback_network.hpp"

#include "io/tls.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <cerrno>

namespace io {

namespace {

struct Parcel {
    unsigned steps_left;
    std::vector<std::uint8_t> bytes;
};

// One direction of a connection.
struct Pipe {
    std::vector<std::uint8_t> outbox; // written, not yet on its way
    std::deque<Parcel> under_way;
    std::vector<std::uint8_t> inbox; // arrived
    std::size_t consumed = 0;        // of the inbox
    std::size_t carried = 0;         // all that ever left the outbox
    bool end_wanted = false;         // the writer has shut down
    bool ended = false;              // the reader knows
    pipeline::Nanoseconds received = 0;
};

} // namespace

struct LoopbackPair {
    LoopbackFaults faults;
    std::size_t outbox_bytes_max;
    Pipe pipes[2]; // by writer: 0 the connecting end, 1 the accepting one
    StreamState states[2] = {StreamState::opening, StreamState::opening};
    bool reset[2] = {};
    bool held[2] = {true, true}; // a handle exists, or will
    bool deaf[2] = {};           // closed: takes nothing any more
    Credentials credentials;
    bool unix_socket = false;
};

namespace {

// A pipe's part of one step. True if anything changed.
bool carry(LoopbackPair& pair, Pipe& pipe, pipeline::Nanoseconds now) {
    bool changed = false;
    std::size_t const last = std::min(pair.faults.stop_after_bytes, pair.faults.reset_after_bytes);
    std::size_t const allowed =
        std::min(pair.faults.step_bytes_max, last - std::min(pipe.carried, last));
    // The reader's window: what it does not take stays with the writer.
    std::size_t waiting = pipe.inbox.size() - pipe.consumed;
    for (Parcel const& parcel : pipe.under_way) waiting += parcel.bytes.size();
    std::size_t const window = limits::inbox_bytes - std::min(waiting, limits::inbox_bytes);
    std::size_t const size = std::min({pipe.outbox.size(), allowed, window});
    if (size > 0) {
        auto const middle = pipe.outbox.begin() + static_cast<std::ptrdiff_t>(size);
        pipe.under_way.push_back({pair.faults.delay_steps, {pipe.outbox.begin(), middle}});
        pipe.outbox.erase(pipe.outbox.begin(), middle);
        pipe.carried += size;
        changed = true;
    }
    for (Parcel& parcel : pipe.under_way)
        if (parcel.steps_left > 0) {
            --parcel.steps_left;
            changed = true;
        }
    if (pipe.consumed > 0) {
        pipe.inbox.erase(pipe.inbox.begin(),
                         pipe.inbox.begin() + static_cast<std::ptrdiff_t>(pipe.consumed));
        pipe.consumed = 0;
    }
    while (!pipe.under_way.empty() && pipe.under_way.front().steps_left == 0) {
        std::vector<std::uint8_t> const& bytes = pipe.under_way.front().bytes;
        pipe.inbox.insert(pipe.inbox.end(), bytes.begin(), bytes.end());
        pipe.under_way.pop_front();
        pipe.received = now;
        changed = true;
    }
    bool const silent = pipe.carried >= pair.faults.stop_after_bytes;
    if (pipe.end_wanted && !pipe.ended && !silent && pipe.outbox.empty() && pipe.under_way.empty())
        changed = pipe.ended = true;
    return changed;
}

} // namespace

class LoopbackStream final : public Stream {
  public:
    LoopbackStream(LoopbackPair& pair, int side, pipeline::Clock const& clock,
                   pipeline::Nanoseconds deadline)
        : pair_(pair)
        , side_(side)
        , clock_(clock)
        , deadline_(deadline) {}
    ~LoopbackStream() override {
        drop();
        pair_.held[side_] = false;
    }
    LoopbackStream(LoopbackStream const&) = delete;
    LoopbackStream& operator=(LoopbackStream const&) = delete;

    StreamState state() override {
        StreamState& state = pair_.states[side_];
        if (state == StreamState::closed || failed_) return StreamState::closed;
        if (pair_.reset[side_]) return fail({Code::reset, ECONNRESET, "loopback"});
        if (state == StreamState::opening) {
            if (pair_.faults.refuse) return fail({Code::refused, ECONNREFUSED, "loopback"});
            if (clock_.monotonic() >= deadline_) return fail({Code::timeout, 0, "loopback"});
        }
        if (in().ended && out().end_wanted && out().outbox.empty()) state = StreamState::closed;
        return state;
    }
    Error const* error() const override { return failed_ ? &error_ : nullptr; }
    pipeline::Bytes readable() override {
        if (dropped_) return {};
        return pipeline::Bytes(in().inbox).subspan(in().consumed);
    }
    void consume(std::size_t bytes) override {
        if (dropped_) return;
        CHECK(bytes <= in().inbox.size() - in().consumed);
        in().consumed += bytes;
    }
    bool ended() override { return state() == StreamState::closed || in().ended; }
    pipeline::Nanoseconds received() const override { return pair_.pipes[1 - side_].received; }
    std::size_t write(pipeline::Bytes bytes) override {
        std::size_t const size = std::min(bytes.size(), room());
        out().outbox.insert(out().outbox.end(), bytes.begin(),
                            bytes.begin() + static_cast<std::ptrdiff_t>(size));
        return size;
    }
    std::size_t room() override {
        if (state() != StreamState::open || out().end_wanted) return 0;
        return pair_.outbox_bytes_max - std::min(out().outbox.size(), pair_.outbox_bytes_max);
    }
    std::size_t unsent() override { return state() == StreamState::open ? out().outbox.size() : 0; }
    void shutdown() override {
        if (state() == StreamState::open) out().end_wanted = true;
    }
    void close() override {
        drop();
        pair_.states[side_] = StreamState::closed;
    }
    pipeline::Nanoseconds next_deadline() const override {
        return pair_.states[side_] == StreamState::opening && !failed_ ? deadline_
                                                                       : pipeline::never;
    }
    std::string_view peer() const override { return "loopback"; }
    std::optional<Credentials> credentials() const override {
        if (!pair_.unix_socket) return std::nullopt;
        return pair_.credentials;
    }

  private:
    Pipe& out() { return pair_.pipes[side_]; }
    Pipe& in() { return pair_.pipes[1 - side_]; }
    StreamState fail(Error error) {
        failed_ = true;
        error_ = std::move(error);
        return StreamState::closed;
    }
    // As TCP does: unread bytes make a close a reset.
    void drop() {
        if (dropped_) return;
        dropped_ = true;
        bool const unread = in().consumed < in().inbox.size() || !in().under_way.empty();
        if (unread) pair_.reset[1 - side_] = true;
        out().outbox.clear();
        out().end_wanted = true;
        pair_.deaf[side_] = true;
    }

    LoopbackPair& pair_;
    int side_;
    pipeline::Clock const& clock_;
    pipeline::Nanoseconds deadline_;
    bool dropped_ = false;
    bool failed_ = false;
    Error error_{Code::reset};
};

class LoopbackListener final : public Listener {
  public:
    LoopbackListener(LoopbackNetwork& network, std::string name, std::uint16_t port)
        : network_(network)
        , name_(std::move(name))
        , port_(port) {}
    ~LoopbackListener() override {
        for (LoopbackPair* const pair : network_.waiting_[name_]) {
            pair->reset[0] = true;
            pair->held[1] = false;
        }
        network_.waiting_.erase(name_);
    }

    std::unique_ptr<Stream> accept() override {
        // One that is slow to open holds up nobody behind it; one that was given up never opens.
        std::deque<LoopbackPair*>& waiting = network_.waiting_[name_];
        std::erase_if(waiting, [](LoopbackPair* pair) {
            bool const left = pair->states[0] == StreamState::closed || !pair->held[0];
            bool const gone = left && pair->states[1] != StreamState::open;
            if (gone) pair->held[1] = false;
            return gone;
        });
        auto const open = std::find_if(waiting.begin(), waiting.end(), [](LoopbackPair const* one) {
            return one->states[1] == StreamState::open;
        });
        if (open == waiting.end()) return nullptr;
        LoopbackPair& pair = **open;
        waiting.erase(open);
        return std::make_unique<LoopbackStream>(pair, 1, network_.clock_, pipeline::never);
    }
    std::uint16_t port() const override { return port_; }
    pipeline::Nanoseconds next_deadline() const override { return pipeline::never; }
    Error const* error() const override { return nullptr; }

  private:
    LoopbackNetwork& network_;
    std::string name_;
    std::uint16_t port_;
};

LoopbackNetwork::LoopbackNetwork(pipeline::Clock const& clock)
    : clock_(clock) {}
LoopbackNetwork::~LoopbackNetwork() = default;

LoopbackPair& LoopbackNetwork::add_pair(std::size_t outbox_bytes_max) {
    pairs_.push_back(std::make_unique<LoopbackPair>(faults, outbox_bytes_max));
    return *pairs_.back();
}

std::unique_ptr<Stream> LoopbackNetwork::connect_named(std::string const& name,
                                                       std::size_t outbox_bytes_max,
                                                       pipeline::Nanoseconds deadline) {
    LoopbackPair& pair = add_pair(outbox_bytes_max);
    auto const found = waiting_.find(name);
    if (found == waiting_.end()) pair.faults.refuse = true;
    if (pair.faults.refuse)
        pair.held[1] = false;
    else
        found->second.push_back(&pair);
    return std::make_unique<LoopbackStream>(pair, 0, clock_, deadline);
}

std::unique_ptr<Stream> LoopbackNetwork::connect(Endpoint const& endpoint,
                                                 pipeline::Nanoseconds deadline) {
    auto stream = connect_named(std::to_string(endpoint.port), endpoint.outbox_bytes_max, deadline);
    if (!endpoint.tls) return stream;
    return tls_connect(std::move(stream), endpoint, clock_, deadline);
}

std::unique_ptr<Stream> LoopbackNetwork::connect_unix(std::string const& path,
                                                      Credentials credentials) {
    auto stream = connect_named(path, limits::outbox_bytes_max, pipeline::never);
    pairs_.back()->unix_socket = true;
    pairs_.back()->credentials = credentials;
    return stream;
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> LoopbackNetwork::pair() {
    LoopbackPair& pair = add_pair(limits::outbox_bytes_max);
    pair.states[0] = pair.states[1] = StreamState::open;
    return {std::make_unique<LoopbackStream>(pair, 0, clock_, pipeline::never),
            std::make_unique<LoopbackStream>(pair, 1, clock_, pipeline::never)};
}

std::expected<std::unique_ptr<Listener>, Error> LoopbackNetwork::listen(std::string_view,
                                                                        std::uint16_t port) {
    if (port == 0) port = next_port_++;
    std::string const name = std::to_string(port);
    if (waiting_.contains(name))
        return std::unexpected(Error{Code::port_in_use, EADDRINUSE, "loopback:" + name});
    waiting_[name] = {};
    return std::make_unique<LoopbackListener>(*this, name, port);
}

std::expected<std::unique_ptr<Listener>, Error>
LoopbackNetwork::listen_unix(std::string const& path, unsigned) {
    if (waiting_.contains(path))
        return std::unexpected(Error{Code::already_running, EADDRINUSE, path});
    waiting_[path] = {};
    return std::make_unique<LoopbackListener>(*this, path, std::uint16_t{0});
}

void LoopbackNetwork::apply(LoopbackFaults const& changed) {
    for (auto const& pair : pairs_) pair->faults = changed;
}

bool LoopbackNetwork::step() {
    bool changed = false;
    for (auto const& owned : pairs_) {
        LoopbackPair& pair = *owned;
        bool const opening = pair.states[0] == StreamState::opening;
        if (opening && !pair.faults.refuse && !pair.faults.never_open) {
            pair.states[0] = pair.states[1] = StreamState::open;
            changed = true;
        }
        for (int side = 0; side < 2; ++side) {
            Pipe& pipe = pair.pipes[side];
            changed |= carry(pair, pipe, clock_.monotonic());
            // Bytes for an end that is gone come back as a reset.
            if (pair.deaf[1 - side] && !pipe.inbox.empty()) pair.reset[side] = true;
            if (pipe.carried >= pair.faults.reset_after_bytes && !pair.reset[0])
                pair.reset[0] = pair.reset[1] = changed = true;
        }
    }
    std::erase_if(pairs_, [](auto const& pair) { return !pair->held[0] && !pair->held[1]; });
    return changed;
}

} // namespace io
