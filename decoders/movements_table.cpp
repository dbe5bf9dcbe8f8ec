// The table itself. Roles are from, to, amount, asset; movements.hpp says how names are written.
//
// Left out on purpose: events that move nothing (approvals, freezing a whole asset, names), and
// events that always come with another one that tells the movement (Assets.TransferredApproved with
// Transferred, Tokens.LockSet with Locked, Currencies.DustSwept with a transfer,
// Currencies.BalanceUpdated with a deposit or withdrawal, NominationPools.MemberRemoved and
// MinBalance...Adjusted with movements of Balances, DelegatedStaking with NominationPools).
#include "decoders/movements.hpp"

#include <array>

namespace decoders {
namespace {

using enum MovementKind;

// A row without its pallet: several pallets have the same events.
struct Line {
    std::string_view event;
    MovementKind kind{};
    std::string_view from;
    std::string_view to;
    std::string_view amount;
    std::string_view asset{};
    MovementKinds repeats{};
    std::string_view only{};
};

constexpr MovementKinds transfers = transfer;
constexpr MovementKinds deposits = deposit | MovementKinds(mint);
constexpr MovementKinds withdrawals = withdraw | MovementKinds(burn);

// Six unnamed fields: Polymesh, which puts an identity before each account.
constexpr Line balances[] = {
    {"Transfer", transfer, "from|sender|source|#0/3|#1/6", "to|dest|destination|#1/3|#3/6",
     "amount|value|#2/3|#4/6"},
    {"TransferWithMemo", transfer, "from", "to", "amount", "", transfers},
    {"Deposit", deposit, "", "who|#0/2", "amount|#1/2"},
    {"Withdraw", withdraw, "who|#0/2", "", "amount|#1/2"},
    {"Minted", mint, "", "who", "amount"},
    {"Burned", burn, "who", "", "amount"},
    {"BurnedHeld", burn, "who", "", "amount"},
    {"Endowed", endow, "", "account|#0/2|#1/3", "free_balance|#1/2|#2/3"},
    {"DustLost", dust, "account|#0/2", "", "amount|#1/2"},
    {"BalanceSet", set, "", "who|#0/3|#1/4", "free|#1/3|#2/4"},
    {"Slashed", slash, "who|#0/2", "", "amount|#1/2"},
    {"Reserved", reserve, "who|#0/2", "", "amount|#1/2"},
    {"Unreserved", unreserve, "", "who|#0/2", "amount|#1/2"},
    {"ReserveRepatriated", repatriate, "from|#0/4", "to|#1/4", "amount|#2/4"},
    {"Held", hold, "who", "", "amount"},
    {"Released", release, "", "who", "amount"},
    {"TransferOnHold", transfer_on_hold, "source|from", "dest|to", "amount"},
    {"TransferAndHold", transfer_and_hold, "source|from", "dest|to", "transferred|amount"},
    {"Locked", lock, "who", "", "amount"},
    {"Unlocked", unlock, "", "who", "amount"},
    {"Frozen", freeze, "who", "", "amount"},
    {"Thawed", thaw, "", "who", "amount"},
    {"Suspended", suspend, "who", "", "amount"},
    {"Restored", restore, "", "who", "amount"},
    {"Issued", issue, "", "", "amount"},
    {"MintedCredit", issue, "", "", "amount"},
    {"Rescinded", rescind, "", "", "amount"},
    {"BurnedDebt", rescind, "", "", "amount"},
    {"TotalIssuanceForced", issuance_set, "", "", "new"},
};

constexpr Line assets[] = {
    {"Transferred", transfer, "from|sender|source|#1/4", "to|dest|destination|#2/4",
     "amount|value|#3/4", "asset_id|id|#0/4"},
    {"Issued", mint, "", "owner|#1/3", "amount|total_supply|#2/3", "asset_id|#0/3"},
    {"Burned", burn, "owner|#1/3", "", "balance|amount|#2/3", "asset_id|#0/3"},
    {"Deposited", deposit, "", "who", "amount", "asset_id"},
    {"Withdrawn", withdraw, "who", "", "amount", "asset_id"},
};
constexpr Line assets_freezer[] = {
    {"Frozen", freeze, "who", "", "amount", "asset_id"},
    {"Thawed", thaw, "", "who", "amount", "asset_id"},
};
constexpr Line assets_holder[] = {
    {"Held", hold, "who", "", "amount", "asset_id"},
    {"Released", release, "", "who", "amount", "asset_id"},
    {"Burned", burn, "who", "", "amount", "asset_id"},
};

// ORML. RepatriatedReserve is the older name of ReserveRepatriated.
constexpr Line tokens[] = {
    {"Transfer", transfer, "from|sender|source|#1/4", "to|dest|destination|#2/4",
     "amount|value|#3/4", "currency_id|asset_id|#0/4"},
    {"Deposited", deposit, "", "who", "amount", "currency_id"},
    {"Withdrawn", withdraw, "who", "", "amount", "currency_id"},
    {"Endowed", endow, "", "who|#1/3", "amount|#2/3", "currency_id|#0/3"},
    {"DustLost", dust, "who|#1/3", "", "amount|#2/3", "currency_id|#0/3"},
    {"BalanceSet", set, "", "who|#1/4", "free|#2/4", "currency_id|#0/4"},
    {"Slashed", slash, "who", "", "free_amount+reserved_amount|amount", "currency_id"},
    {"Reserved", reserve, "who|#1/3", "", "amount|#2/3", "currency_id|#0/3"},
    {"Unreserved", unreserve, "", "who|#1/3", "amount|#2/3", "currency_id|#0/3"},
    {"ReserveRepatriated", repatriate, "from", "to", "amount", "currency_id"},
    {"RepatriatedReserve", repatriate, "from|#1/5", "to|#2/5", "amount|#3/5", "currency_id|#0/5"},
    {"Locked", lock, "who", "", "amount", "currency_id"},
    {"Unlocked", unlock, "", "who", "amount", "currency_id"},
    {"Issued", issue, "", "", "amount", "currency_id"},
    {"Rescinded", rescind, "", "", "amount", "currency_id"},
    {"TotalIssuanceSet", issuance_set, "", "", "amount", "currency_id"},
};
// Passes calls on to Tokens, Balances or a contract, and says what it has passed on.
constexpr Line currencies[] = {
    {"Transferred", transfer, "from|sender|source|#1/4", "to|dest|destination|#2/4",
     "amount|value|#3/4", "currency_id|asset_id|#0/4", transfers},
    {"Deposited", deposit, "", "who|#1/3", "amount|#2/3", "currency_id|#0/3", deposits},
    {"Withdrawn", withdraw, "who|#1/3", "", "amount|#2/3", "currency_id|#0/3", withdrawals},
};

// From PositionCreated on: Hydration's pallet of the same name.
constexpr Line staking[] = {
    {"Bonded", stake, "stash|#0/2", "", "amount|#1/2"},
    {"Unbonded", unstake, "", "stash|#0/2", "amount|#1/2"},
    {"CurrencyMigrated", unstake, "", "stash", "force_withdraw"},
    {"Withdrawn", withdraw_unbonded, "", "stash|#0/2", "amount|#1/2"},
    {"Slashed", slash, "staker|validator|#0/2", "", "amount|#1/2"},
    {"Rewarded", reward, "", "stash|#0/2", "amount|#1/2"},
    {"PositionCreated", stake, "who", "", "stake"},
    {"StakeAdded", stake, "who", "", "stake"},
    {"Unstaked", withdraw_unbonded, "", "who", "unlocked_stake"},
    {"RewardsClaimed", reward, "", "who", "paid_rewards"},
};
constexpr Line pools[] = {
    {"Bonded", stake, "member", "", "bonded"},
    {"Unbonded", unstake, "", "member", "balance|amount"},
    {"Withdrawn", withdraw_unbonded, "", "member", "balance|amount"},
    {"PaidOut", reward, "", "member", "payout"},
    {"PoolCommissionClaimed", reward, "", "", "commission"},
    {"PoolSlashed", slash, "", "", "balance"},
    {"UnbondingPoolSlashed", slash, "", "", "balance"},
};

// Coldkeys own, hotkeys are staked on. Amounts are TAO where there is no netuid, else the subnet's
// alpha. Two fields: before subnets had tokens, when only the hotkey was told.
constexpr Line subtensor[] = {
    {"StakeAdded", stake, "#0/5|#0/6|-", "#1/5|#1/6|#0/2|#0/3", "#2/5|#2/6|#1/2|#2/3"},
    {"StakeRemoved", unstake, "#1/5|#1/6|#0/2|#0/3", "#0/5|#0/6|-", "#2/5|#2/6|#1/2|#2/3"},
    {"StakeMoved", stake_move, "#1/6", "#3/6", "#5/6"},
    {"StakeTransferred", stake_move, "#0/6", "#1/6", "#5/6"},
    {"StakeSwapped", stake_move, "#0/5", "#0/5", "#4/5"},
    {"StakeAndHotkeyTransferred", stake_move, "origin_coldkey", "destination_coldkey", "amount"},
    {"AllBalanceUnstakedAndTransferredToNewColdkey", stake_move, "current_coldkey", "new_coldkey",
     "total_balance"},
    {"ColdkeySwapped", stake_move, "old_coldkey", "new_coldkey", ""},
    {"AutoStakeAdded", reward, "", "owner", "incentive", "netuid"},
    {"RootClaimed", reward, "", "coldkey", "tao|-"},
    {"AlphaRecycled", burn, "#0/4", "", "#2/4", "#3/4"},
    {"AlphaBurned", burn, "#0/4", "", "#2/4", "#3/4"},
    {"AddStakeBurn", burn, "", "", "amount"},
    {"StakeLocked", lock, "coldkey", "", "amount", "netuid"},
    {"StakeUnlocked", unlock, "", "coldkey", "amount", "netuid"},
    {"CollateralLocked", lock, "hotkey", "", "locked", "netuid"},
    {"TransactionFeePaidWithAlpha", withdraw, "who", "", "alpha_fee", "netuid"},
    {"Faucet", mint, "", "#0/2", "#1/2"},
};

constexpr Line message_queue[] = {{"Processed", processed, "", "", ""}};
constexpr Line xcmp_queue[] = {{"Success", processed, "", "", ""}};
constexpr Line dmp_queue[] = {{"ExecutedDownward", processed, "", "", ""}};
constexpr Line ump[] = {{"ExecutedUpward", processed, "", "", ""}};
constexpr Line xcm_pallet[] = {
    {"Attempted", xcm, "", "", ""},     {"Sent", xcm, "", "", ""},
    {"AssetsTrapped", xcm, "", "", ""}, {"AssetsClaimed", xcm, "", "", ""},
    {"FeesPaid", xcm, "", "", ""},
};
constexpr Line x_tokens[] = {
    {"TransferredAssets", xcm, "sender", "", ""},
    {"TransferredMultiAssets", xcm, "sender", "", ""},
};
constexpr Line unknown_tokens[] = {
    {"Deposited", xcm, "", "", ""},
    {"Withdrawn", xcm, "", "", ""},
};

// Who acts for whom. A threshold of one is no event; what a proxy of another type may do is no
// ownership.
constexpr Line multisigs[] = {
    {"NewMultisig", multisig, "approving|#0/3", "multisig|#1/3", ""},
    {"MultisigApproval", multisig, "approving|#0/4", "multisig|#2/4", ""},
    {"MultisigExecuted", multisig, "approving|#0/5", "multisig|#2/5", ""},
    {"MultisigCancelled", multisig, "cancelling|#0/4", "multisig|#2/4", ""},
};
constexpr std::string_view any_proxy = "proxy_type|#2/4=Any";
constexpr Line proxies[] = {
    {"ProxyAdded", proxy, "delegatee|#1/4", "delegator|#0/4", "", "", {}, any_proxy},
    {"PureCreated", pure, "who|#1/4", "pure|#0/4", "", "", {}, any_proxy},
    {"AnonymousCreated", pure, "who|#1/4", "anonymous|pure|#0/4", "", "", {}, any_proxy},
};

struct Group {
    std::string_view pallet;
    std::string_view family; // of its asset ids
    std::span<Line const> lines;
};
constexpr Group groups[] = {
    {"Balances", "Balances", balances},
    {"Assets", "Assets", assets},
    {"LocalAssets", "LocalAssets", assets},
    {"ForeignAssets", "ForeignAssets", assets},
    {"PoolAssets", "PoolAssets", assets},
    {"AssetsFreezer", "Assets", assets_freezer},
    {"ForeignAssetsFreezer", "ForeignAssets", assets_freezer},
    {"PoolAssetsFreezer", "PoolAssets", assets_freezer},
    {"AssetsHolder", "Assets", assets_holder},
    {"ForeignAssetsHolder", "ForeignAssets", assets_holder},
    {"PoolAssetsHolder", "PoolAssets", assets_holder},
    {"Tokens", "Tokens", tokens},
    {"Currencies", "Tokens", currencies},
    {"Staking", "Staking", staking},
    {"NominationPools", "NominationPools", pools},
    {"SubtensorModule", "SubtensorModule", subtensor},
    {"MessageQueue", "MessageQueue", message_queue},
    {"XcmpQueue", "XcmpQueue", xcmp_queue},
    {"DmpQueue", "DmpQueue", dmp_queue},
    {"Ump", "Ump", ump},
    {"XcmPallet", "XcmPallet", xcm_pallet},
    {"PolkadotXcm", "PolkadotXcm", xcm_pallet},
    {"XTokens", "XTokens", x_tokens},
    {"UnknownTokens", "UnknownTokens", unknown_tokens},
    {"Multisig", "Multisig", multisigs},
    {"Proxy", "Proxy", proxies},
};

constexpr std::size_t count_rows() {
    std::size_t rows = 0;
    for (auto const& group : groups) rows += group.lines.size();
    return rows;
}
constexpr auto table = [] {
    std::array<MovementRow, count_rows()> rows;
    std::size_t next = 0;
    for (auto const& group : groups) {
        for (auto const& line : group.lines) {
            rows[next++] = {group.pallet, line.event, line.kind,    line.from,    line.to,
                            line.amount,  line.asset, line.repeats, group.family, line.only};
        }
    }
    return rows;
}();

// In the order of MovementKind.
constexpr std::string_view kind_names[movement_kinds] = {
    "transfer",
    "deposit",
    "withdraw",
    "mint",
    "burn",
    "endow",
    "dust",
    "set",
    "slash",
    "reserve",
    "unreserve",
    "repatriate",
    "hold",
    "release",
    "transfer_on_hold",
    "transfer_and_hold",
    "lock",
    "unlock",
    "freeze",
    "thaw",
    "suspend",
    "restore",
    "issue",
    "rescind",
    "issuance_set",
    "stake",
    "unstake",
    "withdraw_unbonded",
    "stake_move",
    "reward",
    "processed",
    "xcm",
    "multisig",
    "proxy",
    "pure",
};
static_assert(static_cast<std::size_t>(pure) + 1 == movement_kinds);
static_assert(!kind_names[movement_kinds - 1].empty());

} // namespace

std::span<MovementRow const> movement_rows() { return table; }

std::string_view to_text(MovementKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

} // namespace decoders
