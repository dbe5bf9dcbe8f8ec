// The stand-in node's chainHead_v1, and archive_v1_storage: what comes as notices behind a reply.
#include "decoders/hex.hpp"
#include "stages/standin_impl.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stages {

namespace {

using decoders::hex_text;
using pipeline::Hash;
using simdjson::dom::element;

constexpr std::size_t follows_max = 4; // per connection, as polkadot-sdk has it
constexpr std::size_t finals_told = 10;

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

RpcError not_pinned() { return {-32801, "Invalid block hash"}; }

// The runtime in a block's state, as a follower is told of it.
std::string runtime_text(NodeRuntime const& runtime) {
    simdjson::dom::parser parser;
    element version;
    std::string apis, out;
    if (parser.parse(runtime.version).get(version) != simdjson::SUCCESS) return "null";
    simdjson::dom::array list;
    if (version["apis"].get(list) == simdjson::SUCCESS) {
        for (element const api : list) { // pairs there, members here
            if (!apis.empty()) apis += ',';
            apis += simdjson::minify(api.at(0)) + ":" + simdjson::minify(api.at(1));
        }
    }
    for (std::string_view name : {"specName", "implName", "specVersion", "implVersion",
                                  "authoringVersion", "transactionVersion"}) {
        element value;
        if (version[name].get(value) != simdjson::SUCCESS) continue;
        out += fmt::format("\"{}\":{},", name, simdjson::minify(value));
    }
    return fmt::format(R"({{"type":"valid","spec":{{{}"apis":{{{}}}}}}})", out, apis);
}

std::string new_block_text(NodeBlock const& block, bool with_runtime) {
    bool const changed = block.state != block.executed;
    std::string const runtime = changed ? runtime_text(*block.state) : "null";
    return fmt::format(R"({{"event":"newBlock","blockHash":"{}","parentBlockHash":"{}"{}}})",
                       hex_text(block.data.hash), hex_text(block.data.parent),
                       with_runtime ? ",\"newRuntime\":" + runtime : "");
}

std::string best_text(NodeBlock const& block) {
    return fmt::format(R"({{"event":"bestBlockChanged","bestBlockHash":"{}"}})",
                       hex_text(block.data.hash));
}

std::string list_of(std::vector<Hash> const& hashes) {
    std::string out = "[";
    for (Hash const& hash : hashes) {
        if (out.size() > 1) out += ',';
        out += in_quotes(hex_text(hash));
    }
    return out + "]";
}

std::string started(std::string_view operation) {
    return fmt::format(R"({{"result":"started","operationId":"{}","discardedItems":0}})",
                       operation);
}

std::string operation_event(std::string_view event, std::string_view id, std::string_view rest) {
    return fmt::format(R"({{"event":"{}","operationId":"{}"{}}})", event, id, rest);
}

std::string joined(std::vector<std::string> const& parts) {
    std::string out;
    for (std::string const& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

} // namespace

std::span<std::string_view const> follow_names() {
    static constexpr std::array<std::string_view, 10> names{
        "archive_v1_storage",         "chainHead_v1_body",    "chainHead_v1_call",
        "chainHead_v1_continue",      "chainHead_v1_follow",  "chainHead_v1_header",
        "chainHead_v1_stopOperation", "chainHead_v1_storage", "chainHead_v1_unfollow",
        "chainHead_v1_unpin"};
    return names;
}

RpcResult StandinNode::Impl::invoke_newer(ConnectionId connection, std::string_view method,
                                          RpcParams params) {
    if (method == "archive_v1_storage") return archive_storage(connection, params);
    if (method == "chainHead_v1_follow") return follow(connection, params);
    std::string_view id;
    if (params.empty() || params[0].get(id) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("expected a subscription"));
    }
    auto& follows = clients[connection].follows;
    auto const found = std::ranges::find(follows, id, &Follow::id);
    bool const alive = found != follows.end();
    if (method == "chainHead_v1_unfollow") {
        if (alive) follows.erase(found);
        return "null";
    }
    // Operations are over when their reply leaves: there is nothing to stop or to continue.
    if (method == "chainHead_v1_continue" || method == "chainHead_v1_stopOperation") return "null";
    if (method == "chainHead_v1_header") return alive ? pinned_header(*found, params) : "null";
    if (method == "chainHead_v1_unpin") return alive ? unpin(*found, params) : "null";
    if (!alive) return R"({"result":"limitReached"})";
    return start_operation(connection, *found, method, params);
}

RpcResult StandinNode::Impl::follow(ConnectionId connection, RpcParams params) {
    Follow added;
    if (params.empty() || params[0].get(added.with_runtime) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("expected true or false"));
    }
    auto& follows = clients[connection].follows;
    if (follows.size() >= follows_max) {
        return std::unexpected(RpcError{-32800, "Maximum number of chainHead_follow reached"});
    }
    added.id = subscription_id(random);
    was_followed = true;
    introduce(connection, added);
    follows.push_back(std::move(added));
    return in_quotes(follows.back().id);
}

// The newest finalized blocks, then every block above them that is not abandoned, then the best.
void StandinNode::Impl::introduce(ConnectionId connection, Follow& follow) {
    NodeBlock const& finalized = state->finalized();
    std::vector<Hash> finals;
    std::vector<NodeBlock const*> open;
    bool above = false;
    for (NodeBlock const& block : state->history()) {
        if (!block.abandoned) {
            if (above)
                open.push_back(&block);
            else
                finals.push_back(block.data.hash);
        }
        above = above || &block == &finalized;
    }
    if (finals.size() > finals_told)
        finals.erase(finals.begin(), finals.end() - static_cast<std::ptrdiff_t>(finals_told));
    follow.pinned.insert(finals.begin(), finals.end());
    follow.final = finalized.data.hash;
    tell_follow(connection, follow,
                fmt::format(R"({{"event":"initialized","finalizedBlockHashes":{}{}}})",
                            list_of(finals),
                            follow.with_runtime
                                ? ",\"finalizedBlockRuntime\":" + runtime_text(*finalized.state)
                                : ""));
    for (NodeBlock const* block : open) {
        if (!follow.pinned.contains(block->data.parent)) continue;
        follow.pinned.insert(block->data.hash);
        tell_follow(connection, follow, new_block_text(*block, follow.with_runtime));
    }
    tell_follow(connection, follow, best_text(state->best()));
}

RpcResult StandinNode::Impl::pinned_header(Follow const& follow, RpcParams params) {
    if (params.size() < 2) return std::unexpected(RpcError::invalid_params("expected a hash"));
    auto const hash = hash_of_param(params[1]);
    if (!hash) return std::unexpected(hash.error());
    NodeBlock const* const block = state->find(*hash);
    if (!follow.pinned.contains(*hash) || block == nullptr) return std::unexpected(not_pinned());
    return in_quotes(hex_text(block->data.header));
}

RpcResult StandinNode::Impl::unpin(Follow& follow, RpcParams params) {
    if (params.size() < 2) return std::unexpected(RpcError::invalid_params("expected a hash"));
    std::vector<element> named{params[1]};
    simdjson::dom::array list;
    if (params[1].get(list) == simdjson::SUCCESS) named.assign(list.begin(), list.end());
    if (named.size() > rpc_list_max)
        return std::unexpected(RpcError::invalid_params("too many hashes"));
    std::vector<Hash> hashes;
    for (element const& one : named) {
        auto const hash = hash_of_param(one);
        if (!hash) return std::unexpected(hash.error());
        if (!follow.pinned.contains(*hash)) return std::unexpected(not_pinned());
        hashes.push_back(*hash);
    }
    for (Hash const& hash : hashes) follow.pinned.erase(hash);
    return "null";
}

RpcResult StandinNode::Impl::start_operation(ConnectionId connection, Follow const& follow,
                                             std::string_view method, RpcParams params) {
    if (params.size() < 2) return std::unexpected(RpcError::invalid_params("expected a hash"));
    auto const hash = hash_of_param(params[1]);
    if (!hash) return std::unexpected(hash.error());
    if (!follow.pinned.contains(*hash)) return std::unexpected(not_pinned());
    NodeBlock const* const block = state->find(*hash);
    std::string const id = std::to_string(++operations);
    auto const say = [&](std::string_view event, std::string_view rest) {
        tell_follow(connection, follow, operation_event(event, id, rest));
    };
    if (block == nullptr) { // pinned, but the scenario has pruned it
        say("operationInaccessible", "");
    } else if (method == "chainHead_v1_body") {
        std::vector<std::string> extrinsics;
        for (auto const& one : block->data.extrinsics)
            extrinsics.push_back(in_quotes(hex_text(one)));
        say("operationBodyDone", ",\"value\":[" + joined(extrinsics) + "]");
    } else if (method == "chainHead_v1_call") {
        if (params.size() < 4) {
            return std::unexpected(RpcError::invalid_params("expected a function and its input"));
        }
        std::array const older{params[2], params[3], params[1]};
        auto const output = find_rpc("state_call")(*state, older);
        if (output)
            say("operationCallDone", ",\"output\":" + *output);
        else
            say("operationError", ",\"error\":" + in_quotes(output.error().message));
    } else {
        if (params.size() < 3) return std::unexpected(RpcError::invalid_params("expected items"));
        auto const items = storage_items(*state, *block, params[2]);
        if (!items) return std::unexpected(items.error());
        if (!items->empty()) say("operationStorageItems", ",\"items\":[" + joined(*items) + "]");
        say("operationStorageDone", "");
    }
    return started(id);
}

RpcResult StandinNode::Impl::archive_storage(ConnectionId connection, RpcParams params) {
    if (params.size() < 2) {
        return std::unexpected(RpcError::invalid_params("expected a hash and items"));
    }
    auto const hash = hash_of_param(params[0]);
    if (!hash) return std::unexpected(hash.error());
    std::string const id = subscription_id(random);
    auto const say = [&](std::string_view event) {
        behind_reply.emplace_back(
            connection,
            fmt::format(R"({{"jsonrpc":"2.0","method":"archive_v1_storageEvent","params":)"
                        R"({{"subscription":"{}","result":{{{}}}}}}})",
                        id, event));
    };
    NodeBlock const* const block = state->find(*hash);
    if (block == nullptr) {
        say(R"("event":"storageError","error":"block is not here")");
        return in_quotes(id);
    }
    auto const items = storage_items(*state, *block, params[1]);
    if (!items) return std::unexpected(items.error());
    for (std::string const& item : *items)
        say("\"event\":\"storage\"," + item.substr(1, item.size() - 2));
    say(R"("event":"storageDone")");
    return in_quotes(id);
}

void StandinNode::Impl::tell_follow(ConnectionId connection, Follow const& to,
                                    std::string_view event) {
    behind_reply.emplace_back(
        connection, fmt::format(R"({{"jsonrpc":"2.0","method":"chainHead_v1_followEvent","params":)"
                                R"({{"subscription":"{}","result":{}}}}})",
                                to.id, event));
}

void StandinNode::Impl::tell_new_block(NodeBlock const& block) {
    for (auto& [connection, client] : clients) {
        for (Follow& follow : client.follows) {
            follow.pinned.insert(block.data.hash);
            tell_follow(connection, follow, new_block_text(block, follow.with_runtime));
        }
    }
    stop_follows(options.pins_max);
}

void StandinNode::Impl::tell_best(NodeBlock const& block) {
    for (auto const& [connection, client] : clients)
        for (Follow const& follow : client.follows)
            tell_follow(connection, follow, best_text(block));
}

// Everything final since the last time, oldest first, and what lost against it.
void StandinNode::Impl::tell_finalized() {
    for (auto& [connection, client] : clients) {
        for (Follow& follow : client.follows) {
            std::vector<Hash> finals, pruned;
            bool told = true; // up to what was said last time
            for (NodeBlock const& block : state->history()) {
                bool const lost = block.abandoned && follow.pinned.contains(block.data.hash);
                if (lost && block.data.number <= state->finalized().data.number)
                    pruned.push_back(block.data.hash);
                if (!told && !block.abandoned &&
                    block.data.number <= state->finalized().data.number)
                    finals.push_back(block.data.hash);
                if (block.data.hash == follow.final) told = false;
            }
            if (finals.empty()) continue;
            follow.final = finals.back();
            tell_follow(connection, follow,
                        fmt::format(R"({{"event":"finalized","finalizedBlockHashes":{},)"
                                    R"("prunedBlockHashes":{}}})",
                                    list_of(finals), list_of(pruned)));
        }
    }
}

// Ends every subscription with more pins than that.
void StandinNode::Impl::stop_follows(std::size_t pins_max) {
    for (auto& [connection, client] : clients) {
        std::erase_if(client.follows, [&](Follow const& follow) {
            if (follow.pinned.size() <= pins_max) return false;
            tell_follow(connection, follow, R"({"event":"stop"})");
            return true;
        });
    }
}

} // namespace stages
