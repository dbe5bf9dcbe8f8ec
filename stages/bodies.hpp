// The bodies of blocks that wait for their events: what chain_getBlock answered, as one run of
// bytes, each extrinsic with its length in front (as the chain stores them, without the count).
// Bounded: with one more than `capacity` the oldest goes. One thread.
#pragma once

#include "pipeline/types.hpp"

#include <vector>

namespace stages {

class Bodies {
  public:
    static constexpr std::size_t capacity = 64;       // blocks
    static constexpr std::size_t bytes_max = 8 << 20; // of one block: polkadot-sdk's limit is 5 MiB

    enum class State : std::uint8_t { unknown, asked, here };

    State state(pipeline::Hash const& block) const {
        auto const* found = find(block);
        return found == nullptr ? State::unknown : found->state;
    }
    // Empty where there is none: that of a block the node will not show is empty, too.
    pipeline::Bytes bytes(pipeline::Hash const& block) const {
        auto const* found = find(block);
        return found == nullptr ? pipeline::Bytes{} : pipeline::Bytes(found->bytes);
    }

    void asked(pipeline::Hash const& block) { entry(block).state = State::asked; }
    void put(pipeline::Hash const& block, std::vector<std::uint8_t> bytes) {
        auto& one = entry(block);
        one.state = State::here;
        one.bytes = std::move(bytes);
    }
    void drop(pipeline::Hash const& block) {
        std::erase_if(entries_, [&](Entry const& one) { return one.block == block; });
    }
    void clear() { entries_.clear(); }

  private:
    struct Entry {
        pipeline::Hash block{};
        State state{};
        std::vector<std::uint8_t> bytes;
    };
    Entry const* find(pipeline::Hash const& block) const {
        for (Entry const& one : entries_)
            if (one.block == block) return &one;
        return nullptr;
    }
    Entry& entry(pipeline::Hash const& block) {
        for (Entry& one : entries_)
            if (one.block == block) return one;
        if (entries_.size() == capacity) entries_.erase(entries_.begin());
        return entries_.emplace_back(Entry{block, State::unknown, {}});
    }

    std::vector<Entry> entries_;
};

} // namespace stages
