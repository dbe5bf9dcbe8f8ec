// The newer methods that answer at once (json-rpc-interface-spec): archive_v1_*, chainSpec_v1_*.
#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "stages/standin_rpc.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stages {

namespace {

using decoders::hex_text;
using simdjson::dom::element;

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

// The block params[0] names; null: not here.
std::expected<NodeBlock const*, RpcError> block_of(StandinState const& state, RpcParams params) {
    if (params.empty()) return std::unexpected(RpcError::invalid_params("expected a block hash"));
    auto const hash = hash_of_param(params[0]);
    if (!hash) return std::unexpected(hash.error());
    return state.find(*hash);
}

RpcResult finalized_height(StandinState const& state, RpcParams) {
    return std::to_string(state.finalized().data.number);
}

RpcResult genesis_hash(StandinState const& state, RpcParams) {
    return in_quotes(hex_text(state.genesis()));
}

RpcResult hash_by_height(StandinState const& state, RpcParams params) {
    std::uint64_t height = 0;
    if (params.empty() || params[0].get(height) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("expected a height"));
    }
    auto const hash = state.hash_of(height);
    return hash ? "[" + in_quotes(hex_text(*hash)) + "]" : std::string("[]");
}

RpcResult header(StandinState const& state, RpcParams params) {
    auto const block = block_of(state, params);
    if (!block) return std::unexpected(block.error());
    return *block == nullptr ? "null" : in_quotes(hex_text((*block)->data.header));
}

RpcResult body(StandinState const& state, RpcParams params) {
    auto const block = block_of(state, params);
    if (!block) return std::unexpected(block.error());
    if (*block == nullptr) return "null";
    std::string out = "[";
    for (auto const& extrinsic : (*block)->data.extrinsics) {
        if (out.size() > 1) out += ',';
        out += in_quotes(hex_text(extrinsic));
    }
    return out + "]";
}

RpcResult call(StandinState const& state, RpcParams params) {
    auto const block = block_of(state, params);
    if (!block) return std::unexpected(block.error());
    if (*block == nullptr) return "null";
    if (params.size() < 3) {
        return std::unexpected(RpcError::invalid_params("expected a hash, a function, its input"));
    }
    std::array const older{params[1], params[2], params[0]};
    auto const output = find_rpc("state_call")(state, older);
    if (!output) {
        return fmt::format(R"({{"success":false,"error":"{}"}})", output.error().message);
    }
    return fmt::format(R"({{"success":true,"value":{}}})", *output);
}

RpcResult nothing(StandinState const&, RpcParams) { return "null"; }
RpcResult chain_name(StandinState const& state, RpcParams) { return in_quotes(state.name()); }
RpcResult properties(StandinState const& state, RpcParams) { return state.properties(); }

struct Row {
    std::string_view name;
    RpcFunction function;
};
constexpr std::array rows{
    Row{"archive_v1_body", body},
    Row{"archive_v1_call", call},
    Row{"archive_v1_finalizedHeight", finalized_height},
    Row{"archive_v1_genesisHash", genesis_hash},
    Row{"archive_v1_hashByHeight", hash_by_height},
    Row{"archive_v1_header", header},
    Row{"archive_v1_stopStorage", nothing}, // its notices have all been sent
    Row{"chainSpec_v1_chainName", chain_name},
    Row{"chainSpec_v1_genesisHash", genesis_hash},
    Row{"chainSpec_v1_properties", properties},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::name));

} // namespace

RpcFunction find_spec_rpc(std::string_view method) {
    auto const row = std::ranges::lower_bound(rows, method, {}, &Row::name);
    return row != rows.end() && row->name == method ? row->function : nullptr;
}

std::vector<std::string_view> spec_rpc_names() {
    std::vector<std::string_view> names;
    for (Row const& row : rows) names.push_back(row.name);
    return names;
}

std::expected<std::vector<std::string>, RpcError>
storage_items(StandinState const& state, NodeBlock const& at, element items) {
    simdjson::dom::array list;
    if (items.get(list) != simdjson::SUCCESS || list.size() == 0 || list.size() > rpc_list_max) {
        return std::unexpected(RpcError::invalid_params("expected a list of 1 to 1024 items"));
    }
    std::vector<std::string> found;
    for (element const item : list) {
        element key_text;
        std::string_view type;
        if (item["key"].get(key_text) != simdjson::SUCCESS ||
            item["type"].get(type) != simdjson::SUCCESS) {
            return std::unexpected(RpcError::invalid_params("an item has a key and a type"));
        }
        auto const key = bytes_param(key_text);
        if (!key) return std::unexpected(key.error());
        bool const below = type == "descendantsValues" || type == "descendantsHashes";
        bool const hashed = type == "hash" || type == "descendantsHashes";
        if (!below && !hashed && type != "value") {
            return std::unexpected(RpcError::invalid_params("a type that is not served here"));
        }
        auto const keys =
            below ? state.keys(at, *key) : std::vector<std::vector<std::uint8_t>>{*key};
        for (auto const& one : keys) {
            auto const value = state.storage(at, one);
            if (!value) continue;
            found.push_back(
                fmt::format(R"({{"key":"{}","{}":"{}"}})", hex_text(one), hashed ? "hash" : "value",
                            hashed ? hex_text(decoders::blake2b_256(*value)) : hex_text(*value)));
        }
    }
    return found;
}

} // namespace stages
