// The chains that benchmarks play: a fixed number of different lists of events, generated once,
// repeated for ever under headers that chain. Which of their transfers are large is known from the
// generator, not from a decoder of ours: what has to be told, block by block, is the truth that
// alerts are counted against.
//
//   make_blocks() ─▶ BenchBlocks ──▶ BenchFeed (one a chain) ─▶ a stand-in node
//                        └─────────▶ the parent: what has to come
//
// BenchBlocks are made before processes are forked and are read-only after that; they must outlive
// their feeds. A feed belongs to one thread. Failures are sentences.
#pragma once

#include "pipeline/types.hpp"
#include "stages/standin_chain.hpp"

#include <functional>

namespace config {

struct BlocksWanted {
    std::uint32_t different = 64; // lists of events
    std::uint32_t events = 200;   // in each, or a few less
    std::uint64_t seed = 1;
    std::uint32_t accounts = 500;
};

// One list of events, and the transfers of the chain's own token in it.
struct BenchEvents {
    struct Transfer {
        std::uint32_t event_index = 0;
        pipeline::u128 amount = 0; // smallest units
    };
    std::vector<std::uint8_t> value; // System.Events
    std::vector<Transfer> transfers; // in the order of their events
    std::uint32_t events = 0;

    // How many are at this level or above it.
    std::uint64_t told_at(pipeline::u128 level) const;
    // The level at which so many are told, or a few more where amounts are equal; all of them where
    // there are not so many.
    pipeline::u128 level_for(std::uint64_t alerts) const;
};

struct BenchBlocks {
    pipeline::Bytes metadata; // embedded in the binary
    std::string chain;        // "polkadot-asset-hub"
    std::string spec_name;
    std::string symbol;
    std::uint32_t decimals = 0;
    std::uint32_t ss58_prefix = 0;
    std::uint32_t spec_version = 0;
    std::string version;               // JSON
    std::vector<io::KeyValue> storage; // of the first block
    std::vector<BenchEvents> lists;

    // Of the block with this place behind the first, which has 0.
    BenchEvents const& at(std::uint64_t place) const { return lists[place % lists.size()]; }
    // At this level so many alerts come of all lists together, or a few more.
    pipeline::u128 level_for(std::uint64_t alerts) const;
    std::string level_text(pipeline::u128 level) const; // whole tokens, exact, as in a rule
};

[[nodiscard]] std::expected<BenchBlocks, std::string> make_blocks(BlocksWanted const& wanted);

inline constexpr std::uint32_t bench_first_number = 1'000; // of the block with place 0

class BenchFeed final : public stages::ChainFeed {
  public:
    struct Options {
        std::string name;
        std::uint64_t chain = 0;  // another genesis for each
        std::uint64_t blocks = 0; // behind the first
        // Unix milliseconds at which a block is due, by its place.
        std::function<std::uint64_t(std::uint64_t place)> due_unix_ms;
    };
    BenchFeed(BenchBlocks const& blocks, Options options);
    std::optional<io::CaptureRecord> next() override;

  private:
    io::CaptureBlock block();

    BenchBlocks const& blocks_;
    Options const options_;
    pipeline::Hash const genesis_;
    pipeline::Hash parent_;
    int introduced_ = 0;
    std::uint64_t place_ = 0;
};

} // namespace config
