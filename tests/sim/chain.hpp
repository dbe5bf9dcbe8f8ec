// The simulated chain: blocks made one after the other from a seed, and what they truly hold. The
// truth is what was meant when the bytes were written; no decoder of ours has seen it.
//
// Its metadata is small, and each runtime has its events under other numbers and its fields in
// another order, so that a block read by the wrong runtime is misread or not read at all.
//
// Any number of feeds (nodes, Subscan) give the same blocks. One thread; feeds die first.
#pragma once

#include "decoders/runtime.hpp"
#include "decoders/samples.hpp"
#include "stages/standin_chain.hpp"

#include <deque>
#include <memory>
#include <set>
#include <vector>

namespace sim {

using pipeline::Hash;
using pipeline::u128;

struct Sent {
    std::uint32_t block = 0;
    std::uint32_t event_index = 0;
    decoders::Account from, to;
    u128 amount = 0;
    friend bool operator==(Sent const&, Sent const&) = default;
};

struct ChainPlan {
    std::size_t index = 0; // which of the service's chains
    std::uint64_t seed = 1;
    std::uint64_t block_ms = 1'000;
    std::set<std::uint32_t> upgrades; // blocks (from 1, counted from the first) that set the code
    std::set<std::uint32_t> empty;    // blocks without any event
    std::set<std::uint32_t> huge;
};

class Chain {
  public:
    static constexpr std::uint32_t first_number = 1'000;
    static constexpr std::uint64_t start_ms = 1'700'000'000'000;
    static constexpr unsigned runtimes = 3;
    static constexpr u128 whole = 10'000'000'000; // ten decimals
    static constexpr u128 threshold = 100 * whole;
    static constexpr char const* rule = "whales";
    static constexpr std::uint64_t people = 40;
    static constexpr char const* watch_rule = "ours";
    static constexpr int watched = 5; // the first of them
    static constexpr u128 watch_threshold = 1'000 * whole;

    static decoders::Account person(std::uint64_t index); // who sends and receives

    explicit Chain(ChainPlan plan);

    struct Block {
        io::CaptureBlock data;
        std::vector<Sent> sent; // every transfer of it
    };
    Block const& block(std::uint32_t number); // makes it, and all before it, if need be
    std::unique_ptr<stages::ChainFeed> feed();
    Hash const& genesis() const { return genesis_; }
    static std::string name_of(std::size_t index);

  private:
    friend class Feed;
    struct Runtime {
        std::vector<std::uint8_t> metadata;
        std::unique_ptr<decoders::Runtime const> compiled;
        std::size_t movement = 0; // of Balances.Transfer
    };
    void make_next();
    std::uint32_t append_events(Block& block, std::uint32_t ordinal);
    Sent draw_transfer(std::uint32_t number);
    unsigned runtime_at(std::uint32_t ordinal) const; // index of the one that executes it

    ChainPlan const plan_;
    decoders::SampleRandom random_;
    std::vector<Runtime> runtimes_;
    std::deque<Block> blocks_;
    Hash genesis_{};
};

} // namespace sim
