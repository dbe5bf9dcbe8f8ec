// The plan of polling: every row once, final or taken back, whatever pages and servers do.
#include "tests/stages/subscan_poller.hpp"

using namespace stages;
using namespace stages::polling;

namespace {

using Words = std::vector<std::string>;

} // namespace

TEST(SubscanPoll, begins_at_the_head_and_tells_what_comes) {
    Server server;
    server.add(row(50, 1)); // long before
    server.add(row(100, 3));
    Poller poller;
    EXPECT_EQ(poller.run(server), (Words{"s99", "+100/3"}));
    server.best = 102;
    server.add(row(102, 1));
    EXPECT_EQ(poller.run(server), (Words{"+102/1"}));
    ASSERT_EQ(poller.pages.size(), 2U);
    EXPECT_EQ(poller.pages[1].from, 100U); // what is not settled is asked for again
    EXPECT_EQ(poller.pages[1].to, 102U);
}

TEST(SubscanPoll, a_row_is_final_with_its_block_and_settled_a_poll_later) {
    Server server;
    server.add(row(100, 3));
    Poller poller;
    poller.run(server);
    server.best = 106;
    server.finalized = 103;
    EXPECT_EQ(poller.run(server), (Words{"=100/3"}));
    // Two polls have read 100 to 103 as final now.
    server.best = 110;
    server.finalized = 108;
    EXPECT_EQ(poller.run(server), (Words{"-100", "s103"}));
    EXPECT_EQ(poller.poll.settled(), 103U);
    EXPECT_EQ(poller.poll.remembered(), 0U);
}

TEST(SubscanPoll, two_requests_a_poll_and_none_between) {
    Server server;
    Poller poller;
    poller.run(server);
    auto const before = poller.now;
    EXPECT_EQ(poller.poll.next_time(), before + 30 * pipeline::second);
    poller.now = poller.poll.next_time() - 1;
    EXPECT_EQ(poller.poll.ask(poller.now).kind, Kind::none);
    poller.poll.stretch(2.5);
    server.best = 101;
    poller.run(server);
    EXPECT_EQ(poller.poll.next_time() - poller.now, 75 * pipeline::second);
    EXPECT_EQ(poller.pages.size(), 2U);
}

TEST(SubscanPoll, goes_on_where_an_earlier_run_was_settled_however_long_ago) {
    Server server;
    server.best = 50'000;
    server.finalized = 49'990;
    for (std::uint32_t block = 101; block <= 50'000; block += 997) server.add(row(block, 1));
    Poller poller({.resume = 100});
    auto const said = poller.run(server);
    std::size_t finals = 0;
    for (auto const& word : said) finals += word.starts_with('=');
    EXPECT_EQ(finals, server.rows.size());
    EXPECT_EQ(poller.poll.settled(), 49'990U - 256U); // far below the head one reading is enough
    std::uint32_t next = 101;
    for (auto const& page : poller.pages) {
        EXPECT_EQ(page.from, next);
        EXPECT_LE(page.to - page.from, 4'095U);
        next = page.to + 1;
    }
    EXPECT_EQ(next, 50'001U);
    EXPECT_FALSE(poller.poll.behind());
}

TEST(SubscanPoll, a_configured_start_counts_where_nothing_is_settled) {
    Server server;
    server.add(row(7, 1));
    Poller poller({.start = 7});
    EXPECT_EQ(poller.run(server), (Words{"s6", "=7/1"}));
    Poller again({.resume = 50, .start = 7});
    again.run(server);
    EXPECT_EQ(again.pages.front().from, 51U);
}

TEST(SubscanPoll, pages_are_read_to_their_end_in_either_order) {
    for (bool const descending : {false, true}) {
        Server server;
        server.descending = descending;
        for (std::uint32_t event = 0; event < 250; ++event) server.add(row(100, event));
        Poller poller;
        EXPECT_EQ(poller.run(server).size(), 1 + 250U);
        EXPECT_EQ(poller.pages.size(), 3U); // 100, 100, 50
    }
}

TEST(SubscanPoll, a_full_last_page_is_followed_by_an_empty_one) {
    Server server;
    for (std::uint32_t event = 0; event < 100; ++event) server.add(row(100, event));
    Poller poller;
    EXPECT_EQ(poller.run(server).size(), 1 + 100U);
    EXPECT_EQ(poller.pages.size(), 2U);
}

TEST(SubscanPoll, a_server_that_ignores_after_id_is_asked_by_page) {
    Server server;
    server.after_id_works = false;
    for (std::uint32_t event = 0; event < 250; ++event) server.add(row(100, event));
    Poller poller;
    EXPECT_EQ(poller.run(server).size(), 1 + 250U);
    EXPECT_FALSE(poller.poll.behind());
}

TEST(SubscanPoll, a_server_that_repeats_itself_for_ever_ends) {
    Poller poller({.rows_max = 1'000});
    poller.poll.ask(poller.now);
    poller.poll.head(100, 98, poller.now);
    std::vector<Transfer> same;
    for (std::uint32_t event = 0; event < 100; ++event) same.push_back(row(100, event));
    poller.take();
    int asked = 0;
    while (poller.poll.ask(poller.now).kind == Kind::page) {
        ASSERT_LT(++asked, 50);
        poller.poll.page(same, 100, SubscanPoll::After{100, 99}, poller.now);
    }
    EXPECT_EQ(poller.take().size(), 100U);
}

TEST(SubscanPoll, too_many_rows_halve_the_range) {
    Server server;
    server.best = 200;
    server.finalized = 190;
    for (std::uint32_t block = 101; block <= 200; ++block)
        for (std::uint32_t event = 0; event < 30; ++event) server.add(row(block, event));
    Poller poller({.resume = 100, .rows_max = 500});
    auto const said = poller.run(server);
    std::size_t rows = 0;
    for (auto const& word : said) rows += word.starts_with('=') || word.starts_with('+');
    EXPECT_EQ(rows, 3'000U);
}

TEST(SubscanPoll, a_failed_question_is_asked_again_until_it_is_answered) {
    Server server;
    server.add(row(100, 3));
    Poller poller;
    pipeline::Nanoseconds pause = pipeline::second;
    for (int i = 0; i < 8; ++i) {
        ASSERT_EQ(poller.poll.ask(poller.now).kind, Kind::head);
        EXPECT_EQ(poller.poll.ask(poller.now).kind, Kind::none); // one at a time
        poller.poll.failed(SubscanPoll::Failure::passing, poller.now);
        EXPECT_EQ(poller.poll.next_time(), poller.now + std::min(pause, 60 * pipeline::second));
        pause *= 2;
        poller.now = poller.poll.next_time();
    }
    poller.poll.ask(poller.now);
    poller.poll.head(100, 98, poller.now);
    poller.take();
    auto const first = poller.poll.ask(poller.now);
    poller.poll.failed(SubscanPoll::Failure::passing, poller.now);
    poller.now = poller.poll.next_time();
    auto const second = poller.poll.ask(poller.now);
    EXPECT_EQ(std::pair(first.from, first.to), std::pair(second.from, second.to));
    poller.answer(second, server);
    EXPECT_EQ(poller.take(), (Words{"+100/3"}));
}

TEST(SubscanPoll, what_takes_too_long_is_asked_for_in_smaller_pieces) {
    Poller poller({.resume = 0});
    poller.poll.ask(poller.now);
    poller.poll.head(1'000, 990, poller.now);
    auto next = poller.poll.ask(poller.now);
    EXPECT_EQ(next.to, 1'000U);
    poller.poll.failed(SubscanPoll::Failure::heavy, poller.now);
    poller.now = poller.poll.next_time();
    next = poller.poll.ask(poller.now);
    EXPECT_EQ(std::pair(next.from, next.to), (std::pair<std::uint32_t, std::uint32_t>(1, 500)));
}

TEST(SubscanPoll, what_is_refused_for_good_waits_ten_minutes_and_is_not_forgotten) {
    Poller poller;
    poller.poll.ask(poller.now);
    poller.poll.failed(SubscanPoll::Failure::hopeless, poller.now);
    EXPECT_EQ(poller.poll.next_time(), poller.now + 600 * pipeline::second);
    poller.now = poller.poll.next_time();
    EXPECT_EQ(poller.poll.ask(poller.now).kind, Kind::head);
}

TEST(SubscanPoll, a_row_that_comes_late_is_told) {
    Server server;
    Poller poller;
    poller.run(server);
    server.best = 104;
    server.finalized = 102;
    poller.run(server); // 100 to 102 were final, and empty
    server.best = 110;
    server.finalized = 108;
    server.add(row(101, 1)); // the indexer was behind
    EXPECT_EQ(poller.run(server), (Words{"=101/1", "s102"}));
}

TEST(SubscanPoll, a_fork_takes_back_what_it_held) {
    Server server;
    server.add(row(100, 3));
    server.add(row(100, 4));
    Poller poller;
    EXPECT_EQ(poller.run(server), (Words{"s99", "+100/3", "+100/4"}));
    server.drop(100);
    server.add(row(100, 3)); // the same on the other branch
    EXPECT_EQ(poller.run(server), (Words{"+100/3", "-100"}));
    server.drop(100); // and now nothing
    EXPECT_EQ(poller.run(server), (Words{"-100"}));
    server.best = 105;
    server.finalized = 103;
    EXPECT_EQ(poller.run(server), (Words{}));
}

TEST(SubscanPoll, what_was_seen_and_is_not_there_when_final_is_taken_back_when_settled) {
    Server server;
    server.add(row(100, 3));
    Poller poller;
    poller.run(server);
    server.drop(100);
    server.best = 105;
    server.finalized = 103;
    EXPECT_EQ(poller.run(server), (Words{})); // it may come back: rows move while pages are read
    server.best = 110;
    server.finalized = 106;
    EXPECT_EQ(poller.run(server), (Words{"-100", "s103"}));
}

TEST(SubscanPoll, without_subscans_word_finality_is_a_matter_of_depth) {
    Server server;
    server.add(row(100, 3));
    Poller poller;
    poller.poll.ask(poller.now);
    poller.poll.head(100, std::nullopt, poller.now);
    EXPECT_EQ(poller.poll.finalized(), 68U);
}

TEST(SubscanPoll, a_server_that_lags_behind_another_does_not_move_anything_back) {
    Server server;
    Poller poller;
    poller.run(server);
    server.best = 50;
    server.finalized = 40;
    poller.run(server);
    EXPECT_EQ(poller.poll.best(), 100U);
    EXPECT_EQ(poller.poll.finalized(), 98U);
}

TEST(SubscanPoll, follow_finalized_tells_nothing_before) {
    Server server;
    server.add(row(100, 3));
    Poller poller({.finalized_only = true});
    EXPECT_EQ(poller.run(server), (Words{"s99"}));
    server.best = 105;
    server.finalized = 103;
    EXPECT_EQ(poller.run(server), (Words{"=100/3"}));
}
