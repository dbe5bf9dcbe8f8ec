// From frames to lines: states over finality, sinks without room, labels, chains side by side.
#include "tests/stages/scripted_feed.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::DeliverMetric;

namespace {

struct Chain10 : Feed {
    explicit Chain10(std::vector<std::string> chains = {"polkadot"})
        : Feed({everything()}, std::move(chains)) {
        tell(dot_facts());
        tell(stages::RuntimeBytes{1}, known.bytes);
    }
    void block(std::uint32_t number, std::size_t transfers, std::uint8_t fork = 0) {
        push(block_bytes(number, 1, fork),
             events_of(*known.runtime, std::vector<Sent>(transfers, {.amount = 5})));
    }
    KnownRuntime const& known = known_runtime("polkadot-2000000.v15");
};

// A Deliver alone, driven by hand.
struct Desk {
    Desk(stages::DeliverOptions options, std::vector<stages::Outlet> outlets)
        : deliver(std::move(options), quick_journal(folder / "alerts.db"), {}, std::move(outlets),
                  {clock, log, page, custody_page}, pipeline::Outs<stages::Want>({&wants})) {
        deliver.upkeep({}); // what earlier runs left comes first: nothing
    }
    stages::testing::Directory folder;
    pipeline::ManualClock clock;
    RecordedLog log;
    pipeline::MetricsPage page{"", stages::deliver_metrics};
    pipeline::MetricsPage custody_page{"", stages::custody_metrics};
    pipeline::Link<stages::Want> wants{"wants", want_room};
    stages::Deliver deliver;
};

std::size_t count(std::vector<std::string> const& lines, std::string_view part) {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&](auto const& line) { return line.find(part) != std::string::npos; }));
}

} // namespace

TEST(Deliver, seen_then_final) {
    Chain10 feed;
    feed.block(7, 2);
    feed.run();
    EXPECT_EQ(count(feed.take_lines(), "\"state\":\"seen\""), 2u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::alerts_open), 2u);
    feed.tell(stages::Finalized{block_bytes(7).block.hash, {}, 7});
    EXPECT_EQ(count(feed.take_lines(), "\"state\":\"final\""), 2u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::alerts_open), 0u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::lines), 4u);
}

TEST(Deliver, the_same_transfer_on_a_fork_keeps_its_id_and_is_final_once) {
    Chain10 feed;
    feed.block(7, 1, 1);
    feed.block(7, 1, 2);
    feed.run();
    EXPECT_EQ(feed.take_lines().size(), 1u);
    feed.push(stages::Finalized{block_bytes(7, 1, 2).block.hash, {}, 7});
    feed.tell(stages::Abandoned{block_bytes(7, 1, 1).block.hash, 7});
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("\"state\":\"final\""), std::string::npos);
    EXPECT_NE(lines[0].find("\"hash\":\"0x0207"), std::string::npos) << lines[0];
}

TEST(Deliver, a_sink_without_room_stops_the_input_and_loses_nothing) {
    Chain10 feed;
    feed.sink->set_room(stages::Deliver::line_bytes_max - 1);
    for (std::uint32_t i = 0; i < 60; ++i) feed.block(7 + i, 20);
    feed.run();
    EXPECT_TRUE(feed.take_lines().empty());
    EXPECT_GT(feed.frames.waiting(), 0u); // the wait reaches back to the frames
    std::size_t lines = 0;
    for (int i = 0; i < 5'000 && lines < 1'200; ++i) {
        feed.sink->set_room(stages::Deliver::line_bytes_max); // one line at a time, at the worst
        feed.run();
        lines += feed.take_lines().size();
    }
    feed.sink->set_room(stages::Deliver::line_bytes_max);
    feed.run(); // the end of the last block
    EXPECT_EQ(lines, 1'200u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::lines), 1'200u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::blocks), 60u);
    EXPECT_EQ(feed.frames.waiting(), 0u);
}

TEST(Deliver, a_checkpoint_waits_until_no_line_does) {
    Chain10 feed;
    feed.sink->set_pending(1);
    for (std::uint32_t i = 0; i < 100; ++i) {
        feed.block(7 + i, 20);
        feed.run();
    }
    EXPECT_EQ(feed.take_lines().size(), 2'000u);
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::checkpoints), 0u);
    feed.sink->set_pending(0);
    feed.run();
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::checkpoints), 1u);
    feed.block(900, 20);
    feed.run();
    EXPECT_EQ(feed.deliver_page.read(DeliverMetric::checkpoints), 1u);
}

TEST(Deliver, a_sink_that_fills_up_inside_a_finality_goes_on_where_it_stopped) {
    Chain10 feed;
    feed.block(7, 50);
    feed.run();
    EXPECT_EQ(feed.take_lines().size(), 50u);
    feed.sink->set_room(stages::Deliver::line_bytes_max);
    feed.tell(stages::Finalized{block_bytes(7).block.hash, {}, 7});
    std::size_t lines = feed.take_lines().size();
    EXPECT_GE(lines, 1u);
    EXPECT_LT(lines, 50u);
    for (int i = 0; i < 200; ++i) {
        feed.sink->set_room(stages::Deliver::line_bytes_max);
        feed.run();
        lines += feed.take_lines().size();
    }
    EXPECT_EQ(lines, 50u);
}

TEST(Deliver, chains_side_by_side_keep_their_own_token_and_genesis) {
    Feed feed({everything()}, {"polkadot", "kusama"});
    auto const& known = known_runtime("polkadot-2000000.v15");
    auto kusama = dot_facts();
    kusama.symbol.assign("KSM");
    kusama.genesis.fill(0xb0);
    kusama.ss58_prefix = 2;
    feed.tell(dot_facts(), {}, 0);
    feed.tell(kusama, {}, 1);
    feed.tell(stages::RuntimeBytes{1}, known.bytes, 0);
    feed.tell(stages::RuntimeBytes{1}, known.bytes, 1);
    auto const value = events_of(*known.runtime, {{.amount = 5}});
    feed.tell(block_bytes(7), value, 0);
    feed.tell(block_bytes(7), value, 1);
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 2u); // the same event on two chains is two alerts
    EXPECT_NE(lines[0].find("\"symbol\":\"DOT\""), std::string::npos);
    EXPECT_NE(lines[1].find("\"symbol\":\"KSM\""), std::string::npos);
    EXPECT_NE(lines[0].substr(0, 40), lines[1].substr(0, 40));
}

TEST(Deliver, latency_is_from_the_socket_to_the_line) {
    Chain10 feed;
    feed.clock.unix_ms = 1'763'626'512'812;
    feed.block(7, 1);
    feed.clock.now += 41'230;
    feed.run();
    auto const lines = feed.take_lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(
        lines[0].find(R"("latency":{"received_to_emitted_ns":41230,"block_to_emitted_ms":812}})"),
        std::string::npos)
        << lines[0];
}

TEST(Deliver, every_sink_gets_every_line_and_the_slowest_decides) {
    stages::DeliverOptions options;
    options.chains = {"polkadot"};
    options.rules = {{"rule", {}}};
    std::string first, second;
    auto outlets = one_outlet(std::make_unique<MemorySink>(first));
    auto slow = std::make_unique<MemorySink>(second);
    auto* const slowest = slow.get();
    outlets.push_back({"ndjson:second", std::move(slow), 0});
    Desk desk(std::move(options), std::move(outlets));
    slowest->set_room(10);
    EXPECT_FALSE(desk.deliver.accepting());
    stages::Verdict verdict;
    verdict.body = stages::Alert{};
    EXPECT_FALSE(desk.deliver.on({verdict, {}}, {}));
    EXPECT_TRUE(first.empty());
    slowest->set_room(1 << 20);
    EXPECT_TRUE(desk.deliver.on({verdict, {}}, {}));
    EXPECT_TRUE(first.empty()); // not before it is committed
    desk.deliver.upkeep({});
    EXPECT_EQ(first, second);
    EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1);
}
