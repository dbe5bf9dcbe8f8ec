// What outlives a run: alerts said once, states settled after a restart, holes that are wanted.
#include "tests/io/faulty_vfs.hpp"
#include "tests/stages/scripted_feed.hpp"

#include <gtest/gtest.h>

using namespace scripted;
using stages::AlertState;
using stages::CustodyMetric;
using Words = std::vector<std::string>;

namespace {

constexpr char metadata[] = "polkadot-2000000.v15";

stages::Rule at_least(std::string const& tokens) {
    stages::Rule rule = everything();
    rule.levels[0] = tokens;
    return rule;
}

// The pipeline behind the source, with a journal that outlives it.
struct Life : Feed {
    explicit Life(std::string const& path, stages::Rule const& rule = everything(),
                  std::optional<std::int64_t> sink_has = {}, std::size_t open_alerts_max = 65'536)
        : Life(quick_journal(path), rule, sink_has, open_alerts_max) {}
    explicit Life(std::unique_ptr<stages::Journal> journal, stages::Rule const& rule = everything(),
                  std::optional<std::int64_t> sink_has = {}, std::size_t open_alerts_max = 65'536)
        : Feed({rule}, {"polkadot"}, std::move(journal), sink_has, open_alerts_max) {
        tell(dot_facts());
        tell(stages::RuntimeBytes{1}, known_runtime(metadata).bytes);
    }
    void block(std::uint32_t number, std::size_t transfers, std::uint8_t fork = 0) {
        tell(block_bytes(number, 1, fork), events_of(*known_runtime(metadata).runtime,
                                                     std::vector<Sent>(transfers, {.amount = 5})));
    }
    void final(std::uint32_t number, std::uint8_t fork = 0) {
        tell(stages::Finalized{block_bytes(number, 1, fork).block.hash,
                               block_bytes(number - 1).block.hash, number});
        wait(stages::Deliver::ledger_patience);
    }
    void told_and_final(std::uint32_t number) {
        block(number, 0);
        final(number);
    }
    void wait(pipeline::Nanoseconds time) {
        clock.now += time;
        run();
    }
    // "final 0x07": the state, and the first bytes of the block's hash.
    Words said() {
        Words words;
        for (std::string const& line : take_lines()) {
            auto const field = [&](std::string_view name) {
                std::size_t const at = line.find(name) + name.size();
                return line.substr(at, line.find('"', at) - at);
            };
            words.push_back(field("\"state\":\"") + " " + field("\"hash\":\"").substr(0, 6));
        }
        return words;
    }
};

struct Custody : testing::Test {
    stages::testing::Directory folder;
    std::string path = folder / "alerts.db";
};

} // namespace

TEST_F(Custody, a_restart_says_nothing_twice) {
    for (int start = 0; start < 3; ++start) {
        Life run(path);
        run.block(7, 2);
        run.final(7);
        EXPECT_EQ(run.said().size(), start == 0 ? 4U : 0U);
    }
}

TEST_F(Custody, what_was_seen_before_a_restart_is_final_after_it) {
    {
        Life run(path);
        run.block(7, 2);
        EXPECT_EQ(run.said().size(), 2U);
    }
    Life run(path);
    run.block(7, 2);
    EXPECT_EQ(run.said(), Words{});
    run.final(7);
    EXPECT_EQ(run.said(), (Words{"final 0x0007", "final 0x0007"}));
}

TEST_F(Custody, what_was_seen_in_an_abandoned_block_is_retracted_after_a_restart) {
    std::string seen;
    {
        Life run(path);
        run.block(7, 1, 1);
        seen = run.take_lines().at(0);
    }
    Life run(path);
    run.block(7, 0, 2);
    run.final(7, 2);
    auto const lines = run.take_lines();
    ASSERT_EQ(lines.size(), 1U);
    std::size_t const state = seen.find("seen");
    EXPECT_EQ(lines[0].substr(0, state), seen.substr(0, state)); // the same id
    EXPECT_EQ(lines[0].substr(state, 9), "retracted");
    EXPECT_NE(lines[0].find("\"hash\":\"0x0107"), std::string::npos) << lines[0];
    EXPECT_EQ(run.custody_page.read(CustodyMetric::restated), 1U);
}

TEST_F(Custody, an_event_that_the_final_block_has_too_is_final_not_retracted) {
    {
        Life run(path);
        run.block(7, 1, 1);
    }
    Life run(path);
    run.block(7, 1, 2); // the same event, so the same id
    run.final(7, 2);
    EXPECT_EQ(run.said(), Words{"final 0x0207"});
}

// A rule that asks for more now does not see the transfer again; its promise still holds.
TEST_F(Custody, an_alert_whose_rule_has_changed_still_gets_its_last_state) {
    {
        Life run(path);
        run.block(7, 1);
    }
    Life run(path, at_least("1000000"));
    run.block(7, 1);
    run.final(7);
    EXPECT_EQ(run.said(), Words{"final 0x0007"});
}

TEST_F(Custody, an_open_alert_at_a_covered_height_was_abandoned_while_nobody_looked) {
    {
        Life run(path);
        run.block(7, 1, 1);
    }
    {
        auto const journal = quick_journal(path);
        auto const chain = journal->enter(dot_facts().genesis, "polkadot");
        stages::BlockDone other;
        other.number = 7;
        other.hash = block_bytes(7, 1, 2).block.hash;
        journal->block_done(chain, other);
        ASSERT_EQ(journal->block_final(chain, 7, other.hash, {}), stages::Covered::added);
        ASSERT_TRUE(journal->commit());
    }
    Life run(path);
    EXPECT_EQ(run.said(), Words{"retracted 0x0107"});
}

TEST_F(Custody, what_was_committed_and_not_written_is_written_first) {
    std::string first;
    {
        Life run(path);
        run.block(7, 1);
        run.block(8, 1);
        first = run.out;
    }
    Life run(path, everything(), 1); // the sink has the first of two rows
    run.block(9, 1);
    EXPECT_EQ(run.said(), (Words{"seen 0x0008", "seen 0x0009"}));
    EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 2);
}

TEST_F(Custody, what_the_ledger_lacks_is_wanted_until_it_is_there) {
    Life run(path);
    run.told_and_final(7);
    EXPECT_EQ(run.orders->take(), Words{});
    run.told_and_final(10);
    EXPECT_EQ(run.orders->take(), Words{"0: 8-9"});
    EXPECT_EQ(run.custody_page.read(CustodyMetric::hole_blocks), 2U);
    run.wait(stages::Custody::want_interval);
    EXPECT_EQ(run.orders->take(), Words{"0: 8-9"}); // a link that drops may have dropped it
    run.told_and_final(8);
    run.wait(stages::Custody::want_interval);
    EXPECT_EQ(run.orders->take().back(), "0: 9-9");
    run.told_and_final(9);
    run.wait(2 * stages::Custody::want_interval);
    run.orders->take();
    run.wait(2 * stages::Custody::want_interval);
    EXPECT_EQ(run.orders->take(), Words{});
    EXPECT_EQ(run.custody_page.read(CustodyMetric::hole_blocks), 0U);
}

TEST_F(Custody, a_hole_left_by_an_earlier_run_is_wanted_at_once) {
    {
        Life run(path);
        run.told_and_final(7);
        run.told_and_final(10);
    }
    Life run(path);
    EXPECT_EQ(run.orders->take(), Words{}); // decode does not know the chain's assets yet
    run.block(11, 0);
    EXPECT_EQ(run.orders->take(), Words{"0: 8-9"});
}

// A run that ends before its first block is final has no cursor yet, and owes what it has begun.
TEST_F(Custody, a_run_that_ends_before_finality_owes_its_first_block) {
    {
        Life run(path);
        run.block(7, 1);
        EXPECT_EQ(run.said(), Words{"seen 0x0007"});
        run.block(8, 0);
    }
    Life run(path);
    run.told_and_final(11);
    EXPECT_EQ(run.orders->take(), Words{"0: 7-10"});
    EXPECT_EQ(quick_journal(folder / "other.db")->start_of("polkadot"), std::nullopt);
    auto const journal =
        stages::testing::open_journal(path, {.database = {.read_only = true, .lock = false}});
    EXPECT_EQ(journal->start_of("polkadot"), 7U);
}

TEST_F(Custody, what_nobody_can_give_is_asked_for_again_after_a_pause) {
    Life run(path);
    run.told_and_final(7);
    run.told_and_final(10);
    run.orders->take();
    run.tell(stages::Missing{8, 9, {"pruned everywhere"}, {"asked again in 10 minutes"}});
    run.wait(5 * stages::Custody::want_interval);
    EXPECT_EQ(run.orders->take(), Words{});
    auto const journal =
        stages::testing::open_journal(path, {.database = {.read_only = true, .lock = false}});
    auto const holes = journal->holes(journal->enter(dot_facts().genesis, "polkadot"));
    ASSERT_EQ(holes.size(), 1U);
    EXPECT_EQ(holes[0].reason, "pruned everywhere");
    run.wait(stages::Custody::missing_pause);
    EXPECT_EQ(run.orders->take(), Words{"0: 8-9"});
}

TEST_F(Custody, a_block_that_contradicts_the_ledger_is_an_incident_and_no_storm) {
    Life run(path);
    run.told_and_final(7);
    run.block(8, 0, 5);
    run.tell(
        stages::Finalized{block_bytes(8, 1, 5).block.hash, block_bytes(7, 1, 9).block.hash, 8});
    EXPECT_EQ(run.custody_page.read(CustodyMetric::conflicts), 1U);
    EXPECT_EQ(run.log.count("incident: polkadot: block 8"), 1U) << run.log.all();
    run.told_and_final(10);
    EXPECT_EQ(run.orders->take(), Words{"0: 9-9"}); // 8 waits
}

TEST_F(Custody, an_incomplete_block_is_read_again_at_the_next_start) {
    std::vector<std::uint8_t> const garbage{4, 0xff, 0xff};
    {
        Life run(path);
        run.tell(block_bytes(7), garbage);
        run.final(7);
        EXPECT_EQ(run.said(), Words{});
    }
    {
        Life run(path); // still unreadable
        run.block(8, 0);
        EXPECT_EQ(run.orders->take(), Words{"0: 7-7"});
        run.tell(block_bytes(7), garbage);
        run.final(7);
        run.wait(3 * stages::Custody::want_interval);
        run.orders->take();
        run.wait(3 * stages::Custody::want_interval);
        EXPECT_EQ(run.orders->take(), Words{}); // not again and again
    }
    {
        Life run(path); // a version that can
        auto block = block_bytes(7);
        block.block.finalized = true;
        run.tell(block, events_of(*known_runtime(metadata).runtime, {{.amount = 5}}));
        run.final(7);
        EXPECT_EQ(run.said(), Words{"final 0x0007"});
        EXPECT_EQ(run.custody_page.read(CustodyMetric::reread), 1U);
    }
    Life run(path);
    run.block(8, 0);
    EXPECT_EQ(run.orders->take(), Words{});
}

TEST_F(Custody, an_incomplete_block_is_read_again_when_the_runtime_changes) {
    Life run(path);
    std::vector<std::uint8_t> const garbage{4, 0xff, 0xff};
    run.tell(block_bytes(7), garbage);
    run.final(7);
    run.told_and_final(8);
    EXPECT_EQ(run.orders->take(), Words{});
    run.tell(stages::RuntimeBytes{2}, known_runtime(metadata).bytes);
    run.tell(block_bytes(9, 2), events_of(*known_runtime(metadata).runtime, {}));
    EXPECT_EQ(run.orders->take(), Words{"0: 7-7"});
}

// More wait for finality than there is room for: the journal remembers the oldest.
TEST_F(Custody, an_alert_let_go_for_want_of_room_is_final_all_the_same) {
    Life run(path, everything(), {}, 2);
    for (std::uint32_t number = 7; number < 12; ++number) run.block(number, 1);
    EXPECT_EQ(run.said().size(), 5U);
    for (std::uint32_t number = 7; number < 12; ++number) run.final(number);
    EXPECT_EQ(run.said(), (Words{"final 0x0007", "final 0x0008", "final 0x0009", "final 0x000a",
                                 "final 0x000b"}));
    EXPECT_EQ(run.custody_page.read(CustodyMetric::restated), 3U);
}

TEST_F(Custody, nothing_is_told_that_is_not_safe) {
    io::testing::FaultyDisk disk("spyhop-custody");
    Life run(stages::testing::open_journal(path, {.database = {.vfs = disk.vfs()}}));
    disk.fail(io::testing::DiskFault::full);
    run.block(7, 1);
    run.block(8, 1);
    EXPECT_EQ(run.said(), Words{});
    EXPECT_EQ(run.log.count("No alert is told before it is safe"), 1U) << run.log.all();
    disk.heal();
    run.wait(stages::Deliver::commit_pause);
    run.run(); // the commit made room for the next block
    EXPECT_EQ(run.said(), (Words{"seen 0x0007", "seen 0x0008"}));
    EXPECT_TRUE(run.log.has("writing again"));
}

// What a sink has written is remembered by a commit of its own; one that fails is not the last.
TEST_F(Custody, a_failed_commit_of_marks_alone_is_tried_again) {
    io::testing::FaultyDisk disk("spyhop-marks");
    Life run(stages::testing::open_journal(path, {.database = {.vfs = disk.vfs()}}));
    run.block(7, 1);
    EXPECT_EQ(run.said(), Words{"seen 0x0007"});
    disk.fail(io::testing::DiskFault::full);
    run.wait(stages::Deliver::mark_patience + pipeline::second);
    EXPECT_NE(disk.failed(), 0U);
    disk.heal();
    run.wait(stages::Deliver::commit_pause);
    run.run();
    run.block(8, 1);
    EXPECT_EQ(run.said(), Words{"seen 0x0008"});
}
