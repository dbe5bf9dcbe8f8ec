// The choice among endpoints: preference, back-off, setting aside, and the way back.
#include "stages/endpoints.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::second;

namespace {

constexpr Nanoseconds minute = 60 * second;
constexpr Nanoseconds backoff_cap = 30 * second;

struct Three {
    io::SeededRandom random{3};
    Endpoints endpoints{3, {}, random};
    Nanoseconds now = 1'000 * second;

    std::size_t chosen() const { return endpoints.choose(now).endpoint; }
    // Everything but `index` fails; `index` serves.
    void serve_only(std::size_t index) {
        for (std::size_t i = 0; i < index; ++i) endpoints.set_aside(i, Aside::failed, now);
        endpoints.serving(index, now);
    }
};

} // namespace

TEST(Endpoints, the_first_is_preferred) {
    Three three;
    EXPECT_EQ(three.chosen(), 0u);
    EXPECT_LE(three.endpoints.choose(three.now).due, three.now);
}

TEST(Endpoints, after_a_failure_the_next_takes_over) {
    Three three;
    Nanoseconds const due = three.endpoints.set_aside(0, Aside::rate_limited, three.now);
    EXPECT_GT(due, three.now);
    EXPECT_EQ(three.chosen(), 1u);
    EXPECT_EQ(three.endpoints.aside(0), Aside::rate_limited);
    three.now = due;
    EXPECT_EQ(three.chosen(), 0u);
}

TEST(Endpoints, with_none_due_the_earliest_is_named_with_its_time) {
    Three three;
    three.endpoints.set_aside(0, Aside::rate_limited, three.now, 50 * second);
    three.endpoints.set_aside(1, Aside::rate_limited, three.now, 40 * second);
    three.endpoints.set_aside(2, Aside::rate_limited, three.now, 60 * second);
    EXPECT_EQ(three.chosen(), 1u);
    EXPECT_EQ(three.endpoints.choose(three.now).due, three.now + 40 * second);
}

TEST(Endpoints, each_has_a_back_off_of_its_own_and_it_is_bounded) {
    Three three;
    Nanoseconds longest = 0;
    for (int i = 0; i < 200; ++i) {
        Nanoseconds const due = three.endpoints.set_aside(0, Aside::failed, three.now);
        longest = std::max(longest, due - three.now);
        three.now = due;
    }
    EXPECT_LE(longest, backoff_cap);
    EXPECT_GT(longest, 10 * second); // it has grown
    EXPECT_EQ(three.endpoints.due(1), 0u);
}

// Whoever has one endpoint only can but ask it again: somebody may have mended it.
TEST(Endpoints, where_all_are_to_be_avoided_the_back_off_decides) {
    io::SeededRandom random{7};
    Endpoints two(2, {}, random);
    two.set_aside(0, Aside::wrong_chain, pipeline::second);
    EXPECT_EQ(two.choose(pipeline::second).endpoint, 1U);
    two.set_aside(1, Aside::disagreed, pipeline::second);
    auto const again = two.choose(pipeline::second);
    EXPECT_LT(again.due, 60 * pipeline::second);
    EXPECT_EQ(two.choose(60 * pipeline::second).endpoint, 0U);
    two.serving(1, 60 * pipeline::second);
    EXPECT_FALSE(two.better(1200 * pipeline::second)); // not for an hour
}

TEST(Endpoints, a_wrong_chain_is_set_aside_for_long_but_not_for_ever) {
    Three three;
    three.endpoints.set_aside(0, Aside::wrong_chain, three.now);
    three.now += 59 * minute;
    EXPECT_EQ(three.chosen(), 1u);
    three.now += 1 * minute;
    EXPECT_EQ(three.chosen(), 0u);
}

TEST(Endpoints, disagreement_is_set_aside_for_ten_minutes) {
    Three three;
    three.endpoints.set_aside(0, Aside::disagreed, three.now);
    three.now += 10 * minute - 1;
    EXPECT_EQ(three.chosen(), 1u);
    three.now += 1;
    EXPECT_EQ(three.chosen(), 0u);
}

TEST(Endpoints, goes_back_after_the_less_preferred_one_has_served_a_while) {
    Three three;
    three.serve_only(2);
    three.now += 10 * minute - 1;
    EXPECT_FALSE(three.endpoints.better(three.now));
    EXPECT_EQ(three.endpoints.better_at(), three.now + 1);
    three.now += 1;
    EXPECT_EQ(three.endpoints.better(three.now), 0u);
    three.endpoints.go_back(0);
    EXPECT_FALSE(three.endpoints.better(three.now)); // under way
    EXPECT_EQ(three.chosen(), 0u);
    EXPECT_EQ(three.endpoints.aside(0), Aside::failed); // until it has served
    three.endpoints.serving(0, three.now);
    EXPECT_EQ(three.endpoints.aside(0), std::nullopt);
    EXPECT_EQ(three.endpoints.better_at(), pipeline::never);
}

TEST(Endpoints, only_one_that_is_due_is_better) {
    Three three;
    three.endpoints.set_aside(0, Aside::wrong_chain, three.now);
    three.endpoints.set_aside(1, Aside::failed, three.now);
    three.endpoints.serving(2, three.now);
    three.now += 10 * minute;
    EXPECT_EQ(three.endpoints.better(three.now), 1u);
}

TEST(Endpoints, a_failed_return_doubles_the_wait_up_to_a_bound) {
    Three three;
    three.serve_only(1);
    Nanoseconds wait = 10 * minute;
    for (unsigned i = 0; i < Endpoints::doublings_max + 3; ++i) {
        EXPECT_EQ(three.endpoints.better_at(), three.now + wait) << i;
        three.now += wait;
        ASSERT_EQ(three.endpoints.better(three.now), 0u);
        three.endpoints.go_back(0);
        three.endpoints.serving(0, three.now); // accepts, and then drops
        three.endpoints.set_aside(0, Aside::failed, three.now);
        three.endpoints.serving(1, three.now);
        if (i < Endpoints::doublings_max) wait *= 2;
    }
}

TEST(Endpoints, a_return_that_held_starts_the_count_anew) {
    Three three;
    three.serve_only(1);
    three.now += 10 * minute;
    three.endpoints.go_back(0);
    three.endpoints.set_aside(0, Aside::failed, three.now);
    three.endpoints.serving(1, three.now);
    three.now += 20 * minute;
    three.endpoints.go_back(0);
    three.endpoints.serving(0, three.now);
    three.now += 10 * minute; // it has settled
    three.endpoints.set_aside(0, Aside::failed, three.now);
    three.endpoints.serving(1, three.now);
    EXPECT_EQ(three.endpoints.better_at(), three.now + 10 * minute);
}

TEST(Endpoints, pruned_blocks_are_asked_of_another) {
    Three three;
    three.endpoints.pruned(0, 500, three.now);
    EXPECT_EQ(three.endpoints.choose(three.now, 500)->endpoint, 1u);
    EXPECT_EQ(three.endpoints.choose(three.now, 501)->endpoint, 0u);
    EXPECT_EQ(three.chosen(), 0u); // of heads it knows as much as before
}

TEST(Endpoints, pruned_everywhere_is_no_choice_until_it_is_asked_again) {
    Three three;
    three.endpoints.pruned(0, 500, three.now);
    three.endpoints.pruned(1, 600, three.now);
    EXPECT_EQ(three.endpoints.gone_to(three.now), std::nullopt);
    three.endpoints.pruned(2, 700, three.now);
    EXPECT_EQ(three.endpoints.gone_to(three.now), 500u);
    three.endpoints.pruned(0, 400, three.now); // does not make it less
    EXPECT_FALSE(three.endpoints.choose(three.now, 500));
    three.now += 10 * minute;
    EXPECT_EQ(three.endpoints.gone_to(three.now), std::nullopt);
    EXPECT_EQ(three.endpoints.choose(three.now, 500)->endpoint, 0u);
}

TEST(Endpoints, an_archive_that_is_down_is_waited_for) {
    Three three;
    three.endpoints.pruned(0, 500, three.now);
    three.endpoints.pruned(1, 500, three.now);
    Nanoseconds const due = three.endpoints.set_aside(2, Aside::rate_limited, three.now, minute);
    auto const choice = three.endpoints.choose(three.now, 500);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->endpoint, 2u);
    EXPECT_EQ(choice->due, due);
}

TEST(Endpoints, a_chain_that_only_subscan_serves_has_none) {
    io::SeededRandom random{3};
    Endpoints const none(0, {}, random);
    EXPECT_EQ(none.count(), 0u);
    EXPECT_FALSE(none.choose(second, 7));
    EXPECT_DEATH((void)none.choose(second), "CHECK");
}
