#include "tests/stages/quota_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace stages;
using namespace stages::testing;

namespace {
constexpr std::uint64_t unix_start = 1'700'000'000'000;
} // namespace

// ---- the forecast

TEST(Quota, says_when_the_day_will_be_used_up) {
    Quota quota({.requests_per_second = 1'000, .requests_per_day = 10'000}, start);
    EXPECT_EQ(quota.runs_out_at(start), never);
    Nanoseconds now = start;
    for (int i = 0; i < 3'600; ++i) send(quota, alerting, now += second);
    // One a second; 6,400 are left.
    Nanoseconds const expected = now + 6'400 * second;
    EXPECT_NEAR(static_cast<double>(quota.runs_out_at(now)) / 1e9,
                static_cast<double>(expected) / 1e9, 60);
}

TEST(Quota, does_not_run_out_at_a_pace_that_fits) {
    Quota quota({.requests_per_second = 5, .requests_per_day = 10'000}, start);
    Nanoseconds now = start;
    // One each 10 s is 8,640 a day.
    for (int i = 0; i < 3 * 8'640; ++i) send(quota, alerting, now += 10 * second);
    EXPECT_EQ(quota.runs_out_at(now), never);
    EXPECT_LE(quota.used_today(now), 8'660u);
}

TEST(Quota, has_run_out_when_nothing_is_left) {
    Quota quota({.requests_per_second = 10, .requests_per_day = 10}, start);
    send_all(quota, alerting, start);
    EXPECT_EQ(quota.runs_out_at(start), start);
}

// ---- restarts

TEST(Quota, remembers_the_day_over_a_restart) {
    Quota quota({.requests_per_day = 1'000}, start);
    Nanoseconds now = start;
    for (int i = 0; i < 100; ++i) send(quota, i % 4 == 0 ? rest : alerting, now += minute);
    std::string const state = quota.exported(now, unix_start);

    Nanoseconds const booted = 5 * second; // the machine, too, was started again
    Quota next({.requests_per_day = 1'000}, booted);
    ASSERT_TRUE(next.restore(state, booted, unix_start + 60'000));
    EXPECT_EQ(next.used_today(booted), 100u);
    EXPECT_EQ(next.used_today(rest, booted), 25u);
    // The first of the hundred, sent 100 minutes before the restart, is a day old first.
    auto const first_expires = booted + day - 100 * minute + 2 * minute;
    EXPECT_EQ(next.used_today(first_expires - 3 * minute), 100u);
    EXPECT_LT(next.used_today(first_expires + minute), 100u);
}

TEST(Quota, a_second_of_silence_follows_a_restart) {
    Quota quota({}, start);
    ASSERT_TRUE(quota.restore(Quota({}, start).exported(start, unix_start), start, unix_start));
    EXPECT_EQ(quota.next_time(alerting, start), start + 1'050 * millisecond);
    EXPECT_EQ(quota.left_this_second(start), 0u);
}

TEST(Quota, many_restarts_do_not_make_the_day_longer) {
    Nanoseconds now = start;
    std::string state = Quota({}, now).exported(now, unix_start);
    std::uint64_t unix_ms = unix_start;
    for (int i = 0; i < 5'000; ++i) {
        Quota quota({}, now);
        ASSERT_TRUE(quota.restore(state, now, unix_ms)) << state;
        now += 2 * second;
        unix_ms += 2'000;
        if (i < 1'000) send(quota, alerting, now);
        state = quota.exported(now, unix_ms);
    }
    Quota last({}, now);
    ASSERT_TRUE(last.restore(state, now, unix_ms));
    EXPECT_EQ(last.used_today(now), 1'000u);
    Nanoseconds const last_sent = start + 2'000 * second;
    EXPECT_EQ(last.used_today(last_sent + day + 2 * minute), 0u);
}

TEST(Quota, remembers_a_pause_and_the_pace) {
    Quota quota({}, start);
    quota.answered(quota.sent(alerting, start), {.retry_after_s = 600}, true, start);
    std::string const state = quota.exported(start, unix_start);
    Quota next({}, second);
    ASSERT_TRUE(next.restore(state, second, unix_start + 100'000));
    EXPECT_EQ(next.paused_until(), 501 * second);
    EXPECT_EQ(next.pace_permille(), 500u);
}

TEST(Quota, a_restart_brings_no_new_burst) {
    QuotaOptions const options{.requests_per_second = 1'000, .requests_per_day = 100'000};
    Quota quota(options, start);
    quota.reserve(57'600, start);
    Nanoseconds now = start + 4 * second;
    unsigned const before = send_until(quota, critical, start, now);
    Quota next(options, now);
    next.reserve(57'600, now);
    ASSERT_TRUE(next.restore(quota.exported(now, unix_start), now, unix_start));
    EXPECT_LE(before + send_until(next, critical, now, now + minute), 3'116u + 2 + 26);
}

TEST(Quota, a_clock_that_went_back_makes_nothing_disappear) {
    Quota quota({}, start);
    for (int i = 0; i < 5; ++i) send(quota, alerting, start);
    std::string const state = quota.exported(start, unix_start);
    Quota next({}, start);
    ASSERT_TRUE(next.restore(state, start, unix_start - 3'600'000));
    EXPECT_EQ(next.used_today(start), 5u);
    EXPECT_EQ(next.used_today(start + day), 5u);
    EXPECT_EQ(next.used_today(start + day + 2 * minute), 0u);
}

TEST(Quota, refuses_a_state_it_cannot_read) {
    std::string const good =
        "quota 1\npaused 0\npace 500\nsent 1700000000000 1700000001000 1 2 3\n";
    Quota reads({}, start);
    ASSERT_TRUE(reads.restore(good, start, unix_start + 2'000));
    EXPECT_EQ(reads.used_today(start), 6u);
    for (std::string const bad :
         {"", "quota 2\n", "quota 1", "quota 1\npaused\n", "quota 1\npaused 1 2\n",
          "quota 1\npaused -1\n", "quota 1\npace 0\n", "quota 1\npace 1001\n", "quota 1\nnews 1\n",
          "quota 1\npace 500", "quota 1\nsent 1 2 3 4\n", "quota 1\nsent 2 1 1 1 1\n",
          "quota 1\nsent 1 2 100000001 1 1\n", "quota 1\nsent 1 99999999999999 1 1 1\n",
          "quota 1\nsent 5 6 1 1 1\nsent 4 7 1 1 1\n"}) {
        Quota quota({}, start);
        auto const result = quota.restore(bad, start, unix_start);
        ASSERT_FALSE(result) << bad;
        EXPECT_FALSE(result.error().empty());
        EXPECT_EQ(quota.used_today(start), 0u);
        EXPECT_EQ(quota.pace_permille(), 1'000u);
    }
}

TEST(Quota, a_state_is_bounded) {
    Quota quota({}, start);
    EXPECT_FALSE(
        quota.restore("quota 1\n" + std::string(Quota::state_bytes_max, '\n'), start, unix_start));
    std::string text = "quota 1\n";
    for (std::size_t i = 0; i < QuotaDay::groups_max; ++i)
        text += "sent " + std::to_string(unix_start + i) + ' ' + std::to_string(unix_start + i) +
                " 1 1 1\n";
    EXPECT_TRUE(Quota({}, start).restore(text, start, unix_start));
    text += "sent 1700000009999 1700000009999 1 1 1\n";
    EXPECT_FALSE(Quota({}, start).restore(text, start, unix_start));

    // The longest there is, a request in every minute, stays within the bound.
    Quota busy({}, start);
    Nanoseconds now = start;
    for (int i = 0; i < 3'000; ++i) send(busy, alerting, now += minute);
    std::string const state = busy.exported(now, unix_start);
    EXPECT_LE(state.size(), Quota::state_bytes_max);
    EXPECT_TRUE(Quota({}, start).restore(state, start, unix_start));
}

// ---- every second and every day of random loads

namespace {

// Greedy callers of all classes, with pauses of chance between them; a request leaves at any moment
// up to its answer. Looks only at when requests left.
struct RandomLoad {
    explicit RandomLoad(std::uint64_t seed)
        : random(seed) {
        options.requests_per_second = 1 + static_cast<std::uint32_t>(below(10));
        options.requests_per_day = 200 + static_cast<std::uint32_t>(below(20'000));
        planned = below(options.requests_per_day + 1);
    }
    std::uint64_t below(std::uint64_t limit) { return random() % limit; }

    void run(Nanoseconds length) {
        Quota quota(options, start);
        quota.reserve(planned, start);
        struct Open {
            Quota::Ticket ticket;
            Nanoseconds answer;
        };
        std::vector<Open> open;
        for (Nanoseconds now = start; now < start + length;) {
            std::erase_if(open, [&](Open const& one) {
                if (one.answer > now) return false;
                quota.answered(one.ticket, {}, below(500) == 0, now);
                return true;
            });
            auto const priority = static_cast<QuotaClass>(below(3));
            if (quota.may_send(priority, now)) {
                Nanoseconds const latency = below(1'500) * millisecond;
                open.push_back({quota.sent(priority, now), now + latency});
                left.push_back(now + below(latency + 1));
                ++sent[static_cast<std::size_t>(priority)];
            }
            // Mostly close together, sometimes hours apart.
            std::uint64_t const dice = below(2'000);
            now += dice == 0 ? below(4 * hour) : dice < 100 ? below(minute) : below(400'000'000);
        }
        std::sort(left.begin(), left.end());
    }
    // The most that left in any window of this length, both ends included.
    std::size_t most_in(Nanoseconds window) const {
        std::size_t most = 0, first = 0;
        for (std::size_t i = 0; i < left.size(); ++i) {
            while (left[i] - left[first] > window) ++first;
            most = std::max(most, i - first + 1);
        }
        return most;
    }

    std::mt19937_64 random;
    QuotaOptions options;
    std::uint64_t planned = 0;
    std::vector<Nanoseconds> left;
    std::array<std::uint64_t, 3> sent{};
};

} // namespace

TEST(Quota, holds_in_every_second_and_every_day_of_random_loads) {
    std::size_t full_seconds = 0, full_days = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        RandomLoad load(seed);
        load.run(4 * day);
        EXPECT_LE(load.most_in(second), load.options.requests_per_second) << "seed " << seed;
        EXPECT_LE(load.most_in(day), load.options.requests_per_day) << "seed " << seed;
        full_seconds += load.most_in(second) == load.options.requests_per_second;
        full_days += load.most_in(day) == load.options.requests_per_day;
    }
    // Both limits were reached, or nothing has been tried.
    EXPECT_GE(full_seconds, 10u);
    EXPECT_GE(full_days, 10u);
}

// Polling at its planned pace never has to wait longer than the second's limit makes it, whatever
// the others do for days.
TEST(Quota, alerting_is_never_starved) {
    QuotaOptions const options{.requests_per_second = 5, .requests_per_day = 100'000};
    Quota quota(options, start);
    quota.reserve(57'600, start);
    std::uint64_t polled = 0;
    for (Nanoseconds tick = 0; tick < 4 * day; tick += 500 * millisecond) {
        Nanoseconds const now = start + tick;
        if (tick % (1'500 * millisecond) == 0) {
            ASSERT_TRUE(quota.may_send(alerting, now)) << tick / second;
            send(quota, alerting, now);
            ++polled;
        }
        send_all(quota, rest, now);
        send_all(quota, critical, now);
    }
    EXPECT_EQ(polled, 4 * 57'600u);
    EXPECT_GE(quota.used_today(critical, start + 4 * day) + quota.used_today(rest, start + 4 * day),
              37'000u); // and the others were not idle
}
