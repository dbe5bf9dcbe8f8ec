// Movements on metadata made by hand: rows and spellings that no recorded runtime has, renamed
// fields, and movements that are told twice. Needs no recorded data.
#include "decoders/plan.hpp"
#include "tests/decoders/made_movements.hpp"
#include "tests/decoders/tiny_metadata.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace {

using namespace decoders;
using namespace tests;
using enum MovementKind;

constexpr auto acc = tiny_account;
constexpr auto balance = tiny_u128;
constexpr auto tao = tiny_u64;
constexpr auto netuid = tiny_u16;

} // namespace

// The field lists are those of polkadot-sdk, orml and subtensor.
TEST(Movements, rows_of_pallets_that_no_recorded_runtime_has) {
    std::vector<Case> cases;
    for (std::string_view const pallet :
         {"AssetsHolder", "ForeignAssetsHolder", "PoolAssetsHolder"}) {
        for (auto const& [event, kind, role] :
             {std::tuple("Held", hold, 'f'), {"Released", release, 't'}, {"Burned", burn, 'f'}}) {
            cases.push_back({pallet,
                             event,
                             kind,
                             {{"who", acc, role},
                              {"asset_id", tiny_u32, 'i'},
                              {"reason", tiny_str},
                              {"amount", balance, 'a'}}});
        }
    }
    for (std::string_view const pallet : {"ForeignAssetsFreezer", "PoolAssetsFreezer"}) {
        for (auto const& [event, kind, role] :
             {std::tuple("Frozen", freeze, 'f'), {"Thawed", thaw, 't'}}) {
            cases.push_back(
                {pallet,
                 event,
                 kind,
                 {{"who", acc, role}, {"asset_id", tiny_u32, 'i'}, {"amount", balance, 'a'}}});
        }
    }
    for (auto const& [event, kind, role] :
         {std::tuple("Deposited", deposit, 't'), {"Withdrawn", withdraw, 'f'}}) {
        cases.push_back(
            {"LocalAssets",
             event,
             kind,
             {{"asset_id", tiny_u32, 'i'}, {"who", acc, role}, {"amount", balance, 'a'}}});
    }
    expect_told(cases);
}

TEST(Movements, rows_of_newer_subtensors) {
    expect_told({
        {"SubtensorModule",
         "StakeAdded",
         stake,
         {{"", acc, 'f'}, {"", acc, 't'}, {"", tao, 'a'}, {"", tao}, {"", netuid}, {"", tao}}},
        {"SubtensorModule",
         "StakeRemoved",
         unstake,
         {{"", acc, 't'}, {"", acc, 'f'}, {"", tao, 'a'}, {"", tao}, {"", netuid}, {"", tao}}},
        {"SubtensorModule",
         "StakeMoved",
         stake_move,
         {{"", acc}, {"", acc, 'f'}, {"", netuid}, {"", acc, 't'}, {"", netuid}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeTransferred",
         stake_move,
         {{"", acc, 'f'}, {"", acc, 't'}, {"", acc}, {"", netuid}, {"", netuid}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeSwapped",
         stake_move,
         {{"", acc, 'b'}, {"", acc}, {"", netuid}, {"", netuid}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeAndHotkeyTransferred",
         stake_move,
         {{"origin_coldkey", acc, 'f'},
          {"destination_coldkey", acc, 't'},
          {"origin_hotkey", acc},
          {"destination_hotkey", acc},
          {"origin_netuid", netuid},
          {"destination_netuid", netuid},
          {"amount", tao, 'a'}}},
    });
}

TEST(Movements, rows_of_newer_subtensors_about_alpha) {
    expect_told({
        {"SubtensorModule",
         "AutoStakeAdded",
         reward,
         {{"netuid", netuid, 'i'},
          {"destination", acc},
          {"hotkey", acc},
          {"owner", acc, 't'},
          {"incentive", tao, 'a'}}},
        {"SubtensorModule", "RootClaimed", reward, {{"coldkey", acc, 't'}, {"tao", tao, 'a'}}},
        {"SubtensorModule",
         "AlphaRecycled",
         burn,
         {{"", acc, 'f'}, {"", acc}, {"", tao, 'a'}, {"", netuid, 'i'}}},
        {"SubtensorModule",
         "AlphaBurned",
         burn,
         {{"", acc, 'f'}, {"", acc}, {"", tao, 'a'}, {"", netuid, 'i'}}},
        {"SubtensorModule",
         "AddStakeBurn",
         burn,
         {{"netuid", netuid}, {"hotkey", acc}, {"amount", tao, 'a'}, {"alpha", tao}}},
        {"SubtensorModule",
         "StakeLocked",
         lock,
         {{"coldkey", acc, 'f'}, {"hotkey", acc}, {"netuid", netuid, 'i'}, {"amount", tao, 'a'}}},
        {"SubtensorModule",
         "StakeUnlocked",
         unlock,
         {{"coldkey", acc, 't'}, {"hotkey", acc}, {"netuid", netuid, 'i'}, {"amount", tao, 'a'}}},
        {"SubtensorModule",
         "CollateralLocked",
         lock,
         {{"netuid", netuid, 'i'}, {"hotkey", acc, 'f'}, {"locked", tao, 'a'}, {"total", tao}}},
        {"SubtensorModule",
         "TransactionFeePaidWithAlpha",
         withdraw,
         {{"who", acc, 'f'}, {"netuid", netuid, 'i'}, {"alpha_fee", tao, 'a'}, {"tao", tao}}},
    });
}

// The same event as it was told over the years.
TEST(Movements, every_arity_of_a_subtensor_stake) {
    expect_each_told({
        {"SubtensorModule", "StakeAdded", stake, {{"", acc, 't'}, {"", tao, 'a'}}},
        {"SubtensorModule", "StakeAdded", stake, {{"", acc, 't'}, {"", netuid}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeAdded",
         stake,
         {{"", acc, 'f'}, {"", acc, 't'}, {"", tao, 'a'}, {"", tao}, {"", netuid}}},
        {"SubtensorModule", "StakeRemoved", unstake, {{"", acc, 'f'}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeRemoved",
         unstake,
         {{"", acc, 'f'}, {"", netuid}, {"", tao, 'a'}}},
        {"SubtensorModule",
         "StakeRemoved",
         unstake,
         {{"", acc, 't'}, {"", acc, 'f'}, {"", tao, 'a'}, {"", tao}, {"", netuid}}},
        {"SubtensorModule", "RootClaimed", reward, {{"coldkey", acc, 't'}}},
    });
}

TEST(Movements, older_spellings) {
    auto const id = Part{"", tiny_u32, 'i'};
    expect_each_told({
        {"Tokens",
         "RepatriatedReserve",
         repatriate,
         {id, {"", acc, 'f'}, {"", acc, 't'}, {"", balance, 'a'}, {"", tiny_option}}},
        {"Tokens", "Endowed", endow, {id, {"", acc, 't'}, {"", balance, 'a'}}},
        {"Currencies",
         "Transferred",
         transfer,
         {id, {"", acc, 'f'}, {"", acc, 't'}, {"", balance, 'a'}}},
        {"Assets",
         "Transferred",
         transfer,
         {id, {"", acc, 'f'}, {"", acc, 't'}, {"", balance, 'a'}}},
        {"Assets",
         "Issued",
         mint,
         {{"asset_id", tiny_u32, 'i'}, {"owner", acc, 't'}, {"total_supply", balance, 'a'}}},
        {"Staking", "Slashed", slash, {{"validator", acc, 'f'}, {"amount", balance, 'a'}}},
        {"NominationPools",
         "Unbonded",
         unstake,
         {{"member", acc, 't'}, {"pool_id", tiny_u32}, {"amount", balance, 'a'}}},
    });
}

TEST(Movements, balances_of_many_years) {
    expect_each_told({
        {"Balances", "Transfer", transfer, {{"", acc, 'f'}, {"", acc, 't'}, {"", balance, 'a'}}},
        {"Balances",
         "Transfer",
         transfer, // Polymesh: identities and a memo
         {{"", tiny_option},
          {"", acc, 'f'},
          {"", tiny_option},
          {"", acc, 't'},
          {"", balance, 'a'},
          {"", tiny_option}}},
        {"Balances",
         "TransferWithMemo",
         transfer,
         {{"from", acc, 'f'}, {"to", acc, 't'}, {"amount", balance, 'a'}, {"memo", tiny_option}}},
        {"Balances", "Endowed", endow, {{"", acc, 't'}, {"", balance, 'a'}}},
        {"Balances", "BalanceSet", set, {{"", acc, 't'}, {"", balance, 'a'}, {"", balance}}},
        {"Balances",
         "TransferAndHold",
         transfer_and_hold,
         {{"reason", tiny_str},
          {"source", acc, 'f'},
          {"dest", acc, 't'},
          {"transferred", balance, 'a'}}},
        {"Balances",
         "TransferAndHold",
         transfer_and_hold,
         {{"reason", tiny_str},
          {"source", acc, 'f'},
          {"dest", acc, 't'},
          {"amount", balance, 'a'}}},
    });
}

TEST(Movements, a_sum_of_two_fields) {
    expect_each_told({
        {"Tokens",
         "Slashed",
         slash,
         {{"currency_id", tiny_u32, 'i'},
          {"who", acc, 'f'},
          {"free_amount", balance, 'a'},
          {"reserved_amount", balance, 'a'}}},
        {"Tokens",
         "Slashed",
         slash, // behind a field without a fixed size
         {{"memo", tiny_str},
          {"currency_id", tiny_u32, 'i'},
          {"who", acc, 'f'},
          {"free_amount", balance, 'a'},
          {"reserved_amount", balance, 'a'}}},
        {"Tokens",
         "Slashed",
         slash,
         {{"currency_id", tiny_u32, 'i'}, {"who", acc, 'f'}, {"amount", balance, 'a'}}},
    });
}

TEST(Movements, a_field_of_another_name_or_type_is_blind) {
    auto const hold_of = [](Part source, Part dest, Part amount) {
        return missing_in({"Balances",
                           "TransferAndHold",
                           transfer_and_hold,
                           {{"reason", tiny_str}, source, dest, amount}});
    };
    Part const source{"source", acc}, dest{"dest", acc}, amount{"transferred", balance};
    EXPECT_EQ(hold_of(source, dest, amount), "nothing");
    EXPECT_EQ(hold_of({"sauce", acc}, dest, amount), "from");
    EXPECT_EQ(hold_of({"source", balance}, dest, amount), "from");
    EXPECT_EQ(hold_of(source, {"destiny", acc}, amount), "to");
    EXPECT_EQ(hold_of(source, dest, {"transfered", balance}), "amount");
    EXPECT_EQ(hold_of(source, dest, {"transferred", acc}), "amount");
    // One half of a sum is not the whole.
    EXPECT_EQ(missing_in({"Tokens",
                          "Slashed",
                          slash,
                          {{"currency_id", tiny_u32}, {"who", acc}, {"free_amount", balance}}}),
              "amount");
    EXPECT_EQ(missing_in({"Assets",
                          "Burned",
                          burn,
                          {{"asset_number", tiny_u32}, {"owner", acc}, {"balance", balance}}}),
              "asset");
    // Optional is what is not there, not what is there and cannot be read.
    EXPECT_EQ(
        missing_in({"SubtensorModule", "RootClaimed", reward, {{"coldkey", acc}, {"tao", acc}}}),
        "amount");
    // Unnamed fields are taken by place, of a number of fields that is known.
    EXPECT_EQ(missing_in({"Balances",
                          "Transfer",
                          transfer,
                          {{"", acc}, {"", acc}, {"", balance}, {"", balance}}}),
              "from");
    EXPECT_EQ(missing_in({"Balances", "Transfer", transfer, {{"", acc}, {"", balance}, {"", acc}}}),
              "to");
    EXPECT_EQ(missing_in({"Balances", "Transfer", transfer, {}}), "from");
}

TEST(Movements, as_many_fields_as_a_movement_may_have) {
    Case one{"Balances", "Transfer", transfer, {}};
    for (std::size_t i = 3; i < max_movement_fields; ++i) one.parts.push_back({"more", tiny_str});
    one.parts.insert(one.parts.end(),
                     {{"from", acc, 'f'}, {"to", acc, 't'}, {"amount", balance, 'a'}});
    expect_told({one});
    one.parts.push_back({"one_more", tiny_str});
    EXPECT_EQ(missing_in(one), "fields");
    // At places that do not move there may be any number.
    Case long_one{"Balances",
                  "Transfer",
                  transfer,
                  {{"from", acc, 'f'}, {"to", acc, 't'}, {"amount", balance, 'a'}}};
    for (std::size_t i = 0; i < max_movement_fields; ++i) {
        long_one.parts.push_back({"more", tiny_str});
    }
    expect_told({long_one});
}

TEST(Movements, every_kind_has_a_name_of_its_own) {
    EXPECT_EQ(to_text(transfer), "transfer");
    EXPECT_EQ(to_text(transfer_and_hold), "transfer_and_hold");
    EXPECT_EQ(to_text(issuance_set), "issuance_set");
    EXPECT_EQ(to_text(xcm), "xcm");
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < movement_kinds; ++i) {
        names.push_back(to_text(static_cast<MovementKind>(i)));
        EXPECT_TRUE(every_movement().has(static_cast<MovementKind>(i)));
    }
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
    EXPECT_FALSE(every_movement().meets({}));
}
