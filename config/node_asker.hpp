// Questions to a node, one at a time, for tools that need a few answers and can wait for them. What
// follows a chain is another's business (stages/rpc_source.hpp, rpc_history.hpp).
//
// One thread; blocks, in turns of `wait`, which polls the network. A connection that was lost is
// opened again by the next question. Errors are sentences.
#pragma once

#include "io/random.hpp"
#include "io/websocket.hpp"

#include <expected>
#include <functional>
#include <initializer_list>
#include <optional>
#include <simdjson.h>
#include <string>

namespace config {

struct NodeError {
    bool refused = false; // by the node: it does not know the method, or the block
    std::string text;
};

struct Method {
    char const* name;
    std::string params{}; // the JSON inside the brackets
};

class NodeAsker {
  public:
    struct Needs {
        io::Network& network;
        pipeline::Clock const& clock;
        io::Random& random;
        std::function<void(pipeline::Nanoseconds deadline)> wait;
        std::function<bool()> stopped; // true: whoever started this wants it to end
    };
    static constexpr pipeline::Nanoseconds answer_timeout = 30 * pipeline::second;

    NodeAsker(Needs needs, io::Url url, std::string ca_file);

    // The result, until the next question.
    using Answer = std::expected<simdjson::dom::element, NodeError>;
    Answer ask(Method const& method);
    // Of the first of them that the node does not refuse: the older name, then the newer one.
    Answer ask_any(std::initializer_list<Method> methods);

    std::string place() const { return url_.authority(); }

  private:
    std::optional<NodeError> open(pipeline::Nanoseconds deadline);

    Needs const needs_;
    io::Url const url_;
    io::WebSocketOptions options_;
    std::optional<io::WebSocketClient> socket_;
    simdjson::dom::parser parser_;
    std::uint64_t next_id_ = 1;
};

// What answers hold; nothing: they do not.
std::optional<std::vector<std::uint8_t>> bytes_in(simdjson::dom::element from);
std::optional<std::vector<std::uint8_t>>
bytes_in(simdjson::simdjson_result<simdjson::dom::element> const& from);
std::optional<pipeline::Hash> hash_in(simdjson::dom::element from);
std::optional<pipeline::Hash>
hash_in(simdjson::simdjson_result<simdjson::dom::element> const& from);
// A header as JSON, as its SCALE bytes; or those bytes as hex.
std::optional<std::vector<std::uint8_t>> header_in(simdjson::dom::element from);

} // namespace config
