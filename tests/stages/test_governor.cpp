// Changes of the regime: what is refused, what is stored before it is told, and a rollback that
// waits for nothing.
#include "stages/governor.hpp"

#include "tests/stages/scripted_node.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::Mode;

namespace {

struct Office {
    explicit Office(bool has_legacy = true)
        : governor(make_state(has_legacy), has_legacy,
                   {switchboard, clock, log,
                    [this](FlagState const& state) -> std::expected<void, std::string> {
                        if (disk_full) return std::unexpected("no space left");
                        if (meanwhile) std::exchange(meanwhile, {})();
                        stored.push_back(state);
                        return {};
                    },
                    [this] { ++woken; }}) {
        switchboard.start(regime_of(governor.state()));
    }
    static FlagState make_state(bool has_legacy) {
        FlagState state = default_flags();
        if (!has_legacy) state.mode = Mode::hybrid_only;
        return state;
    }
    static FlagRow const& row(FlagName name) { return flag_rows()[static_cast<std::size_t>(name)]; }
    Governor::Result<RegimeChange> share(std::uint16_t hundredths,
                                         std::optional<std::uint32_t> if_epoch = std::nullopt) {
        return governor.set_flag(row(FlagName::hybrid_traffic_percent), hundredths, somebody,
                                 if_epoch);
    }

    Who const somebody{"uid 7", "because"};
    pipeline::ManualClock clock;
    scripted::RecordedLog log;
    pipeline::Switchboard switchboard{{}};
    std::vector<FlagState> stored;
    std::function<void()> meanwhile; // once, while the disk writes
    bool disk_full = false;
    int woken = 0;
    Governor governor;
};

} // namespace

TEST(Governor, stores_before_it_changes_and_wakes_who_has_to_see) {
    Office office;
    office.meanwhile = [&] { EXPECT_EQ(office.switchboard.load().hybrid_buckets, 0); };
    auto const change = office.share(3'500);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->before.epoch + 1, change->after.epoch);
    EXPECT_EQ(office.switchboard.load(), change->after);
    EXPECT_EQ(office.switchboard.load().hybrid_buckets, 3'500);
    ASSERT_EQ(office.stored.size(), 1U);
    EXPECT_EQ(regime_of(office.stored[0]), change->after);
    EXPECT_EQ(office.stored[0].of(FlagName::hybrid_traffic_percent).set_by, "uid 7");
    EXPECT_EQ(office.woken, 1);
}

TEST(Governor, a_disk_that_does_not_write_refuses_a_flag_and_not_a_rollback) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    office.disk_full = true;
    auto const refused = office.share(5'000);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("no space left"), std::string::npos);
    EXPECT_EQ(office.switchboard.load().hybrid_buckets, 3'500);
    auto const back = office.governor.rollback(office.somebody);
    ASSERT_TRUE(back);
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    EXPECT_NE(back->trouble.find("not stored yet: no space left"), std::string::npos);
    office.disk_full = false;
    office.clock.advance(pipeline::second);
    office.governor.settle();
    EXPECT_EQ(regime_of(office.stored.back()), office.switchboard.load());
    EXPECT_TRUE(office.stored.back().locked);
}

TEST(Governor, a_stale_epoch_is_refused_with_both_numbers) {
    Office office;
    auto const first = office.share(100, office.switchboard.load().epoch);
    ASSERT_TRUE(first);
    auto const stale = office.share(200, first->before.epoch);
    ASSERT_FALSE(stale);
    EXPECT_NE(stale.error().find("the epoch is 2, not 1"), std::string::npos) << stale.error();
}

TEST(Governor, a_rollback_locks_promotion_and_is_idempotent) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    auto const back = office.governor.rollback({"uid 7", "bad alerts"});
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->changed);
    EXPECT_EQ(office.switchboard.load().hybrid_buckets, 0);
    auto const again = office.governor.rollback({"uid 8", "me too"});
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->changed);
    EXPECT_EQ(again->after.epoch, back->after.epoch);
    auto const refused = office.share(1);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("bad alerts"), std::string::npos);
    EXPECT_FALSE(office.governor.set_share(4, 100, office.somebody, "rollout"));
    PinEntry entry;
    entry.pin = Pin::hybrid;
    EXPECT_FALSE(office.governor.pin(entry, office.somebody));
    EXPECT_TRUE(office.share(0)); // less is always allowed
    ASSERT_TRUE(office.governor.unlock(office.somebody));
    EXPECT_EQ(office.switchboard.load().mode, Mode::normal);
    EXPECT_TRUE(office.share(1));
    EXPECT_FALSE(office.governor.unlock(office.somebody)->changed);
}

TEST(Governor, a_drill_changes_the_epoch_and_nothing_else) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    auto const drill = office.governor.drill(office.somebody);
    ASSERT_TRUE(drill);
    auto before = drill->before;
    before.epoch = drill->after.epoch;
    EXPECT_EQ(before, drill->after);
    EXPECT_NE(drill->before.epoch, drill->after.epoch);
}

TEST(Governor, a_drill_does_not_undo_a_fall_back) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    auto const now = office.switchboard.load();
    auto next = now;
    next.mode = Mode::legacy_only;
    ASSERT_TRUE(office.switchboard.change(now, next));
    static_cast<void>(office.governor.drill(office.somebody));
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    EXPECT_TRUE(office.governor.state().locked);
}

// The supervisor has seen hybrid die and has put the switchboard to legacy itself.
TEST(Governor, what_another_has_changed_is_stored_locked_and_told) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    auto const now = office.switchboard.load();
    auto next = now;
    next.mode = Mode::legacy_only;
    ASSERT_TRUE(office.switchboard.change(now, next));
    office.governor.settle();
    EXPECT_TRUE(office.governor.state().locked);
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    EXPECT_EQ(office.switchboard.load().hybrid_buckets, 0);
    EXPECT_EQ(regime_of(office.stored.back()), office.switchboard.load());
}

// While the disk writes 50 %, hybrid dies: the change must not undo the fall-back.
TEST(Governor, a_change_that_meets_another_one_is_not_made) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    office.meanwhile = [&] {
        auto const now = office.switchboard.load();
        auto next = now;
        next.mode = Mode::legacy_only;
        ASSERT_TRUE(office.switchboard.change(now, next));
    };
    auto const refused = office.share(5'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    EXPECT_TRUE(office.governor.state().locked);
    EXPECT_EQ(regime_of(office.stored.back()), office.switchboard.load());
}

TEST(Governor, there_is_nothing_to_go_back_to_without_legacy) {
    Office office(false);
    auto const refused = office.governor.rollback(office.somebody);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("subscan_url"), std::string::npos);
    EXPECT_EQ(office.switchboard.load().mode, Mode::hybrid_only);
}

TEST(Flags, are_read_exactly_and_refused_with_what_may_be_written) {
    auto const& percent = Office::row(FlagName::hybrid_traffic_percent);
    EXPECT_EQ(parse_flag(percent, "35"), 3'500);
    EXPECT_EQ(parse_flag(percent, "0.01"), 1);
    EXPECT_EQ(parse_flag(percent, "100"), 10'000);
    EXPECT_EQ(parse_flag(percent, "12.34"), 1'234);
    for (char const* bad : {"", "100.01", "-1", "1.234", "1e1", "35%", "nan", "inf", "0x10", " 1"})
        EXPECT_FALSE(parse_flag(percent, bad)) << bad;
    auto const& tier = Office::row(FlagName::canary_tier);
    EXPECT_EQ(parse_flag(tier, "all"), pipeline::tiers_all);
    EXPECT_EQ(parse_flag(tier, "4"), 4);
    for (char const* bad : {"5", "15", "", "al", "-1"}) EXPECT_FALSE(parse_flag(tier, bad)) << bad;
    auto const& boolean = Office::row(FlagName::enable_hybrid_rpc);
    EXPECT_EQ(parse_flag(boolean, "false"), 0);
    EXPECT_FALSE(parse_flag(boolean, "1"));
    for (auto const& row : flag_rows()) {
        EXPECT_EQ(&row, &Office::row(row.name)); // the table is in the order of the names
        EXPECT_EQ(parse_flag(row, flag_text(row, row.initial)), row.initial);
        EXPECT_EQ(*find_flag(row.key), &row);
    }
    EXPECT_NE(find_flag("hybrid_trafic_percent").error().find("hybrid_traffic_percent"),
              std::string::npos);
}

TEST(Governor, what_is_frozen_goes_back_and_never_on) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    auto const frozen = office.governor.freeze(true, office.somebody);
    ASSERT_TRUE(frozen);
    EXPECT_EQ(office.switchboard.load().mode, Mode::frozen);
    EXPECT_EQ(office.switchboard.load().hybrid_buckets, 3'500);
    EXPECT_EQ(office.stored.back().mode, Mode::frozen);
    EXPECT_FALSE(office.governor.freeze(true, office.somebody)->changed);
    auto const more = office.share(3'501);
    ASSERT_FALSE(more);
    EXPECT_NE(more.error().find("spyhop unfreeze --reason"), std::string::npos);
    EXPECT_FALSE(office.governor.set_share(pipeline::tiers_all, 5'000, office.somebody, "rollout"));
    PinEntry entry;
    entry.pin = Pin::hybrid;
    EXPECT_FALSE(office.governor.pin(entry, office.somebody));
    entry.pin = Pin::legacy;
    EXPECT_TRUE(office.governor.pin(entry, office.somebody));
    entry.pin = Pin::none; // would give the account to its bucket again
    EXPECT_FALSE(office.governor.pin(entry, office.somebody));
    EXPECT_TRUE(office.share(500));
    ASSERT_TRUE(office.governor.freeze(false, office.somebody));
    EXPECT_EQ(office.switchboard.load().mode, Mode::normal);
    EXPECT_TRUE(office.share(501));
    EXPECT_FALSE(office.governor.freeze(false, office.somebody)->changed);
}

TEST(Governor, the_kill_switch_stands_above_a_freeze) {
    Office office;
    ASSERT_TRUE(office.share(3'500));
    ASSERT_TRUE(office.governor.freeze(true, office.somebody));
    ASSERT_TRUE(office.governor.rollback(office.somebody));
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    EXPECT_FALSE(office.governor.freeze(true, office.somebody));
    EXPECT_FALSE(office.governor.freeze(false, office.somebody)->changed);
    EXPECT_EQ(office.switchboard.load().mode, Mode::legacy_only);
    Office alone(false);
    EXPECT_FALSE(alone.governor.freeze(true, alone.somebody));
}
