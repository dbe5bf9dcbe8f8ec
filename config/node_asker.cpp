#include "config/node_asker.hpp"

#include "decoders/header.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {

using simdjson::dom::element;

namespace {
using Failure = std::unexpected<NodeError>;
} // namespace

NodeAsker::NodeAsker(Needs needs, io::Url url, std::string ca_file)
    : needs_(std::move(needs))
    , url_(std::move(url)) {
    options_.ca_file = std::move(ca_file);
}

std::optional<NodeError> NodeAsker::open(pipeline::Nanoseconds deadline) {
    if (socket_ && socket_->open()) return std::nullopt;
    socket_.emplace(needs_.network, url_, needs_.clock, needs_.random, options_);
    while (needs_.clock.monotonic() < deadline && !needs_.stopped()) {
        io::WebSocketEvent const event = socket_->poll();
        if (event.kind == io::WebSocketEvent::Kind::opened) return std::nullopt;
        if (event.kind == io::WebSocketEvent::Kind::closed)
            return NodeError{false, fmt::format("{}: {}", place(),
                                                event.error != nullptr ? io::describe(*event.error)
                                                                       : "it closed")};
        needs_.wait(std::min(deadline, socket_->next_deadline()));
    }
    return NodeError{false, fmt::format("{}: it could not be reached in time", place())};
}

NodeAsker::Answer NodeAsker::ask(Method const& method) {
    pipeline::Nanoseconds const deadline = needs_.clock.monotonic() + answer_timeout;
    if (auto trouble = open(deadline)) return Failure(std::move(*trouble));
    std::uint64_t const id = next_id_++;
    if (!socket_->send_text(
            fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":[{}]}})", id,
                        method.name, method.params)))
        return Failure({false, fmt::format("{}: the question could not be sent", place())});
    while (needs_.clock.monotonic() < deadline && !needs_.stopped()) {
        io::WebSocketEvent const event = socket_->poll();
        if (event.kind == io::WebSocketEvent::Kind::closed)
            return Failure(
                {false, fmt::format("{}: it went away while {} was asked", place(), method.name)});
        if (event.kind != io::WebSocketEvent::Kind::message) {
            needs_.wait(std::min(deadline, socket_->next_deadline()));
            continue;
        }
        element root, result;
        std::uint64_t answered = 0;
        std::string_view const text(reinterpret_cast<char const*>(event.text.data()),
                                    event.text.size());
        if (parser_.parse(text).get(root) != simdjson::SUCCESS)
            return Failure(
                {false, fmt::format("{}: its answer to {} is no JSON", place(), method.name)});
        if (root["id"].get(answered) != simdjson::SUCCESS || answered != id) continue;
        if (root["result"].get(result) == simdjson::SUCCESS) return result;
        return Failure({true, fmt::format("{}: {}: {}", place(), method.name,
                                          simdjson::minify(root["error"]))});
    }
    return Failure({false, fmt::format("{}: no answer to {} in time", place(), method.name)});
}

NodeAsker::Answer NodeAsker::ask_any(std::initializer_list<Method> methods) {
    Answer answer = Failure({true, "nothing was asked"});
    for (Method const& method : methods) {
        answer = ask(method);
        if (answer || !answer.error().refused) break;
    }
    return answer;
}

std::optional<std::vector<std::uint8_t>> bytes_in(element from) {
    std::string_view text;
    if (from.get(text) != simdjson::SUCCESS) return std::nullopt;
    std::vector<std::uint8_t> bytes(text.size() / 2);
    auto const size = decoders::hex_decode(text, bytes);
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

std::optional<std::vector<std::uint8_t>> bytes_in(simdjson::simdjson_result<element> const& from) {
    element found;
    return from.get(found) == simdjson::SUCCESS ? bytes_in(found) : std::nullopt;
}

std::optional<pipeline::Hash> hash_in(simdjson::simdjson_result<element> const& from) {
    element found;
    return from.get(found) == simdjson::SUCCESS ? hash_in(found) : std::nullopt;
}

std::optional<pipeline::Hash> hash_in(element from) {
    std::string_view text;
    if (from.get(text) != simdjson::SUCCESS) return std::nullopt;
    auto const hash = decoders::parse_hash(text);
    return hash ? std::optional(*hash) : std::nullopt;
}

std::optional<std::vector<std::uint8_t>> header_in(element from) {
    if (from.is_string()) return bytes_in(from);
    auto const parent = hash_in(from["parentHash"]), state = hash_in(from["stateRoot"]),
               extrinsics = hash_in(from["extrinsicsRoot"]);
    std::string_view number;
    simdjson::dom::array logs;
    if (!parent || !state || !extrinsics || from["number"].get(number) != simdjson::SUCCESS ||
        from["digest"]["logs"].get(logs) != simdjson::SUCCESS)
        return std::nullopt;
    auto const height = decoders::parse_block_number(number);
    if (!height) return std::nullopt;
    decoders::HeaderParts parts{*parent, *state, *extrinsics, *height, {}};
    for (element const log : logs) {
        auto bytes = bytes_in(log);
        if (!bytes) return std::nullopt;
        parts.logs.push_back(std::move(*bytes));
    }
    return decoders::encode_header(parts);
}

} // namespace config
