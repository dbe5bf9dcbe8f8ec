#include "operators.hpp"

#include "chain.hpp"

#include "decoders/hex.hpp"

#include <fmt/format.h>

namespace sim {

namespace {

constexpr std::string_view questions[] = {
    R"({"command":["status"]})", R"({"command":["coverage"]})", R"({"command":["flags"]})",
    R"({"command":["audit"]})",  R"({"command":["alerts"]})",   R"({"command":["health"]})",
    R"({"command":["metrics"]})"};
// Three in four are the way up.
constexpr std::string_view rollout_words[] = {
    R"("start"],"args":{"reason":"sim"})",   R"("promote"],"args":{"force":"true"})",
    R"("promote"],"args":{"force":"true"})", R"("promote"],"args":{"force":"true"})",
    R"("start"],"args":{"reason":"sim"})",   R"("step-down"],"args":{"reason":"sim"})",
    R"("pause"],"args":{"reason":"sim"})",   R"("resume"],"args":{"reason":"sim"})"};

std::string pin_text(std::uint64_t value) {
    constexpr std::string_view names[] = {"none", "legacy", "hybrid"};
    PinAsked const pin = pin_asked(value);
    return fmt::format(R"({{"command":["pin","{}","{}"],"args":{{"reason":"sim"{}}}}})",
                       decoders::hex_text(Chain::person(pin.person).bytes()), names[pin.to],
                       pin.for_ms == 0 ? "" : fmt::format(R"(,"for":"{}s")", pin.for_ms / 1'000));
}

std::string text_of(Kind kind, std::uint64_t value) {
    constexpr unsigned shares[] = {0, 1, 35, 50, 100};
    constexpr std::string_view tiers[] = {"0", "1", "3", "all", "all"};
    auto const set = [](std::string_view flag, std::string_view to) {
        return fmt::format(R"({{"command":["flag","set","{}","{}"],"args":{{"reason":"sim"}}}})",
                           flag, to);
    };
    switch (kind) {
    case Kind::share: return set("hybrid_traffic_percent", std::to_string(shares[value % 5]));
    case Kind::tier: return set("canary_tier", tiers[value % 5]);
    case Kind::rollback: return R"({"command":["rollback"],"args":{"reason":"sim"}})";
    case Kind::drill: return R"({"command":["rollback"],"args":{"reason":"sim","drill":"true"}})";
    case Kind::unlock: return R"({"command":["unlock"],"args":{"reason":"sim"}})";
    case Kind::hybrid_off: return set("enable_hybrid_rpc", "false");
    case Kind::hybrid_on: return set("enable_hybrid_rpc", "true");
    case Kind::freeze: return R"({"command":["freeze"],"args":{"reason":"sim"}})";
    case Kind::unfreeze: return R"({"command":["unfreeze"],"args":{"reason":"sim"}})";
    case Kind::pin: return pin_text(value);
    case Kind::rollout:
        return fmt::format(R"({{"command":["rollout",{}}})",
                           rollout_words[value % std::size(rollout_words)]);
    case Kind::acknowledge: return R"({"command":["incidents"]})";
    default: return std::string(questions[value % std::size(questions)]);
    }
}

template <class T>
std::optional<T> member(simdjson::dom::element of, char const* name) {
    T value{};
    if (of[name].get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

} // namespace

PinAsked pin_asked(std::uint64_t value) {
    PinAsked pin;
    // A few people, so that one pin follows another.
    pin.person = value % 8;
    pin.to = static_cast<unsigned>(value / 8 % 3);
    if (value / 24 % 4 == 0) pin.for_ms = (1 + value / 96 % 60) * 1'000;
    return pin;
}

Operators::Request& Operators::send(Kind kind, std::string const& text, pipeline::Nanoseconds now) {
    io::LoopbackFaults const faults = std::exchange(network_.faults, {});
    Request& made = requests_.emplace_back();
    made.kind = kind;
    made.stream = network_.connect_unix(socket_, {.uid = 0, .gid = 0, .pid = 1});
    made.to_send = text + '\n';
    made.until = now + 20 * pipeline::second;
    made.control = control_;
    network_.faults = faults;
    return made;
}

void Operators::ask(Kind kind, std::uint64_t value, pipeline::Nanoseconds now,
                    std::uint64_t unix_ms) {
    Request& made = send(kind, text_of(kind, value), now);
    made.value = value;
    made.asked_unix_ms = unix_ms;
}

bool Operators::turn(pipeline::Nanoseconds now) {
    bool moved = false;
    std::vector<Request> answered;
    for (Request& request : requests_) {
        request.to_send.erase(0, request.stream->write(pipeline::as_bytes(request.to_send)));
        auto const bytes = request.stream->readable();
        request.answer += pipeline::as_text(bytes);
        moved = moved || !bytes.empty();
        request.stream->consume(bytes.size());
        request.over = now > request.until || request.stream->state() == io::StreamState::closed;
        if (!request.answer.ends_with('\n')) continue;
        request.over = true;
        answered.push_back(std::move(request));
    }
    bool const gone =
        std::erase_if(requests_, [](Request const& request) { return request.over; }) > 0;
    for (Request& request : answered) heard(std::move(request), now);
    return gone || moved;
}

void Operators::heard(Request request, pipeline::Nanoseconds now) {
    simdjson::dom::parser parser;
    simdjson::dom::element answer;
    if (parser.parse(request.answer).get(answer) != simdjson::SUCCESS) return;
    Answered said;
    said.kind = request.kind;
    said.value = request.value;
    said.asked_unix_ms = request.asked_unix_ms;
    bool const ok = member<bool>(answer, "ok").value_or(false);
    if (!ok) said.code = static_cast<int>(member<std::int64_t>(answer, "code").value_or(1));
    said.error = member<std::string_view>(answer, "error").value_or("");
    if (auto const epoch = member<std::uint64_t>(answer, "epoch"))
        said.epoch = static_cast<std::uint32_t>(*epoch);
    said.percent = member<double>(answer, "hybrid_traffic_percent");
    said.phase = member<std::string_view>(answer, "phase").value_or("");
    ++(ok ? answered_ : refused_);
    if (request.kind == Kind::acknowledge)
        incidents(request, answer, now);
    else
        hear_(said);
}

void Operators::incidents(Request const& request, simdjson::dom::element answer,
                          pipeline::Nanoseconds now) {
    auto const next = [&](int step, std::uint64_t id, std::string const& text) {
        Request& made = send(Kind::acknowledge, text, now);
        made.value = request.value;
        made.step = step;
        made.incident = id;
        made.control = request.control;
    };
    if (request.step == 1) {
        bool const ok = member<bool>(answer, "ok").value_or(false);
        if (ok) next(2, request.incident, R"({"command":["incidents"]})");
        if (!ok && request.control == control_) wrong_ = "an incident of the list is not there";
        return;
    }
    simdjson::dom::array list;
    if (answer["incidents"].get(list) != simdjson::SUCCESS) return;
    bool taken = false;
    std::uint64_t open = 0; // the last one that nobody has taken
    for (auto const one : list) {
        std::uint64_t const id = member<std::uint64_t>(one, "id").value_or(0);
        bool const acknowledged = member<std::string_view>(one, "acknowledged_by").has_value();
        taken = taken || (acknowledged && id == request.incident);
        if (!acknowledged) open = id;
    }
    if (request.step == 2) {
        if (!taken && request.control == control_)
            wrong_ = "an incident was acknowledged, and the list does not say so";
    } else if (open != 0) {
        next(1, open, fmt::format(R"({{"command":["incident","ack","{}"]}})", open));
    }
}

} // namespace sim
