// A stand-in Substrate node: the brain, without sockets and without a clock. It answers JSON-RPC
// text of connection c with JSON-RPC text, and tells subscribers about blocks when its owner says
// that it is time for one. Good enough for polkadot-js and polkadot-api to connect, read metadata,
// follow heads and decode events: the older methods and the newer ones (json-rpc-interface-spec).
// Blocks come from a ChainFeed: a capture (finite) or the traffic generator.
//
// The first block of the feed is there from the start, as best and finalized. A block's state has
// the runtime that executes its child: state_getRuntimeVersion and metadata "at H" answer with the
// spec version of the block that follows H in the feed. Of a parent that the node does not have it
// knows the runtime only (chain_getHeader answers null there, as a pruned node does).
//
// What it says wrongly on purpose is a table of faults (standin_faults.hpp).
//
// One thread. Owns its feed. Requests are bounded by the transport; history by history_blocks_max.
// Fails by error replies (JSON-RPC codes -32700, -32600, -32601, -32602, -32603, 4003).
#pragma once

#include "io/capture.hpp"
#include "pipeline/types.hpp"
#include "stages/standin_chain.hpp"
#include "stages/standin_faults.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

using ConnectionId = std::uint64_t;

// What the owner must do to a connection, in this order.
struct NodeAction {
    enum class Kind : std::uint8_t {
        text,  // send as one text message (it may be bad UTF-8 on purpose)
        raw,   // put these bytes on the wire as they are, then reset
        close, // close handshake
        reset, // drop the connection without one
    };
    ConnectionId connection = 0;
    Kind kind = Kind::text;
    std::string bytes;
};

class StandinNode {
  public:
    struct Options {
        std::uint32_t finality_lag_blocks = 2;
        std::size_t history_blocks_max = 512; // older blocks are pruned
        std::size_t connections_max = 64;     // further ones are closed at once
        std::size_t subscriptions_max = 64;   // per connection
        std::size_t batch_requests_max = 256; // in one array
        std::size_t pins_max = 512;           // per chainHead_v1 subscription; more: it is stopped
        bool older_methods = true;            // chain_*, state_*
        bool newer_methods = true;            // chainHead_v1_*, archive_v1_*, chainSpec_v1_*
        std::uint64_t seed = 1;               // of subscription ids
        std::vector<Fault> faults;
    };

    // Fails when the feed has no chain, no runtime or no block: a sentence.
    [[nodiscard]] static std::expected<std::unique_ptr<StandinNode>, std::string>
    create(std::unique_ptr<ChainFeed> feed, Options options);
    ~StandinNode();

    void opened(ConnectionId connection);
    void closed(ConnectionId connection);
    // One message of a client. `text` is copied where it must be; any bytes are safe.
    void request(ConnectionId connection, std::string_view text);

    // One tick of block time: the next best block and, finality_lag_blocks behind it, a finalized
    // one. False when there is nothing left to produce or to finalize.
    bool produce_block();

    // True once a client follows heads or storage: a capture waits for it before it plays.
    bool followed() const;
    std::string const& name() const; // of the chain, e.g. "polkadot"
    std::uint64_t best_number() const;
    std::uint64_t finalized_number() const;

    // What has to be sent since the last call; the owner empties it.
    std::vector<NodeAction>& actions();

  private:
    struct Impl;
    explicit StandinNode(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stages
