// What is shown of chains whose paths differ: both, or Subscan alone.
#include "stages/control.hpp"
#include "tests/stages/scripted_node.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

// One chain with both paths, one with Subscan alone.
struct Both {
    explicit Both(std::uint16_t share) {
        regime.hybrid_buckets = share;
        regime.flags = pipeline::Flag::hybrid_rpc;
        ControlOptions options;
        options.chains = {{"dot", {"a.example"}, "dot.example", true},
                          {"ksm", {}, "ksm.example", false}};
        control = std::make_unique<Control>(std::move(options), nullptr,
                                            Control::Needs{switchboard, book, {}}, 0, steer);
    }
    void legacy(std::uint16_t chain, LegacyState state) {
        LegacyNote note;
        note.chain = chain;
        note.state = state;
        note.best = 100;
        note.finalized = 98;
        note.settled = 90;
        note.facts.symbol.assign("KSM");
        note.facts.genesis.fill(1);
        note.polled_unix_ms = 1'000'000;
        note.every_s = 30;
        note.quota_day = 100'000;
        note.quota_used = 40'000;
        note.quota_out_s = 7'200;
        note.breaker = 1;
        control->on({note, {}}, {});
    }
    void node(std::uint16_t chain, SourceState state) {
        SourceNote note;
        note.chain = chain;
        note.state = state;
        note.best = 101;
        control->on({note, {}}, {});
    }
    std::string ask(std::string const& line) {
        pipeline::Turn turn;
        turn.unix_ms = 1'004'000;
        turn.regime = regime;
        return control->answer(line, {Role::viewer, "uid 2"}, turn);
    }
    bool ready() { return ask(R"({"command":["status"]})").contains(R"("ready":true)"); }

    pipeline::Regime regime;
    pipeline::Link<Steer> steer{"steer", {.depth = 8, .when_full = pipeline::WhenFull::drop}};
    pipeline::Switchboard switchboard{{}};
    pipeline::MetricsBook book;
    std::unique_ptr<Control> control;
};

} // namespace

TEST(Control, shows_the_legacy_path_and_what_is_left_of_the_quota) {
    Both both(5'000);
    both.legacy(0, LegacyState::failing);
    both.legacy(1, LegacyState::polling);
    std::string const json = both.ask(R"({"command":["status"]})");
    EXPECT_TRUE(json.contains(R"("name":"ksm","genesis":"0x0101)")) << json;
    EXPECT_TRUE(
        json.contains(R"("symbol":"KSM","decimals":0,"best":100,"finalized":98,"lag_s":4.000,)"
                      R"("path":"legacy","endpoint":"ksm.example","state":"polling")"))
        << json;
    EXPECT_TRUE(
        json.contains(R"("legacy":{"state":"failing","host":"dot.example","best":100,)"
                      R"("finalized":98,"settled":90,"polled_s_ago":4.000,"poll_every_s":30,)"
                      R"("breaker":"open","trouble":null})"))
        << json;
    EXPECT_TRUE(json.contains(R"("subscan":{"per_day":100000,"used_24h":40000,"left":60000,)"
                              R"("runs_out_s":7200,"paused_s":0})"))
        << json;
    std::string const text = both.ask("status");
    EXPECT_TRUE(text.contains("legacy: failing at dot.example, block 100, final 98, told to 90, "
                              "polled 4 s ago, breaker open\n"))
        << text;
    EXPECT_TRUE(
        text.contains("Subscan: 40000 of 100000 requests used in 24 h, at this pace the rest "
                      "lasts 120 min\n"))
        << text;
}

TEST(Control, is_ready_when_the_paths_that_may_speak_work) {
    for (std::uint16_t const share :
         {std::uint16_t{0}, std::uint16_t{5'000}, std::uint16_t{10'000}}) {
        Both both(share);
        both.legacy(1, LegacyState::polling);
        EXPECT_FALSE(both.ready());
        both.legacy(0, LegacyState::polling);
        EXPECT_EQ(both.ready(), share == 0);
        both.node(0, SourceState::following);
        EXPECT_TRUE(both.ready());
        both.legacy(0, LegacyState::failing);
        EXPECT_EQ(both.ready(), share == 10'000);
    }
}

// Route obeys epochs at the beginning of a turn; what it is sent it may find in the next one.
TEST(Control, a_pin_is_confirmed_when_routing_has_both_the_epoch_and_the_message) {
    for (bool const message_first : {false, true}) {
        pipeline::ManualClock clock;
        scripted::RecordedLog log;
        pipeline::Link<Steer> steer{"steer", {.depth = 8, .when_full = pipeline::WhenFull::drop}};
        pipeline::Switchboard switchboard{{}};
        pipeline::MetricsBook book;
        Control::Needs needs{switchboard, book, {}};
        needs.clock = &clock;
        needs.governor = std::make_unique<Governor>(
            default_flags(), true,
            Governor::Needs{switchboard, clock, log,
                            [](FlagState const&) { return std::expected<void, std::string>(); },
                            [] {}});
        switchboard.start(regime_of(needs.governor->state()));
        Control control({}, nullptr, std::move(needs), 0, steer);
        pipeline::Turn turn;
        turn.regime = switchboard.load();
        std::string const key(64, '7');
        EXPECT_EQ(control.answer("pin 0x" + key + " legacy", {Role::admin, "uid 0"}, turn), "");
        ASSERT_EQ(steer.waiting(), 1U);
        auto const route_obeys = [&] {
            switchboard.obey(switchboard.load().epoch, clock.monotonic());
        };
        auto const route_reads = [&] { steer.pop(); };
        message_first ? route_reads() : route_obeys();
        EXPECT_EQ(control.waited(turn), "");
        message_first ? route_obeys() : route_reads();
        EXPECT_TRUE(control.waited(turn).contains("pinned to legacy, epoch "));
    }
}
