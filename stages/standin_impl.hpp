// The inside of StandinNode, shared by its parts: standin_node.cpp answers requests,
// standin_follow.cpp those of chainHead_v1, standin_play.cpp makes blocks and faults. Nobody else
// includes this.
#pragma once

#include "decoders/samples.hpp"
#include "stages/standin_node.hpp"
#include "stages/standin_rpc.hpp"
#include "stages/standin_state.hpp"

#include <map>
#include <set>
#include <simdjson.h>

namespace stages {

enum class Topic : std::uint8_t { new_heads, all_heads, finalized_heads, runtime_version, storage };

struct Subscription {
    std::string id;
    Topic topic{};
    std::vector<std::vector<std::uint8_t>> keys; // storage
};

// One chainHead_v1_follow.
struct Follow {
    std::string id;
    bool with_runtime = false;
    std::set<pipeline::Hash> pinned;
    pipeline::Hash final{}; // told last
};

struct Client {
    bool silent = false; // hears nothing and gets no answers
    bool gone = false;   // told to go; the transport has not confirmed it yet
    std::vector<Subscription> subscriptions;
    std::vector<Follow> follows;
};

// Methods that start, end or use a subscription of the newer kind.
std::span<std::string_view const> follow_names();
// What polkadot-sdk servers use: 16 letters and digits.
std::string subscription_id(decoders::SampleRandom& random);

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
    void send_behind();                              // what waits for the reply to leave
    void act(ConnectionId connection, NodeAction::Kind kind, std::string bytes);
    void act_on_all(NodeAction::Kind kind, std::string const& bytes);

    // -- chainHead_v1 and archive_v1's subscriptions (standin_follow.cpp) --
    RpcResult invoke_newer(ConnectionId connection, std::string_view method, RpcParams params);
    RpcResult follow(ConnectionId connection, RpcParams params);
    RpcResult pinned_header(Follow const& follow, RpcParams params);
    RpcResult unpin(Follow& follow, RpcParams params);
    RpcResult start_operation(ConnectionId connection, Follow const& follow,
                              std::string_view method, RpcParams params);
    RpcResult archive_storage(ConnectionId connection, RpcParams params);
    void introduce(ConnectionId connection, Follow& follow);
    // Sent behind the reply to the request at hand, if there is one.
    void tell_follow(ConnectionId connection, Follow const& to, std::string_view event);
    void tell_new_block(NodeBlock const& block);
    void tell_best(NodeBlock const& block);
    void tell_finalized();
    void stop_follows(std::size_t pins_max);

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
    std::vector<std::pair<ConnectionId, std::string>> behind_reply; // texts

    std::uint64_t ordinal = 0; // of the newest block
    std::uint64_t refusals = 0;
    std::uint64_t limited = 0; // requests still to be refused as too many
    std::uint64_t operations = 0;
    bool was_followed = false;
    pipeline::Hash const real_genesis;
    std::vector<io::CaptureBlock> held; // the real blocks behind a branch that is shown first
    std::vector<NodeBlock*> branch;     // its blocks, abandoned when the real ones come
};

} // namespace stages
