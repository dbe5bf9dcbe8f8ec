// [health]: what may be written, and what is refused where.
#include "texts.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using stages::HealthCheck;
using stages::Remedy;
using tests::complaints;
using tests::has;

namespace {

std::string const good = tests::chain + tests::rule + "[health]\n"; // eight lines

void expect(std::string const& line, std::vector<std::string> const& parts) {
    std::string const said = complaints(good + line + "\n");
    for (std::string const& part : parts)
        EXPECT_TRUE(has(said, part)) << "no \"" << part << "\" in:\n" << said << "about: " << line;
    EXPECT_FALSE(config::load_text(good + line + "\n", "f").usable()) << line;
}

stages::HealthRule rule_in(std::string const& line, HealthCheck check) {
    config::Loaded const loaded = config::load_text(good + line + "\n", "f");
    EXPECT_TRUE(loaded.usable()) << complaints(good + line + "\n");
    return loaded.config.health.rules[static_cast<std::size_t>(check)];
}

} // namespace

TEST(HealthLoad, keeps_the_plans_defaults_where_nothing_is_written) {
    struct Case {
        HealthCheck check;
        double threshold;
        Remedy action;
    };
    constexpr Case cases[] = {
        {HealthCheck::error_rate, 0.05, Remedy::reduce_traffic},
        {HealthCheck::latency, 10, Remedy::investigate},
        {HealthCheck::alert_mismatch, 0.10, Remedy::rollback},
        {HealthCheck::crash, 1, Remedy::immediate_rollback},
        {HealthCheck::quality, 0.95, Remedy::halve_traffic},
        {HealthCheck::latency_regression, 1.5, Remedy::high_speed},
    };
    for (Case const& c : cases) {
        stages::HealthRule const rule = rule_in("", c.check);
        EXPECT_EQ(rule.threshold, c.threshold);
        EXPECT_EQ(rule.action, c.action);
        EXPECT_FALSE(rule.dry_run);
    }
    EXPECT_EQ(rule_in("", HealthCheck::error_rate).severe_action, Remedy::rollback);
    EXPECT_EQ(rule_in("", HealthCheck::quality).severe_action, Remedy::rollback);
}

TEST(HealthLoad, reads_every_key_in_each_unit) {
    stages::HealthRule const rule =
        rule_in("error_rate = { threshold = \"2.5%\", action = \"investigate\", dry_run = true, "
                "severe_action = \"reduce_traffic\", window = \"90s\", cooldown = \"2m\", "
                "minimum = 7 }",
                HealthCheck::error_rate);
    EXPECT_EQ(rule, (stages::HealthRule{.threshold = 0.025,
                                        .action = Remedy::investigate,
                                        .severe_action = Remedy::reduce_traffic,
                                        .dry_run = true,
                                        .window_s = 90,
                                        .minimum = 7,
                                        .cooldown_s = 120}));
    auto const threshold = [](std::string const& name, std::string const& value,
                              HealthCheck check) {
        return rule_in(name + " = { threshold = " + value + " }", check).threshold;
    };
    EXPECT_EQ(threshold("latency", "\"250ms\"", HealthCheck::latency), 0.25);
    EXPECT_EQ(threshold("crash", "3", HealthCheck::crash), 3);
    EXPECT_EQ(threshold("latency_regression", "2", HealthCheck::latency_regression), 2);
    EXPECT_EQ(threshold("latency_regression", "\"1.25x\"", HealthCheck::latency_regression), 1.25);
    EXPECT_EQ(rule_in("memory = { action = \"graceful_restart\" }", HealthCheck::memory).action,
              Remedy::restart);
    config::Loaded const loaded =
        config::load_text(good + "escalate_after = [\"1m\", \"2m\", \"1h\"]\n", "f");
    ASSERT_TRUE(loaded.usable());
    EXPECT_EQ(loaded.config.health.escalate_after_ms,
              (std::array<std::uint64_t, 3>{60'000, 120'000, 3'600'000}));
}

TEST(HealthLoad, refuses_what_is_wrong_with_its_place) {
    expect("eror_rate = { }", {"f:9:1: unknown key `eror_rate` in health", "`error_rate`"});
    expect("crash = { treshold = 1 }", {"f:9:11: unknown key `treshold`", "`threshold`"});
    expect("crash = 1", {"f:9:9: `crash` is a table"});
    for (char const* value : {"5", "0.05", "\"5\"", "\"5s\"", "\"0%\"", "\"100%\"", "\"-5%\"",
                              "\"nan%\"", "\"%\"", "true", "\"1e1%\""})
        expect(std::string("error_rate = { threshold = ") + value + " }",
               {"f:9:28: error_rate.threshold: a percentage"});
    for (char const* value : {"10", "\"10\"", "\"10%\"", "\"0s\""})
        expect(std::string("latency = { threshold = ") + value + " }",
               {"f:9:25: latency.threshold: a duration is needed"});
    for (char const* value : {"0", "-1", "1.5", "\"1\"", "inf"})
        expect(std::string("crash = { threshold = ") + value + " }",
               {"f:9:23: crash.threshold: a whole number from 1"});
    for (char const* value : {"0", "-1.5", "nan", "inf", "\"1.5\"", "\"x\""})
        expect(std::string("latency_regression = { threshold = ") + value + " }",
               {"f:9:36: latency_regression.threshold: a number above 0"});
    expect("crash = { action = \"panic\" }",
           {"f:9:20: crash.action: \"panic\" is no action; it is one of \"none\", \"investigate\"",
            "\"rollback\""});
    expect("latency = { action = \"restart\" }", {"cannot be done about latency"});
    expect("latency = { action = \"subscan_only\" }", {"cannot be done about latency"});
    expect("memory = { severe_action = \"subscan_only\" }", {"memory.severe_action: "});
    for (char const* value : {"\"500ms\"", "\"1500ms\"", "\"25h\"", "60"})
        expect(std::string("crash = { window = ") + value + " }", {"f:9:20: crash.window: "});
    expect("crash = { minimum = 0 }", {"f:9:21: crash.minimum: an integer from 1"});
    for (char const* value : {"[]", "[\"1m\", \"2m\"]", "[\"1m\", \"2m\", \"x\"]",
                              "[\"1m\", \"2m\", \"3m\", \"4m\"]", "[\"0s\", \"1m\", \"2m\"]"})
        expect(std::string("escalate_after = ") + value, {"f:9:18: ", "three durations"});
}
