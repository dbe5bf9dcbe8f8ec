// Values of rules: whole tokens become the smallest unit of a token, dates become instants, and
// both become texts again.
#include "config/rule_keys.hpp"
#include "decoders/amount.hpp"
#include "rule_texts.hpp"
#include "stages/rule_options.hpp"

using namespace config;
using namespace stages;
using enum RuleKind;
using tests::load_rule;
using tests::rule_of;

// ---- amounts and decimals ----------------------------------------------------------------------

TEST(RuleOptions, amounts_are_exact_and_finer_than_the_smallest_unit_is_rounded_up) {
    auto const min_of = [](std::string const& text, std::uint8_t decimals) {
        Rule rule{.kind = drain};
        rule.settings.min = text;
        auto const options = pattern_options(rule, decimals);
        return options
                 ? std::string(decoders::u128_text(std::get<DrainOptions>(*options).min).view())
                 : options.error();
    };
    EXPECT_EQ(min_of("0.000000000000000001", 18), "1");
    EXPECT_EQ(min_of("0.0000000000000000001", 18), "1");
    EXPECT_EQ(min_of("1.05", 1), "11");
    EXPECT_EQ(min_of("1.05", 0), "2");
    EXPECT_EQ(min_of("1.000", 0), "1");
    EXPECT_EQ(min_of("340282366920938463463374607431768211455", 0),
              "340282366920938463463374607431768211455");
    EXPECT_EQ(min_of("34028236692093846346337460743176821145.5", 1),
              "340282366920938463463374607431768211455");
    EXPECT_EQ(min_of("34028236692093846346337460743176821145.51", 1),
              "min = \"34028236692093846346337460743176821145.51\": a token with 1 decimals has no "
              "such amount");
    EXPECT_EQ(min_of("0", 255), "0");
}

TEST(RuleOptions, a_default_that_the_token_cannot_hold_is_an_error_and_no_threshold) {
    // 10^4 tokens: 10^38 smallest units fit a u128 (3.4 x 10^38), 10^39 do not.
    EXPECT_TRUE(pattern_options(Rule{.kind = drain}, 34).has_value());
    auto const options = pattern_options(Rule{.kind = drain}, 35);
    ASSERT_FALSE(options.has_value());
    EXPECT_EQ(options.error(), "min = \"10000\": a token with 35 decimals has no such amount");
}

TEST(RuleOptions, every_pattern_gives_the_options_of_its_own_kind) {
    for (RuleKindRow const& row : rule_kind_rows()) {
        auto const options = pattern_options(Rule{.kind = row.kind}, 10);
        bool const none = row.kind == large_transfer || row.kind == chain_health;
        EXPECT_EQ(options.has_value(), !none) << row.name;
        EXPECT_EQ(none ? options.error() : "",
                  none ? fmt::format("{} is no pattern", row.name) : "");
    }
    EXPECT_FALSE(std::get<GatheringOptions>(*pattern_options({.kind = consolidation}, 10)).outward);
    EXPECT_TRUE(std::get<GatheringOptions>(*pattern_options({.kind = dispersion}, 10)).outward);
    EXPECT_FALSE(std::get<WhaleOptions>(*pattern_options({.kind = new_whale}, 10)).leaving);
    EXPECT_TRUE(std::get<WhaleOptions>(*pattern_options({.kind = whale_exit}, 10)).leaving);
}

// By hand from the table of detectors and the headers of the families: ten and a hundred times what
// a claim is judged by; of structuring that is three levels.
TEST(RuleKeys, levels_that_are_not_written_are_shown_as_the_kind_itself_goes_by_them) {
    struct Row {
        RuleKind kind;
        char const* line;
        char const *important, *critical;
    };
    for (Row const& row :
         {Row{drain, "", "100000", "1000000"}, Row{drain, "min = \"50000\"", "500000", "5000000"},
          Row{pass_through, "min = \"0.05\"", "0.5", "5"},
          Row{consolidation, "", "1000000", "10000000"},
          Row{dispersion, "sum = \"1.25\"", "12.5", "125"},
          Row{structuring, "", "300000", "3000000"},
          Row{test_then_large, "large = \"7\"", "70", "700"}, Row{drain, "min = \"0\"", "", ""},
          Row{drain, "min = \"34028236692093846346337460743176821145\"",
              "340282366920938463463374607431768211450", ""},
          Row{drain, "important = \"5\"", "5", ""}, Row{drain, "critical = \"5\"", "", "5"},
          Row{dormant_awakening, "", "", ""}, Row{exchange_flow, "", "", ""},
          Row{new_whale, "", "", ""}, Row{whale_exit, "", "", ""}, Row{unbonding, "", "", ""}}) {
        Rule const rule = load_rule(rule_of(row.kind) + row.line + "\n");
        EXPECT_EQ(value_text(rule, *find_rule_key("important", row.kind)), row.important)
            << to_text(row.kind) << ' ' << row.line;
        EXPECT_EQ(value_text(rule, *find_rule_key("critical", row.kind)), row.critical)
            << to_text(row.kind) << ' ' << row.line;
    }
    EXPECT_EQ(find_rule_key("important", structuring)->fallback, "30 x level");
    EXPECT_EQ(find_rule_key("critical", drain)->fallback, "100 x min");
}

TEST(RuleOptions, rules_of_patterns_cover_no_single_movement) {
    Rule rule{.assets = {"*"}};
    ChainFacts chain;
    AssetFacts asset;
    EXPECT_TRUE(covers_native(rule, chain) && covers(rule, asset));
    rule.kind = watch;
    EXPECT_TRUE(covers_native(rule, chain) && covers(rule, asset));
    rule.kind = drain;
    EXPECT_FALSE(covers_native(rule, chain) || covers(rule, asset));
}

// ---- dates and durations -----------------------------------------------------------------------

TEST(RuleKeys, instants_are_those_of_rfc_3339) {
    struct Row {
        char const* text;
        std::uint32_t unix_s; // worked out with Python's datetime
    };
    for (Row const& row : {Row{"1970-01-01T00:00:00Z", 0}, Row{"1970-01-01", 86'400},
                           Row{"2024-02-29", 1'709'251'200}, Row{"2025-11-04", 1'762'300'800},
                           Row{"2025-11-04T24:00:00Z", 0}, // refused below
                           Row{"2025-11-04T12:00:00+02:00", 1'762'250'400},
                           Row{"2025-11-04t12:00:00.999-00:30", 1'762'259'400},
                           Row{"2106-02-07T06:28:15Z", 4'294'967'295U}}) {
        auto const instant = parse_instant(row.text);
        bool const good = std::string_view(row.text) != "2025-11-04T24:00:00Z";
        ASSERT_EQ(instant.has_value(), good) << row.text;
        if (!good) continue;
        EXPECT_EQ(*instant, row.unix_s) << row.text;
        EXPECT_EQ(parse_instant(instant_text(*instant)), *instant) << row.text;
    }
    for (char const* text : {"",
                             "2025",
                             "2025-11",
                             "2025-11-4",
                             "2025-13-01",
                             "2025-02-29",
                             "2025-00-10",
                             "2025-11-04T",
                             "2025-11-04T12:00",
                             "2025-11-04T12:00:00",
                             "2025-11-04T12:00:60Z",
                             "2025-11-04T12:60:00Z",
                             "2025-11-04T12:00:00.Z",
                             "2025-11-04T12:00:00Zx",
                             "2025-11-04T12:00:00+2:00",
                             "2025-11-04T12:00:00+02:00x",
                             "2025-11-04x",
                             "-025-11-04",
                             "1969-12-31T23:59:59Z",
                             "2106-02-07T06:28:16Z",
                             "1970-01-01T00:00:00+00:01"})
        EXPECT_FALSE(parse_instant(text).has_value()) << text;
}

TEST(RuleKeys, migrations_may_be_dates_of_toml_too) {
    Rule const rule = load_rule(rule_of(dormant_awakening) +
                                "migrations = [2025-11-04, 2025-11-04T12:00:00+02:00, "
                                "2025-11-04T11:59:59-00:30]\n");
    EXPECT_EQ(rule.settings.migrations,
              (std::vector<std::uint32_t>{1'762'300'800, 1'762'250'400, 1'762'259'399}));
    Rule const none = load_rule(rule_of(dormant_awakening) + "migrations = []\n");
    EXPECT_TRUE(std::get<DormantOptions>(*pattern_options(none, 10)).borders.empty());
    for (Migration const& one : migrations) EXPECT_EQ(parse_instant(one.date), one.end_s);
}

TEST(RuleKeys, durations_are_shown_in_the_largest_unit_without_a_rest) {
    struct Row {
        std::uint32_t seconds;
        char const* text;
    };
    for (Row const& row :
         {Row{0, "0s"}, Row{59, "59s"}, Row{90, "90s"}, Row{300, "5m"}, Row{5'400, "90m"},
          Row{86'400, "24h"}, Row{129'600, "36h"}, Row{172'800, "2d"}, Row{315'360'000, "3650d"}})
        EXPECT_EQ(duration_text(row.seconds), row.text);
}
