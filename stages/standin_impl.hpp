// The inside of StandinNode, shared by its two halves: standin_node.cpp answers requests,
// standin_play.cpp makes blocks and faults. Nobody else includes this.
#pragma once

#include "decoders/samples.hpp"
#include "stages/standin_node.hpp"
#include "stages/standin_rpc.hpp"
#include "stages/standin_state.hpp"

#include <map>
#include <simdjson.h>

namespace stages {

enum class Topic : std::uint8_t { new_heads, all_heads, finalized_heads, runtime_version, storage };

struct Subscription {
    std::string id;
    Topic topic{};
    std::vector<std::vector<std::uint8_t>> keys; // storage
};

struct Client {
    bool silent = false; // hears nothing and gets no answers
    bool gone = false;   // told to go; the transport has not confirmed it yet
    std::vector<Subscription> subscriptions;
};

struct StandinNode::Impl {
    Impl(std::unique_ptr<StandinState> chain, Options with)
        : state(std::move(chain))
        , options(std::move(with))
        , random(options.seed)
        , real_genesis(state->genesis()) {}

    // -- requests (standin_node.cpp) --
    std::string answer(ConnectionId connection, simdjson::dom::element request);
    std::string answer_all(ConnectionId connection, simdjson::dom::element message);
    RpcResult invoke(ConnectionId connection, std::string_view method, RpcParams params);
    RpcResult subscribe(ConnectionId connection, Topic topic, RpcParams params);
    RpcResult unsubscribe(ConnectionId connection, RpcParams params);
    // The first notification of a new subscription, sent behind the reply that names it.
    void greet(ConnectionId connection, Subscription const& subscription);
    void notify(ConnectionId connection, Subscription const& to, std::string_view result);
    void tell(Topic topic, std::string_view result); // every subscriber of a topic
    void act(ConnectionId connection, NodeAction::Kind kind, std::string bytes);
    void act_on_all(NodeAction::Kind kind, std::string const& bytes);

    // -- blocks and faults (standin_play.cpp) --
    bool play();
    bool play_branch();
    void begin_branch(std::uint64_t blocks);
    io::CaptureBlock sibling(std::size_t index) const;
    void adopt(NodeBlock const& block); // as best: tells everyone
    NodeBlock& import_next(io::CaptureBlock block);
    void tell_storage(NodeBlock const& before, NodeBlock const& now);
    bool advance_finality(std::size_t least);
    bool fault_covers(FaultKind kind, std::uint64_t at) const;
    void apply_faults(std::uint64_t at);
    void break_connections(Fault const& fault);

    std::unique_ptr<StandinState> state;
    Options options;
    decoders::SampleRandom random;
    std::map<ConnectionId, Client> clients;
    std::vector<NodeAction> actions;
    simdjson::dom::parser parser;
    std::vector<std::pair<ConnectionId, Subscription>> to_greet;

    std::uint64_t ordinal = 0; // of the newest block
    std::uint64_t refusals = 0;
    bool was_followed = false;
    pipeline::Hash const real_genesis;
    std::vector<io::CaptureBlock> held; // the real blocks behind a branch that is shown first
    std::vector<NodeBlock*> branch;     // its blocks, abandoned when the real ones come
};

} // namespace stages
