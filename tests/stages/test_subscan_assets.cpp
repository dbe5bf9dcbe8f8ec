// Rows of Subscan as transfers of ours: assets, exact amounts, the event they stand for.
#include "decoders/movements.hpp"
#include "stages/subscan_assets.hpp"

#include <gtest/gtest.h>

using namespace stages;
using Reading = SubscanAssets::Reading;

namespace {

decoders::SubscanTransfer row(std::string_view amount, std::string_view amount_v2 = "0") {
    decoders::SubscanTransfer made;
    made.block = 7;
    made.event_index = 3;
    made.timestamp_s = 1'612'150'386;
    made.from.size = made.to.size = 32;
    made.module = "balances";
    made.amount = amount;
    made.amount_v2 = amount_v2;
    made.asset_symbol = made.asset_unique_id = "DOT";
    return made;
}

SubscanAssets knowing_dot() {
    SubscanAssets assets;
    decoders::SubscanToken token;
    token.symbol = token.unique_id = "DOT";
    token.decimals = 10;
    assets.learn(token);
    return assets;
}

std::string event_of(Transfer const& transfer) {
    auto const& of = decoders::movement_rows()[transfer.movement];
    return std::string(of.pallet) + "." + std::string(of.event);
}

} // namespace

TEST(SubscanAssets, a_native_row_is_a_transfer_of_the_smallest_unit) {
    SubscanAssets assets = knowing_dot();
    Transfer out;
    ASSERT_EQ(assets.convert(row("699.8843999985"), out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{6'998'843'999'985});
    EXPECT_EQ(out.asset, native_asset);
    EXPECT_EQ(out.block.number, 7U);
    EXPECT_EQ(out.block.timestamp_ms, 1'612'150'386'000U);
    EXPECT_FALSE(out.block.finalized);
    EXPECT_FALSE(out.phase_known);
    EXPECT_EQ(event_of(out), "Balances.Transfer");
    EXPECT_EQ(assets.inconsistent(), 0U);
}

TEST(SubscanAssets, amount_counts_where_the_two_differ) {
    SubscanAssets assets = knowing_dot();
    Transfer out;
    ASSERT_EQ(assets.convert(row("2", "20000000000"), out), Reading::transfer);
    EXPECT_EQ(assets.inconsistent(), 0U);
    ASSERT_EQ(assets.convert(row("2", "20000000001"), out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{20'000'000'000});
    EXPECT_EQ(assets.inconsistent(), 1U);
    ASSERT_EQ(assets.convert(row("2e0", "20000000001"), out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{20'000'000'001}); // the only one that can be read
    EXPECT_EQ(assets.convert(row("2e0", "0"), out), Reading::malformed);
    EXPECT_EQ(assets.convert(row("1.00000000001", "0"), out), Reading::malformed);
    EXPECT_EQ(assets.convert(row("", ""), out), Reading::malformed);
}

TEST(SubscanAssets, decimals_nobody_lists_come_from_a_row_that_says_both) {
    SubscanAssets assets;
    Transfer out;
    EXPECT_EQ(assets.convert(row("5"), out), Reading::unknown);
    EXPECT_EQ(assets.convert(row("0", "0"), out), Reading::unknown);
    EXPECT_EQ(assets.convert(row("5", "7"), out), Reading::unknown); // contradicts itself
    ASSERT_EQ(assets.convert(row("1.5", "15000000000"), out), Reading::transfer);
    EXPECT_EQ(assets.native_decimals(), 10);
    EXPECT_EQ(assets.native_symbol(), "DOT");
    ASSERT_EQ(assets.convert(row("5"), out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{50'000'000'000});
}

TEST(SubscanAssets, what_is_no_transfer_is_passed_over) {
    SubscanAssets assets = knowing_dot();
    Transfer out;
    auto failed = row("5");
    failed.success = false;
    auto item = row("1");
    item.is_item = true;
    auto nobody = row("5");
    nobody.from.size = nobody.to.size = 0;
    for (auto const& one : {failed, item, nobody})
        EXPECT_EQ(assets.convert(one, out), Reading::skipped);
    auto minted = row("5");
    minted.from.size = 0;
    EXPECT_EQ(assets.convert(minted, out), Reading::transfer);
}

TEST(SubscanAssets, other_assets_are_introduced_before_they_are_told) {
    SubscanAssets assets = knowing_dot();
    decoders::SubscanToken usdt;
    usdt.symbol = "USDt";
    usdt.unique_id = "standard_assets/1984";
    usdt.asset_type = "assets";
    usdt.decimals = 6;
    assets.learn(usdt);
    auto of_usdt = row("1234.5", "0");
    of_usdt.module = "assets";
    of_usdt.asset_type = "assets";
    of_usdt.asset_symbol = "USDt";
    of_usdt.asset_unique_id = "standard_assets/1984";
    Transfer out;
    ASSERT_EQ(assets.convert(of_usdt, out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{1'234'500'000});
    EXPECT_EQ(event_of(out), "Assets.Transferred");
    auto facts = assets.introduce();
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->slot, out.asset);
    EXPECT_EQ(facts->id.view(), "1984"); // as the node's path calls it
    EXPECT_EQ(facts->symbol.view(), "USDt");
    EXPECT_EQ(facts->decimals, 6);
    EXPECT_FALSE(assets.introduce());

    auto unlisted = of_usdt; // told by a row alone
    unlisted.asset_unique_id = "foreign_assets/0xabcd";
    unlisted.module = "foreignassets";
    unlisted.amount = "2.5";
    unlisted.amount_v2 = "2500";
    ASSERT_EQ(assets.convert(unlisted, out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{2'500});
    EXPECT_EQ(event_of(out), "ForeignAssets.Transferred");
    facts = assets.introduce();
    ASSERT_TRUE(facts);
    EXPECT_TRUE(facts->decimals_known);
    EXPECT_EQ(facts->decimals, 3);
    unlisted.asset_unique_id = "foreign_assets/0xef";
    unlisted.amount_v2 = "0";
    EXPECT_EQ(assets.convert(unlisted, out), Reading::unknown);
    ASSERT_TRUE(assets.introduce());
    unlisted.asset_unique_id = "foreign_assets/0x12"; // exact, though nobody knows the decimals
    unlisted.amount = "x";
    unlisted.amount_v2 = "77";
    ASSERT_EQ(assets.convert(unlisted, out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{77});
    EXPECT_FALSE(assets.introduce()->decimals_known);
}

// What the documentation shows of a row, read and converted.
TEST(SubscanAssets, a_documented_amount_without_amount_v2_is_exact) {
    SubscanAssets assets;
    decoders::SubscanToken crab;
    crab.symbol = crab.unique_id = "CRAB";
    crab.decimals = 9;
    assets.learn(crab);
    auto claim = row("10653090.125505578", "0");
    claim.asset_symbol = claim.asset_unique_id = "CRAB";
    Transfer out;
    ASSERT_EQ(assets.convert(claim, out), Reading::transfer);
    EXPECT_EQ(out.amount, pipeline::u128{10'653'090'125'505'578});
}
