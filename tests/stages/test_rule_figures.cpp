// How often rules speak: counted by the hour of chain time, written to pages once a second, and
// shown by `spyhop status`.
#include "decoders/movements.hpp"
#include "io/loopback_network.hpp"
#include "stages/control.hpp"
#include "stages/detect.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

using namespace stages;

namespace {

constexpr std::uint32_t hour = 3'600, day = 86'400;
constexpr std::uint32_t start_s = 1'760'000'400; // a full hour: 488889 x 3600
constexpr u128 token = 10'000'000'000;

Rule rule_of(RuleKind kind, std::string name) {
    Rule rule;
    rule.name = std::move(name);
    rule.kind = kind;
    rule.chains = {true};
    rule.assets = {"native"};
    return rule;
}

} // namespace

TEST(RuleDay, counts_the_hour_that_goes_on_and_the_23_before_it) {
    RuleDay told;
    told.told(start_s);
    told.told(start_s + 1);
    told.told(start_s + 5 * hour);
    EXPECT_EQ(told.last_day(start_s + 5 * hour), 3U);
    EXPECT_EQ(told.last_day(start_s + 24 * hour - 1), 3U);
    EXPECT_EQ(told.last_day(start_s + 24 * hour), 1U);
    EXPECT_EQ(told.last_day(start_s + 29 * hour - 1), 1U);
    EXPECT_EQ(told.last_day(start_s + 29 * hour), 0U);
    told.told(start_s + 28 * hour); // read late, and within the day
    told.told(start_s + 5 * hour);  // read late, and not
    EXPECT_EQ(told.last_day(start_s + 29 * hour), 1U);
    told.told(start_s + 1'000 * day); // all of it is over
    EXPECT_EQ(told.last_day(start_s + 1'000 * day), 1U);
}

TEST(RuleFigures, are_read_back_as_they_were_written) {
    pipeline::MetricsPage page("", rule_metrics);
    EXPECT_EQ(figures_of(page).forecast, std::nullopt);
    page.set(RuleMetric::chain_time, start_s);
    page.set(RuleMetric::alerts, 3);
    page.set(RuleMetric::observed, hour - 1);
    EXPECT_EQ(figures_of(page).forecast, std::nullopt); // too early to say
    page.set(RuleMetric::observed, 6 * hour);
    EXPECT_DOUBLE_EQ(figures_of(page).forecast.value(), 12);
    EXPECT_EQ(figures_of(page).budget, std::nullopt);
    page.set(RuleMetric::budget, micro_alerts(0.25));
    page.set(RuleMetric::forecast, micro_alerts(0.125));
    EXPECT_DOUBLE_EQ(figures_of(page).budget.value(), 0.25);
    EXPECT_DOUBLE_EQ(figures_of(page).forecast.value(), 0.125);
    page.set(RuleMetric::warming, 1);
    EXPECT_EQ(figures_of(page).forecast, std::nullopt);
}

TEST(RuleFigures, a_label_holds_any_name) {
    EXPECT_EQ(rule_label("a \"b\" \\ c\nd", "dot", "hybrid"),
              R"(rule="a \"b\" \\ c\nd",chain="dot",path="hybrid")");
}

namespace {

// Detect with a page a rule, and a clock of its own.
struct Bench {
    std::vector<Rule> rules;
    pipeline::NoLog log;
    pipeline::MetricsPage metrics{"", detect_metrics};
    pipeline::Link<Candidate> candidates{"candidates", {.depth = 256}};
    pipeline::MetricsPage large{"", rule_metrics}, cuts{"", rule_metrics};
    Detect detect;
    pipeline::Turn turn{};
    std::uint32_t event = 0, number = 1;

    explicit Bench(Rule second)
        : rules{rule_of(RuleKind::large_transfer, "large"), std::move(second)}
        , detect(
              [&] {
                  rules[0].levels[0] = "100";
                  return rules;
              }(),
              {"one"}, log, metrics, candidates, {}, {},
              {.on = true, .options = {.accounts_max = 1'024, .movements_max = 1'024}},
              RulePages{std::vector{&large, &cuts}}) {
        turn.regime.flags = pipeline::Flag::hybrid_patterns;
        ChainFacts facts;
        facts.decimals = 10;
        facts.symbol.assign("DOT");
        tell(facts);
    }
    void tell(decltype(Fact::body) const& body) {
        Fact fact;
        fact.body = body;
        while (!detect.on({fact, {}}, turn)) {}
        while (candidates.front()) candidates.pop();
    }
    // A block at that time in which one payment is made, and its finality.
    void block(std::uint32_t time_s, u128 amount) {
        Transfer transfer;
        transfer.block.number = number++;
        transfer.block.hash[0] = static_cast<std::uint8_t>(number);
        transfer.block.timestamp_ms = std::uint64_t{time_s} * 1'000;
        transfer.from.size = transfer.to.size = 32;
        transfer.from.key[0] = 1;
        transfer.to.key[0] = 2;
        transfer.amount = amount;
        while (decoders::movement_rows()[transfer.movement].kind !=
               decoders::MovementKind::transfer)
            ++transfer.movement;
        tell(transfer);
        tell(BlockEnd{.block = transfer.block});
        tell(Finalized{.hash = transfer.block.hash, .number = transfer.block.number});
    }
    void tick(pipeline::Nanoseconds now) {
        turn.now = now;
        detect.tick(turn);
    }
};

} // namespace

TEST(DetectFigures, are_written_once_a_second_and_not_when_nothing_has_changed) {
    Bench bench(rule_of(RuleKind::drain, "cuts"));
    EXPECT_EQ(bench.detect.next_deadline(), pipeline::never);
    bench.block(start_s, 100 * token);
    bench.tick(0);
    EXPECT_EQ(bench.large.read(RuleMetric::alerts), 1U);
    EXPECT_EQ(bench.large.read(RuleMetric::chain_time), start_s);
    bench.block(start_s + 6, 100 * token);
    bench.block(start_s + hour, 99 * token);
    EXPECT_EQ(bench.detect.next_deadline(), pipeline::second);
    bench.tick(pipeline::second - 1);
    EXPECT_EQ(bench.large.read(RuleMetric::alerts), 1U);
    bench.tick(pipeline::second);
    EXPECT_EQ(bench.large.read(RuleMetric::alerts), 2U);
    EXPECT_EQ(bench.large.read(RuleMetric::observed), hour);
    EXPECT_EQ(bench.cuts.read(RuleMetric::alerts), 0U);
    EXPECT_EQ(bench.detect.next_deadline(), pipeline::never);
}

// Ten alerts of two a day take five days, from when time was first seen to pass on.
TEST(DetectFigures, a_budget_says_when_it_will_be_warm) {
    Rule cuts = rule_of(RuleKind::drain, "cuts");
    cuts.settings.budget = 2;
    Bench bench(cuts);
    for (std::uint32_t i = 0; i <= 24; ++i) bench.block(start_s + i * hour / 2, token);
    bench.tick(0);
    EXPECT_EQ(bench.cuts.read(RuleMetric::warming), 1U);
    EXPECT_GE(bench.cuts.read(RuleMetric::warm_at), start_s + 5 * day);
    EXPECT_LE(bench.cuts.read(RuleMetric::warm_at), start_s + 5 * day + hour);
    EXPECT_EQ(bench.large.read(RuleMetric::warming), 0U);
}

TEST(DetectFigures, without_pages_nothing_is_counted) {
    pipeline::NoLog log;
    pipeline::MetricsPage metrics{"", detect_metrics};
    pipeline::Link<Candidate> candidates{"candidates", {.depth = 256}};
    Detect detect({}, {"one"}, log, metrics, candidates);
    Fact fact;
    fact.body = BlockEnd{.block = {.timestamp_ms = 1'000}};
    EXPECT_TRUE(detect.on({fact, {}}, {}));
    EXPECT_EQ(detect.next_deadline(), pipeline::never);
}

namespace {

struct Desk {
    pipeline::Link<Steer> steer{"steer", {.depth = 8, .when_full = pipeline::WhenFull::drop}};
    pipeline::Switchboard switchboard{{}};
    pipeline::MetricsBook metrics;
    pipeline::MetricsPage node{"", rule_metrics}, subscan{"", rule_metrics}, cuts{"", rule_metrics};
    Control control;
    pipeline::Turn turn{
        .regime = {.flags = pipeline::Flag::hybrid_rpc | pipeline::Flag::hybrid_patterns}};

    Desk()
        : control({.version = "1", .chains = {{"dot", {"a:1"}, "b:2"}, {"sub", {}, "b:2", false}}},
                  nullptr,
                  {.switchboard = switchboard,
                   .metrics = metrics,
                   .shutdown = {},
                   .rules = {{"large", "large_transfer", false, 0, 0, &node, &subscan},
                             {"flow", "exchange_flow", true, 1, 0, &cuts, nullptr},
                             {"cuts", "drain", false, 2, 1, nullptr, nullptr}}},
                  0, steer) {
        node.set(RuleMetric::chain_time, start_s);
        node.set(RuleMetric::alerts, 7);
        node.set(RuleMetric::observed, 12 * hour);
        subscan.set(RuleMetric::chain_time, start_s);
        subscan.set(RuleMetric::alerts, 6);
        subscan.set(RuleMetric::observed, day);
        cuts.set(RuleMetric::chain_time, start_s);
        cuts.set(RuleMetric::observed, day);
        cuts.set(RuleMetric::budget, micro_alerts(1));
        cuts.set(RuleMetric::warming, 1);
        cuts.set(RuleMetric::warm_at, 1'763'600'000); // 2025-11-20T00:53:20Z
    }
    std::string ask(std::string_view line) {
        return control.answer(line, {Role::viewer, "uid 1"}, turn);
    }
    std::string rule(std::size_t index) {
        simdjson::dom::element const root = parser.parse(ask(R"({"command":["status"]})"));
        return simdjson::minify(root["rules"].at(index));
    }
    simdjson::dom::parser parser;
};

} // namespace

TEST(ControlRules, status_has_every_rule_with_what_it_did_and_may) {
    Desk desk;
    EXPECT_EQ(desk.rule(0), R"({"name":"large","kind":"large_transfer","chain":"dot",)"
                            R"("path":"hybrid","state":"speaking","budget":null,"actual_24h":7,)"
                            R"("observed_s":43200,"forecast_24h":14,"warming":false,)"
                            R"("warm_at":null})");
    EXPECT_EQ(desk.rule(1), R"({"name":"flow","kind":"exchange_flow","chain":"dot",)"
                            R"("path":"hybrid","state":"warming","budget":1,"actual_24h":0,)"
                            R"("observed_s":86400,"forecast_24h":null,"warming":true,)"
                            R"("warm_at":"2025-11-20T00:53:20.000Z"})");
    EXPECT_NE(desk.rule(2).find(R"("path":null,"state":"nowhere")"), std::string::npos);
}

TEST(ControlRules, where_the_node_is_not_asked_subscans_figures_are_shown) {
    Desk desk;
    desk.turn.regime.flags = 0;
    EXPECT_NE(desk.rule(0).find(R"("path":"legacy","state":"speaking","budget":null,)"
                                R"("actual_24h":6)"),
              std::string::npos)
        << desk.rule(0);
    EXPECT_NE(desk.rule(1).find(R"("state":"off")"), std::string::npos);
}

TEST(ControlRules, the_table_is_for_people) {
    Desk desk;
    std::string const text = desk.ask("status");
    for (char const* line :
         {"\nRULE   KIND            CHAIN     LAST 24 H    A DAY   BUDGET  STATE\n",
          "\nlarge  large_transfer  dot     7 in 12.0 h       14        -  speaking\n",
          "\nflow   exchange_flow   dot               0        -        1  warming until "
          "2025-11-20 00:53 at least\n",
          "\ncuts   drain           sub               -        -        -  nowhere: its kind "
          "needs a node's blocks\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    for (auto const& [seconds, said] : {std::pair{119U, "  7 in 119 s  "},
                                        {120U, "  7 in 2 min  "},
                                        {7'199U, "  7 in 119 min  "},
                                        {7'200U, "  7 in 2.0 h  "},
                                        {day, "  7  "}}) {
        desk.node.set(RuleMetric::observed, seconds);
        EXPECT_NE(desk.ask("status").find(said), std::string::npos) << desk.ask("status");
    }
}
