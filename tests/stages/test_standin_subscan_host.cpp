// The stand-in Subscan over HTTP, in memory: blocks that become known in time, answers that wait,
// and connections that end badly.
#include "io/http_client.hpp"
#include "stages/standin_subscan_host.hpp"
#include "tests/io/turns.hpp"
#include "tests/stages/standin_subscan_fixture.hpp"

namespace {

using namespace standin_subscan_test;
using pipeline::second;

struct Served : io::testing::LoopbackWorld {
    io::HttpServer server{*network.listen("", 80), clock};
    StandinSubscan subscan;
    stages::StandinSubscanHost host{server, subscan, clock};
    io::HttpClient client{network, clock};
    std::vector<io::HttpDone> done;

    explicit Served(stages::SubscanScenario scenario = unlimited())
        : subscan(clock, {.scenario = std::move(scenario)}) {}

    // A capture in memory: so many blocks of generated traffic.
    std::vector<io::CaptureRecord> records(std::size_t blocks) {
        Source source(polkadot);
        std::vector<io::CaptureRecord> out;
        while (blocks > 0) {
            out.push_back(source.next());
            blocks -= std::holds_alternative<io::CaptureBlock>(out.back());
        }
        return out;
    }
    std::unique_ptr<stages::ChainFeed> feed(std::size_t blocks) {
        return std::make_unique<stages::CaptureFeed>(records(blocks));
    }
    void settle() {
        for (int quiet = 0; quiet < 3;) {
            bool moved = network.step();
            moved |= host.turn();
            while (auto one = client.poll()) done.push_back(std::move(*one));
            quiet = moved ? 0 : quiet + 1;
        }
    }
    void later(pipeline::Nanoseconds by) {
        clock.advance(by);
        settle();
    }
    void send(std::string target, std::string body = "{}") {
        io::HttpRequest request{.method = "POST",
                                .target = std::move(target),
                                .headers = {{"X-API-Key", "made-up"}},
                                .body = std::move(body)};
        auto const url = io::parse_url("http://subscan.example/").value();
        ASSERT_TRUE(client.send(url, std::move(request), clock.monotonic() + 100 * second));
        settle();
    }
    // Of the last answer.
    std::string body() {
        if (done.empty() || !done.back().result) return "nothing";
        return done.back().result->body;
    }
    std::string best() {
        send("/api/scan/metadata");
        auto const text = body();
        auto const at = text.find("\"blockNum\":\"");
        return at == text.npos ? text : text.substr(at + 12, 4);
    }
};

StandinFault fault(StandinFaultKind kind) {
    StandinFault out;
    out.kind = kind;
    out.delay = 7 * second;
    return out;
}

} // namespace

TEST(StandinSubscanHost, a_capture_is_known_at_once) {
    Served world;
    ASSERT_TRUE(world.host.add(world.feed(5), std::nullopt));
    EXPECT_EQ(world.best(), "1004");
    world.later(1'000 * second);
    EXPECT_EQ(world.best(), "1004");
    EXPECT_EQ(world.subscan.counters().endpoints.at("/api/scan/metadata"), 2u);
}

TEST(StandinSubscanHost, blocks_become_known_one_by_one) {
    Served world;
    ASSERT_TRUE(world.host.add(world.feed(4), 6 * second));
    EXPECT_EQ(world.best(), "1000");
    world.later(6 * second - 1);
    EXPECT_EQ(world.best(), "1000");
    EXPECT_EQ(world.host.next_deadline(), world.clock.monotonic() + 1);
    world.later(1);
    EXPECT_EQ(world.best(), "1001");
    world.later(6 * second);
    EXPECT_EQ(world.best(), "1002");
    world.later(60 * second); // after a pause one a turn, from then on
    EXPECT_EQ(world.best(), "1003");
    world.later(60 * second);
    EXPECT_EQ(world.best(), "1003"); // that was the last
}

TEST(StandinSubscanHost, a_feed_without_a_chain_is_refused) {
    Served world;
    auto const none =
        world.host.add(std::make_unique<stages::CaptureFeed>(std::vector<io::CaptureRecord>{}), {});
    EXPECT_FALSE(none.has_value());
    io::CaptureChain nameless;
    nameless.description = "{}";
    auto const bad = world.host.add(
        std::make_unique<stages::CaptureFeed>(std::vector<io::CaptureRecord>{nameless}), {});
    EXPECT_FALSE(bad.has_value());
}

TEST(StandinSubscanHost, a_slow_answer_comes_when_it_is_due) {
    Served world(with_fault(fault(StandinFaultKind::slow)));
    ASSERT_TRUE(world.host.add(world.feed(1), std::nullopt));
    world.send("/api/now");
    world.later(7 * second - 1);
    EXPECT_TRUE(world.done.empty());
    world.later(1);
    ASSERT_EQ(world.done.size(), 1u);
    EXPECT_TRUE(world.body().starts_with(R"({"code":0,)"));
    world.send("/api/now"); // over the same connection
    EXPECT_EQ(world.done.size(), 2u);
}

TEST(StandinSubscanHost, a_slow_answer_for_one_who_has_left_is_forgotten) {
    Served world(with_fault(fault(StandinFaultKind::slow)));
    ASSERT_TRUE(world.host.add(world.feed(1), std::nullopt));
    auto const url = io::parse_url("http://subscan.example/").value();
    io::HttpRequest request{
        .method = "POST", .target = "/api/now", .headers = {{"X-API-Key", "k"}}, .body = {}};
    auto const ticket = world.client.send(url, request, world.clock.monotonic() + 100 * second);
    ASSERT_TRUE(ticket);
    world.settle();
    EXPECT_EQ(world.subscan.counters().answered, 1u);
    world.client.cancel(*ticket);
    world.settle();
    world.later(8 * second); // the answer was due, and nobody is there
    EXPECT_TRUE(world.done.empty());
    EXPECT_GT(world.host.next_deadline(), world.clock.monotonic());
}

TEST(StandinSubscanHost, connections_end_as_the_scenario_says) {
    using enum StandinFaultKind;
    for (auto const kind : {reset, garbage}) {
        Served world(with_fault(fault(kind)));
        ASSERT_TRUE(world.host.add(world.feed(1), std::nullopt));
        world.send("/api/now");
        ASSERT_EQ(world.done.size(), 1u);
        EXPECT_FALSE(world.done[0].result.has_value());
        world.send("/api/now");
        ASSERT_EQ(world.done.size(), 2u);
        EXPECT_TRUE(world.done[1].result.has_value());
    }
    Served world(with_fault(fault(timeout)));
    ASSERT_TRUE(world.host.add(world.feed(1), std::nullopt));
    world.send("/api/now");
    world.later(99 * second);
    EXPECT_TRUE(world.done.empty());
    world.later(second); // the client's own deadline
    ASSERT_EQ(world.done.size(), 1u);
    EXPECT_FALSE(world.done[0].result.has_value());
}

TEST(ToldFeed, tells_a_record_when_the_next_is_asked_for) {
    Served world;
    std::vector<io::CaptureRecord> told;
    auto const records = world.records(3);
    stages::ToldFeed feed(std::make_unique<stages::CaptureFeed>(records),
                          [&](io::CaptureRecord const& record) { told.push_back(record); });
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(told.size(), i == 0 ? 0 : i - 1);
        EXPECT_EQ(feed.next(), records[i]);
    }
    EXPECT_FALSE(feed.next().has_value());
    EXPECT_EQ(told, records);
    EXPECT_FALSE(feed.next().has_value()); // and the last is not told twice
    EXPECT_EQ(told.size(), records.size());
}
