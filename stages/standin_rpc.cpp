#include "stages/standin_rpc.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "decoders/samples.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace stages {

namespace {

using decoders::hex_text;
using pipeline::Bytes;
using pipeline::Hash;
using simdjson::dom::element;
using Buffer = std::vector<std::uint8_t>;

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

bool given(RpcParams params, std::size_t index) {
    return index < params.size() && !params[index].is_null();
}

RpcError unknown_block(Hash const& hash) {
    return {4003, fmt::format("Client error: UnknownBlock: State already discarded for {}",
                              hex_text(hash))};
}

// The block at params[index], the best one if there is no such parameter; null if it is not known.
std::expected<NodeBlock const*, RpcError> block_param(StandinState const& state, RpcParams params,
                                                      std::size_t index) {
    if (!given(params, index)) return &state.best();
    auto const hash = hash_of_param(params[index]);
    if (!hash) return std::unexpected(hash.error());
    return state.find(*hash);
}

std::expected<NodeRuntime const*, RpcError> runtime_param(StandinState const& state,
                                                          RpcParams params, std::size_t index) {
    if (!given(params, index)) return state.best().state;
    auto const hash = hash_of_param(params[index]);
    if (!hash) return std::unexpected(hash.error());
    NodeRuntime const* const runtime = state.runtime_at(*hash);
    if (runtime == nullptr) return std::unexpected(unknown_block(*hash));
    return runtime;
}

// State at a block whose state this node has; a parent it does not have counts as discarded.
std::expected<NodeBlock const*, RpcError> state_param(StandinState const& state, RpcParams params,
                                                      std::size_t index) {
    auto const block = block_param(state, params, index);
    if (block && *block == nullptr) {
        return std::unexpected(unknown_block(*hash_of_param(params[index])));
    }
    return block;
}

std::string value_text(StandinState const& state, NodeBlock const& at, Bytes key) {
    auto const value = state.storage(at, key);
    return value ? in_quotes(hex_text(*value)) : std::string("null");
}

// -- chain ---------------------------------------------------------------------------------------

RpcResult hash_of_number(StandinState const& state, element number) {
    std::uint64_t value = 0;
    std::string_view text;
    if (number.get(text) == simdjson::SUCCESS) {
        bool const hex = text.starts_with("0x");
        text.remove_prefix(hex ? 2 : 0);
        auto const [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
        if (error != std::errc{} || end != text.data() + text.size()) {
            return std::unexpected(RpcError::invalid_params("not a block number"));
        }
    } else if (number.get(value) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("not a block number"));
    }
    auto const hash = state.hash_of(value);
    return hash ? in_quotes(hex_text(*hash)) : std::string("null");
}

RpcResult get_block_hash(StandinState const& state, RpcParams params) {
    if (!given(params, 0)) return in_quotes(hex_text(state.best().data.hash));
    simdjson::dom::array list;
    if (params[0].get(list) != simdjson::SUCCESS) return hash_of_number(state, params[0]);
    if (list.size() > rpc_list_max) {
        return std::unexpected(RpcError::invalid_params("too many block numbers"));
    }
    std::string out = "[";
    for (auto const number : list) {
        auto hash = hash_of_number(state, number);
        if (!hash) return hash;
        if (out.size() > 1) out += ',';
        out += *hash;
    }
    return out + "]";
}

RpcResult get_header(StandinState const& state, RpcParams params) {
    auto const block = block_param(state, params, 0);
    if (!block) return std::unexpected(block.error());
    return *block == nullptr ? "null" : (*block)->header;
}

RpcResult get_block(StandinState const& state, RpcParams params) {
    auto const block = block_param(state, params, 0);
    if (!block) return std::unexpected(block.error());
    if (*block == nullptr) return "null";
    std::string out = fmt::format(R"({{"block":{{"header":{},"extrinsics":[)", (*block)->header);
    bool first = true;
    for (auto const& extrinsic : (*block)->data.extrinsics) {
        if (!first) out += ',';
        first = false;
        out += in_quotes(hex_text(extrinsic));
    }
    return out + R"(]},"justifications":null})";
}

RpcResult get_finalized_head(StandinState const& state, RpcParams) {
    return in_quotes(hex_text(state.finalized().data.hash));
}

// -- state ---------------------------------------------------------------------------------------

RpcResult get_runtime_version(StandinState const& state, RpcParams params) {
    auto const runtime = runtime_param(state, params, 0);
    if (!runtime) return std::unexpected(runtime.error());
    return (*runtime)->version;
}

RpcResult get_metadata(StandinState const& state, RpcParams params) {
    auto const runtime = runtime_param(state, params, 0);
    if (!runtime) return std::unexpected(runtime.error());
    return fmt::format("\"0x{}\"", (*runtime)->metadata);
}

// OpaqueMetadata: the blob behind its length.
std::string opaque(NodeRuntime const& runtime) {
    Buffer size;
    decoders::append_compact(runtime.metadata.size() / 2, size);
    std::string text;
    decoders::hex_encode(size, text);
    return text + runtime.metadata;
}

RpcResult call(StandinState const& state, RpcParams params) {
    std::string_view method;
    if (params.size() < 2 || params[0].get(method) != simdjson::SUCCESS) {
        return std::unexpected(RpcError::invalid_params("expected a method and its bytes"));
    }
    std::string_view text;
    bool const none = params[1].get(text) == simdjson::SUCCESS && text.empty(); // polkadot-api
    std::expected<Buffer, RpcError> const input = none ? Buffer{} : bytes_param(params[1]);
    if (!input) return std::unexpected(input.error());
    auto const found = runtime_param(state, params, 2);
    if (!found) return std::unexpected(found.error());
    NodeRuntime const& runtime = **found;
    if (method == "Core_version") return in_quotes(runtime.core_version);
    if (method == "Metadata_metadata") return in_quotes("0x" + opaque(runtime));
    // Runtimes that know only V14 lack the two newer functions.
    bool const versioned = runtime.metadata_version > 14;
    if (versioned && method == "Metadata_metadata_versions") {
        return fmt::format("\"0x04{:02x}000000\"", runtime.metadata_version);
    }
    if (versioned && method == "Metadata_metadata_at_version") {
        if (input->size() != 4) return std::unexpected(RpcError{-32603, "Execution failed"});
        Buffer const own{static_cast<std::uint8_t>(runtime.metadata_version), 0, 0, 0};
        return *input == own ? in_quotes("0x01" + opaque(runtime)) : in_quotes("0x00");
    }
    return std::unexpected(
        RpcError{-32603, "Client error: Execution failed: Exported method is not found"});
}

RpcResult get_storage(StandinState const& state, RpcParams params) {
    if (params.empty()) return std::unexpected(RpcError::invalid_params("expected a key"));
    auto const key = bytes_param(params[0]);
    if (!key) return std::unexpected(key.error());
    auto const block = state_param(state, params, 1);
    if (!block) return std::unexpected(block.error());
    return value_text(state, **block, *key);
}

RpcResult get_storage_hash(StandinState const& state, RpcParams params) {
    if (params.empty()) return std::unexpected(RpcError::invalid_params("expected a key"));
    auto const key = bytes_param(params[0]);
    if (!key) return std::unexpected(key.error());
    auto const block = state_param(state, params, 1);
    if (!block) return std::unexpected(block.error());
    auto const value = state.storage(**block, *key);
    return value ? in_quotes(hex_text(decoders::blake2b_256(*value))) : std::string("null");
}

RpcResult query_storage_at(StandinState const& state, RpcParams params) {
    auto const keys = keys_param(params, 0);
    if (!keys) return std::unexpected(keys.error());
    auto const block = state_param(state, params, 1);
    if (!block) return std::unexpected(block.error());
    return "[" + change_set(state, **block, *keys) + "]";
}

RpcResult get_keys_paged(StandinState const& state, RpcParams params) {
    std::uint64_t count = 0;
    if (params.size() < 2 || params[1].get(count) != simdjson::SUCCESS || count > rpc_list_max) {
        return std::unexpected(
            RpcError::invalid_params("expected a prefix and a count of <= 1024"));
    }
    Buffer prefix;
    Buffer start;
    for (auto const& [index, to] : {std::pair{0U, &prefix}, std::pair{2U, &start}}) {
        if (!given(params, index)) continue;
        auto bytes = bytes_param(params[index]);
        if (!bytes) return std::unexpected(bytes.error());
        *to = std::move(*bytes);
    }
    auto const block = state_param(state, params, 3);
    if (!block) return std::unexpected(block.error());
    std::string out = "[";
    for (auto const& key : state.keys(**block, prefix)) {
        if (count == 0) break;
        if (key <= start) continue;
        if (out.size() > 1) out += ',';
        out += in_quotes(hex_text(key));
        --count;
    }
    return out + "]";
}

// -- system --------------------------------------------------------------------------------------

RpcResult system_chain(StandinState const& state, RpcParams) { return in_quotes(state.name()); }
RpcResult system_properties(StandinState const& state, RpcParams) { return state.properties(); }
RpcResult system_name(StandinState const&, RpcParams) { return "\"spyhop stand-in node\""; }
RpcResult system_version(StandinState const&, RpcParams) { return in_quotes(SPYHOP_VERSION); }
RpcResult system_chain_type(StandinState const&, RpcParams) { return "\"Live\""; }
RpcResult system_health(StandinState const&, RpcParams) {
    return R"({"peers":8,"isSyncing":false,"shouldHavePeers":true})";
}

struct Row {
    std::string_view name;
    RpcFunction function;
};
constexpr std::array rows{
    Row{"chain_getBlock", get_block},
    Row{"chain_getBlockHash", get_block_hash},
    Row{"chain_getFinalisedHead", get_finalized_head},
    Row{"chain_getFinalizedHead", get_finalized_head},
    Row{"chain_getHead", get_block_hash},
    Row{"chain_getHeader", get_header},
    Row{"chain_getRuntimeVersion", get_runtime_version},
    Row{"state_call", call},
    Row{"state_callAt", call},
    Row{"state_getKeysPaged", get_keys_paged},
    Row{"state_getKeysPagedAt", get_keys_paged},
    Row{"state_getMetadata", get_metadata},
    Row{"state_getRuntimeVersion", get_runtime_version},
    Row{"state_getStorage", get_storage},
    Row{"state_getStorageAt", get_storage},
    Row{"state_getStorageHash", get_storage_hash},
    Row{"state_queryStorageAt", query_storage_at},
    Row{"system_chain", system_chain},
    Row{"system_chainType", system_chain_type},
    Row{"system_health", system_health},
    Row{"system_name", system_name},
    Row{"system_properties", system_properties},
    Row{"system_version", system_version},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::name));

} // namespace

RpcError RpcError::invalid_params(std::string_view why) {
    return {-32602, fmt::format("Invalid params: {}", why)};
}

RpcFunction find_rpc(std::string_view method) {
    auto const row = std::ranges::lower_bound(rows, method, {}, &Row::name);
    return row != rows.end() && row->name == method ? row->function : nullptr;
}

std::vector<std::string_view> rpc_names() {
    std::vector<std::string_view> names;
    names.reserve(std::size(rows));
    for (Row const& row : rows) names.push_back(row.name);
    return names;
}

std::expected<Buffer, RpcError> bytes_param(element from) {
    std::string_view text;
    if (from.get(text) != simdjson::SUCCESS || !text.starts_with("0x")) {
        return std::unexpected(RpcError::invalid_params("expected hex with 0x"));
    }
    Buffer bytes(text.size() / 2 - 1);
    auto const size = decoders::hex_decode(text, bytes);
    if (!size) return std::unexpected(RpcError::invalid_params(describe(size.error())));
    return bytes;
}

std::expected<Hash, RpcError> hash_of_param(element from) {
    auto const bytes = bytes_param(from);
    if (!bytes) return std::unexpected(bytes.error());
    Hash hash{};
    if (bytes->size() != hash.size()) {
        return std::unexpected(RpcError::invalid_params("a block hash has 32 bytes"));
    }
    std::ranges::copy(*bytes, hash.begin());
    return hash;
}

std::expected<std::vector<Buffer>, RpcError> keys_param(RpcParams params, std::size_t index) {
    simdjson::dom::array list;
    if (index >= params.size() || params[index].get(list) != simdjson::SUCCESS ||
        list.size() == 0 || list.size() > rpc_list_max) {
        return std::unexpected(RpcError::invalid_params("expected a list of 1 to 1024 keys"));
    }
    std::vector<Buffer> keys;
    for (auto const key : list) {
        auto bytes = bytes_param(key);
        if (!bytes) return std::unexpected(bytes.error());
        keys.push_back(std::move(*bytes));
    }
    return keys;
}

std::string change_set(StandinState const& state, NodeBlock const& at,
                       std::span<Buffer const> keys) {
    std::string out = fmt::format(R"({{"block":"{}","changes":[)", hex_text(at.data.hash));
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (i != 0) out += ',';
        out += fmt::format(R"(["{}",{}])", hex_text(keys[i]), value_text(state, at, keys[i]));
    }
    return out + "]}";
}

} // namespace stages
