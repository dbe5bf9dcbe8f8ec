#include "tests/stages/subscan_world.hpp"

#include <algorithm>
#include <random>

using namespace stages;
using pipeline::millisecond;
using pipeline::never;
using scripted::second;
using scripted::SubscanWorld;

namespace {

constexpr auto alerting = QuotaClass::alerting;
constexpr auto critical = QuotaClass::critical;
constexpr auto rest = QuotaClass::rest;

SubscanGateOptions with_quota(QuotaOptions quota) {
    SubscanGateOptions options = SubscanWorld::roomy();
    options.quota = quota;
    return options;
}

// Takes the whole second, and its answers.
void fill_second(SubscanWorld& world) {
    while (world.gate.quota().left_this_second(world.clock.now) > 0) {
        world.ask();
        world.settle();
    }
    world.replies.clear();
    world.asked.clear();
}

} // namespace

TEST(SubscanGate, asks_and_hands_on_the_answer) {
    SubscanWorld world;
    auto const id = world.ask();
    world.settle();
    ASSERT_EQ(world.asked.size(), 1u);
    io::HttpRequest const& request = world.asked[0].request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/api/v2/scan/transfers");
    EXPECT_EQ(request.body, R"({"row":100})");
    EXPECT_EQ(io::find_header(request.headers, "X-API-Key"), scripted::api_key);
    EXPECT_EQ(io::find_header(request.headers, "Content-Type"), "application/json");
    auto const reply = world.take();
    EXPECT_EQ(reply.id, id);
    EXPECT_EQ(reply.fault, SubscanFault::none);
    EXPECT_EQ(reply.body, scripted::good_body);
    EXPECT_GE(reply.body.capacity(), reply.body.size() + pipeline::json_padding);
    EXPECT_EQ(reply.request.subject, "blocks 100-200");
    EXPECT_EQ(reply.received, world.clock.now);
    EXPECT_TRUE(reply.text.empty());
    EXPECT_TRUE(world.log.lines.empty()) << world.log.all();
}

TEST(SubscanGate, puts_the_path_behind_that_of_its_url) {
    SubscanGateOptions options = SubscanWorld::roomy();
    options.hosts.push_back(*io::parse_url("http://host.example:8000/polkadot/"));
    options.chains.emplace_back("polkadot");
    options.api_key.clear();
    SubscanWorld world(1, std::move(options));
    world.ask();
    world.settle();
    EXPECT_EQ(world.asked.at(0).request.target, "/polkadot/api/v2/scan/transfers");
    EXPECT_EQ(io::find_header(world.asked[0].request.headers, "X-API-Key"), "");
}

TEST(SubscanGate, answers_at_once_for_a_chain_without_subscan) {
    SubscanWorld world;
    auto const reply = world.one(alerting, 1);
    EXPECT_EQ(reply.fault, SubscanFault::shed);
    EXPECT_NE(reply.text.find("on bittensor"), std::string::npos) << reply.text;
    EXPECT_NE(reply.text.find("does not serve this chain"), std::string::npos) << reply.text;
    EXPECT_EQ(world.gate.breaker(1), BreakerState::closed);
}

TEST(SubscanGate, sends_no_request_above_its_limits) {
    SubscanWorld world;
    std::string const path(SubscanGate::path_bytes_max - 1, 'a');
    world.ask(alerting, 0, "/" + path);
    world.settle();
    EXPECT_EQ(world.take().fault, SubscanFault::none);
    for (std::string const& bad : {"/" + path + "a", std::string(), std::string("/a b"),
                                   std::string("a"), std::string("/a\r\nX-Other: 1")}) {
        world.ask(alerting, 0, bad);
        world.settle();
        EXPECT_EQ(world.take().fault, SubscanFault::bad_request);
    }
    ASSERT_TRUE(
        world.gate.ask({.path = "/", .body = std::string(SubscanGate::body_bytes_max, 'x')}));
    world.settle();
    EXPECT_EQ(world.take().fault, SubscanFault::none);
    ASSERT_TRUE(
        world.gate.ask({.path = "/", .body = std::string(SubscanGate::body_bytes_max + 1, 'x')}));
    world.settle();
    EXPECT_EQ(world.take().fault, SubscanFault::bad_request);
    EXPECT_EQ(world.asked.size(), 2u);
}

TEST(SubscanGate, lets_a_bounded_number_wait) {
    SubscanWorld world;
    for (std::size_t i = 0; i < SubscanGate::waiting_max; ++i) world.ask();
    EXPECT_FALSE(world.gate.ask({.path = "/"}));
    EXPECT_EQ(world.gate.waiting(), SubscanGate::waiting_max);
    world.settle();
    EXPECT_LT(world.gate.waiting(), SubscanGate::waiting_max);
    world.ask();
}

TEST(SubscanGate, does_not_send_a_key_no_header_may_hold) {
    for (std::string const& key :
         {std::string("abc\r\nX-Evil: 1"), std::string("abc def"), std::string(513, 'k')}) {
        SubscanGateOptions options = SubscanWorld::roomy();
        options.api_key = key;
        SubscanWorld world(1, std::move(options));
        EXPECT_EQ(world.log.count("subscan.api_key_env"), 1u);
        EXPECT_FALSE(world.log.has(key));
        EXPECT_EQ(world.one().fault, SubscanFault::none);
        EXPECT_EQ(io::find_header(world.asked.at(0).request.headers, "X-API-Key"), "");
    }
}

// ---- who goes first

TEST(SubscanGate, keeps_to_the_priorities_when_the_quota_is_full) {
    SubscanWorld world(1, with_quota({}));
    fill_second(world);
    for (int i = 0; i < 4; ++i) {
        world.ask(rest, 0, "/rest");
        world.ask(critical, 0, "/critical");
        world.ask(alerting, 0, "/alerting");
    }
    world.settle();
    EXPECT_TRUE(world.asked.empty());
    world.later(20 * second);
    ASSERT_EQ(world.asked.size(), 12u);
    constexpr std::array order{"/alerting", "/critical", "/rest"};
    for (std::size_t i = 0; i < 12; ++i)
        EXPECT_EQ(world.asked[i].request.target, order[i / 4]) << i;
    EXPECT_EQ(world.count(SubscanFault::none), 12u);
}

TEST(SubscanGate, first_come_first_served_at_a_host_and_hosts_take_turns) {
    SubscanWorld world(3, with_quota({.requests_per_second = 1}));
    fill_second(world);
    for (int i = 0; i < 3; ++i) world.ask(alerting, 0, "/" + std::to_string(i));
    for (std::uint16_t chain = 1; chain <= 2; ++chain) world.ask(alerting, chain, "/0");
    world.later(10 * second);
    std::string order;
    for (auto const& one : world.asked)
        order += static_cast<char>('a' + one.host) + one.request.target.substr(1) + ' ';
    // The second was filled by host a, so that b is next.
    EXPECT_EQ(order, "b0 c0 a0 a1 a2 ");
}

TEST(SubscanGate, a_slow_host_delays_nobody_else) {
    SubscanWorld world(2);
    world.hosts[0].say_nothing();
    for (int i = 0; i < 20; ++i) world.ask(alerting, 0);
    for (int i = 0; i < 20; ++i) world.ask(alerting, 1);
    world.settle();
    EXPECT_EQ(world.count(SubscanFault::none), 20u);
    for (auto const& reply : world.replies) EXPECT_EQ(reply.request.chain, 1);
}

TEST(SubscanGate, a_connection_is_kept_for_alerting) {
    SubscanWorld world;
    world.hosts[0].say_nothing();
    for (int i = 0; i < 5; ++i) world.ask(rest, 0, "/rest");
    for (int i = 0; i < 5; ++i) world.ask(critical, 0, "/critical");
    world.settle();
    EXPECT_EQ(world.asked.size(), 1u); // of two connections
    world.ask(alerting, 0, "/alerting");
    world.settle();
    ASSERT_EQ(world.asked.size(), 2u);
    EXPECT_EQ(world.asked[1].request.target, "/alerting");
}

TEST(SubscanGate, enrichment_waits_where_polling_takes_the_day) {
    // Too few a day for a share of enrichment.
    SubscanWorld world(1, with_quota({.requests_per_second = 5, .requests_per_day = 19}));
    world.gate.reserve(19);
    world.ask(critical, 0, "/critical", world.clock.now + 60 * second);
    world.ask(alerting);
    world.later(61 * second);
    EXPECT_EQ(world.asked.size(), 1u);
    ASSERT_EQ(world.replies.size(), 2u);
    EXPECT_EQ(world.replies[1].fault, SubscanFault::shed);
    EXPECT_NE(world.replies[1].text.find("its share of the quota is used"), std::string::npos)
        << world.replies[1].text;
}

// ---- what cannot leave in time

TEST(SubscanGate, sheds_what_has_not_left_in_time) {
    SubscanWorld world(1, with_quota({}));
    fill_second(world);
    world.ask(alerting, 0, "/late", world.clock.now + 500 * millisecond);
    world.ask(alerting, 0, "/patient", world.clock.now + 5 * second);
    world.later(499 * millisecond);
    EXPECT_TRUE(world.replies.empty());
    world.later(millisecond);
    ASSERT_EQ(world.replies.size(), 1u);
    auto const reply = world.take();
    EXPECT_EQ(reply.fault, SubscanFault::shed);
    EXPECT_EQ(reply.request.path, "/late");
    EXPECT_TRUE(world.asked.empty());
    world.later(second);
    EXPECT_EQ(world.take().fault, SubscanFault::none);
    EXPECT_EQ(world.metric(SubscanMetric::shed), 1u);
}

TEST(SubscanGate, every_request_ends_exactly_once) {
    SubscanWorld world(3, with_quota({}));
    std::mt19937_64 random(7); // the seed of this run
    for (auto& host : world.hosts)
        host.answer = [&](io::HttpRequest const&) -> scripted::SubscanHost::Answer {
            switch (random() % 6) {
            case 0: return {};
            case 1: return {std::nullopt, "HTTP/1.1 200"};
            case 2: return {io::HttpResponse{.status = 500}};
            default: return {io::HttpResponse{.body = std::string(scripted::good_body)}};
            }
        };
    std::uint64_t last = 0;
    for (int i = 0; i < 300; ++i) {
        last = world.ask(static_cast<QuotaClass>(random() % 3), random() % 4, "/",
                         world.clock.now + 1 + random() % (100 * second));
        world.later(random() % second);
    }
    world.later(200 * second);
    std::vector<std::uint64_t> ids;
    for (auto const& reply : world.replies) ids.push_back(reply.id);
    std::ranges::sort(ids);
    ASSERT_EQ(ids.size(), 300u);
    for (std::uint64_t i = 0; i < 300; ++i) EXPECT_EQ(ids[i], last - 299 + i);
    EXPECT_GT(world.count(SubscanFault::none), 20u);
    EXPECT_GT(world.count(SubscanFault::shed), 20u);
    EXPECT_EQ(world.gate.waiting(), 0u);
    EXPECT_EQ(world.metric(SubscanMetric::in_flight), 0u);
    EXPECT_GE(world.gate.next_deadline(), world.clock.now);
}

TEST(SubscanGate, the_wire_never_sees_more_than_the_quota_in_a_second) {
    SubscanWorld world(4, with_quota({}));
    std::mt19937_64 random(11);
    for (int i = 0; i < 400; ++i) world.ask(static_cast<QuotaClass>(random() % 3), random() % 4);
    world.network.faults.delay_steps = 3;
    // Bytes take their time: each step of the network is up to 200 ms here.
    for (int i = 0; i < 20'000 && world.replies.size() < 400; ++i) {
        world.network.step();
        for (std::size_t h = 0; h < world.hosts.size(); ++h)
            world.hosts[h].turn([&](io::HttpRequest const& request) {
                world.asked.push_back({h, request, world.clock.now});
            });
        while (auto reply = world.gate.poll()) world.replies.push_back(std::move(*reply));
        world.clock.advance(random() % (200 * millisecond));
    }
    ASSERT_EQ(world.count(SubscanFault::none), 400u);
    std::size_t most = 0;
    for (std::size_t i = 0, first = 0; i < world.asked.size(); ++i) {
        while (world.asked[i].at - world.asked[first].at >= second) ++first;
        most = std::max(most, i - first + 1);
    }
    EXPECT_LE(most, 5u);
    EXPECT_GE(most, 3u); // and it was not idle
}

// ---- the quota over a restart

TEST(SubscanGate, remembers_its_quota) {
    SubscanWorld world(1, with_quota({.requests_per_second = 5, .requests_per_day = 3}));
    for (int i = 0; i < 3; ++i) world.one();
    std::string const state = world.gate.exported_quota();
    SubscanWorld next(1, with_quota({.requests_per_second = 5, .requests_per_day = 3}));
    ASSERT_TRUE(next.gate.restore_quota(state));
    EXPECT_EQ(next.gate.quota().left_today(next.clock.now), 0u);
    next.ask(alerting, 0, "/", next.clock.now + 3'600 * second);
    next.later(3'600 * second);
    auto const reply = next.take();
    EXPECT_EQ(reply.fault, SubscanFault::shed);
    EXPECT_NE(reply.text.find("all requests of the day are used"), std::string::npos);
    EXPECT_FALSE(next.gate.restore_quota("nonsense"));
}

TEST(SubscanGate, counts) {
    SubscanWorld world;
    world.one(alerting);
    world.one(critical);
    world.one(rest);
    world.one(rest);
    world.hosts[0].say(200, R"({"code":10004,"message":"Record Not Found"})");
    EXPECT_EQ(world.one().fault, SubscanFault::no_record);
    EXPECT_EQ(world.metric(SubscanMetric::sent_alerting), 2u);
    EXPECT_EQ(world.metric(SubscanMetric::sent_critical), 1u);
    EXPECT_EQ(world.metric(SubscanMetric::sent_rest), 2u);
    EXPECT_EQ(world.metric(SubscanMetric::good), 4u);
    EXPECT_EQ(world.metric(SubscanMetric::no_record), 1u);
    EXPECT_EQ(world.metric(SubscanMetric::later), 0u);
    EXPECT_EQ(world.metric(SubscanMetric::bytes), 4 * scripted::good_body.size() + 43);
    EXPECT_EQ(world.metric(SubscanMetric::quota_used), 5u);
    EXPECT_EQ(world.metric(SubscanMetric::quota_left), 10'000'000u - 5);
    EXPECT_TRUE(world.log.lines.empty()) << world.log.all(); // no record is an answer
}
