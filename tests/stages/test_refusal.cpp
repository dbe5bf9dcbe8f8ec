// What nodes and providers mean by their error replies. The texts are theirs.
#include "stages/refusal.hpp"

#include <gtest/gtest.h>

using namespace stages;
using Kind = Refusal::Kind;

namespace {

Refusal read(std::int64_t code, std::string_view message, std::string_view data = {}) {
    decoders::Envelope reply;
    reply.kind = decoders::FrameKind::error_reply;
    reply.error_code = code;
    reply.error_message = message;
    reply.error_data = data;
    return read_refusal(reply);
}

} // namespace

TEST(Refusal, limits_by_code_and_by_words) {
    for (std::int64_t code : {-32029, -32005, -32999, 429})
        EXPECT_EQ(read(code, "").kind, Kind::limit) << code;
    for (std::string_view text :
         {"RPC rate limit exceeded", "Too Many Requests", "daily request limit exceeded",
          "Your app has exceeded its rate-limit", "ratelimit", "You are being throttled"})
        EXPECT_EQ(read(-32000, text).kind, Kind::limit) << text;
}

TEST(Refusal, a_state_that_is_gone) {
    EXPECT_EQ(read(4003, "Client error: Api called for an unknown Block: State already discarded "
                         "for 0x12")
                  .kind,
              Kind::pruned);
    EXPECT_EQ(read(-32000, "State already discarded for 0x12").kind, Kind::pruned);
    EXPECT_EQ(read(4003, "Client error: trouble").kind, Kind::pruned);
}

// Behind a load balancer another node may have announced it: it will be here in a moment.
TEST(Refusal, a_block_not_met_yet_is_not_gone) {
    EXPECT_EQ(read(4003, "Client error: UnknownBlock: Header was not found in the database").kind,
              Kind::other);
    EXPECT_EQ(read(-32000, "UnknownBlock: Header was not found").kind, Kind::other);
}

TEST(Refusal, unknown_methods_and_the_rest) {
    EXPECT_EQ(read(-32601, "Method not found").kind, Kind::unknown_method);
    EXPECT_EQ(read(-32601, "").kind, Kind::unknown_method);
    EXPECT_EQ(read(-32603, "Internal error").kind, Kind::other);
    EXPECT_EQ(read(-32008, "Response is too big", "\"Exceeded max limit of 15728640\"").kind,
              Kind::other);
}

TEST(Refusal, the_time_a_provider_names) {
    EXPECT_EQ(read(429, "Too many requests, retry after 5s").wait, 5 * pipeline::second);
    EXPECT_EQ(read(-32005, "rate limit", R"({"rate":{"backoff_seconds":30}})").wait,
              30 * pipeline::second);
    EXPECT_EQ(read(-32029, "limit", R"({"retryAfter":3})").wait, 3 * pipeline::second);
    EXPECT_EQ(read(-32029, "limit", R"({"retryAfterMs":1500})").wait, 1500 * pipeline::millisecond);
    EXPECT_EQ(read(-32029, "limit").wait, 0u);
}

TEST(Refusal, times_in_every_unit_are_bounded) {
    EXPECT_EQ(retry_time("try again in 250 ms"), 250 * pipeline::millisecond);
    EXPECT_EQ(retry_time("Retry-After: 7"), 7 * pipeline::second);
    EXPECT_EQ(retry_time("retry in 1.25 seconds"), 2 * pipeline::second);
    EXPECT_EQ(retry_time("retry in 2 minutes"), 120 * pipeline::second);
    EXPECT_EQ(retry_time("retry in 99999999999999999999999 s"), Refusal::wait_max);
    EXPECT_EQ(retry_time("retry in 18446744073709551615 minutes"), Refusal::wait_max);
    EXPECT_EQ(retry_time("please retry later"), 0u);
    EXPECT_EQ(retry_time("retry"), 0u);
    EXPECT_EQ(retry_time(""), 0u);
    std::string far(100'000, 'x');
    far += "retry in 5 s";
    EXPECT_EQ(retry_time(far), 0u); // nobody reads so far
}

TEST(Refusal, what_a_node_says_cannot_forge_a_line_of_the_log) {
    EXPECT_EQ(printable("a\nb\x1b[31mc\x7f"), "a?b?[31mc?");
}
