#include "tests/stages/scripted_node.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace scripted {

std::size_t RecordedLog::count(std::string_view part) const {
    std::size_t found = 0;
    for (Line const& line : lines) found += line.text.find(part) != std::string::npos;
    return found;
}

std::string RecordedLog::all() const {
    std::string text;
    for (Line const& line : lines) text += line.component + ": " + line.text + '\n';
    return text;
}

Node::Node(io::LoopbackNetwork& network, pipeline::Clock const& clock, io::Random& random,
           std::uint16_t port)
    : server_(*network.listen("loopback", port), clock, random) {}

bool Node::turn() {
    bool worked = false;
    for (;;) {
        io::ServerEvent const event = server_.poll();
        switch (event.kind) {
        case io::ServerEvent::Kind::none: return worked;
        case io::ServerEvent::Kind::opened:
            ++opened;
            connection_ = event.connection;
            path = event.path;
            break;
        case io::ServerEvent::Kind::closed:
            if (event.connection == connection_) connection_ = 0;
            break;
        case io::ServerEvent::Kind::message: on_request(pipeline::as_text(event.text)); break;
        }
        worked = true;
    }
}

void Node::on_request(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element request;
    ASSERT_EQ(parser.parse(text.data(), text.size()).get(request), simdjson::SUCCESS) << text;
    std::string params = simdjson::minify(request["params"].value());
    params = params.substr(1, params.size() - 2);
    asked.push_back({simdjson::minify(request["id"].value()),
                     std::string(request["method"].get_string().value()), params});
    Asked const& question = asked.back();
    auto const known = answers.find(question.method);
    std::optional<std::string> const members =
        known == answers.end() ? error(-32601, "Method not found") : known->second(question);
    if (!members) return;
    std::string reply = fmt::format(R"({{"jsonrpc":"2.0","id":{},{}}})", question.id, *members);
    if (hold_replies)
        held.push_back(std::move(reply));
    else
        send(reply);
}

void Node::answer(std::string_view method, std::string members) {
    answers[std::string(method)] = [members = std::move(members)](Asked const&) { return members; };
}

void Node::result(std::string_view method, std::string const& json) {
    answer(method, "\"result\":" + json);
}

void Node::refuse(std::string_view method, int code, std::string_view why) {
    answer(method, error(code, why));
}

void Node::ignore(std::string_view method) {
    answers[std::string(method)] = [](Asked const&) { return std::nullopt; };
}

std::string Node::error(int code, std::string_view message) {
    return fmt::format(R"("error":{{"code":{},"message":"{}"}})", code, message);
}

std::size_t Node::count(std::string_view method, std::string_view params_part) const {
    std::size_t found = 0;
    for (Asked const& one : asked)
        found += one.method == method && one.params.find(params_part) != std::string::npos;
    return found;
}

void Node::send(std::string_view text) { server_.send(connection_, text); }

void Node::notice(std::string_view method, std::string_view result) {
    send(fmt::format(
        R"({{"jsonrpc":"2.0","method":"{}","params":{{"subscription":"s1","result":{}}}}})", method,
        result));
}

void Node::raw(std::vector<std::uint8_t> const& bytes) { server_.send_raw(connection_, bytes); }

// A server's frame is not masked (RFC 6455 section 5.1); opcode 1 is text, 2 binary.
void Node::raw_text_frame(std::string_view payload, std::uint8_t opcode) {
    ASSERT_LT(payload.size(), 126u);
    std::vector<std::uint8_t> frame{static_cast<std::uint8_t>(0x80 | opcode),
                                    static_cast<std::uint8_t>(payload.size())};
    frame.insert(frame.end(), payload.begin(), payload.end());
    raw(frame);
}

void Node::close(std::uint16_t code, std::string_view reason) {
    server_.close(connection_, code, reason);
}

void Node::drop() { server_.drop(connection_); }

} // namespace scripted
