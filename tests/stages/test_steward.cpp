// What health and the rollout do to the regime: by hand-made glances, second after second.
#include "stages/steward.hpp"

#include "tests/stages/scripted_world.hpp"

#include <gtest/gtest.h>

using namespace stages;
using pipeline::Mode;

namespace {

// 0 % for a minute and 10 pairs, then 35 % of everybody.
RolloutPlan two_steps() {
    RolloutPlan plan;
    PlanStep shadow;
    shadow.name = "shadow";
    shadow.bake_ms = 60'000;
    shadow.samples = 10;
    shadow.gates = {{RolloutGate::accuracy, 0.5, true, false}};
    PlanStep some;
    some.name = "some";
    some.tiers = rollout_tiers_all;
    some.buckets = 3'500;
    some.bake_ms = 3'600'000;
    some.samples = 1'000;
    some.gates = {{RolloutGate::accuracy, 0.9, true, false}};
    plan.steps = {shadow, some};
    plan.ladder = {1'500, 500, 0};
    plan.cooldown_ms = 60'000;
    return plan;
}

struct House {
    explicit House(std::string const& state = {}, bool with_full_sinks = false)
        : full_sinks(with_full_sinks) {
        FlagState flags = default_flags();
        governor = std::make_unique<Governor>(
            flags, true,
            Governor::Needs{switchboard,
                            clock,
                            log,
                            [this](FlagState const&) -> std::expected<void, std::string> {
                                if (disk_full) return std::unexpected("no space left");
                                return {};
                            },
                            {},
                            {}});
        switchboard.start(regime_of(governor->state()));
        HealthOptions health;
        health.processes = 3;
        steward = std::make_unique<Steward>(
            two_steps(), state, health, IncidentOptions{},
            Steward::Needs{
                *governor, log,
                [this](std::string const& text) {
                    kept = text;
                    return std::expected<void, std::string>();
                },
                [this](std::uint32_t process) { restarted.push_back(process); },
                [this](std::uint16_t chain, bool hold) { holds.emplace_back(chain, hold); },
                operators()});
        glance.chains = {{true, true, true, 1}};
        notes.resize(1);
    }
    // A sink of each level.
    OperatorSinks operators() {
        OperatorSinks sinks;
        for (std::uint8_t level = 1; level <= Incidents::levels; ++level) {
            auto sink = std::make_unique<scripted::MemorySink>(heard[level]);
            if (full_sinks) sink->set_room(0);
            sinks.add(level, std::move(sink));
        }
        return sinks;
    }
    void pass(int seconds) {
        for (int i = 0; i < seconds; ++i) {
            clock.advance(pipeline::second);
            glance.unix_ms = clock.unix_ms;
            glance.now_s = clock.now / pipeline::second;
            if (fresh_heads) glance.chains[0].head_unix_ms = clock.unix_ms;
            glance.operations += 1;
            glance.comparisons = notes;
            steward->look(glance);
        }
    }
    void agree(std::uint64_t pairs) {
        notes[0].tally.classes[static_cast<std::size_t>(ShadowClass::agree)] += pairs;
    }
    void hybrid_wrong(std::uint64_t pairs) {
        auto const missing = static_cast<std::size_t>(ShadowClass::missing_in_hybrid);
        notes[0].tally.classes[missing] += pairs;
        notes[0].tally.ruled[missing][static_cast<std::size_t>(Ruling::hybrid_wrong)] += pairs;
    }
    std::uint16_t share() const { return switchboard.load().hybrid_buckets; }
    void start() {
        pass(1);
        auto const done = steward->command(RolloutCommand::start, false, {"uid 1", "go"});
        ASSERT_TRUE(done) << done.error();
    }

    bool const full_sinks;                                // not one line more
    std::array<std::string, Incidents::levels + 1> heard; // by level
    pipeline::ManualClock clock;
    scripted::RecordedLog log;
    pipeline::Switchboard switchboard{{}};
    std::unique_ptr<Governor> governor;
    std::unique_ptr<Steward> steward;
    Glance glance;
    std::vector<ShadowNote> notes;
    std::string kept;
    std::vector<std::uint32_t> restarted;
    std::vector<std::pair<std::uint16_t, bool>> holds;
    bool fresh_heads = true;
    bool disk_full = false;
};

} // namespace

TEST(Steward, promotes_when_baked_and_proven_and_not_before) {
    House house;
    house.start();
    house.agree(100);
    house.pass(58);
    EXPECT_EQ(house.share(), 0);
    house.pass(5);
    EXPECT_EQ(house.share(), 3'500);
    EXPECT_EQ(house.steward->state().step, 1U);
    EXPECT_EQ(house.steward->inputs().pairs, 0U); // the next step is judged by what it brings
}

TEST(Steward, time_alone_promotes_nobody) {
    House house;
    house.start();
    house.pass(7'200);
    EXPECT_EQ(house.share(), 0);
    EXPECT_EQ(house.steward->state().step, 0U);
}

TEST(Steward, a_proven_mismatch_goes_back_to_legacy_and_locks) {
    House house;
    house.start();
    house.agree(100);
    house.pass(70);
    ASSERT_EQ(house.share(), 3'500);
    house.hybrid_wrong(1); // one is no proof
    house.pass(5);
    EXPECT_EQ(house.switchboard.load().mode, Mode::normal);
    house.hybrid_wrong(200);
    house.pass(5);
    EXPECT_EQ(house.switchboard.load().mode, Mode::legacy_only);
    EXPECT_EQ(house.share(), 0);
    EXPECT_TRUE(house.governor->state().locked);
    EXPECT_EQ(house.steward->state().phase, RolloutPhase::locked);
    EXPECT_GT(house.steward->incidents().unacknowledged(), 0U);
    EXPECT_FALSE(house.steward->command(RolloutCommand::start, false, {"uid 1", ""}));
}

TEST(Steward, errors_take_one_rung_and_do_so_once_a_breach) {
    House house;
    house.start();
    house.agree(100);
    house.pass(70);
    ASSERT_EQ(house.share(), 3'500);
    house.glance.errors += 5; // 5 of some 75: over 5 %, under 10 %
    house.pass(30);
    EXPECT_EQ(house.share(), 1'500);
}

TEST(Steward, a_flag_without_a_rollout_is_lowered_as_well) {
    House house;
    house.pass(1);
    ASSERT_TRUE(house.governor->set_share(pipeline::tiers_all, 3'500, {"uid 1", ""}, "test"));
    house.pass(30);
    house.glance.errors += 2;
    house.pass(5);
    EXPECT_EQ(house.share(), 1'500);
}

TEST(Steward, a_death_of_hybrid_goes_back_at_once) {
    House house;
    house.pass(1);
    ASSERT_TRUE(house.governor->set_share(pipeline::tiers_all, 3'500, {"uid 1", ""}, "test"));
    house.glance.deaths += 1;
    house.pass(1);
    EXPECT_EQ(house.switchboard.load().mode, Mode::legacy_only);
}

TEST(Steward, lost_nodes_give_the_chain_to_legacy_and_take_it_back_when_they_hold) {
    House house;
    house.pass(1);
    house.glance.chains[0].following = false;
    house.fresh_heads = false;
    house.pass(60);
    ASSERT_EQ(house.holds.size(), 1U);
    EXPECT_EQ(house.holds[0], (std::pair<std::uint16_t, bool>(0, true)));
    house.glance.chains[0].following = true;
    house.fresh_heads = true;
    house.pass(300);
    ASSERT_EQ(house.holds.size(), 2U);
    EXPECT_FALSE(house.holds[1].second);
}

TEST(Steward, a_process_that_outgrows_its_memory_is_restarted) {
    House house;
    house.glance.memory = {std::nullopt, std::nullopt, 0.95};
    house.pass(60);
    EXPECT_EQ(house.restarted, std::vector<std::uint32_t>{2});
}

TEST(Steward, the_state_of_the_rollout_survives_a_restart) {
    House first;
    first.start();
    first.agree(100);
    first.pass(70);
    ASSERT_EQ(first.steward->state().step, 1U);
    House second(first.kept);
    EXPECT_EQ(second.steward->state().step, 1U);
    EXPECT_EQ(second.steward->state().phase, RolloutPhase::running);
    House damaged("step = nonsense");
    EXPECT_EQ(damaged.steward->state().phase, RolloutPhase::idle);
    damaged.pass(1);
    EXPECT_EQ(damaged.steward->incidents().unacknowledged(), 1U);
}

TEST(Steward, an_unlock_lets_the_rollout_begin_anew) {
    House house;
    house.start();
    ASSERT_TRUE(house.governor->rollback({"uid 1", "to see"}));
    house.pass(1);
    EXPECT_EQ(house.steward->state().phase, RolloutPhase::locked);
    ASSERT_TRUE(house.governor->unlock({"uid 1", "seen"}));
    house.pass(1);
    EXPECT_EQ(house.steward->state().phase, RolloutPhase::idle);
    EXPECT_TRUE(house.steward->command(RolloutCommand::start, false, {"uid 1", "again"}));
}

// The chain was held by a breach that the unlock has forgotten.
TEST(Steward, an_unlock_lets_go_of_what_breaches_had_done) {
    House house;
    house.pass(1);
    house.glance.chains[0].following = false;
    house.fresh_heads = false;
    house.pass(60);
    ASSERT_EQ(house.holds.size(), 1U);
    ASSERT_TRUE(house.governor->rollback({"uid 1", "to see"}));
    house.pass(1);
    house.glance.chains[0].following = true;
    house.fresh_heads = true;
    ASSERT_TRUE(house.governor->unlock({"uid 1", "seen"}));
    house.pass(1);
    ASSERT_FALSE(house.holds.empty());
    EXPECT_FALSE(house.holds.back().second);
}

TEST(Steward, slow_alerts_make_the_service_hurry_until_they_are_quick_again) {
    House house;
    auto const slow = [&](std::uint64_t legacy_ms, std::uint64_t hybrid_ms) {
        for (int i = 0; i < 30; ++i)
            house.notes[0].tally.latency.add(latency_sample(legacy_ms, hybrid_ms));
        house.agree(30);
    };
    slow(1'000, 3'000);
    house.pass(30);
    EXPECT_NE(house.switchboard.load().flags & pipeline::Flag::high_speed, 0);
    for (int i = 0; i < 40; ++i) slow(3'000, 1'000);
    house.pass(700);
    EXPECT_EQ(house.switchboard.load().flags & pipeline::Flag::high_speed, 0);
}

TEST(Steward, an_incident_that_goes_on_is_counted_and_logged_once) {
    House house;
    house.start();
    house.agree(100);
    house.disk_full = true; // so the step up is refused, second after second
    house.pass(90);
    EXPECT_EQ(house.share(), 0);
    auto const list = house.steward->incidents().list();
    ASSERT_EQ(list.size(), 1U);
    EXPECT_NE(list[0].text.find("the rollout cannot go on"), std::string::npos);
    EXPECT_GT(list[0].times, 10U);
    EXPECT_EQ(house.log.count("incident: the rollout cannot go on"), 1U);
    house.disk_full = false;
    house.pass(2);
    EXPECT_EQ(house.share(), 3'500);
}

TEST(Steward, an_incident_climbs_through_the_operators_sinks_until_somebody_takes_it) {
    House house;
    house.start();
    house.agree(100);
    house.disk_full = true;
    house.pass(90);
    auto const lines = [&](int level) {
        return std::count(house.heard[level].begin(), house.heard[level].end(), '\n');
    };
    EXPECT_EQ(lines(1), 1) << house.heard[1];
    EXPECT_TRUE(house.heard[1].starts_with(R"({"incident":1,"news":"open","level":1,"at":")"));
    EXPECT_NE(house.heard[1].find("the rollout cannot go on"), std::string::npos);
    EXPECT_EQ(lines(2), 0);
    house.pass(15 * 60);
    EXPECT_EQ(lines(1), 1) << "said again";
    ASSERT_EQ(lines(2), 1);
    EXPECT_TRUE(house.heard[2].starts_with(R"({"incident":1,"news":"raised","level":2,"at":")"));
    EXPECT_EQ(lines(3), 0);
    EXPECT_FALSE(house.steward->acknowledge(7, "uid 1", house.clock.unix_ms));
    ASSERT_TRUE(house.steward->acknowledge(1, "uid 1", house.clock.unix_ms));
    for (int const level : {1, 2})
        EXPECT_NE(house.heard[level].find(R"("news":"acknowledged","level":2)"), std::string::npos);
    EXPECT_NE(house.heard[1].find(R"("acknowledged_by":"uid 1")"), std::string::npos);
    EXPECT_EQ(lines(3) + lines(4), 0) << "of what never came to them";
}

TEST(Steward, a_state_that_cannot_be_read_is_told_to_operators_at_the_first_look) {
    House house("nonsense");
    EXPECT_EQ(house.heard[1], "");
    house.pass(1);
    EXPECT_NE(house.heard[1].find("cannot be read and begins anew"), std::string::npos);
    house.pass(60);
    EXPECT_EQ(house.heard[2], "") << "it has its quarter of an hour";
}

TEST(Steward, says_that_an_operators_sink_takes_nothing_any_more) {
    House house("nonsense", true);
    house.pass(1);
    EXPECT_EQ(house.heard[1], "");
    EXPECT_EQ(house.log.count("a sink of operators takes no line any more"), 1U);
    EXPECT_EQ(house.steward->incidents().unacknowledged(), 1U);
}

TEST(OperatorSinks, a_line_without_room_is_left_out_whole_and_counted) {
    std::string out;
    auto sink = std::make_unique<scripted::MemorySink>(out);
    sink->set_room(10);
    OperatorSinks sinks;
    sinks.add(1, std::move(sink));
    Incident incident;
    incident.text = "a \"quote\" and a\nline";
    sinks.tell(incident, IncidentNews::open, 0);
    EXPECT_EQ(out, "");
    EXPECT_EQ(sinks.left_out(), 1U);
    EXPECT_NE(incident_line(incident, IncidentNews::open, 0).find(R"(a \"quote\" and a\nline)"),
              std::string::npos);
}
