// Thresholds and asset lists of rules.
#include "stages/rules.hpp"

#include <gtest/gtest.h>

using namespace stages;

namespace {

Rule rule_of(std::optional<std::string> notable, std::optional<std::string> important = {},
             std::optional<std::string> critical = {}) {
    Rule rule;
    rule.levels = {std::move(notable), std::move(important), std::move(critical)};
    return rule;
}

bool covers_asset(std::vector<std::string> list, std::string_view symbol, std::string_view id) {
    Rule rule;
    rule.assets = std::move(list);
    AssetFacts facts;
    facts.symbol.assign(symbol);
    facts.id.assign(id);
    return covers(rule, facts);
}

bool covers_own(std::vector<std::string> list) {
    Rule rule;
    rule.assets = std::move(list);
    ChainFacts facts;
    facts.symbol.assign("DOT");
    return covers_native(rule, facts);
}

} // namespace

TEST(Rules, equality_meets_and_one_planck_less_does_not) {
    Levels const levels = levels_of(rule_of("10000", "100000", "1000000"), 10);
    u128 const token = 10'000'000'000;
    EXPECT_EQ(levels.met(10'000 * token - 1), std::nullopt);
    EXPECT_EQ(levels.met(10'000 * token), Severity::notable);
    EXPECT_EQ(levels.met(100'000 * token - 1), Severity::notable);
    EXPECT_EQ(levels.met(100'000 * token), Severity::important);
    EXPECT_EQ(levels.met(1'000'000 * token - 1), Severity::important);
    EXPECT_EQ(levels.met(1'000'000 * token), Severity::critical);
    EXPECT_EQ(levels.met(~u128{0}), Severity::critical);
    EXPECT_EQ(levels.met(0), std::nullopt);
}

TEST(Rules, fractions_are_exact) {
    EXPECT_EQ(levels_of(rule_of("0.5"), 10).at[0], 5'000'000'000u);
    EXPECT_EQ(levels_of(rule_of("0.0000000001"), 10).at[0], 1u);
    EXPECT_EQ(levels_of(rule_of("1.500"), 1).at[0], 15u); // zeros at the end do not count
}

TEST(Rules, a_level_finer_than_the_smallest_unit_is_rounded_up_to_it) {
    Levels const levels = levels_of(rule_of("0.00000000001", "1.23456789019"), 10);
    EXPECT_EQ(levels.at[0], 1u);
    EXPECT_EQ(levels.met(0), std::nullopt);
    EXPECT_EQ(levels.met(1), Severity::notable);
    EXPECT_EQ(levels.at[1], 12'345'678'902u);
    EXPECT_EQ(levels_of(rule_of("1.5"), 0).at[0], 2u);
    EXPECT_EQ(levels_of(rule_of("0.5"), 0).at[0], 1u);
}

TEST(Rules, a_level_no_amount_can_reach_is_never_met) {
    Levels const levels = levels_of(rule_of("1", "340282366920938463463374607431768211456"), 0);
    EXPECT_FALSE(levels.on[1]);
    EXPECT_EQ(levels.met(~u128{0}), Severity::notable);
    Levels const last = levels_of(rule_of("340282366920938463463374607431768211455"), 0);
    EXPECT_EQ(last.met(~u128{0}), Severity::notable);
    EXPECT_EQ(last.met(~u128{0} - 1), std::nullopt);
    Levels const over = levels_of(rule_of("340282366920938463463374607431768211455.5"), 0);
    EXPECT_EQ(over.met(~u128{0}), std::nullopt);
}

TEST(Rules, absent_levels_are_skipped) {
    Levels const levels = levels_of(rule_of({}, "5", {}), 0);
    EXPECT_EQ(levels.met(4), std::nullopt);
    EXPECT_EQ(levels.met(5), Severity::important);
    EXPECT_EQ(levels.met(~u128{0}), Severity::important);
    EXPECT_EQ(levels_of(rule_of({}), 10).met(~u128{0}), std::nullopt);
}

TEST(Rules, zero_is_met_by_everything) {
    EXPECT_EQ(levels_of(rule_of("0"), 10).met(0), Severity::notable);
    EXPECT_EQ(levels_of(rule_of("0.000"), 0).met(0), Severity::notable);
}

TEST(Rules, without_decimals_only_zero_can_be_judged) {
    Levels const levels = levels_without_decimals(rule_of("0", "1", "0.0"));
    EXPECT_TRUE(levels.on[0]);
    EXPECT_FALSE(levels.on[1]);
    EXPECT_TRUE(levels.on[2]);
    EXPECT_EQ(levels.met(0), Severity::critical);
}

TEST(Rules, which_assets_a_list_covers) {
    EXPECT_TRUE(covers_own({"native"}));
    EXPECT_TRUE(covers_own({"*"}));
    EXPECT_TRUE(covers_own({"DOT"}));
    EXPECT_FALSE(covers_own({"KSM", "1984"}));
    EXPECT_FALSE(covers_own({}));
    EXPECT_FALSE(covers_asset({"native"}, "USDt", "1984"));
    EXPECT_TRUE(covers_asset({"*"}, "USDt", "1984"));
    EXPECT_TRUE(covers_asset({"native", "USDt"}, "USDt", "1984"));
    EXPECT_TRUE(covers_asset({"1984"}, "USDt", "1984"));
    EXPECT_TRUE(covers_asset({"1984"}, "", "1984"));
    EXPECT_FALSE(covers_asset({"usdt", "198"}, "USDt", "1984"));
    EXPECT_FALSE(covers_asset({""}, "", "1984")); // no symbol is no name
    EXPECT_TRUE(covers_asset({R"({"Token":"INTR"})"}, "", R"({"Token":"INTR"})"));
}
