#include "tests/stages/subscan_world.hpp"

using namespace stages;
using pipeline::millisecond;
using scripted::second;
using scripted::SubscanWorld;

namespace {

constexpr std::string_view limit_body = R"({"message":"API rate limit exceeded"})";
constexpr std::string_view key_body = R"({"message":"Invalid authentication credentials"})";

} // namespace

// ---- each failure, on the wire

TEST(SubscanGate, tells_the_failures_apart_on_the_wire) {
    SubscanGateOptions options = SubscanWorld::roomy();
    options.http.body_bytes_max = 1'000;
    options.breaker.failures_in_row = 1'000;
    options.breaker.calls_min = 1'000;
    SubscanWorld world(1, std::move(options));
    auto& host = world.hosts[0];
    auto const came = [&] {
        auto const reply = world.one();
        EXPECT_EQ(world.log.lines.empty() ? "" : world.log.lines.back().text, reply.text);
        EXPECT_TRUE(reply.body.empty());
        world.later(61 * second); // a line of its own for each
        world.log.lines.clear();
        return to_text(reply.fault);
    };
    host.say(200, R"({"code":10001,"message":"Params Error"})");
    EXPECT_EQ(came(), "bad_request");
    host.say(200, R"({"code":10005,"message":"Paging limit exceeded"})");
    EXPECT_EQ(came(), "paging_limit");
    host.say(404, "404 page not found");
    EXPECT_EQ(came(), "not_found");
    host.say(500, R"({"code":0,"message":"Success"})");
    EXPECT_EQ(came(), "server");
    host.say(200, "<html>We will be back soon</html>");
    EXPECT_EQ(came(), "garbage");
    host.say(200, R"({"code":0,"message":"Succ)");
    EXPECT_EQ(came(), "garbage");
    host.say(200, "");
    EXPECT_EQ(came(), "garbage");
    host.say_raw("SSH-2.0-OpenSSH_9.2\r\n");
    EXPECT_EQ(came(), "garbage");
    host.say(200, R"({"code":0,"data":")" + std::string(1'000, 'x') + "\"}");
    EXPECT_EQ(came(), "too_large");
    host.say_raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    EXPECT_EQ(came(), "transport");
}

TEST(SubscanGate, a_request_that_is_not_answered_times_out) {
    SubscanWorld world;
    world.hosts[0].say_nothing();
    auto const id = world.ask();
    world.later(20 * second - 1);
    EXPECT_TRUE(world.replies.empty());
    world.later(1);
    auto const reply = world.take();
    EXPECT_EQ(reply.id, id);
    EXPECT_EQ(reply.fault, SubscanFault::timeout);
    EXPECT_EQ(reply.received, 0u);
}

TEST(SubscanGate, a_host_that_cannot_be_reached_is_of_the_transport) {
    SubscanWorld world;
    world.network.faults.refuse = true;
    EXPECT_EQ(world.one().fault, SubscanFault::transport);
}

TEST(SubscanGate, says_of_a_failure_which_request_it_was_and_what_came) {
    SubscanWorld world;
    world.hosts[0].say(200, R"({"code":10002,"message":"Invalid \"Account\" Address\n"})");
    auto const reply = world.one();
    EXPECT_EQ(reply.text, "request 1 (POST /api/v2/scan/transfers on chain0, blocks 100-200): "
                          "HTTP 200, code 10002 \"Invalid \"Account\" Address?\": the request is "
                          "refused and will be again; it is not repeated");
    ASSERT_EQ(world.log.lines.size(), 1u);
    EXPECT_EQ(world.log.lines[0].text, reply.text);
    EXPECT_EQ(world.log.lines[0].component, "subscan");
}

TEST(SubscanGate, says_once_a_minute_what_repeats) {
    SubscanWorld world;
    world.hosts[0].say(200, R"({"code":10001,"message":"Params Error"})");
    for (int i = 0; i < 40; ++i) world.one();
    EXPECT_EQ(world.log.lines.size(), 1u) << world.log.all();
    world.later(60 * second);
    ASSERT_EQ(world.log.lines.size(), 2u) << world.log.all();
    EXPECT_EQ(world.log.lines[1].text, "39 more in the last minute: POST /api/v2/scan/transfers on "
                                       "chain0: HTTP 200, code 10001 (bad_request)");
    world.hosts[0].say(200, R"({"code":10002,"message":"Invalid Account Address"})");
    world.one(); // another kind
    EXPECT_EQ(world.log.lines.size(), 3u) << world.log.all();
    EXPECT_EQ(world.metric(SubscanMetric::bad_request), 41u);
}

// A server may repeat the key in whatever it says, and a text may be cut in the middle of it.
TEST(SubscanGate, the_key_is_never_told) {
    std::string const key(scripted::api_key);
    std::string escaped;
    for (char const c : key) escaped += c == 'f' ? R"(\u0066)" : std::string(1, c);
    SubscanGateOptions options = SubscanWorld::roomy();
    options.refused_key_pause = second;
    SubscanWorld world(1, std::move(options));
    std::vector<std::string> said;
    for (std::size_t before = 0; before < 200; ++before)
        said.push_back(std::string(before, '.') + key + ' ' + key);
    said.push_back(escaped);
    unsigned const statuses[] = {200, 400, 401, 402, 404, 429, 500};
    for (std::size_t i = 0; i < said.size(); ++i) {
        unsigned const status = statuses[i % std::size(statuses)];
        std::string const code = i % 2 == 0 ? R"("code":400,)" : "";
        for (std::string const& body :
             {"{" + code + R"("message":")" + said[i] + "\"}", "garbage " + said[i]}) {
            world.hosts[0].say(status, body, {{"retry-after", "1"}});
            world.ask(QuotaClass::alerting, 0, "/" + std::to_string(i),
                      world.clock.now + 2 * second);
            world.later(61 * second); // each says its line
        }
    }
    EXPECT_GT(world.log.lines.size(), 2 * said.size() / 2);
    for (auto const& reply : world.replies)
        EXPECT_EQ(reply.text.find(key.substr(0, 8)), std::string::npos) << reply.text;
    EXPECT_FALSE(world.log.has(key.substr(0, 8))) << world.log.all();
    EXPECT_TRUE(world.log.has("(the key)"));
}

// ---- too often

TEST(SubscanGate, a_429_holds_every_host_for_as_long_as_it_says) {
    SubscanWorld world(2);
    world.hosts[0].say(429, std::string(limit_body), {{"Retry-After", "7"}});
    auto const reply = world.one();
    EXPECT_EQ(reply.fault, SubscanFault::limited);
    EXPECT_NE(reply.text.find("nothing is sent for 7 s"), std::string::npos) << reply.text;
    world.ask(QuotaClass::alerting, 1);
    world.later(7 * second - 1);
    EXPECT_EQ(world.asked.size(), 1u);
    world.later(1);
    EXPECT_EQ(world.asked.size(), 2u);
    EXPECT_EQ(world.metric(SubscanMetric::paused), 7 * second);
    EXPECT_EQ(world.metric(SubscanMetric::limited), 1u);
    EXPECT_EQ(world.metric(SubscanMetric::later), 1u);
}

TEST(SubscanGate, knows_a_429_under_another_status) {
    SubscanWorld world;
    world.hosts[0].say(200, std::string(limit_body));
    EXPECT_EQ(world.one().fault, SubscanFault::limited);
    EXPECT_EQ(world.gate.quota().paused_until(), world.clock.now + second);
}

TEST(SubscanGate, heeds_what_is_left) {
    SubscanWorld world;
    world.hosts[0].say(
        200, std::string(scripted::good_body),
        {{"ratelimit-limit", "5"}, {"ratelimit-remaining", "0"}, {"ratelimit-reset", "3"}});
    EXPECT_EQ(world.one().fault, SubscanFault::none);
    world.ask();
    world.later(3 * second - 1);
    EXPECT_EQ(world.asked.size(), 1u);
    world.later(1);
    EXPECT_EQ(world.asked.size(), 2u);
}

// ---- the key

TEST(SubscanGate, a_refused_key_holds_everything_and_then_one_tries) {
    SubscanWorld world(2);
    for (auto& host : world.hosts) host.say(401, std::string(key_body));
    for (int i = 0; i < 10; ++i) world.ask(QuotaClass::alerting, static_cast<std::uint16_t>(i % 2));
    world.settle();
    // Those that were under way on two connections each, and no more.
    EXPECT_EQ(world.asked.size(), 4u);
    EXPECT_EQ(world.count(SubscanFault::unauthorized), 4u);
    EXPECT_TRUE(world.gate.key_refused());
    EXPECT_EQ(world.metric(SubscanMetric::key_refused), 1u);
    EXPECT_EQ(world.log.count("incident: "), 1u) << world.log.all();
    EXPECT_EQ(world.log.count("Check subscan.api_key_env"), 1u) << world.log.all();
    world.later(600 * second - 1);
    EXPECT_EQ(world.asked.size(), 4u);
    world.later(1);
    EXPECT_EQ(world.asked.size(), 5u); // one tries, and is refused
    EXPECT_EQ(world.log.count("incident: "), 2u);
    world.later(599 * second);
    EXPECT_EQ(world.asked.size(), 5u);
    for (auto& host : world.hosts) host.say(200, std::string(scripted::good_body));
    world.later(second);
    EXPECT_EQ(world.asked.size(), 10u); // it is accepted, and the others follow
    EXPECT_FALSE(world.gate.key_refused());
    EXPECT_EQ(world.log.count("accepts the API key again"), 1u);
}

TEST(SubscanGate, one_that_tries_the_key_and_is_not_heard_leaves_it_to_the_next) {
    SubscanWorld world;
    world.hosts[0].say(401, std::string(key_body));
    world.one();
    world.hosts[0].say(502, "");
    for (int i = 0; i < 3; ++i) world.ask();
    world.later(601 * second);
    EXPECT_EQ(world.asked.size(), 4u);
    EXPECT_TRUE(world.gate.key_refused());
    EXPECT_EQ(world.log.count("incident: "), 1u);
    world.hosts[0].say(200, R"({"code":10001,"message":"Params Error"})");
    world.one(); // refused for another reason: the key was let in
    EXPECT_FALSE(world.gate.key_refused());
}

TEST(SubscanGate, sheds_while_the_key_is_refused) {
    SubscanWorld world;
    world.hosts[0].say(401, std::string(key_body));
    world.one();
    world.ask(QuotaClass::alerting, 0, "/", world.clock.now + 30 * second);
    world.later(30 * second);
    auto const reply = world.take();
    EXPECT_EQ(reply.fault, SubscanFault::shed);
    EXPECT_NE(reply.text.find("the API key is refused"), std::string::npos) << reply.text;
}

TEST(SubscanGate, says_when_there_is_no_key) {
    SubscanGateOptions options = SubscanWorld::roomy();
    options.api_key.clear();
    SubscanWorld world(1, std::move(options));
    world.hosts[0].say(401, std::string(key_body));
    world.one();
    EXPECT_EQ(world.log.count("incident: Subscan wants an API key, and none is set"), 1u)
        << world.log.all();
}

// ---- the plan

TEST(SubscanGate, a_plan_that_is_too_small_holds_that_path_of_that_chain_alone) {
    SubscanWorld world(2);
    auto const on_plan = [](io::HttpRequest const& request) -> scripted::SubscanHost::Answer {
        bool const paid = request.target == "/paid";
        return {io::HttpResponse{.status = paid ? 402U : 200U,
                                 .body = std::string(scripted::good_body)}};
    };
    for (auto& host : world.hosts) host.answer = on_plan;
    world.ask(QuotaClass::alerting, 0, "/paid");
    world.settle();
    EXPECT_EQ(world.take().fault, SubscanFault::plan);
    EXPECT_EQ(world.log.count("incident: "), 1u) << world.log.all();
    for (int i = 0; i < 2; ++i) // they wait, and hold up nobody behind them
        world.ask(QuotaClass::alerting, 0, "/paid");
    world.ask(QuotaClass::alerting, 0, "/free");
    world.ask(QuotaClass::alerting, 1, "/free");
    world.settle();
    EXPECT_EQ(world.count(SubscanFault::none), 2u);
    world.ask(QuotaClass::alerting, 1, "/paid"); // another chain learns it for itself
    world.settle();
    EXPECT_EQ(world.count(SubscanFault::plan), 1u);
    std::size_t const before = world.asked.size();
    world.later(600 * second - 1);
    EXPECT_EQ(world.asked.size(), before);
    world.later(1);
    EXPECT_EQ(world.asked.size(), before + 1); // one tries, though there are two connections
    EXPECT_EQ(world.count(SubscanFault::plan), 2u);
    EXPECT_FALSE(world.gate.key_refused());

    world.hosts[0].say(200, std::string(scripted::good_body)); // a better plan
    for (int i = 0; i < 3; ++i) world.ask(QuotaClass::alerting, 0, "/paid");
    world.later(600 * second);
    EXPECT_EQ(world.asked.size(), before + 5);
}

TEST(SubscanGate, the_number_of_held_paths_is_bounded) {
    SubscanWorld world;
    world.hosts[0].say(402, "");
    for (std::size_t i = 0; i < SubscanGate::holds_max + 1; ++i)
        world.ask(QuotaClass::alerting, 0, "/" + std::to_string(i));
    world.settle();
    std::size_t const before = world.asked.size();
    EXPECT_EQ(before, SubscanGate::holds_max + 1);
    world.ask(QuotaClass::alerting, 0, "/0"); // the oldest was forgotten for the newest
    world.ask(QuotaClass::alerting, 0, "/256");
    world.settle();
    EXPECT_EQ(world.asked.size(), before + 1);
}

// ---- the breaker

TEST(SubscanGate, keeps_away_from_a_host_that_fails_and_tries_it_again) {
    SubscanWorld world(2);
    auto& host = world.hosts[0];
    host.say(503, "maintenance");
    for (int i = 0; i < 5; ++i) world.one();
    EXPECT_EQ(world.gate.breaker(0), BreakerState::open);
    EXPECT_EQ(world.metric(SubscanMetric::breakers_open), 1u);
    EXPECT_EQ(world.metric(SubscanMetric::breaker_opens), 1u);
    EXPECT_EQ(world.log.count("host.example:8000 fails"), 1u) << world.log.all();
    world.asked.clear();
    for (int i = 0; i < 10; ++i) world.ask();
    world.ask(QuotaClass::alerting, 1);
    world.later(30 * second - 1);
    ASSERT_EQ(world.asked.size(), 1u); // the other host goes on
    EXPECT_EQ(world.asked[0].host, 1u);
    world.later(1);
    EXPECT_EQ(world.asked.size(), 2u); // one probe, a bad one
    EXPECT_EQ(world.gate.breaker(0), BreakerState::open);
    EXPECT_EQ(world.metric(SubscanMetric::breaker_opens), 2u);

    host.say_nothing();
    world.later(30 * second);
    EXPECT_EQ(world.gate.breaker(0), BreakerState::half_open);
    EXPECT_EQ(world.asked.size(), 3u); // one at a time, however long it takes
    world.later(20 * second);          // it timed out
    EXPECT_EQ(world.gate.breaker(0), BreakerState::open);

    host.say(200, std::string(scripted::good_body));
    world.later(30 * second); // three good ones, and all that waited follow
    EXPECT_EQ(world.gate.breaker(0), BreakerState::closed);
    EXPECT_EQ(world.gate.waiting(), 0u);
    EXPECT_EQ(world.log.count("host.example:8000 answers again"), 1u) << world.log.all();
    EXPECT_EQ(world.metric(SubscanMetric::breakers_open), 0u);
}

TEST(SubscanGate, probes_one_at_a_time) {
    SubscanWorld world;
    world.hosts[0].say(503, "");
    for (int i = 0; i < 5; ++i) world.one();
    world.hosts[0].say_nothing();
    for (int i = 0; i < 10; ++i) world.ask();
    world.later(31 * second);
    EXPECT_EQ(world.asked.size(), 6u);
}

TEST(SubscanGate, refusals_that_are_not_the_hosts_fault_do_not_open_its_breaker) {
    struct Said {
        unsigned status;
        std::string_view body;
    };
    for (Said const& said :
         {Said{400, ""}, Said{404, ""}, Said{429, limit_body}, Said{200, limit_body},
          Said{200, R"({"code":10001,"message":"Params Error"})"},
          Said{200, R"({"code":10004,"message":"Record Not Found"})"}}) {
        SubscanWorld world;
        world.hosts[0].say(said.status, std::string(said.body), {{"retry-after", "1"}});
        for (int i = 0; i < 20; ++i) {
            world.ask();
            world.later(5 * second);
        }
        EXPECT_EQ(world.asked.size(), 20u) << said.status << said.body;
        EXPECT_EQ(world.gate.breaker(0), BreakerState::closed) << said.status << said.body;
    }
}

TEST(SubscanGate, garbage_and_silence_open_the_breaker) {
    SubscanWorld world;
    world.hosts[0].say(200, "<html>");
    for (int i = 0; i < 5; ++i) world.one();
    EXPECT_EQ(world.gate.breaker(0), BreakerState::open);

    SubscanWorld other;
    other.hosts[0].say_nothing();
    for (int i = 0; i < 5; ++i) other.ask();
    other.later(61 * second);
    EXPECT_EQ(other.count(SubscanFault::timeout), 5u);
    EXPECT_EQ(other.gate.breaker(0), BreakerState::open);
}

TEST(SubscanGate, sheds_what_waits_for_a_host_that_fails) {
    SubscanWorld world;
    world.hosts[0].say(503, "");
    for (int i = 0; i < 5; ++i) world.one();
    world.ask(QuotaClass::alerting, 0, "/", world.clock.now + 10 * second);
    world.later(10 * second);
    auto const reply = world.take();
    EXPECT_EQ(reply.fault, SubscanFault::shed);
    EXPECT_NE(reply.text.find("the host fails"), std::string::npos) << reply.text;
}
