// What the stand-in node knows: its runtimes, a bounded history of blocks, and the storage of each
// as far as a monitor asks for it. The keys every block has (System.Events, Number, ParentHash,
// BlockHash, LastRuntimeUpgrade, Timestamp.Now, :code) are made from the block itself; any other
// key comes from the capture and lives on until a later block writes it.
//
// One thread. References to blocks stay good until the block is pruned. No I/O, no clock.
#pragma once

#include "io/capture.hpp"
#include "pipeline/types.hpp"
#include "stages/standin_chain.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

struct NodeRuntime {
    std::uint32_t spec_version = 0;
    std::string spec_name;
    std::string version;      // JSON, as state_getRuntimeVersion answers
    std::string core_version; // SCALE of the same, as hex with 0x
    std::string metadata;     // hex without 0x
    std::uint32_t metadata_version = 0;
};

struct NodeBlock {
    io::CaptureBlock data;
    std::string header; // JSON
    NodeRuntime const* executed = nullptr;
    NodeRuntime const* state = nullptr; // the runtime that executes this block's child
    std::uint64_t ordinal = 0;          // 0: the block the node starts with
    bool abandoned = false;             // on a branch that was left
};

class StandinState {
  public:
    // Reads the feed up to its first block. A sentence when there is none to be had.
    [[nodiscard]] static std::expected<std::unique_ptr<StandinState>, std::string>
    create(std::unique_ptr<ChainFeed> feed, std::size_t history_blocks_max);

    std::string const& name() const { return name_; }
    std::string const& properties() const { return properties_; } // JSON
    pipeline::Hash const& genesis() const { return genesis_; }
    void set_genesis(pipeline::Hash const& genesis) { genesis_ = genesis; }

    // Forgets the oldest blocks beyond so many, but never the best and finalized ones.
    void shorten(std::size_t blocks);

    // The block that comes next, not yet part of the chain; null at the end of a finite feed.
    io::CaptureBlock const* ahead() const { return ahead_ ? &*ahead_ : nullptr; }
    io::CaptureBlock take_ahead();

    // Adds a block; its state's runtime is that of the block ahead. It is not best by itself.
    NodeBlock& import(io::CaptureBlock block, std::uint64_t ordinal);
    void set_best(NodeBlock const& block) { best_ = &block; }
    void set_finalized(NodeBlock const& block) { finalized_ = &block; }

    NodeBlock const& best() const { return *best_; }
    NodeBlock const& finalized() const { return *finalized_; }
    std::deque<NodeBlock>& history() { return blocks_; }
    std::deque<NodeBlock> const& history() const { return blocks_; }

    NodeBlock const* find(pipeline::Hash const& hash) const;
    std::optional<pipeline::Hash> hash_of(std::uint64_t number) const; // best chain; 0 is genesis
    // Also of the genesis block and of parents that are not in the history; null: unknown block.
    NodeRuntime const* runtime_at(pipeline::Hash const& hash) const;
    std::optional<std::vector<std::uint8_t>> storage(NodeBlock const& at,
                                                     pipeline::Bytes key) const;
    // Every key with a value at that block that begins with `prefix`, in order.
    std::vector<std::vector<std::uint8_t>> keys(NodeBlock const& at, pipeline::Bytes prefix) const;

  private:
    explicit StandinState(std::unique_ptr<ChainFeed> feed)
        : feed_(std::move(feed)) {}
    [[nodiscard]] std::expected<void, std::string> describe(io::CaptureChain const& chain);
    [[nodiscard]] std::expected<void, std::string> add_runtime(io::CaptureRuntime const& runtime);
    [[nodiscard]] std::expected<void, std::string> look_ahead();
    NodeRuntime const* runtime(std::uint32_t spec_version) const;
    std::optional<std::vector<std::uint8_t>> written(NodeBlock const& at,
                                                     pipeline::Bytes key) const;

    std::unique_ptr<ChainFeed> feed_;
    std::size_t history_blocks_max_ = 0;
    std::string name_;
    std::string properties_;
    pipeline::Hash genesis_{};
    std::map<std::uint32_t, NodeRuntime> runtimes_;
    std::optional<io::CaptureBlock> ahead_;
    std::deque<NodeBlock> blocks_; // in the order of import
    NodeBlock const* best_ = nullptr;
    NodeBlock const* finalized_ = nullptr;
    std::map<std::vector<std::uint8_t>, std::vector<std::uint8_t>> pruned_storage_;
};

} // namespace stages
