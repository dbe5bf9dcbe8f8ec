#include "tests/stages/quota_fixture.hpp"

#include <gtest/gtest.h>

using namespace stages;
using namespace stages::testing;

// ---- the second

TEST(Quota, refuses_the_sixth_in_a_second) {
    Quota quota({}, start);
    EXPECT_EQ(quota.left_this_second(start), 5u);
    EXPECT_EQ(send_all(quota, alerting, start), 5u);
    EXPECT_EQ(quota.left_this_second(start), 0u);
    EXPECT_FALSE(quota.may_send(alerting, start + second));
    EXPECT_EQ(quota.next_time(alerting, start), start + 1'050 * millisecond);
    EXPECT_TRUE(quota.may_send(alerting, start + 1'050 * millisecond));
}

TEST(Quota, keeps_places_of_a_second_for_those_who_are_first) {
    Quota quota({}, start);
    EXPECT_EQ(send_all(quota, rest, start), 3u);
    EXPECT_EQ(send_all(quota, critical, start), 1u);
    EXPECT_EQ(send_all(quota, alerting, start), 1u);
}

TEST(Quota, lets_every_class_go_where_one_a_second_is_allowed) {
    Quota quota({.requests_per_second = 1}, start);
    EXPECT_EQ(send_all(quota, rest, start), 1u);
    EXPECT_EQ(send_all(quota, critical, start + 2 * second), 1u);
    EXPECT_EQ(send_all(quota, alerting, start + 4 * second), 1u);
}

TEST(Quota, what_may_still_leave_holds_its_place) {
    Quota quota({}, start);
    auto const slow = quota.sent(alerting, start);
    for (int i = 0; i < 4; ++i) send(quota, alerting, start);
    auto const later = start + 1'050 * millisecond;
    EXPECT_EQ(send_all(quota, alerting, later), 4u);
    quota.ended(slow, later); // it may have left just now
    EXPECT_FALSE(quota.may_send(alerting, later + second));
    EXPECT_EQ(send_all(quota, alerting, later + 1'050 * millisecond), 5u);
}

TEST(Quota, what_is_never_answered_holds_its_place_for_two_seconds) {
    Quota quota({.requests_per_second = 1}, start);
    quota.sent(alerting, start);
    EXPECT_EQ(quota.next_time(alerting, start), start + 3'050 * millisecond);
}

// ---- the day

TEST(Quota, refuses_one_more_than_a_day_has) {
    Quota quota({.requests_per_second = 1'000, .requests_per_day = 100}, start);
    EXPECT_EQ(send_until(quota, alerting, start, start + hour), 100u);
    EXPECT_EQ(quota.used_today(start + hour), 100u);
    EXPECT_EQ(quota.left_today(start + hour), 0u);
    EXPECT_FALSE(quota.may_send(alerting, start + day));
    auto const again = quota.next_time(alerting, start + hour);
    EXPECT_GT(again, start + day);
    EXPECT_LE(again, start + day + 2 * minute);
    EXPECT_TRUE(quota.may_send(alerting, again));
    EXPECT_EQ(quota.left_today(again), 100u);
}

// What was sent at the end of its minute may have left a little later still.
TEST(Quota, a_request_counts_for_more_than_a_day) {
    Quota quota({}, start);
    send(quota, alerting, start);
    send(quota, alerting, start + 59 * second);
    EXPECT_EQ(quota.used_today(start + 59 * second + day + 30 * second), 2u);
    EXPECT_EQ(quota.used_today(start + day + 3 * minute), 0u);
}

TEST(Quota, counts_by_class) {
    Quota quota({}, start);
    send(quota, alerting, start);
    send(quota, rest, start);
    send(quota, rest, start);
    send(quota, critical, start);
    EXPECT_EQ(quota.used_today(alerting, start), 1u);
    EXPECT_EQ(quota.used_today(critical, start), 1u);
    EXPECT_EQ(quota.used_today(rest, start), 2u);
    EXPECT_EQ(quota.used_today(start), 4u);
    EXPECT_EQ(quota.left_today(start), 99'996u);
}

TEST(Quota, counts_what_is_sent_without_asking) {
    Quota quota({.requests_per_second = 2, .requests_per_day = 3}, start);
    for (int i = 0; i < 5; ++i) send(quota, alerting, start);
    EXPECT_EQ(quota.used_today(start), 5u);
    EXPECT_EQ(quota.left_today(start), 0u);
    EXPECT_EQ(quota.left_this_second(start), 0u);
}

// ---- who goes first

// 10 chains, two calls each every 30 s: 57,600 a day. Of 95,000 that leaves 37,400.
TEST(Quota, enrichment_gets_what_polling_leaves) {
    Quota quota({}, start);
    quota.reserve(57'600, start);
    EXPECT_EQ(quota.enrichment_per_day(), 37'400u);
    EXPECT_EQ(quota.stretch(), 1);
    EXPECT_LE(send_until(quota, critical, start, start + day), 37'400u);
    EXPECT_GE(quota.used_today(critical, start + day), 37'000u);
}

TEST(Quota, rest_gets_at_most_four_fifths_of_enrichment) {
    Quota quota({}, start);
    quota.reserve(57'600, start);
    EXPECT_LE(send_until(quota, rest, start, start + day), 29'920u);
    EXPECT_GE(quota.used_today(rest, start + day), 29'500u);
    EXPECT_TRUE(quota.may_send(critical, start + day)); // a fifth is its own
}

TEST(Quota, a_burst_of_enrichment_is_a_twelfth_of_its_day) {
    Quota quota({.requests_per_second = 1'000, .requests_per_day = 100'000}, start);
    quota.reserve(57'600, start);
    // 37,400 / 12 = 3,116; in the 4 s that takes two more come in.
    unsigned const burst = send_until(quota, critical, start, start + 4 * second);
    EXPECT_GE(burst, 3'116u);
    EXPECT_LE(burst, 3'118u);
    // After that one each 86,400 / 37,400 = 2.31 s.
    unsigned const hourly =
        send_until(quota, critical, start + 4 * second, start + 4 * second + hour);
    EXPECT_NEAR(hourly, 37'400 / 24, 2);
}

TEST(Quota, enrichment_keeps_a_twentieth_where_polling_would_take_all) {
    Quota quota({}, start);
    quota.reserve(180'000, start);
    EXPECT_EQ(quota.enrichment_per_day(), 5'000u);
    EXPECT_EQ(quota.stretch(), 2); // 180,000 into 90,000
    EXPECT_TRUE(quota.may_send(critical, start + minute));
    EXPECT_TRUE(quota.may_send(alerting, start));
    EXPECT_LE(send_until(quota, critical, start, start + day), 5'000u);
    EXPECT_GE(quota.used_today(critical, start + day), 4'900u);
}

TEST(Quota, a_limit_too_small_to_be_shared_is_pollings) {
    Quota quota({.requests_per_second = 1, .requests_per_day = 19}, start);
    quota.reserve(19, start);
    EXPECT_EQ(quota.enrichment_per_day(), 0u);
    EXPECT_EQ(quota.next_time(critical, start), never);
    EXPECT_EQ(quota.next_time(rest, start), never);
}

TEST(Quota, polling_that_just_fits_is_not_stretched) {
    Quota quota({}, start);
    quota.reserve(90'000, start);
    EXPECT_EQ(quota.stretch(), 1);
    quota.reserve(90'001, start);
    EXPECT_GT(quota.stretch(), 1);
}

TEST(Quota, enrichment_stops_where_alerting_takes_more_than_was_planned) {
    Quota quota({.requests_per_second = 1'000, .requests_per_day = 1'000}, start);
    for (int i = 0; i < 949; ++i) send(quota, alerting, start);
    auto const later = start + 10 * second;
    EXPECT_EQ(send_all(quota, critical, later), 1u);
    EXPECT_GT(quota.next_time(critical, later), start + day);
    EXPECT_TRUE(quota.may_send(alerting, later));
}

// ---- what the server says

TEST(Quota, reads_the_headers) {
    auto const hints = quota_hints({{"RateLimit-Limit", "5"},
                                    {"ratelimit-remaining", "3"},
                                    {"RATELIMIT-RESET", "1"},
                                    {"Retry-After", "7"}});
    EXPECT_EQ(hints.limit, 5u);
    EXPECT_EQ(hints.remaining, 3u);
    EXPECT_EQ(hints.reset_s, 1u);
    EXPECT_EQ(hints.retry_after_s, 7u);
}

TEST(Quota, takes_headers_that_are_no_numbers_for_absent) {
    for (std::string const text :
         {"", "-1", "five", "5 ", "5;w=1", "0x5", "99999999999999999999", "1.5"}) {
        auto const hints = quota_hints({{"ratelimit-limit", text},
                                        {"ratelimit-remaining", text},
                                        {"ratelimit-reset", text},
                                        {"retry-after", text}});
        EXPECT_FALSE(hints.limit) << text;
        EXPECT_FALSE(hints.remaining) << text;
        EXPECT_FALSE(hints.reset_s) << text;
        EXPECT_FALSE(hints.retry_after_s) << text;
    }
    // A date, not a length of time.
    EXPECT_FALSE(quota_hints({{"ratelimit-reset", "1700000000"}}).reset_s);
    EXPECT_FALSE(quota_hints({{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}).retry_after_s);
}

TEST(Quota, a_429_pauses_everybody_for_as_long_as_it_says) {
    Quota quota({}, start);
    quota.answered(quota.sent(rest, start), {.retry_after_s = 7}, true, start);
    for (auto const priority : {alerting, critical, rest}) {
        EXPECT_FALSE(quota.may_send(priority, start + 7 * second - 1));
        EXPECT_TRUE(quota.may_send(priority, start + 7 * second));
    }
    EXPECT_EQ(quota.paused_until(), start + 7 * second);
    EXPECT_EQ(quota.paused_total(), 7 * second);
    EXPECT_EQ(quota.left_this_second(start + second), 0u);
}

TEST(Quota, waits_an_hour_at_most_whatever_it_is_told) {
    Quota quota({}, start);
    quota.answered(quota.sent(alerting, start), {.retry_after_s = 999'999}, true, start);
    EXPECT_EQ(quota.paused_until(), start + io::limits::retry_after_s_max * second);
    Quota other({}, start);
    other.answered(other.sent(alerting, start), {.remaining = 0, .reset_s = 999'999}, false, start);
    EXPECT_EQ(other.paused_until(), start + io::limits::retry_after_s_max * second);
}

TEST(Quota, a_429_without_a_word_pauses_twice_as_long_each_time) {
    Quota quota({}, start);
    Nanoseconds now = start;
    for (Nanoseconds const expected : {1, 2, 4, 8, 16, 32, 60, 60}) {
        quota.answered(quota.sent(alerting, now), {}, true, now);
        EXPECT_EQ(quota.paused_until() - now, expected * second);
        now = quota.paused_until();
    }
    send(quota, alerting, now);
    quota.answered(quota.sent(alerting, now), {}, true, now);
    EXPECT_EQ(quota.paused_until() - now, second);
}

TEST(Quota, nothing_left_pauses_everybody_until_the_reset) {
    Quota quota({}, start);
    quota.answered(quota.sent(alerting, start), {.limit = 5, .remaining = 0, .reset_s = 3}, false,
                   start);
    EXPECT_EQ(quota.next_time(alerting, start), start + 3 * second);
    EXPECT_EQ(quota.pace_permille(), 1'000u); // nobody was refused
}

TEST(Quota, those_behind_wait_first_as_less_is_left) {
    Quota quota({.requests_per_second = 100}, start);
    QuotaHints hints{.limit = 100, .remaining = 25, .reset_s = 9};
    quota.answered(quota.sent(alerting, start), hints, false, start);
    EXPECT_TRUE(quota.may_send(rest, start));
    hints.remaining = 24;
    quota.answered(quota.sent(alerting, start), hints, false, start);
    EXPECT_EQ(quota.next_time(rest, start), start + 9 * second);
    EXPECT_TRUE(quota.may_send(critical, start));
    hints.remaining = 9;
    quota.answered(quota.sent(alerting, start), hints, false, start);
    EXPECT_EQ(quota.next_time(critical, start), start + 9 * second);
    EXPECT_TRUE(quota.may_send(alerting, start));
    hints.remaining = 90; // its window began anew
    quota.answered(quota.sent(alerting, start), hints, false, start);
    EXPECT_TRUE(quota.may_send(rest, start));
}

TEST(Quota, keeps_to_a_lower_limit_than_it_was_given) {
    Quota quota({}, start);
    quota.answered(quota.sent(alerting, start), {.limit = 2}, false, start);
    EXPECT_EQ(send_all(quota, alerting, start), 1u);
    quota.answered(quota.sent(alerting, start), {.limit = 100'000}, false, start);
    EXPECT_EQ(send_all(quota, alerting, start), 2u); // five again, three are gone
}

TEST(Quota, halves_its_pace_with_each_429_and_earns_it_back) {
    Quota quota({}, start);
    quota.answered(quota.sent(alerting, start), {.retry_after_s = 1}, true, start);
    EXPECT_EQ(quota.pace_permille(), 500u);
    Nanoseconds now = start + 10 * second;
    // Half of 5 in 1.05 s is one each 420 ms, a little closer with each answer; whole, it were 10.
    unsigned const halved = send_until(quota, alerting, now, now + 2 * second);
    EXPECT_GE(halved, 5u);
    EXPECT_LE(halved, 6u);
    for (int i = 0; i < 30; ++i) send(quota, alerting, now += second);
    EXPECT_EQ(quota.pace_permille(), 1'000u);
    now += 10 * second;
    EXPECT_EQ(send_all(quota, alerting, now), 5u);
}

TEST(Quota, a_burst_that_was_refused_together_halves_the_pace_once) {
    Quota quota({}, start);
    std::vector<Quota::Ticket> tickets;
    for (int i = 0; i < 5; ++i) tickets.push_back(quota.sent(alerting, start));
    for (auto const ticket : tickets)
        quota.answered(ticket, {.retry_after_s = 2}, true, start + 100 * millisecond);
    EXPECT_EQ(quota.pace_permille(), 500u);
}

TEST(Quota, never_stops_altogether) {
    Quota quota({}, start);
    Nanoseconds now = start;
    for (int i = 0; i < 100; ++i) {
        now = std::max(now, quota.next_time(alerting, now));
        quota.answered(quota.sent(alerting, now), {}, true, now);
    }
    EXPECT_LE(quota.next_time(alerting, now), now + 60 * second);
}
