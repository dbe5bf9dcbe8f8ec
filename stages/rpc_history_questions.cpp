#include "stages/rpc_history_questions.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace stages {

std::string_view method_of(HistoryAsk ask) {
    switch (ask) {
    case HistoryAsk::genesis:
    case HistoryAsk::hashes:
    case HistoryAsk::hash: return "chain_getBlockHash";
    case HistoryAsk::finalized_hash: return "chain_getFinalizedHead";
    case HistoryAsk::finalized_header:
    case HistoryAsk::header: return "chain_getHeader";
    case HistoryAsk::values: return "state_queryStorageAt";
    case HistoryAsk::value: return "state_getStorage";
    case HistoryAsk::body: return "chain_getBlock";
    case HistoryAsk::block_version: return "state_getRuntimeVersion";
    case HistoryAsk::metadata_versions:
    case HistoryAsk::metadata_at_version: return "state_call";
    case HistoryAsk::metadata: return "state_getMetadata";
    case HistoryAsk::archive_genesis: return "archive_v1_genesisHash";
    case HistoryAsk::archive_height: return "archive_v1_finalizedHeight";
    case HistoryAsk::archive_hash: return "archive_v1_hashByHeight";
    case HistoryAsk::archive_values: return "archive_v1_storage";
    case HistoryAsk::archive_body: return "archive_v1_body";
    case HistoryAsk::archive_block_version:
    case HistoryAsk::archive_metadata_versions:
    case HistoryAsk::archive_metadata_at_version: return "archive_v1_call";
    }
    return "";
}

std::string_view HistoryQuestions::ask(HistoryQuestion question, std::string_view params,
                                       Nanoseconds now) {
    CHECK(open_.size() < capacity);
    question.id = next_id_++;
    question.asked_at = now;
    text_.clear();
    fmt::format_to(std::back_inserter(text_),
                   R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":[{}]}})", question.id,
                   method_of(question.ask), params);
    open_.push_back(std::move(question));
    return text_;
}

HistoryQuestion* HistoryQuestions::find(std::uint64_t id) {
    auto const found = std::ranges::find(open_, id, &HistoryQuestion::id);
    return found == open_.end() ? nullptr : &*found;
}

HistoryQuestion* HistoryQuestions::find_subscription(std::string_view subscription) {
    auto const found = std::ranges::find(open_, subscription, &HistoryQuestion::subscription);
    return found == open_.end() || subscription.empty() ? nullptr : &*found;
}

void HistoryQuestions::close(std::uint64_t id) {
    std::erase_if(open_, [&](HistoryQuestion const& question) { return question.id == id; });
}

Nanoseconds HistoryQuestions::oldest() const {
    return open_.empty() ? pipeline::never : open_.front().asked_at;
}

} // namespace stages
