// Stand-in nodes behind one WebSocket server, one URL path per chain: the wiring between
// io::WebSocketServer and StandinNode, and the clock that says when a block is due.
//
// One thread, which owns the server's poller: after each poll call turn(), then park until
// next_deadline(). A client that asks for an unknown path is closed with 1008. Where there is only
// one chain, every path leads to it.
#pragma once

#include "io/websocket_server.hpp"
#include "pipeline/clock.hpp"
#include "stages/standin_node.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stages {

// "polkadot" -> "/polkadot": what a chain's URL ends with.
std::string node_path(std::string_view chain_name);

class StandinHost {
  public:
    StandinHost(io::WebSocketServer& server, pipeline::Clock const& clock)
        : server_(server)
        , clock_(clock) {}
    StandinHost(StandinHost const&) = delete;
    StandinHost& operator=(StandinHost const&) = delete;

    // wait_for_follower: the first block is due one block time after a client began to follow.
    void add(std::unique_ptr<StandinNode> node, pipeline::Nanoseconds block_time,
             bool wait_for_follower);

    // Serves what has arrived and produces what is due. True if there was anything to do.
    bool turn();
    pipeline::Nanoseconds next_deadline() const;
    // Every chain has come to its end and is final.
    bool finished() const;

  private:
    struct Chain {
        std::unique_ptr<StandinNode> node;
        std::string path;
        pipeline::Nanoseconds block_time = 0;
        pipeline::Nanoseconds due = pipeline::never;
        bool waiting = false;
        bool ended = false;
    };

    bool serve();
    bool produce(Chain& chain);
    void open(io::ConnectionId connection, std::string_view path);
    void carry_out(Chain& chain);
    bool reset_drained();

    io::WebSocketServer& server_;
    pipeline::Clock const& clock_;
    std::vector<Chain> chains_;
    std::map<io::ConnectionId, std::size_t> connections_; // index into chains_
    std::vector<io::ConnectionId> to_reset_;              // once what was written has left
};

} // namespace stages
