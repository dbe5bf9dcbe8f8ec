// One follow subscription of chainHead_v1: which blocks the node has pinned for us, what each of
// them is, what may be unpinned, and which operations are on their way. Pure: no JSON, no I/O, no
// clock.
//
//   initialized ──▶ new_block, best_changed, finalized, … ──▶ stopped ──▶ (follow anew) initialized
//
// A block is unpinned when it is of no more use: one that lost against its sibling when nobody
// waits for its events, a finalized one when a later one was said to be final. The newest block
// said to be final stays: its state holds the code that executes the next one.
//
// What contradicts the protocol is the node's fault: a sentence, and nothing is changed. Bounded by
// pins_max; beyond it the oldest finalized blocks are let go, whoever waits for them. One thread.
// Source: paritytech/json-rpc-interface-spec, chainHead_v1_follow and its siblings.
#pragma once

#include "decoders/header.hpp"
#include "stages/rpc_requests.hpp"

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <span>

namespace stages {

class ChainHead {
  public:
    // Servers allow 512 and then stop the subscription; some of that is theirs to use.
    static constexpr std::size_t pins_max = 384;
    static constexpr std::size_t unpins_max = 64; // in one question
    // Follows that end in a row without a new block, after which the node is no use.
    static constexpr unsigned stops_max = 3;

    using Done = std::expected<void, std::string_view>; // the error is a sentence about the node

    // ---- what the node said
    // `final`: finalized blocks, oldest first; `spec`: the runtime in the state of the last one.
    Done initialized(std::span<Hash const> final, std::optional<std::uint32_t> spec);
    // `spec`: of the runtime in its state, where that is not its parent's.
    Done new_block(Hash const& hash, Hash const& parent, std::optional<std::uint32_t> spec);
    Done best_changed(Hash const& hash);
    Done finalized(std::span<Hash const> final, std::span<Hash const> pruned);
    // The header of a pinned block, the last of `initialized`: with it all have numbers.
    Done described(decoders::Header const& header);
    // The subscription is over. False: it was one too many in a row.
    bool stopped();
    void forget(); // the connection is over

    // ---- what became of it here
    void said_final(Hash const& hash);
    // What to unpin now, at most unpins_max; `waited_for`: the events of a block are still wanted.
    std::vector<Hash> unpin(std::function<bool(Hash const&)> const& waited_for);

    // ---- what is known
    bool following() const { return !blocks_.empty(); }
    bool has_numbers() const { return base_.has_value(); }
    bool pinned(Hash const& hash) const { return blocks_.contains(hash); }
    std::size_t pins() const { return blocks_.size(); }
    Hash const& best() const { return best_; }
    Hash const& final() const { return final_; }
    // Hash, number and parent (all zero: not told) of a pinned block, once there are numbers.
    std::optional<decoders::Header> find(Hash const& hash) const;
    // The runtime in the state of a pinned block: the one that executes its children.
    std::optional<std::uint32_t> spec_of(Hash const& hash) const;
    // A pinned block with that runtime in its state.
    std::optional<Hash> state_with(std::uint32_t spec_version) const;

  private:
    struct Block {
        Hash parent{};
        std::int64_t height = 0; // from the last block of `initialized`
        std::optional<std::uint32_t> spec{};
    };
    struct HashOfHash {
        std::size_t operator()(Hash const& hash) const;
    };

    boost::unordered_flat_map<Hash, Block, HashOfHash> blocks_;
    std::deque<Hash> finals_;   // pinned, oldest first
    std::vector<Hash> pruned_;  // pinned, lost against their siblings
    std::vector<Hash> letting_; // to be unpinned
    std::optional<std::uint32_t> base_;
    Hash best_{};
    Hash final_{};
    unsigned stops_ = 0;
};

// Operations of one follow subscription: questions whose answers come as notices, item by item.
class Operations {
  public:
    static constexpr std::size_t weight_max = 16;       // what every server has to take
    static constexpr std::size_t bytes_max = 32u << 20; // of one operation's values, as text

    struct Operation {
        std::string id; // as written between the quotes
        Question question;
        std::array<std::string, 4> values; // storage: in the order of the keys asked for
        bool cut = false;                  // the server did not take all the keys
    };

    void started(std::string_view id, Question const& question);
    Operation* find(std::string_view id); // null: unknown
    void ended(std::string_view id);
    void clear() { open_.clear(); }

    bool empty() const { return open_.empty(); }
    std::size_t weight() const;
    Nanoseconds oldest() const;            // when it was asked for; `never`: none
    static std::size_t weight_of(Ask ask); // 0: no operation

  private:
    std::vector<Operation> open_;
};

} // namespace stages
