// The plan of polling: every row once, final or taken back, whatever pages and servers do.
#include "stages/lifecycle.hpp"
#include "stages/subscan_poll.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

using namespace stages;

namespace {

using Kind = SubscanAskNext::Kind;

Transfer row(std::uint32_t block, std::uint32_t event, pipeline::u128 amount = 5) {
    Transfer made;
    made.block.number = block;
    made.event_index = event;
    made.amount = amount;
    made.from.size = made.to.size = 32;
    return made;
}

// What Subscan knows, and how it answers.
struct Server {
    std::map<std::pair<std::uint32_t, std::uint32_t>, Transfer> rows;
    std::uint32_t best = 100, finalized = 98;
    bool after_id_works = true;
    bool descending = false;

    void add(Transfer const& made) { rows[{made.block.number, made.event_index}] = made; }
    void drop(std::uint32_t block) {
        std::erase_if(rows, [&](auto const& one) { return one.first.first == block; });
    }
    std::vector<Transfer> page(SubscanAskNext const& next, std::size_t limit) const {
        std::vector<Transfer> all;
        for (auto const& [place, made] : rows)
            if (place.first >= next.from && place.first <= next.to) all.push_back(made);
        if (descending) std::reverse(all.begin(), all.end());
        auto const place = [](Transfer const& made) {
            return std::pair(made.block.number, made.event_index);
        };
        if (next.after && after_id_works)
            std::erase_if(all, [&](Transfer const& made) {
                return descending ? place(made) >= *next.after : place(made) <= *next.after;
            });
        std::size_t const skipped = std::min<std::size_t>(all.size(), next.page * limit);
        all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(skipped));
        if (all.size() > limit) all.resize(limit);
        return all;
    }
};

struct Poller {
    explicit Poller(SubscanPollOptions with = {})
        : options(with)
        , poll(with) {}

    // Words for what is told: "+100/3" new, "=100/3" final, "-100" a reading gone, "s100" settled.
    std::vector<std::string> take() {
        std::vector<std::string> said;
        while (auto const* event = poll.next()) {
            if (auto const* told = std::get_if<Transfer>(event)) {
                EXPECT_FALSE(told->block.hash_known);
                said.push_back(fmt::format("{}{}/{}", told->block.finalized ? "=" : "+",
                                           told->block.number, told->event_index));
            } else if (auto const* gone = std::get_if<Abandoned>(event)) {
                said.push_back(fmt::format("-{}", gone->number));
            } else {
                said.push_back(fmt::format("s{}", std::get<Settled>(*event).number));
            }
            poll.told();
        }
        return said;
    }
    void answer(SubscanAskNext const& next, Server const& server) {
        if (next.kind == Kind::head) return poll.head(server.best, server.finalized, now);
        auto const rows = server.page(next, options.page_rows);
        std::optional<SubscanPoll::After> last;
        if (!rows.empty()) last = {rows.back().block.number, rows.back().event_index};
        pages.push_back(next);
        poll.page(rows, rows.size(), last, now);
    }
    // One whole poll.
    std::vector<std::string> run(Server const& server) {
        std::vector<std::string> said;
        now = std::max(now, poll.next_time());
        do {
            auto const next = poll.ask(now);
            if (next.kind == Kind::none) break;
            answer(next, server);
            for (auto& word : take()) said.push_back(std::move(word));
        } while (poll.next_time() <= now);
        return said;
    }

    SubscanPollOptions options;
    SubscanPoll poll;
    pipeline::Nanoseconds now = pipeline::second;
    std::vector<SubscanAskNext> pages;
};

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

// Against a chain that grows, forks and finalizes at random, through the states of alerts: each row
// of the final chain ends as final, once, and nothing else does.
TEST(SubscanPoll, ends_with_exactly_what_the_final_chain_holds) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        auto const below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
        Server server;
        server.best = 10;
        server.finalized = 8;
        server.descending = below(2) == 1;
        server.after_id_works = below(4) != 0;
        SubscanPollOptions options{.start = 9, .range_max = 1 + below(20)};
        options.page_rows = 5;
        options.rows_max = 200;
        Poller poller(options);
        Lifecycle lifecycle(10'000);
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> states;
        auto const tell = [&](SubscanPoll::Event const& event) {
            Verdict verdict;
            verdict.path = Path::legacy;
            if (auto const* told = std::get_if<Transfer>(&event)) {
                Alert alert;
                alert.match.transfer = *told;
                std::memcpy(alert.id.data(), &told->block.number, 4);
                std::memcpy(alert.id.data() + 4, &told->event_index, 4);
                std::memcpy(alert.id.data() + 8, &told->amount, 8);
                verdict.body = alert;
            } else {
                std::visit(
                    [&](auto const& body) {
                        if constexpr (!std::same_as<std::decay_t<decltype(body)>, Transfer>)
                            verdict.body = body;
                    },
                    event);
            }
            lifecycle.begin(verdict);
            while (auto const line = lifecycle.next()) {
                Transfer const& of = line->alert.match.transfer;
                states[{of.block.number,
                        of.event_index * 1'000 + static_cast<std::uint32_t>(of.amount)}] +=
                    to_text(line->state).front();
            }
        };
        auto const step = [&](bool grow) {
            if (grow) {
                std::uint32_t const before = server.best;
                server.best += below(6);
                for (std::uint32_t block = server.finalized + 1; block <= server.best; ++block) {
                    if (block <= before && below(4) != 0) continue; // a fork replaces it
                    server.drop(block);
                    for (unsigned event = below(9); event-- > 0;)
                        server.add(row(block, event, 1 + below(3)));
                }
            }
            server.finalized += below(server.best - server.finalized + 1);
            poller.now = std::max(poller.now, poller.poll.next_time());
            for (int i = 0; i < 500; ++i) {
                auto const next = poller.poll.ask(poller.now);
                if (next.kind == Kind::none) break;
                if (below(10) == 0)
                    poller.poll.failed(static_cast<SubscanPoll::Failure>(below(2)), poller.now);
                else
                    poller.answer(next, server);
                while (auto const* event = poller.poll.next()) {
                    tell(*event);
                    poller.poll.told();
                }
                poller.now = std::max(poller.now, std::min(poller.poll.next_time(),
                                                           poller.now + 70 * pipeline::second));
            }
        };
        for (int i = 0; i < 30; ++i) step(true);
        server.finalized = server.best;
        for (int i = 0; i < 4; ++i) step(false);
        EXPECT_EQ(poller.poll.settled(), server.best);
        EXPECT_EQ(lifecycle.waiting(), 0U);
        std::size_t finals = 0;
        for (auto const& [place, said] : states) {
            auto const of_chain = server.rows.find({place.first, place.second / 1'000});
            bool const there =
                of_chain != server.rows.end() && of_chain->second.amount == place.second % 1'000;
            EXPECT_EQ(said.back(), there ? 'f' : 'r') << place.first << '/' << place.second;
            EXPECT_EQ(std::count(said.begin(), said.end(), 'f'), there ? 1 : 0) << said;
            finals += there;
        }
        std::size_t wanted = 0;
        for (auto const& [place, made] : server.rows) wanted += place.first >= 9;
        EXPECT_EQ(finals, wanted);
    }
}
