#include "stages/rpc_requests.hpp"

#include "decoders/hex.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace stages {

namespace {

// Empty: the same as in the older set, or not to be had.
std::string_view chain_head_method(Ask ask) {
    switch (ask) {
    case Ask::genesis: return "chainSpec_v1_genesisHash";
    case Ask::properties: return "chainSpec_v1_properties";
    case Ask::best_header:
    case Ask::header: return "chainHead_v1_header";
    case Ask::code_hash:
    case Ask::asset_keys:
    case Ask::holding:
    case Ask::events: return "chainHead_v1_storage";
    case Ask::metadata_versions:
    case Ask::metadata_at_version:
    case Ask::metadata: return "chainHead_v1_call";
    case Ask::body: return "chainHead_v1_body";
    default: return "";
    }
}

} // namespace

std::string_view method_of(Ask ask, Api api) {
    if (api == Api::chain_head)
        if (auto const method = chain_head_method(ask); !method.empty()) return method;
    switch (ask) {
    case Ask::genesis:
    case Ask::head_hash:
    case Ask::final_hash: return "chain_getBlockHash";
    case Ask::properties: return "system_properties";
    case Ask::best_header:
    case Ask::own_hash:
    case Ask::header: return "chain_getHeader";
    case Ask::runtime_version:
    case Ask::runtime_of_parent: return "state_getRuntimeVersion";
    case Ask::code_hash: return "state_getStorageHash";
    case Ask::metadata_versions:
    case Ask::metadata_at_version: return "state_call";
    case Ask::metadata: return "state_getMetadata";
    case Ask::asset_keys: return "state_getKeysPaged";
    case Ask::asset_value:
    case Ask::holding:
    case Ask::events_plain:
    case Ask::number_plain: return "state_getStorage";
    case Ask::subscribe_heads: return "chain_subscribeNewHeads";
    case Ask::subscribe_finalized: return "chain_subscribeFinalizedHeads";
    case Ask::subscribe_runtime: return "state_subscribeRuntimeVersion";
    case Ask::subscribe_storage: return "state_subscribeStorage";
    case Ask::events: return "state_queryStorageAt";
    case Ask::body: return "chain_getBlock";
    case Ask::follow: return "chainHead_v1_follow";
    case Ask::unpin: return "chainHead_v1_unpin";
    case Ask::go_on: return "chainHead_v1_continue";
    }
    return "";
}

std::string_view Requests::ask(Question question, std::string_view params, Nanoseconds now) {
    CHECK(!full());
    question.id = next_id_++;
    question.asked_at = now;
    text_.clear();
    fmt::format_to(std::back_inserter(text_),
                   R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":[{}]}})", question.id,
                   method_of(question.ask, question.api), params);
    open_.push_back({question, std::string(params)});
    return text_;
}

Question const* Requests::find(std::uint64_t id) const {
    auto const found = std::find_if(open_.begin(), open_.end(),
                                    [&](Open const& one) { return one.question.id == id; });
    return found == open_.end() ? nullptr : &found->question;
}

void Requests::close(std::uint64_t id) {
    std::erase_if(open_, [&](Open const& one) { return one.question.id == id; });
}

std::string Requests::take(std::uint64_t id) {
    auto const found = std::find_if(open_.begin(), open_.end(),
                                    [&](Open const& one) { return one.question.id == id; });
    CHECK(found != open_.end());
    std::string params = std::move(found->params);
    open_.erase(found);
    return params;
}

Nanoseconds Requests::oldest() const {
    return open_.empty() ? pipeline::never : open_.front().question.asked_at;
}

std::string hash_param(Hash const& hash) { return '"' + decoders::hex_text(hash) + '"'; }

std::string call_params(std::string_view method, std::string_view args_hex, Hash const& at) {
    return fmt::format(R"("{}","{}",{})", method, args_hex, hash_param(at));
}

std::string storage_params(Bytes key, Hash const& at) {
    return '"' + decoders::hex_text(key) + "\"," + hash_param(at);
}

std::string keys_params(std::vector<std::vector<std::uint8_t>> const& keys) {
    std::string text = "[";
    for (auto const& key : keys)
        text += (text.size() > 1 ? ",\"" : "\"") + decoders::hex_text(key) + '"';
    return text + ']';
}

} // namespace stages
