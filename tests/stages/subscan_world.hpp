// A gate to Subscan and the hosts behind it, on the loopback network: HTTP servers that answer as a
// test tells them to and remember what they were asked, and when.
//
// One thread. Time stands still in settle() and moves in later(), from deadline to deadline.
#pragma once

#include "stages/subscan_gate.hpp"
#include "tests/io/turns.hpp"
#include "tests/stages/scripted_node.hpp"

#include <functional>

namespace scripted {

using pipeline::Nanoseconds;
using pipeline::second;
using stages::QuotaClass;
using stages::SubscanFault;

inline constexpr std::string_view api_key = "f00dcafe12345678deadbeef";
inline constexpr std::string_view good_body = R"({"code":0,"message":"Success","data":{}})";

struct AskedOf {
    std::size_t host = 0;
    io::HttpRequest request;
    Nanoseconds at = 0;
};

class SubscanHost {
  public:
    // An answer; nothing: none comes. Raw bytes end the connection.
    struct Answer {
        std::optional<io::HttpResponse> response{};
        std::string raw{};
    };
    SubscanHost(io::LoopbackNetwork& network, std::uint16_t port)
        : listener_(*network.listen("", port)) {}

    std::function<Answer(io::HttpRequest const&)> answer = [](io::HttpRequest const&) {
        return Answer{io::HttpResponse{.status = 200, .body = std::string(good_body)}};
    };
    void say(unsigned status, std::string body, io::HttpHeaders headers = {}) {
        answer = [=](io::HttpRequest const&) {
            return Answer{io::HttpResponse{.status = status, .headers = headers, .body = body}};
        };
    }
    void say_nothing() {
        answer = [](io::HttpRequest const&) { return Answer{}; };
    }
    void say_raw(std::string raw) {
        answer = [=](io::HttpRequest const&) { return Answer{std::nullopt, raw}; };
    }

    template <class OnAsked>
    bool turn(OnAsked on_asked) {
        bool moved = false;
        while (auto stream = listener_->accept()) {
            connections_.push_back({std::move(stream), std::make_unique<io::HttpRequestParser>()});
            moved = true;
        }
        for (Connection& connection : connections_) {
            pipeline::Bytes const bytes = connection.stream->readable();
            if (bytes.empty()) continue;
            moved = true;
            auto const taken = connection.parser->feed(bytes);
            EXPECT_TRUE(taken);
            connection.stream->consume(taken.value_or(bytes.size()));
            if (!connection.parser->done()) continue;
            io::HttpRequest const request = connection.parser->take();
            on_asked(request);
            speak(connection, answer(request));
        }
        std::erase_if(connections_, [](Connection const& connection) {
            return connection.stream->ended() ||
                   connection.stream->state() == io::StreamState::closed;
        });
        return moved;
    }

  private:
    struct Connection {
        std::unique_ptr<io::Stream> stream;
        std::unique_ptr<io::HttpRequestParser> parser;
    };
    static void speak(Connection& connection, Answer const& answer) {
        std::string const text =
            answer.response ? io::write_response(*answer.response, true) : answer.raw;
        if (text.empty()) return;
        EXPECT_EQ(connection.stream->write(pipeline::as_bytes(text)), text.size());
        if (!answer.response) connection.stream->shutdown();
    }

    std::unique_ptr<io::Listener> listener_;
    std::vector<Connection> connections_;
};

// Chains 0, 1, … up to `hosts`, and behind them one without Subscan.
struct SubscanWorld : io::testing::LoopbackWorld {
    static constexpr std::uint16_t first_port = 8'000;

    explicit SubscanWorld(std::size_t hosts_count = 1, stages::SubscanGateOptions options = roomy())
        : gate(filled(std::move(options), hosts_count), {network, clock, log, metrics}) {
        for (std::size_t i = 0; i < hosts_count; ++i)
            hosts.emplace_back(network, static_cast<std::uint16_t>(first_port + i));
    }

    // So much quota that nothing waits for it.
    static stages::SubscanGateOptions roomy() {
        return {.hosts = {},
                .chains = {},
                .api_key = std::string(api_key),
                .quota = {.requests_per_second = 1'000, .requests_per_day = 10'000'000}};
    }
    static stages::SubscanGateOptions filled(stages::SubscanGateOptions options,
                                             std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            options.hosts.push_back(
                *io::parse_url("http://host.example:" + std::to_string(first_port + i) + "/"));
            options.chains.push_back("chain" + std::to_string(i));
        }
        options.hosts.emplace_back();
        options.chains.emplace_back("bittensor");
        return options;
    }

    std::uint64_t ask(QuotaClass priority = QuotaClass::alerting, std::uint16_t chain = 0,
                      std::string path = "/api/v2/scan/transfers",
                      Nanoseconds leave_by = pipeline::never) {
        auto const id = gate.ask({.chain = chain,
                                  .priority = priority,
                                  .path = std::move(path),
                                  .body = R"({"row":100})",
                                  .leave_by = leave_by,
                                  .subject = "blocks 100-200"});
        EXPECT_TRUE(id);
        return id.value_or(0);
    }
    // Until nothing moves any more.
    void settle() {
        for (int quiet = 0; quiet < 3;) {
            bool moved = network.step();
            for (std::size_t i = 0; i < hosts.size(); ++i)
                moved |= hosts[i].turn([&](io::HttpRequest const& request) {
                    asked.push_back({i, request, clock.now});
                });
            while (auto reply = gate.poll()) {
                replies.push_back(std::move(*reply));
                moved = true;
            }
            quiet = moved ? 0 : quiet + 1;
        }
    }
    void later(Nanoseconds by) {
        Nanoseconds const end = clock.now + by;
        for (settle(); clock.now < end; settle()) {
            Nanoseconds const next = gate.next_deadline();
            ASSERT_GT(next, clock.now) << "there is something to do, and it was not done";
            clock.advance(std::min(next, end) - clock.now);
        }
    }
    // One request and its end.
    stages::SubscanReply one(QuotaClass priority = QuotaClass::alerting, std::uint16_t chain = 0) {
        ask(priority, chain);
        settle();
        return take();
    }
    stages::SubscanReply take() {
        if (replies.empty()) {
            ADD_FAILURE() << "no reply";
            return {};
        }
        stages::SubscanReply reply = std::move(replies.back());
        replies.clear();
        return reply;
    }
    std::size_t count(SubscanFault fault) const {
        std::size_t found = 0;
        for (auto const& reply : replies) found += reply.fault == fault;
        return found;
    }
    std::uint64_t metric(stages::SubscanMetric row) const { return metrics.read(row); }

    RecordedLog log;
    pipeline::MetricsPage metrics{"", stages::subscan_metrics};
    std::deque<SubscanHost> hosts;
    std::vector<AskedOf> asked;
    std::vector<stages::SubscanReply> replies;
    stages::SubscanGate gate;
};

} // namespace scripted
