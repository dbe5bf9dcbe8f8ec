#include "stages/standin_node.hpp"

#include "decoders/hex.hpp"
#include "pipeline/check.hpp"
#include "stages/standin_impl.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stages {

namespace {

using simdjson::dom::element;

struct SubscribeRow {
    std::string_view name;
    std::string_view end; // the method that ends it
    Topic topic;
};
constexpr std::array subscribe_rows{
    SubscribeRow{"chain_subscribeAllHeads", "chain_unsubscribeAllHeads", Topic::all_heads},
    SubscribeRow{"chain_subscribeFinalisedHeads", "chain_unsubscribeFinalisedHeads",
                 Topic::finalized_heads},
    SubscribeRow{"chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads",
                 Topic::finalized_heads},
    SubscribeRow{"chain_subscribeNewHead", "chain_unsubscribeNewHead", Topic::new_heads},
    SubscribeRow{"chain_subscribeNewHeads", "chain_unsubscribeNewHeads", Topic::new_heads},
    SubscribeRow{"chain_subscribeRuntimeVersion", "chain_unsubscribeRuntimeVersion",
                 Topic::runtime_version},
    SubscribeRow{"state_subscribeRuntimeVersion", "state_unsubscribeRuntimeVersion",
                 Topic::runtime_version},
    SubscribeRow{"state_subscribeStorage", "state_unsubscribeStorage", Topic::storage},
    SubscribeRow{"subscribe_newHead", "unsubscribe_newHead", Topic::new_heads},
};

std::string_view notification_name(Topic topic) {
    switch (topic) {
    case Topic::new_heads: return "chain_newHead";
    case Topic::all_heads: return "chain_allHead";
    case Topic::finalized_heads: return "chain_finalizedHead";
    case Topic::runtime_version: return "state_runtimeVersion";
    case Topic::storage: return "state_storage";
    }
    CHECK(false);
}

std::string rpc_methods(StandinNode::Options const& options) {
    std::vector<std::string_view> names{"rpc_methods"};
    if (options.older_methods) {
        std::ranges::copy(rpc_names(), std::back_inserter(names));
        for (SubscribeRow const& row : subscribe_rows) {
            names.push_back(row.name);
            names.push_back(row.end);
        }
    }
    if (options.newer_methods) {
        std::ranges::copy(spec_rpc_names(), std::back_inserter(names));
        std::ranges::copy(follow_names(), std::back_inserter(names));
    }
    std::ranges::sort(names);
    std::string out = R"({"methods":[)";
    for (std::string_view const name : names) {
        if (out.back() != '[') out += ',';
        out += fmt::format("\"{}\"", name);
    }
    return out + "]}";
}

std::string error_text(std::string_view id, RpcError const& error) {
    return fmt::format(R"({{"jsonrpc":"2.0","id":{},"error":{{"code":{},"message":"{}"}}}})", id,
                       error.code, error.message);
}

} // namespace

std::string subscription_id(decoders::SampleRandom& random) {
    constexpr std::string_view alphabet =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::string id;
    for (int i = 0; i < 16; ++i) id += alphabet[random.below(alphabet.size())];
    return id;
}

// -- JSON-RPC ------------------------------------------------------------------------------------

RpcResult StandinNode::Impl::invoke(ConnectionId connection, std::string_view method,
                                    RpcParams params) {
    if (refusals > 0) {
        --refusals;
        return std::unexpected(RpcError{-32000, "refused on purpose by the scenario"});
    }
    if (limited > 0) {
        --limited;
        return std::unexpected(RpcError{-32029, "Too many requests, as the scenario says"});
    }
    if (method == "rpc_methods") return rpc_methods(options);
    if (options.newer_methods) {
        if (RpcFunction const function = find_spec_rpc(method)) return function(*state, params);
        auto const names = follow_names();
        if (std::ranges::find(names, method) != names.end()) {
            return invoke_newer(connection, method, params);
        }
    }
    if (!options.older_methods) return std::unexpected(RpcError::unknown_method());
    if (RpcFunction const function = find_rpc(method)) return function(*state, params);
    for (SubscribeRow const& row : subscribe_rows) {
        if (method == row.name) return subscribe(connection, row.topic, params);
        if (method == row.end) return unsubscribe(connection, params);
    }
    return std::unexpected(RpcError::unknown_method());
}

// The reply to one request object; empty for a notification, which gets none.
std::string StandinNode::Impl::answer(ConnectionId connection, element request) {
    simdjson::dom::object object;
    std::string_view method;
    if (request.get(object) != simdjson::SUCCESS ||
        object["method"].get(method) != simdjson::SUCCESS) {
        return error_text("null", RpcError::invalid_request());
    }
    element id;
    if (object["id"].get(id) != simdjson::SUCCESS) return {};
    if (id.is_object() || id.is_array() || id.is_bool()) {
        return error_text("null", RpcError::invalid_request());
    }
    std::string const id_text = simdjson::minify(id);
    std::vector<element> params;
    element given;
    if (object["params"].get(given) == simdjson::SUCCESS && !given.is_null()) {
        simdjson::dom::array list;
        if (given.get(list) != simdjson::SUCCESS || list.size() > rpc_params_max) {
            return error_text(id_text, RpcError::invalid_params("expected a list of at most 8"));
        }
        params.assign(list.begin(), list.end());
    }
    RpcResult const result = invoke(connection, method, params);
    if (!result) return error_text(id_text, result.error());
    return fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{}}})", id_text, *result);
}

// A request, or a batch of them, which is answered by one list.
std::string StandinNode::Impl::answer_all(ConnectionId connection, element message) {
    simdjson::dom::array batch;
    if (message.get(batch) != simdjson::SUCCESS) return answer(connection, message);
    if (batch.size() == 0 || batch.size() > options.batch_requests_max) {
        return error_text("null", RpcError::invalid_request());
    }
    std::string replies;
    for (element const request : batch) {
        std::string const reply = answer(connection, request);
        if (reply.empty()) continue;
        replies += replies.empty() ? "[" : ",";
        replies += reply;
    }
    return replies.empty() ? replies : replies + "]";
}

RpcResult StandinNode::Impl::subscribe(ConnectionId connection, Topic topic, RpcParams params) {
    Client& client = clients[connection];
    if (client.subscriptions.size() >= options.subscriptions_max) {
        return std::unexpected(RpcError{-32006, "Too many subscriptions on the connection"});
    }
    Subscription added{subscription_id(random), topic, {}};
    if (topic == Topic::storage) {
        auto keys = keys_param(params, 0);
        if (!keys) return std::unexpected(keys.error());
        added.keys = std::move(*keys);
    }
    was_followed = was_followed || topic != Topic::runtime_version;
    auto id = fmt::format("\"{}\"", added.id);
    to_greet.emplace_back(connection, added);
    client.subscriptions.push_back(std::move(added));
    return id;
}

RpcResult StandinNode::Impl::unsubscribe(ConnectionId connection, RpcParams params) {
    std::string_view id;
    if (params.empty() || params[0].get(id) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("expected a subscription id"));
    }
    auto& subscriptions = clients[connection].subscriptions;
    auto const same = [&](Subscription const& subscription) { return subscription.id == id; };
    return std::erase_if(subscriptions, same) > 0 ? "true" : "false";
}

void StandinNode::Impl::greet(ConnectionId connection, Subscription const& subscription) {
    switch (subscription.topic) {
    case Topic::new_heads:
    case Topic::all_heads: notify(connection, subscription, state->best().header); break;
    case Topic::finalized_heads: notify(connection, subscription, state->finalized().header); break;
    case Topic::runtime_version:
        notify(connection, subscription, state->best().state->version);
        break;
    case Topic::storage:
        notify(connection, subscription, change_set(*state, state->best(), subscription.keys));
        break;
    }
}

// -- output --------------------------------------------------------------------------------------

void StandinNode::Impl::act(ConnectionId connection, NodeAction::Kind kind, std::string bytes) {
    auto const client = clients.find(connection);
    if (client == clients.end() || client->second.gone || client->second.silent) return;
    client->second.gone = kind == NodeAction::Kind::close || kind == NodeAction::Kind::reset;
    actions.push_back({connection, kind, std::move(bytes)});
}

void StandinNode::Impl::act_on_all(NodeAction::Kind kind, std::string const& bytes) {
    for (auto const& [connection, client] : clients) act(connection, kind, bytes);
}

void StandinNode::Impl::notify(ConnectionId connection, Subscription const& to,
                               std::string_view result) {
    act(connection, NodeAction::Kind::text,
        fmt::format(
            R"({{"jsonrpc":"2.0","method":"{}","params":{{"subscription":"{}","result":{}}}}})",
            notification_name(to.topic), to.id, result));
}

void StandinNode::Impl::send_behind() {
    for (auto& [to, text] : std::exchange(behind_reply, {})) {
        act(to, NodeAction::Kind::text, std::move(text));
    }
}

void StandinNode::Impl::tell(Topic topic, std::string_view result) {
    for (auto const& [connection, client] : clients) {
        for (Subscription const& subscription : client.subscriptions) {
            if (subscription.topic == topic) notify(connection, subscription, result);
        }
    }
}

// -- the public face -----------------------------------------------------------------------------

std::expected<std::unique_ptr<StandinNode>, std::string>
StandinNode::create(std::unique_ptr<ChainFeed> feed, Options options) {
    // A block must stay in the history at least until it is final.
    CHECK(options.history_blocks_max > options.finality_lag_blocks + 2U * 64);
    auto state = StandinState::create(std::move(feed), options.history_blocks_max);
    if (!state) return std::unexpected(state.error());
    return std::unique_ptr<StandinNode>(
        new StandinNode(std::make_unique<Impl>(std::move(*state), std::move(options))));
}

StandinNode::StandinNode(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
StandinNode::~StandinNode() = default;

void StandinNode::opened(ConnectionId connection) {
    bool const full = impl_->clients.size() >= impl_->options.connections_max;
    impl_->clients.try_emplace(connection);
    if (full) impl_->act(connection, NodeAction::Kind::close, {});
}

void StandinNode::closed(ConnectionId connection) { impl_->clients.erase(connection); }

void StandinNode::request(ConnectionId connection, std::string_view text) {
    auto const client = impl_->clients.find(connection);
    if (client == impl_->clients.end() || client->second.gone || client->second.silent) return;
    element message;
    std::string reply =
        impl_->parser.parse(text.data(), text.size()).get(message) == simdjson::SUCCESS
            ? impl_->answer_all(connection, message)
            : error_text("null", RpcError::parse_error());
    if (!reply.empty()) impl_->act(connection, NodeAction::Kind::text, std::move(reply));
    for (auto const& [to, subscription] : std::exchange(impl_->to_greet, {})) {
        impl_->greet(to, subscription);
    }
    impl_->send_behind();
}

bool StandinNode::produce_block() {
    bool const more = impl_->play();
    impl_->send_behind();
    return more;
}
bool StandinNode::followed() const { return impl_->was_followed; }
std::string const& StandinNode::name() const { return impl_->state->name(); }
std::uint64_t StandinNode::best_number() const { return impl_->state->best().data.number; }
std::uint64_t StandinNode::finalized_number() const {
    return impl_->state->finalized().data.number;
}
std::vector<NodeAction>& StandinNode::actions() { return impl_->actions; }

} // namespace stages
