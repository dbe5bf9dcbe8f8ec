// The small values: errors, random, back-off, UTF-8.
#include "io/backoff.hpp"
#include "io/error.hpp"
#include "io/utf8.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace io {
namespace {

using pipeline::second;

TEST(Error, every_code_has_its_own_name_and_a_sentence) {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Code::already_running); ++i) {
        Error const error{static_cast<Code>(i)};
        names.insert(name(error.code));
        EXPECT_GT(describe(error).size(), 15U);
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::already_running) + 1);
}

TEST(Error, describe_says_where_what_and_errno) {
    EXPECT_EQ(describe({Code::refused, ECONNREFUSED, "127.0.0.1:9944"}),
              "127.0.0.1:9944: connection refused; nothing listens there: is the node running, is "
              "the port right? [ECONNREFUSED]");
}

TEST(Random, a_seed_gives_the_published_sequence) {
    // SplitMix64 with seed 1234567, as listed by Rosetta Code.
    SeededRandom random(1234567);
    EXPECT_EQ(random.next(), 6457827717110365317U);
    EXPECT_EQ(random.next(), 3203168211198807973U);
    EXPECT_EQ(random.next(), 9817491932198370423U);
}

TEST(Random, up_to_stays_within_its_bound) {
    SeededRandom random(1);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random.up_to(3));
    EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3}));
    SystemRandom system;
    EXPECT_NE(system.next(), system.next());
}

// Always the upper end of the jitter.
struct Highest final : Random {
    std::uint64_t next() override { return ~std::uint64_t{0}; }
};

TEST(Backoff, doubles_up_to_its_cap) {
    Highest random;
    Backoff backoff({.first = second, .cap = 10 * second, .healthy_after = 60 * second}, random);
    for (pipeline::Nanoseconds const wait : {1, 2, 4, 8, 10, 10})
        EXPECT_EQ(backoff.failed(100), 100 + wait * second);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(backoff.failed(0), 10 * second);
}

TEST(Backoff, jitter_is_full) {
    SeededRandom random(1);
    Backoff backoff({.first = second, .cap = second}, random);
    pipeline::Nanoseconds lowest = second;
    pipeline::Nanoseconds highest = 0;
    for (int i = 0; i < 1000; ++i) {
        pipeline::Nanoseconds const wait = backoff.failed(0);
        lowest = std::min(lowest, wait);
        highest = std::max(highest, wait);
    }
    EXPECT_LT(lowest, second / 50);
    EXPECT_GT(highest, second - second / 50);
    EXPECT_LE(highest, second);
}

TEST(Backoff, starts_over_only_after_a_healthy_period) {
    Highest random;
    Backoff backoff({.first = second, .cap = 100 * second, .healthy_after = 60 * second}, random);
    backoff.failed(0);
    backoff.failed(0);
    backoff.succeeded(0);
    EXPECT_EQ(backoff.failed(60 * second - 1), 60 * second - 1 + 4 * second);
    backoff.succeeded(100 * second);
    backoff.succeeded(150 * second); // the period counts from the first success
    EXPECT_EQ(backoff.failed(160 * second), 161 * second);
    EXPECT_EQ(backoff.failures(), 1U);
}

bool valid(std::string_view text) { return valid_utf8(pipeline::as_bytes(text)); }

// Table 3-7 of the Unicode standard, decided by decoding every code point independently.
TEST(Utf8, accepts_exactly_the_scalar_values) {
    for (std::uint32_t c = 0; c < 0x120000; c += (c < 0x1000 || c > 0xf000 ? 1 : 7)) {
        std::string text;
        auto const tail = [&](int shift) {
            text += static_cast<char>(0x80 | ((c >> shift) & 0x3f));
        };
        if (c < 0x80) {
            text = static_cast<char>(c);
        } else if (c < 0x800) {
            text = static_cast<char>(0xc0 | c >> 6);
            tail(0);
        } else if (c < 0x10000) {
            text = static_cast<char>(0xe0 | c >> 12);
            tail(6);
            tail(0);
        } else {
            text = static_cast<char>(0xf0 | c >> 18);
            tail(12);
            tail(6);
            tail(0);
        }
        bool const scalar = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        ASSERT_EQ(valid(text), scalar) << std::hex << c;
        ASSERT_EQ(valid("1234567" + text + "89abcdefg"), scalar) << std::hex << c;
        ASSERT_EQ(valid(text.substr(0, text.size() - 1)), text.size() == 1) << std::hex << c;
    }
}

TEST(Utf8, refuses_overlong_forms_and_stray_bytes) {
    for (std::string_view const text :
         {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\x80", "\xbf",
          "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "abcdefgh\x80", "\xc3("})
        EXPECT_FALSE(valid(text));
    EXPECT_TRUE(valid(""));
}

} // namespace
} // namespace io
