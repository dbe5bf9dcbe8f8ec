// What people and programs see of health and incidents; when incidents go up a level.
#include "stages/health_view.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

using namespace stages;

namespace {

bool has(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

constexpr std::uint64_t noon_ms = 1'800'014'400'000; // 2027-01-15T12:00:00Z
constexpr std::uint64_t minute_ms = 60'000;

std::vector<std::uint64_t> raised(Incidents& incidents, std::uint64_t now) {
    std::vector<Incident> list;
    incidents.escalate(now, list);
    std::vector<std::uint64_t> levels;
    for (Incident const& incident : list) levels.push_back(incident.id * 10 + incident.level);
    return levels;
}

} // namespace

TEST(HealthView, shows_every_check_with_its_subjects) {
    Health health{HealthOptions{.chains = 2, .processes = 1}};
    health.count(HealthCheck::error_rate, 0, 7, 100, 50);
    health.add(HealthCheck::rpc_lost, 1, 3, 50);
    std::vector<HealthAction> actions;
    health.evaluate(50, actions);
    auto const statuses = health.statuses(80);
    EXPECT_EQ(statuses.size(), health_checks + 2); // two checks have a second chain
    HealthNames const names{.chains = {"dot", "k\"sm"}, .processes = {"hybrid"}};
    HealthRules const& rules = health.options().rules;
    std::string const table = health_table(rules, statuses, names, 80);
    for (std::string_view part :
         {"breached", "7 %", "<= 5 %", "30 s", "reduce_traffic, then rollback", "k\"sm",
          "inconclusive", "hybrid", ">= 95 %", "< 1"})
        EXPECT_TRUE(has(table, part)) << part << " in:\n" << table;
    simdjson::dom::parser parser;
    auto const json =
        parser.parse("{\"ok\":true" + health_json(rules, statuses, names, 80) + "}").value();
    EXPECT_EQ(json["health"].get_string().value(), "breached");
    auto const first = json["checks"].at(0).value();
    EXPECT_EQ(first["check"].get_string().value(), "error_rate");
    EXPECT_EQ(first["measured"].get_double().value(), 0.07);
    EXPECT_EQ(first["limit"].get_double().value(), 0.05);
    EXPECT_EQ(first["since_s"].get_uint64().value(), 30U);
    EXPECT_EQ(health_code(rules, statuses), 6);
}

TEST(HealthView, counts_neither_dry_runs_nor_silence_as_healthy) {
    HealthRules rules = default_health_rules();
    std::vector<HealthStatus> statuses{
        {.check = HealthCheck::latency, .verdict = HealthVerdict::ok},
        {.check = HealthCheck::quota, .verdict = HealthVerdict::inconclusive}};
    EXPECT_EQ(health_code(rules, statuses), 7);
    rules[static_cast<std::size_t>(HealthCheck::quota)].dry_run = true;
    EXPECT_EQ(health_code(rules, statuses), 0);
    statuses[1].verdict = HealthVerdict::breached;
    EXPECT_EQ(health_code(rules, statuses), 0);
    statuses[0].verdict = HealthVerdict::breached;
    EXPECT_EQ(health_code(rules, statuses), 6);
}

TEST(Incidents, go_up_a_level_until_somebody_acknowledges_them) {
    Incidents incidents{IncidentOptions{}};
    EXPECT_EQ(incidents.open("a", noon_ms), 1U);
    EXPECT_EQ(incidents.open("b", noon_ms + minute_ms), 2U);
    EXPECT_TRUE(raised(incidents, noon_ms + 15 * minute_ms - 1).empty());
    EXPECT_EQ(raised(incidents, noon_ms + 15 * minute_ms), (std::vector<std::uint64_t>{12}));
    EXPECT_EQ(raised(incidents, noon_ms + 16 * minute_ms), (std::vector<std::uint64_t>{22}));
    ASSERT_TRUE(incidents.acknowledge(2, "ann", noon_ms + 17 * minute_ms));
    EXPECT_EQ(incidents.unacknowledged(), 1U);
    EXPECT_TRUE(raised(incidents, noon_ms + 45 * minute_ms - 1).empty());
    EXPECT_EQ(raised(incidents, noon_ms + 45 * minute_ms), (std::vector<std::uint64_t>{13}));
    EXPECT_EQ(raised(incidents, noon_ms + 105 * minute_ms), (std::vector<std::uint64_t>{14}));
    EXPECT_TRUE(raised(incidents, noon_ms + 10'000 * minute_ms).empty());
    EXPECT_TRUE(raised(incidents, 0).empty()); // a clock set back
    EXPECT_FALSE(incidents.acknowledge(2, "bob", noon_ms));
    EXPECT_FALSE(incidents.acknowledge(9, "bob", noon_ms));
    EXPECT_FALSE(incidents.acknowledge(1, "", noon_ms));
}

TEST(Incidents, are_one_while_they_say_the_same_and_stay_few) {
    Incidents incidents{IncidentOptions{.most = 3}};
    EXPECT_EQ(incidents.open("a", 1), 1U);
    EXPECT_EQ(incidents.open("a", 2, 3), 1U);
    EXPECT_EQ(incidents.list()[0].times, 2U);
    EXPECT_EQ(incidents.list()[0].level, 3);
    ASSERT_TRUE(incidents.acknowledge(1, "ann", 3));
    EXPECT_EQ(incidents.open("a", 4), 2U); // anew
    EXPECT_EQ(incidents.open("b", 5), 3U);
    EXPECT_EQ(incidents.open("c", 6), 4U); // the acknowledged one goes
    EXPECT_EQ(incidents.forgotten(), 0U);
    EXPECT_EQ(incidents.list()[0].id, 2U);
    EXPECT_EQ(incidents.open("d", 7), 5U);
    EXPECT_EQ(incidents.forgotten(), 1U);
    EXPECT_EQ(incidents.list().size(), 3U);
}

TEST(Incidents, are_shown) {
    Incidents incidents{IncidentOptions{}};
    EXPECT_EQ(incidents_table(incidents.list()), "no incidents\n");
    incidents.open("latency is \"12 s\"", noon_ms);
    incidents.open("b", noon_ms);
    ASSERT_TRUE(incidents.acknowledge(2, "ann", noon_ms));
    std::string const table = incidents_table(incidents.list());
    for (std::string_view part : {"2027-01-15T12:00:00.000Z", "nobody", "ann", "12 s"})
        EXPECT_TRUE(has(table, part)) << part;
    simdjson::dom::parser parser;
    auto const json = parser.parse("{\"ok\":true" + incidents_json(incidents.list()) + "}").value();
    EXPECT_TRUE(json["incidents"].at(0)["acknowledged_by"].is_null());
    EXPECT_EQ(json["incidents"].at(1)["acknowledged_by"].get_string().value(), "ann");
    EXPECT_EQ(json["incidents"].at(0)["text"].get_string().value(), "latency is \"12 s\"");
}
