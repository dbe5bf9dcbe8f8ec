// What the client makes of an answer, at once and a byte at a time: bodies, limits, garbage.
#include "tests/io/http_world.hpp"

#include <algorithm>

namespace io::testing {
namespace {

struct Verdict {
    std::string text;     // HttpWorld::next()
    std::size_t kept = 0; // connections that can carry another request
};

Verdict judge_in_steps(std::string const& answer, bool end, std::size_t step,
                       HttpClientOptions const& options) {
    HttpWorld world(options);
    world.network.faults.step_bytes_max = step;
    world.send("/");
    world.settle();
    world.say(0, answer);
    if (end) world.peers[0].stream->shutdown();
    world.settle();
    EXPECT_LE(world.done.size(), 1U);
    return {world.next(), world.http.connections()};
}

// Both ways must agree. end: the server finishes sending behind its answer.
Verdict judge(std::string const& answer, bool end = false, HttpClientOptions const& options = {}) {
    Verdict const whole = judge_in_steps(answer, end, limits::inbox_bytes, options);
    Verdict const bytes = judge_in_steps(answer, end, 1, options);
    EXPECT_EQ(whole.text, bytes.text);
    EXPECT_EQ(whole.kept, bytes.kept);
    return whole;
}
std::string said(std::string const& answer, bool end = false,
                 HttpClientOptions const& options = {}) {
    return judge(answer, end, options).text;
}

std::string const chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(HttpResponse, a_body_ends_by_its_length) {
    EXPECT_EQ(said(ok("hello")), "200 hello");
    EXPECT_EQ(said(ok("")), "200 ");
    EXPECT_EQ(said("HTTP/1.1 429 Too Many Requests\r\ncontent-length:  2 \r\n\r\n{}"), "429 {}");
    EXPECT_EQ(said("HTTP/1.1 204 No Content\r\n\r\n"), "204 ");
    EXPECT_EQ(said("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304 ");
    EXPECT_EQ(said("HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n"), "599 ");
}

TEST(HttpResponse, a_body_comes_in_chunks) {
    // RFC 9112 section 7.1: sizes in hex of either case, extensions, a trailer.
    EXPECT_EQ(said(chunked_head + "5\r\nhello\r\nB\r\n, the world\r\n0\r\n\r\n"),
              "200 hello, the world");
    EXPECT_EQ(said(chunked_head + "0\r\n\r\n"), "200 ");
    EXPECT_EQ(said(chunked_head + "00a;name=value;q=\"a;b\"\r\n0123456789\r\n0;last\r\n"
                                  "Checksum: 7\r\nOther: 8\r\n\r\n"),
              "200 0123456789");
}

TEST(HttpResponse, a_body_ends_with_the_connection) {
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\n\r\nuntil the end", true), "200 until the end");
    EXPECT_EQ(said("HTTP/1.0 200 OK\r\n\r\n", true), "200 ");
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\n\r\nuntil the end", false), "nothing");
}

TEST(HttpResponse, interim_responses_are_passed_over) {
    std::string const interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    std::string many;
    for (std::size_t i = 0; i < limits::http_interim_max; ++i) many += interim;
    EXPECT_EQ(said("HTTP/1.1 100 Continue\r\n\r\n" + ok("a")), "200 a");
    EXPECT_EQ(said(many + ok("b")), "200 b");
    EXPECT_EQ(said(many + interim + ok("b")),
              "http_malformed host.example: too many interim responses");
}

TEST(HttpResponse, says_whether_the_connection_may_be_used_again) {
    EXPECT_EQ(judge(ok("a")).kept, 1U);
    EXPECT_EQ(judge(chunked_head + "1\r\na\r\n0\r\n\r\n").kept, 1U);
    EXPECT_EQ(judge("HTTP/1.1 204 No Content\r\n\r\n").kept, 1U);
    EXPECT_EQ(judge("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na").kept,
              1U);
    EXPECT_EQ(judge(ok("a", "Connection: close\r\n")).kept, 0U);
    EXPECT_EQ(judge(ok("a", "Connection: x, Close\r\n")).kept, 0U);
    EXPECT_EQ(judge("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na").kept, 0U);
    EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n\r\na", true).kept, 0U);
    EXPECT_EQ(judge(ok("a"), true).kept, 0U);
}

TEST(HttpResponse, a_body_over_the_limit_is_refused) {
    HttpClientOptions const options{.body_bytes_max = 1000};
    std::string const refused = "http_body_too_large host.example: a response's body has over "
                                "1000 bytes (body_bytes_max)";
    std::string const most = pattern(1000);
    std::string const more = pattern(1001);
    EXPECT_EQ(said(ok(most), false, options), "200 " + most);
    EXPECT_EQ(said(ok(more), false, options), refused);
    EXPECT_EQ(
        said("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", false, options),
        refused);
    std::string const half = "1f4\r\n" + pattern(500) + "\r\n";
    EXPECT_EQ(said(chunked_head + half + half + "0\r\n\r\n", false, options),
              "200 " + pattern(500) + pattern(500));
    EXPECT_EQ(said(chunked_head + half + half + "1\r\na\r\n0\r\n\r\n", false, options), refused);
    EXPECT_EQ(said(chunked_head + "fffffffffffffff0\r\n", false, options), refused);
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\n\r\n" + most, true, options), "200 " + most);
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\n\r\n" + more, true, options), refused);
}

TEST(HttpResponse, a_head_over_the_limit_is_refused) {
    auto const head_of = [](std::size_t bytes) {
        std::string const rest = "HTTP/1.1 204 No Content\r\nX: \r\n\r\n";
        std::string head = rest;
        return head.insert(rest.size() - 4, std::string(bytes - rest.size(), 'a'));
    };
    EXPECT_EQ(said(head_of(limits::http_head_bytes_max)), "204 ");
    EXPECT_EQ(said(head_of(limits::http_head_bytes_max + 1)),
              "http_head_too_large host.example: response");
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\nX: " + pattern(limits::http_head_bytes_max)),
              "http_head_too_large host.example: response");
    std::string most = "HTTP/1.1 204 No Content\r\n";
    for (std::size_t i = 0; i < limits::http_headers_max; ++i) most += "a: b\r\n";
    EXPECT_EQ(said(most + "\r\n"), "204 ");
    EXPECT_EQ(said(most + "a: b\r\n\r\n"), "http_head_too_large host.example: too many headers");
}

TEST(HttpResponse, a_line_of_a_chunk_over_the_limit_is_refused) {
    std::string const refused =
        "http_malformed host.example: a chunk's line or the trailer is over "
        "http_chunk_line_bytes_max";
    auto const chunk = [](std::size_t line_bytes) {
        return chunked_head + "1;x=" + std::string(line_bytes - 6, 'a') + "\r\nb\r\n0\r\n\r\n";
    };
    EXPECT_EQ(said(chunk(limits::http_chunk_line_bytes_max)), "200 b");
    EXPECT_EQ(said(chunk(limits::http_chunk_line_bytes_max + 1)), refused);
    EXPECT_EQ(said(chunked_head + "0\r\nX: " + pattern(limits::http_chunk_line_bytes_max)),
              refused);
}

TEST(HttpResponse, garbage_is_refused_by_its_first_bytes) {
    for (std::string const start :
         {"SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x01", "HTTP/2", "very-secret",
          "\r\nHTTP/1.1 200 OK\r\n", "http/1.1 200 OK\r\n"})
        EXPECT_EQ(said(start), "http_malformed host.example: no status line of HTTP/1.1 where a "
                               "response should be")
            << start;
}

TEST(HttpResponse, what_breaks_the_rules_is_refused) {
    std::string const good = "HTTP/1.1 200 OK\r\n";
    std::string const length = "Content-Length: 1\r\n";
    std::string const chunked = "Transfer-Encoding: chunked\r\n";
    for (std::string const& bad : {
             std::string("HTTP/1.2 200 OK\r\n\r\n"),
             std::string("HTTP/1.1 20 OK\r\n\r\n"),
             std::string("HTTP/1.1 abc OK\r\n\r\n"),
             std::string("HTTP/1.1 099 OK\r\n\r\n"),
             std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
             good + "no colon\r\n\r\n",
             good + ": no name\r\n\r\n",
             good + "a b: c\r\n\r\n",
             good + "a: \x01\r\n\r\n",
             good + "Content-Length: -1\r\n\r\n",
             good + "Content-Length: 1x\r\n\r\n",
             good + "Content-Length: 18446744073709551616\r\n\r\n",
             // More than one way to find the end of a body (RFC 9112 section 6.3).
             good + length + "Content-Length: 2\r\n\r\na",
             good + length + chunked + "\r\n",
             good + chunked + length + "\r\n",
             good + chunked + chunked + "\r\n",
             good + "Transfer-Encoding: gzip\r\n\r\n",
             good + "Transfer-Encoding: gzip, chunked\r\n\r\n",
             good + "Transfer-Encoding: chunked, gzip\r\n\r\n",
             chunked_head + "x\r\na\r\n",
             chunked_head + "\r\n0\r\n\r\n",
             chunked_head + "-1\r\na\r\n",
             chunked_head + "10000000000000000\r\n",
             chunked_head + "1\r\nabcdef\r\n",
             chunked_head + "0\r\nno colon\r\n\r\n",
         })
        EXPECT_TRUE(said(bad).starts_with("http_malformed host.example: ")) << bad;
}

TEST(HttpResponse, an_end_in_the_middle_says_how_far_it_came) {
    std::string const prefix = "closed_by_peer host.example: ";
    EXPECT_EQ(said("", true), prefix + "no byte of an answer came");
    EXPECT_EQ(said("HTTP/1.1 2", true), prefix + "only a part of the answer's head came");
    EXPECT_EQ(said("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + pattern(300), true),
              prefix + "300 of 1000 body bytes came");
    EXPECT_EQ(said(chunked_head + "5\r\nhello\r\n5\r\nworld", true), prefix + "10 body bytes came");
    EXPECT_EQ(said(chunked_head + "5\r\nhello\r\n0\r\n", true), prefix + "5 body bytes came");
}

TEST(HttpResponse, bytes_behind_it_spoil_it_and_its_connection) {
    Verdict const whole = judge_in_steps(ok("a") + "\r\n", false, limits::inbox_bytes, {});
    EXPECT_EQ(whole.text, "http_malformed host.example: 2 bytes came behind the response");
    EXPECT_EQ(whole.kept, 0U);
    // Those that come later spoil only the connection.
    Verdict const later = judge_in_steps(ok("a") + "\r\n", false, 1, {});
    EXPECT_EQ(later.text, "200 a");
    EXPECT_EQ(later.kept, 0U);
}

TEST(HttpResponse, headers_are_kept_and_a_trailer_is_not_among_them) {
    HttpWorld world;
    world.send("/");
    world.settle();
    world.say(0, "HTTP/1.1 200 OK\r\nRateLimit-Remaining: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "0\r\nRateLimit-Reset: 9\r\n\r\n");
    ASSERT_EQ(world.done.size(), 1U);
    HttpResponse const& response = *world.done[0].result;
    EXPECT_EQ(find_header(response.headers, "ratelimit-remaining"), "4");
    EXPECT_EQ(find_header(response.headers, "ratelimit-reset"), "");
}

TEST(HttpResponse, a_body_has_room_for_the_padding_of_a_json_parser) {
    HttpWorld world;
    for (std::string const& body : {std::string("{}"), pattern(100'000)}) {
        world.send("/");
        world.settle();
        world.say(0, ok(body));
        HttpDone const one = std::move(world.done.back());
        ASSERT_TRUE(one.result);
        EXPECT_EQ(one.result->body, body);
        EXPECT_GE(one.result->body.capacity(), body.size() + pipeline::json_padding);
    }
}

} // namespace
} // namespace io::testing
