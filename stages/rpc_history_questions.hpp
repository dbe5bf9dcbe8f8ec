// The questions a history stage has open at its node, in either of two dialects: the legacy methods
// of polkadot-sdk and archive_v1 of the new JSON-RPC interface. Bounded: at most `capacity`.
//
// One thread; texts are views into a buffer that the next question reuses. Sources: the JSON-RPC
// methods of polkadot-sdk, json-rpc-interface-spec (archive_v1_*).
#pragma once

#include "pipeline/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stages {

using pipeline::Hash;
using pipeline::Nanoseconds;

enum class HistoryAsk : std::uint8_t {
    genesis,
    finalized_hash,
    finalized_header,
    hashes, // of the numbers of batch `batch`, as a list
    hash,   // of the one number of batch `batch`
    values, // all values of block `number` at once
    value,  // the one with index `key`
    header, // of block `number`, whose state does not name its parent
    body,
    block_version,     // the runtime that executed block `number`: that of its parent's state
    metadata_versions, // of the state of `hash`
    metadata_at_version,
    metadata,
    archive_genesis,
    archive_height,
    archive_hash,
    archive_values, // open until its last event
    archive_body,
    archive_block_version,
    archive_metadata_versions,
    archive_metadata_at_version,
};
std::string_view method_of(HistoryAsk ask);

struct HistoryQuestion {
    std::uint64_t id = 0;
    HistoryAsk ask{};
    std::uint8_t key = 0;
    std::uint32_t number = 0; // block; of metadata: spec version
    std::uint32_t batch = 0;
    Hash hash{};
    Nanoseconds asked_at = 0;
    std::string subscription{}; // archive_values: once it has one
};

class HistoryQuestions {
  public:
    static constexpr std::size_t capacity = 128;

    std::size_t open() const { return open_.size(); }
    // Notes the question and returns its text. `params` is the JSON inside the brackets.
    std::string_view ask(HistoryQuestion question, std::string_view params, Nanoseconds now);
    // Null: nobody asked. Valid until the next ask() or close().
    HistoryQuestion* find(std::uint64_t id);
    HistoryQuestion* find_subscription(std::string_view subscription);
    void close(std::uint64_t id);
    void clear() { open_.clear(); }

    Nanoseconds oldest() const; // when it was asked; `never` if none is open
    HistoryAsk oldest_ask() const { return open_.front().ask; } // only while one is open

  private:
    std::vector<HistoryQuestion> open_; // in the order they were asked
    std::string text_;
    std::uint64_t next_id_ = 1;
};

} // namespace stages
