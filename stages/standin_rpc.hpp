// The stand-in node's answers to plain JSON-RPC methods: functions of its state and the parameters.
// Subscriptions are the node's own business (standin_node.cpp).
//
// One thread, no side effects. A failure is a JSON-RPC error: code and message, both as
// polkadot-sdk servers give them.
#pragma once

#include "stages/standin_state.hpp"

#include <expected>
#include <simdjson.h>
#include <span>
#include <string>
#include <string_view>

namespace stages {

struct RpcError {
    int code = 0;
    std::string message;

    static RpcError parse_error() { return {-32700, "Parse error"}; }
    static RpcError invalid_request() { return {-32600, "Invalid request"}; }
    static RpcError unknown_method() { return {-32601, "Method not found"}; }
    static RpcError invalid_params(std::string_view why);
};

using RpcResult = std::expected<std::string, RpcError>; // the result as JSON
using RpcParams = std::span<simdjson::dom::element const>;

inline constexpr std::size_t rpc_params_max = 8;
inline constexpr std::size_t rpc_list_max = 1024; // keys, hashes, numbers in one parameter

using RpcFunction = RpcResult (*)(StandinState const&, RpcParams);
// Null for an unknown name.
RpcFunction find_rpc(std::string_view method);
// Every name find_rpc() knows, sorted.
std::vector<std::string_view> rpc_names();
// The same of the newer methods that answer at once: archive_v1_*, chainSpec_v1_*.
RpcFunction find_spec_rpc(std::string_view method);
std::vector<std::string_view> spec_rpc_names();

// Parameters, shared with the subscriptions.
std::expected<std::vector<std::uint8_t>, RpcError> bytes_param(simdjson::dom::element from);
std::expected<std::vector<std::vector<std::uint8_t>>, RpcError> keys_param(RpcParams params,
                                                                           std::size_t index);

std::expected<pipeline::Hash, RpcError> hash_of_param(simdjson::dom::element from);
// What chainHead_v1_storage and archive_v1_storage are asked for, item by item, as JSON objects
// with the key and the value or hash; keys without a value give nothing.
std::expected<std::vector<std::string>, RpcError>
storage_items(StandinState const& state, NodeBlock const& at, simdjson::dom::element items);

// {"block":"0x…","changes":[["0x<key>","0x<value>"|null],…]}
std::string change_set(StandinState const& state, NodeBlock const& at,
                       std::span<std::vector<std::uint8_t> const> keys);

} // namespace stages
