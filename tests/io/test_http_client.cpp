// Requests, connections and their order, the server's end of a connection, secrets.
#include "tests/io/http_world.hpp"

namespace io::testing {
namespace {

using pipeline::millisecond;
using pipeline::second;

TEST(HttpClient, writes_a_request_and_hears_its_answer) {
    HttpWorld world;
    HttpTicket const ticket = world.send("/api/v2/scan/transfers?a=b", "{}");
    EXPECT_NE(ticket, 0U);
    EXPECT_EQ(world.http.open(), 1U);
    world.settle();
    EXPECT_EQ(world.peers.at(0).got, "POST /api/v2/scan/transfers?a=b HTTP/1.1\r\n"
                                     "Host: host.example\r\n"
                                     "X-API-Key: very-secret\r\n"
                                     "Accept-Encoding: identity\r\n"
                                     "Connection: keep-alive\r\n"
                                     "Content-Length: 2\r\n"
                                     "\r\n"
                                     "{}");
    world.clock.advance(3 * millisecond);
    world.say(0, ok("hello").substr(0, 20));
    world.clock.advance(4 * millisecond);
    world.say(0, ok("hello").substr(20));
    ASSERT_EQ(world.done.size(), 1U);
    EXPECT_EQ(world.done[0].ticket, ticket);
    EXPECT_EQ(world.done[0].received, world.clock.monotonic());
    EXPECT_TRUE(world.done[0].sent);
    EXPECT_EQ(world.next(), "200 hello");
    EXPECT_EQ(world.http.open(), 0U);
}

TEST(HttpClient, a_get_without_a_body_has_no_length_and_may_close) {
    HttpWorld world;
    ASSERT_TRUE(world.http.send(*parse_url("http://[::1]:80/"),
                                {.method = "GET", .target = "/now", .keep_alive = false},
                                world.soon()));
    world.settle();
    EXPECT_EQ(world.peers.at(0).got, "GET /now HTTP/1.1\r\nHost: [::1]\r\n"
                                     "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
    world.say(0, ok("a"));
    EXPECT_EQ(world.next(), "200 a");
    EXPECT_EQ(world.http.connections(), 0U);
}

TEST(HttpClient, a_connection_carries_one_request_after_another) {
    HttpWorld world;
    std::string all;
    for (int i = 0; i < 5; ++i) {
        world.send("/" + std::to_string(i));
        world.settle();
        world.say(0, ok(std::to_string(i)));
        all += world.next() + ",";
    }
    EXPECT_EQ(all, "200 0,200 1,200 2,200 3,200 4,");
    EXPECT_EQ(world.peers.size(), 1U);
    EXPECT_EQ(world.targets(0), "/0 /1 /2 /3 /4 ");
}

TEST(HttpClient, has_two_connections_a_host_and_one_request_on_each) {
    HttpWorld world;
    for (char const* const target : {"/a", "/b", "/c", "/d"}) world.send(target);
    world.settle();
    ASSERT_EQ(world.peers.size(), 2U);
    EXPECT_EQ(world.http.connections(), 2U);
    EXPECT_EQ(world.http.open(), 4U);
    EXPECT_EQ(world.targets(0), "/a ");
    EXPECT_EQ(world.targets(1), "/b ");
    world.say(1, ok("b"));
    EXPECT_EQ(world.targets(1), "/b /c ");
    EXPECT_EQ(world.targets(0), "/a ");
    world.say(1, ok("c"));
    world.say(0, ok("a"));
    world.say(1, ok("d"));
    EXPECT_EQ(world.targets(0), "/a ");
    EXPECT_EQ(world.targets(1), "/b /c /d ");
    EXPECT_EQ(world.all(), "200 b,200 c,200 a,200 d,");
    EXPECT_EQ(world.peers.size(), 2U);
}

TEST(HttpClient, requests_that_wait_leave_in_the_order_they_came) {
    HttpWorld world({.connections_per_host_max = 1});
    for (int i = 0; i < 10; ++i) world.send("/" + std::to_string(i));
    world.settle();
    for (int i = 0; i < 10; ++i) world.say(0, ok(""));
    EXPECT_EQ(world.targets(0), "/0 /1 /2 /3 /4 /5 /6 /7 /8 /9 ");
    EXPECT_EQ(world.peers.size(), 1U);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(world.done.at(i).ticket, i + 1);
}

TEST(HttpClient, one_host_does_not_wait_for_another) {
    HttpWorld world({.connections_per_host_max = 1});
    auto const other = *world.network.listen("", 81);
    world.send("/slow");
    ASSERT_TRUE(world.http.send(*parse_url("http://host.example:81/"),
                                {.method = "GET", .target = "/fast"}, world.soon()));
    world.settle();
    auto const stream = other->accept();
    ASSERT_TRUE(stream);
    stream->write(pipeline::as_bytes(ok("fast")));
    world.settle();
    EXPECT_EQ(world.next(), "200 fast");
    EXPECT_NE(pipeline::as_text(stream->readable()).find("Host: host.example:81\r\n"),
              std::string::npos);
    EXPECT_EQ(world.http.open(), 1U);
}

TEST(HttpClient, carries_large_bodies_both_ways) {
    HttpWorld world;
    std::string const body = pattern(limits::http_request_body_bytes_max);
    world.send("/", body);
    world.settle();
    EXPECT_TRUE(world.peers.at(0).got.ends_with("Content-Length: 1048576\r\n\r\n" + body));
    std::string const answer = pattern(8 * limits::mib);
    world.say(0, ok(answer));
    EXPECT_TRUE(world.next() == "200 " + answer);
    EXPECT_EQ(world.http.connections(), 1U);
}

TEST(HttpClient, an_answer_to_half_a_request_ends_the_connection) {
    HttpWorld world;
    world.network.faults.stop_after_bytes = 100'000; // the server reads no more than that
    world.send("/", pattern(limits::http_request_body_bytes_max));
    world.settle();
    world.say(0, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(world.next(), "413 ");
    EXPECT_EQ(world.http.connections(), 0U);
}

TEST(HttpClient, an_idle_connection_the_server_closes_is_let_go) {
    HttpWorld world;
    world.send("/a");
    world.settle();
    world.say(0, ok("a"));
    world.peers[0].stream.reset();
    world.settle();
    EXPECT_EQ(world.http.connections(), 0U);
    world.send("/b");
    world.settle();
    ASSERT_EQ(world.peers.size(), 2U);
    EXPECT_EQ(world.targets(1), "/b ");
}

TEST(HttpClient, bytes_nobody_asked_for_end_an_idle_connection) {
    HttpWorld world;
    world.send("/a");
    world.settle();
    world.say(0, ok("a"));
    world.say(0, ok("forged"));
    EXPECT_EQ(world.http.connections(), 0U);
    world.send("/b");
    world.settle();
    world.say(1, ok("b"));
    EXPECT_EQ(world.all(), "200 a,200 b,");
}

// After one exchange the server has closed, and the client sends before it can know.
struct Crossing : HttpWorld {
    explicit Crossing(bool with_reset) {
        send("/a");
        settle();
        say(0, ok("a"));
        EXPECT_EQ(next(), "200 a");
        if (with_reset)
            peers[0].stream.reset();
        else
            peers[0].stream->shutdown();
        send("/b");
        EXPECT_EQ(http.connections(), 1U);
        settle();
    }
};

TEST(HttpClient, what_crossed_with_the_end_of_an_idle_connection_is_sent_once_more) {
    for (bool const with_reset : {false, true}) {
        Crossing world(with_reset);
        ASSERT_EQ(world.peers.size(), 2U);
        EXPECT_EQ(world.targets(1), "/b ");
        world.say(1, ok("b"));
        EXPECT_TRUE(world.done.at(0).sent);
        EXPECT_EQ(world.next(), "200 b");
    }
}

TEST(HttpClient, nothing_is_sent_a_third_time) {
    Crossing world(true);
    world.peers.at(1).stream.reset();
    world.settle();
    EXPECT_EQ(world.peers.size(), 2U);
    EXPECT_TRUE(world.done.at(0).sent);
    EXPECT_EQ(world.next(), "closed_by_peer host.example: no byte of an answer came");
}

TEST(HttpClient, a_first_request_is_not_sent_again) {
    HttpWorld world;
    world.send("/a");
    world.settle();
    world.peers.at(0).stream.reset();
    world.settle();
    EXPECT_EQ(world.next(), "closed_by_peer host.example: no byte of an answer came");
    EXPECT_EQ(world.peers.size(), 1U);
}

TEST(HttpClient, a_request_that_was_being_answered_is_not_sent_again) {
    for (std::string const start : {"H", "HTTP/1.1 100 Continue\r\n\r\n"}) {
        HttpWorld world;
        world.send("/a");
        world.settle();
        world.say(0, ok("a"));
        world.send("/b");
        world.settle();
        world.say(0, start);
        world.reset_all();
        EXPECT_EQ(world.peers.size(), 1U);
        EXPECT_EQ(world.next(), "200 a");
        EXPECT_TRUE(world.next().starts_with("reset host.example: loopback; ")) << start;
    }
}

TEST(HttpClient, a_refused_connection_is_an_error_that_counts_nowhere) {
    HttpWorld world;
    world.network.faults.refuse = true;
    for (int i = 0; i < 5; ++i) world.send("/");
    world.settle();
    ASSERT_EQ(world.done.size(), 5U);
    for (HttpDone const& one : world.done) {
        EXPECT_FALSE(one.sent);
        EXPECT_EQ(one.received, 0U);
        EXPECT_EQ(one.result.error().code, Code::refused);
        EXPECT_EQ(one.result.error().detail, "host.example: loopback");
    }
    EXPECT_EQ(world.http.connections(), 0U);
    EXPECT_EQ(world.http.next_deadline(), pipeline::never);
}

TEST(HttpClient, a_reset_in_each_phase_is_told_with_how_far_it_came) {
    auto const reset_after = [](std::string const& answer) {
        HttpWorld world;
        world.send("/");
        world.settle();
        if (!answer.empty()) world.say(0, answer);
        world.reset_all();
        EXPECT_EQ(world.http.connections(), 0U);
        EXPECT_EQ(world.http.open(), 0U);
        return world.next();
    };
    std::string const prefix = "reset host.example: loopback; ";
    EXPECT_EQ(reset_after(""), prefix + "no byte of an answer came");
    EXPECT_EQ(reset_after("HTTP/1.1 200 OK\r\n"), prefix + "only a part of the answer's head came");
    EXPECT_EQ(reset_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
              prefix + "3 of 9 body bytes came");
    // Without a length a reset is no end of a body.
    EXPECT_EQ(reset_after("HTTP/1.1 200 OK\r\n\r\nabc"), prefix + "3 body bytes came");
    EXPECT_EQ(reset_after(ok("whole")), "200 whole");
}

TEST(HttpClient, a_request_that_cannot_be_written_is_never_sent) {
    std::string const long_value(limits::http_head_bytes_max, 'a');
    HttpHeaders const too_many(limits::http_headers_max + 1, {"a", "b"});
    HttpRequest const good{.method = "POST", .target = "/"};
    std::vector<HttpRequest> bad(17, good);
    bad[0].target = "/ HTTP/1.1\r\nX: y";
    bad[1].target = "/a b";
    bad[2].target = "/\xc3\xa9";
    bad[3].target = "http://other.example/";
    bad[4].target = "";
    bad[5].target = "/" + std::string(limits::url_bytes_max, 'a');
    bad[6].method = "POST / HTTP/1.1\r\nX: y\r\n\r\nGET";
    bad[7].method = "HEAD";
    bad[8].headers = {{"X-API-Key", "very-secret\r\nX: y"}};
    bad[9].headers = {{"X-API-Key", "very-secret\n"}};
    bad[10].headers = {{"X-API-Key", std::string("very-secret\0", 12)}};
    bad[11].headers = {{"X: y\r\nA", "very-secret"}};
    bad[12].headers = {{"content-length", "0"}};
    bad[13].headers = {{"Transfer-Encoding", "chunked"}};
    bad[14].headers = {{"X", long_value}};
    bad[15].headers = too_many;
    bad[16].body = std::string(limits::http_request_body_bytes_max + 1, 'a');
    for (std::size_t i = 0; i < bad.size(); ++i) {
        HttpWorld world;
        auto const ticket = world.http.send(world.url, bad[i], world.soon());
        ASSERT_TRUE(ticket);
        EXPECT_EQ(world.http.next_deadline(), world.clock.monotonic());
        world.settle();
        ASSERT_EQ(world.done.size(), 1U) << i;
        EXPECT_EQ(world.done[0].ticket, *ticket);
        EXPECT_FALSE(world.done[0].sent);
        EXPECT_TRUE(world.next().starts_with("http_bad_request host.example: ")) << i;
        EXPECT_TRUE(world.peers.empty());
    }
    HttpWorld world;
    ASSERT_TRUE(world.http.send(*parse_url("ws://host.example/"), good, world.soon()));
    world.settle();
    EXPECT_EQ(world.next(), "bad_url host.example: it must begin with http:// or https://");
}

TEST(HttpClient, what_is_at_the_limits_of_a_request_goes_out) {
    HttpRequest most{.method = "PUT", .target = "/" + std::string(limits::url_bytes_max - 1, 'a')};
    most.headers.assign(limits::http_headers_max - 1, {"a", "b"});
    most.headers.emplace_back("X", std::string(limits::http_head_bytes_max - 2 * 99 - 1, 'a'));
    most.headers.back().second[5] = '\t';
    most.headers.back().second[6] = '\xe9';
    HttpWorld world;
    ASSERT_TRUE(world.http.send(world.url, most, world.soon()));
    world.settle();
    EXPECT_TRUE(world.peers.at(0).got.ends_with("Content-Length: 0\r\n\r\n"));
    world.say(0, ok("a"));
    EXPECT_EQ(world.next(), "200 a");
}

TEST(HttpClient, takes_no_more_than_waiting_max) {
    HttpWorld world({.waiting_max = 3});
    world.send("/a");
    world.send("/b");
    world.send("/c");
    HttpRequest const one_more{.method = "GET", .target = "/"};
    EXPECT_FALSE(world.http.send(world.url, one_more, world.soon()));
    for (int i = 0; i < 5; ++i) world.network.step();
    world.peers.push_back({world.listener->accept(), {}});
    world.peers[0].stream->write(pipeline::as_bytes(ok("a")));
    for (int i = 0; i < 5; ++i) world.network.step();
    EXPECT_FALSE(world.http.send(world.url, one_more, world.soon()));
    ASSERT_TRUE(world.http.poll()); // only what was taken makes room
    EXPECT_TRUE(world.http.send(world.url, one_more, world.soon()));
    EXPECT_FALSE(world.http.send(world.url, one_more, world.soon()));
}

TEST(HttpClient, a_cancelled_request_is_never_heard_of) {
    HttpWorld world({.connections_per_host_max = 1});
    HttpTicket const running = world.send("/running");
    HttpTicket const waiting = world.send("/waiting");
    world.send("/last");
    world.settle();
    world.http.cancel(waiting);
    EXPECT_EQ(world.http.open(), 2U);
    world.http.cancel(running);
    world.http.cancel(running);
    world.http.cancel(4711);
    EXPECT_EQ(world.http.open(), 1U);
    EXPECT_EQ(world.http.connections(), 1U); // that of the last one
    world.settle();
    ASSERT_EQ(world.peers.size(), 2U);
    EXPECT_TRUE(world.peers[0].stream->ended());
    EXPECT_EQ(world.targets(0), "/running ");
    EXPECT_EQ(world.targets(1), "/last ");
    world.say(1, ok("last"));
    EXPECT_EQ(world.all(), "200 last,");
}

TEST(HttpClient, what_has_ended_can_be_cancelled_until_it_is_polled) {
    HttpWorld world;
    auto const ticket = world.http.send(world.url, {.method = "BREW", .target = "/"}, 1);
    ASSERT_TRUE(ticket);
    world.http.cancel(*ticket);
    EXPECT_EQ(world.http.next_deadline(), pipeline::never);
    world.settle();
    EXPECT_EQ(world.next(), "nothing");
}

} // namespace
} // namespace io::testing
