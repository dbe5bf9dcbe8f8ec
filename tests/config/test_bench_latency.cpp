// Who said what when: counted against what was meant. And the picture of it.
#include "config/bench_latency.hpp"
#include "config/bench_plot.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using config::BenchBlocks;
using config::Contestant;
using config::Says;

// Two lists of events by turns: the first with alerts at 3 and 7, the second with none.
struct Played {
    BenchBlocks blocks;
    config::LoadPlan plan;
    std::vector<std::vector<pipeline::Nanoseconds>> sent;

    Played() {
        blocks.decimals = 2;
        blocks.lists.resize(2);
        blocks.lists[0].transfers = {{3, 500}, {5, 499}, {7, 800}};
        blocks.lists[1].transfers = {{1, 10}};
        plan.blocks = &blocks;
        plan.chains.resize(2);
        plan.blocks_each = 4; // places 1 to 4; 2 and 4 have the first list
        plan.block_time = 1'000;
        plan.offset = 500;
        sent = {{}, {10'510, 11'510, 12'510, 13'510}};
    }
    config::ContestFigures of(Contestant const& who) const {
        return config::figures_of(who, {plan, 500, 1, 10'000, 50'000, sent});
    }
};

TEST(BenchLatency, an_alert_counts_from_when_its_block_was_due_and_from_when_it_was_sent) {
    Played const played;
    EXPECT_EQ(config::alerts_expected(played.plan, 500), 4U);
    Contestant const who{
        "",
        "",
        Says::alerts,
        1,
        {{1002, 3, 11'600}, {1002, 7, 11'700}, {1004, 3, 13'600}, {1004, 7, 13'900}},
        {}};
    auto const found = played.of(who);
    EXPECT_TRUE(found.complete());
    EXPECT_EQ(found.sorted_from_due, (std::vector<double>{100, 100, 200, 400}));
    EXPECT_EQ(found.sorted_from_sent, (std::vector<double>{90, 90, 190, 390}));
}

TEST(BenchLatency, what_is_missing_doubled_or_unmeant_is_seen) {
    Played const played;
    Contestant const who{"",
                         "",
                         Says::alerts,
                         1,
                         {{1002, 3, 11'600},
                          {1002, 3, 11'601},
                          {1002, 5, 11'700},
                          {1001, 9, 1}, // of the warm-up
                          {1004, 3, 13'600},
                          {1004, 7, 13'600}},
                         {}};
    auto const found = played.of(who);
    EXPECT_EQ(found.expected, 4U);
    EXPECT_EQ(found.missing, 1U);
    EXPECT_EQ(found.doubled, 1U);
    EXPECT_EQ(found.foreign, 1U);
    EXPECT_EQ(found.from_due.max, 50'000 - 11'500); // what never came, until the end
    EXPECT_EQ(found.from_sent.count, 3U);
}

TEST(BenchLatency, who_does_not_tell_events_is_counted_by_blocks) {
    Played const played;
    Contestant const peer{
        "", "", Says::counted_alerts, 1, {{1002, 0, 11'600}, {1002, 0, 11'600}, {1004, 0, 13'600}},
        {}};
    auto const found = played.of(peer);
    EXPECT_EQ(found.expected, 4U);
    EXPECT_EQ(found.missing, 1U);
    Contestant const floor{
        "", "", Says::blocks, 1, {{1002, 0, 11'530}, {1003, 0, 12'530}, {1004, 0, 13'530}}, {}};
    auto const bare = played.of(floor);
    EXPECT_TRUE(bare.complete());
    EXPECT_EQ(bare.from_sent.p50, 20);
}

TEST(BenchChain, levels_are_ranks_of_amounts) {
    Played const played;
    EXPECT_EQ(played.blocks.level_for(1), 800);
    EXPECT_EQ(played.blocks.level_for(3), 499);
    EXPECT_EQ(played.blocks.level_for(100), 10);
    EXPECT_EQ(played.blocks.lists[0].level_for(2), 500);
    EXPECT_EQ(played.blocks.level_text(499), "4.99");
}

TEST(BenchChain, generated_lists_are_what_was_asked_for) {
    auto const made = config::make_blocks({.different = 3, .events = 120});
    ASSERT_TRUE(made) << made.error();
    ASSERT_EQ(made->lists.size(), 3U);
    for (auto const& list : made->lists) {
        EXPECT_LE(list.events, 120U);
        EXPECT_GT(list.events, 100U);
        EXPECT_FALSE(list.transfers.empty());
        EXPECT_TRUE(std::ranges::is_sorted(list.transfers, {},
                                           [](auto const& one) { return one.event_index; }));
    }
    config::BenchFeed feed(*made, {"bench", 0, 2, [](std::uint64_t place) { return place; }});
    int blocks = 0;
    pipeline::Hash parent{};
    while (auto const record = feed.next()) {
        auto const* const block = std::get_if<io::CaptureBlock>(&*record);
        if (block == nullptr) continue;
        EXPECT_EQ(block->number, config::bench_first_number + static_cast<unsigned>(blocks));
        EXPECT_EQ(block->timestamp_ms, static_cast<unsigned>(blocks));
        if (blocks > 0) {
            EXPECT_EQ(block->parent, parent);
        }
        parent = block->hash;
        ++blocks;
    }
    EXPECT_EQ(blocks, 3); // the first, and two behind it
}

TEST(BenchPlot, every_curve_and_line_is_drawn_and_text_is_escaped) {
    std::string const svg = config::latency_svg(
        "a < b", {{"one & two", {1e4, 2e4, 3e6}}, {"silent", {}}}, {{"5 s", 5e9}});
    EXPECT_EQ(svg.find("a < b"), svg.npos);
    EXPECT_NE(svg.find("a &lt; b"), svg.npos);
    EXPECT_NE(svg.find("one &amp; two"), svg.npos);
    EXPECT_NE(svg.find("silent: nothing came"), svg.npos);
    EXPECT_NE(svg.find("<polyline"), svg.npos);
    EXPECT_NE(svg.find("5 s</text>"), svg.npos);
    EXPECT_EQ(svg.find("nan"), svg.npos);
    EXPECT_EQ(svg.find("inf"), svg.npos);
}

} // namespace
