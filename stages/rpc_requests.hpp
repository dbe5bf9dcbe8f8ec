// The questions a source has open at its node: their JSON-RPC text, their ids, and which answer
// belongs to which question. Bounded: at most `capacity` are open at once.
//
// One thread; texts are views into a buffer that the next question reuses. Source: the JSON-RPC
// methods of polkadot-sdk (legacy API) and the Metadata runtime API.
#pragma once

#include "pipeline/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stages {

using pipeline::Bytes;
using pipeline::Hash;
using pipeline::Nanoseconds;

// Which of a node's two sets of methods: the older one, or chainHead_v1 with chainSpec_v1.
enum class Api : std::uint8_t { legacy, chain_head };

enum class Ask : std::uint8_t {
    genesis,
    properties,
    best_header,
    runtime_version, // of the state of `hash`
    code_hash,       // of the state of `hash`; `number` is the spec version
    metadata_versions,
    metadata_at_version, // `number` is the metadata version
    metadata,            // state_getMetadata, for runtimes without the versioned API
    asset_keys,
    asset_value,
    subscribe_heads,
    subscribe_finalized,
    subscribe_runtime,
    subscribe_storage,
    own_hash,   // the header of the hash we have made of best_header: does the node know it?
    head_hash,  // of a best head at `number`, whose parent is `block`, on chains where it is not
    final_hash, // the same of a finalized head
    header,
    events,            // state_queryStorageAt of all keys a block needs
    events_plain,      // state_getStorage of System.Events alone, where queryStorageAt is refused
    number_plain,      // of System.Number: is the state there at all?
    body,              // chain_getBlock
    holding,           // System.Account of an account
    runtime_of_parent, // which runtime executed block `block`
    follow,            // these three: chain_head only
    unpin,
    go_on, // with an operation that waits for it
};
std::string_view method_of(Ask ask, Api api = Api::legacy);

struct Question {
    std::uint64_t id = 0;
    Ask ask{};
    Api api{};
    Hash hash{};  // the state or block asked about
    Hash block{}; // the block on whose behalf
    std::uint32_t number = 0;
    Nanoseconds asked_at = 0;
};

class Requests {
  public:
    static constexpr std::size_t capacity = 64;

    bool full() const { return open_.size() >= capacity; }
    std::size_t open() const { return open_.size(); }

    // Notes the question and returns its text. `params` is the JSON inside the brackets.
    std::string_view ask(Question question, std::string_view params, Nanoseconds now);

    // The open question with this id; null: nobody asked. Valid until the next ask() or close().
    Question const* find(std::uint64_t id) const;
    void close(std::uint64_t id); // it has been answered
    // The parameters it was asked with, to ask it again; it is closed. Only of an open question.
    std::string take(std::uint64_t id);

    // When the oldest open question was asked; `never` if none is open.
    Nanoseconds oldest() const;
    Question const& front() const {
        return open_.front().question;
    } // the oldest; only while one is open
    // Sum of `of(question)` over the open ones.
    template <class Of>
    std::size_t total(Of of) const {
        std::size_t sum = 0;
        for (Open const& one : open_) sum += of(one.question);
        return sum;
    }
    // Nobody waits for their answers any more; those that come are told by forgotten().
    void clear() {
        open_.clear();
        forgotten_below_ = next_id_;
    }
    bool forgotten(std::uint64_t id) const { return id < forgotten_below_; }

  private:
    struct Open {
        Question question;
        std::string params;
    };
    std::vector<Open> open_; // in the order they were asked
    std::string text_;
    std::uint64_t next_id_ = 1;
    std::uint64_t forgotten_below_ = 0;
};

// Parameters, as they stand between the brackets.
std::string hash_param(Hash const& hash); // "0x…"
std::string call_params(std::string_view method, std::string_view args_hex, Hash const& at);
std::string storage_params(Bytes key, Hash const& at);                       // "0x…","0x…"
std::string keys_params(std::vector<std::vector<std::uint8_t>> const& keys); // ["0x…",…]

} // namespace stages
