// A small chain on a real runtime: blocks with real headers and events that decode, and the
// answers an honest node gives about them.
//
// One thread. Blocks stay where they are once made.
#pragma once

#include "tests/stages/scripted_node.hpp"

#include "decoders/events.hpp"
#include "decoders/runtime.hpp"

#include <deque>

namespace scripted {

using pipeline::Hash;
using pipeline::u128;
using Buffer = std::vector<std::uint8_t>;

struct Block {
    Hash hash{};
    Hash parent{};
    std::uint32_t number = 0;
    std::uint32_t spec = 0;       // the runtime that executed it
    std::uint32_t state_spec = 0; // the runtime that will execute its child
    std::uint64_t timestamp_ms = 0;
    Buffer events;
    std::string header; // JSON
    Buffer encoded;     // the same in SCALE
};

struct Sent {
    u128 amount = 0;
    std::uint8_t from = 1; // every byte of the key
    std::uint8_t to = 2;
};

// tests/data/metadata/<name>.scale, compiled once for the whole run.
struct KnownRuntime {
    Buffer bytes;
    std::unique_ptr<decoders::Runtime const> runtime;
};
KnownRuntime const& known_runtime(std::string const& name);

decoders::Account account(std::uint8_t byte);
// The System.Events value with one Balances.Transfer for each.
Buffer events_of(decoders::Runtime const& runtime, std::vector<Sent> const& sent);

class Chain {
  public:
    explicit Chain(std::string const& metadata = "polkadot-2000000.v15",
                   std::uint32_t spec = 2'000'000);

    // The first block has number 100 and a parent nobody asks for.
    Block const& add(std::vector<Sent> const& sent, Block const* parent = nullptr);
    Block const& add_upgrade(std::uint32_t spec); // the next block's runtime is another
    Block const& tip() const { return blocks_.back(); }

    // Fills the table of a node that serves this chain honestly.
    void serve(Node& node);

    // The texts of notices about a block.
    std::string push(Block const& block, bool with_upgrade = false) const;
    void announce(Node& node, Block const& block) const; // head, then push

    bool other_hashing = false;  // hashes are not what Substrate makes of the headers
    bool reports_upgrade = true; // System.LastRuntimeUpgrade is in the state
    std::string properties = R"({"ss58Format":0,"tokenDecimals":10,"tokenSymbol":"DOT"})";
    std::string versions = "0x0c0e0000000f000000ffffffff"; // 14, 15, 4294967295
    Hash genesis{};
    std::string genesis_text() const;
    KnownRuntime const& known() const { return known_; }
    Block const* find(std::string_view params) const; // the block whose hash is named there

  private:
    Block& make(Buffer events, Block const* parent, std::uint32_t state_spec);
    std::string version_json(std::uint32_t spec) const;
    std::string changes(Block const& block, bool with_upgrade) const;

    KnownRuntime const& known_;
    std::uint32_t const first_spec_;
    std::deque<Block> blocks_;
    std::uint8_t mark_ = 0;
};

} // namespace scripted
