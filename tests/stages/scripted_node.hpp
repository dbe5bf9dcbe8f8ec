// A node that does exactly what a test tells it to: a real WebSocket server on the loopback network
// that answers methods from a table, remembers what it was asked, and misbehaves on request.
//
// One thread. Bytes move when the world that owns it takes a turn (scripted_world.hpp).
#pragma once

#include "io/loopback_network.hpp"
#include "io/websocket_server.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/log.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scripted {

// Every line that was logged, for people who read tests.
class RecordedLog final : public pipeline::Log {
  public:
    struct Line {
        pipeline::Level level;
        std::string component;
        std::string text;
    };
    void write(pipeline::Level level, std::string_view component, std::string_view text) override {
        lines.push_back({level, std::string(component), std::string(text)});
    }
    bool has(std::string_view part) const { return count(part) > 0; }
    std::size_t count(std::string_view part) const;
    std::string all() const; // for failure messages

    std::vector<Line> lines;
};

struct Asked {
    std::string id; // as written
    std::string method;
    std::string params; // JSON inside the brackets
};

class Node {
  public:
    // The members of a reply behind its id, `"result":…` or `"error":…`; nothing: no reply at all.
    using Answer = std::function<std::optional<std::string>(Asked const&)>;

    Node(io::LoopbackNetwork& network, pipeline::Clock const& clock, io::Random& random,
         std::uint16_t port);

    bool turn(); // true if anything happened

    // ---- the script
    std::map<std::string, Answer, std::less<>> answers; // a method not here: "Method not found"
    void answer(std::string_view method, std::string members);
    void result(std::string_view method, std::string const& json);
    void refuse(std::string_view method, int code = -32601, std::string_view why = "no");
    void ignore(std::string_view method);
    bool hold_replies = false; // replies pile up in `held`, to be sent by the test in any order
    std::vector<std::string> held;

    // ---- what was seen
    std::vector<Asked> asked;
    std::size_t count(std::string_view method, std::string_view params_part = {}) const;
    std::size_t opened = 0; // connections so far
    bool connected() const { return connection_ != 0; }
    std::string path; // of the last upgrade

    // ---- on the newest connection
    void send(std::string_view text);
    void notice(std::string_view method, std::string_view result);
    void raw(std::vector<std::uint8_t> const& bytes);
    void raw_text_frame(std::string_view payload, std::uint8_t opcode = 1);
    void close(std::uint16_t code, std::string_view reason);
    void drop();

    static std::string error(int code, std::string_view message);

  private:
    void on_request(std::string_view text);

    io::WebSocketServer server_;
    io::ConnectionId connection_ = 0;
};

} // namespace scripted
