#include "operators.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace sim {

namespace {

constexpr std::string_view questions[] = {
    R"({"command":["status"]})", R"({"command":["coverage"]})", R"({"command":["flags"]})",
    R"({"command":["audit"]})",  R"({"command":["alerts"]})",   R"({"command":["health"]})",
    R"({"command":["metrics"]})"};

std::string text_of(Kind kind, std::uint64_t value) {
    constexpr unsigned shares[] = {0, 1, 35, 50, 100};
    auto const set = [](std::string_view flag, std::string_view to) {
        return fmt::format(R"({{"command":["flag","set","{}","{}"],"args":{{"reason":"sim"}}}})",
                           flag, to);
    };
    switch (kind) {
    case Kind::share: return set("hybrid_traffic_percent", std::to_string(shares[value % 5]));
    case Kind::rollback: return R"({"command":["rollback"],"args":{"reason":"sim"}})";
    case Kind::drill: return R"({"command":["rollback"],"args":{"reason":"sim","drill":"true"}})";
    case Kind::unlock: return R"({"command":["unlock"],"args":{"reason":"sim"}})";
    case Kind::hybrid_off: return set("enable_hybrid_rpc", "false");
    case Kind::hybrid_on: return set("enable_hybrid_rpc", "true");
    default: return std::string(questions[value % std::size(questions)]);
    }
}

} // namespace

void Operators::ask(Kind kind, std::uint64_t value, pipeline::Nanoseconds now) {
    io::LoopbackFaults const faults = std::exchange(network_.faults, {});
    Request& made = requests_.emplace_back();
    made.kind = kind;
    made.value = value;
    made.stream = network_.connect_unix(socket_, {.uid = 0, .gid = 0, .pid = 1});
    made.to_send = text_of(kind, value) + '\n';
    made.until = now + 20 * pipeline::second;
    network_.faults = faults;
}

bool Operators::turn(pipeline::Nanoseconds now) {
    bool moved = false;
    for (Request& request : requests_) {
        request.to_send.erase(0, request.stream->write(pipeline::as_bytes(request.to_send)));
        auto const bytes = request.stream->readable();
        request.answer += pipeline::as_text(bytes);
        moved = moved || !bytes.empty();
        request.stream->consume(bytes.size());
        if (request.answer.ends_with('\n')) heard(request);
        request.over = request.over || now > request.until ||
                       request.stream->state() == io::StreamState::closed;
    }
    return std::erase_if(requests_, [](Request const& request) { return request.over; }) > 0 ||
           moved;
}

void Operators::heard(Request& request) {
    request.over = true;
    simdjson::dom::parser parser;
    simdjson::dom::element answer;
    bool ok = false;
    std::uint64_t epoch = 0;
    if (parser.parse(request.answer).get(answer) != simdjson::SUCCESS) return;
    if (answer["ok"].get(ok) != simdjson::SUCCESS || !ok) {
        ++refused_;
        return;
    }
    ++answered_;
    if (answer["epoch"].get(epoch) != simdjson::SUCCESS) return;
    hear_({request.kind, static_cast<std::uint32_t>(epoch), request.value});
}

} // namespace sim
