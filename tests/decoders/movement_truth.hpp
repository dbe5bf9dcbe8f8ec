// What the events of the corpus move, read off their field lists and the pallets' documentation:
// what the table of movements is held against, so written independently of it.
#pragma once

#include <string_view>

namespace tests {

// Names of fields in the corpus, by role; a digit is an unnamed field; '|' between what several
// runtimes call it, '+' between parts of a sum.
struct Told {
    std::string_view pallets;
    std::string_view event;
    std::string_view kind;
    std::string_view from;
    std::string_view to;
    std::string_view amount;
    std::string_view asset;
    std::string_view repeats; // kinds of which it may be a repetition
    std::string_view only{};  // told only where proxy_type is that
};

inline constexpr std::string_view all_assets = "Assets LocalAssets ForeignAssets PoolAssets";

inline constexpr Told told[] = {
    {"Balances", "Transfer", "transfer", "from", "to", "amount", "", ""},
    {"Balances", "Deposit", "deposit", "", "who", "amount", "", ""},
    {"Balances", "Withdraw", "withdraw", "who", "", "amount", "", ""},
    {"Balances", "Minted", "mint", "", "who", "amount", "", ""},
    {"Balances", "Burned", "burn", "who", "", "amount", "", ""},
    {"Balances", "BurnedHeld", "burn", "who", "", "amount", "", ""},
    {"Balances", "Endowed", "endow", "", "account", "free_balance", "", ""},
    {"Balances", "DustLost", "dust", "account", "", "amount", "", ""},
    {"Balances", "BalanceSet", "set", "", "who", "free", "", ""},
    {"Balances", "Slashed", "slash", "who", "", "amount", "", ""},
    {"Balances", "Reserved", "reserve", "who", "", "amount", "", ""},
    {"Balances", "Unreserved", "unreserve", "", "who", "amount", "", ""},
    {"Balances", "ReserveRepatriated", "repatriate", "from", "to", "amount", "", ""},
    {"Balances", "Held", "hold", "who", "", "amount", "", ""},
    {"Balances", "Released", "release", "", "who", "amount", "", ""},
    {"Balances", "TransferOnHold", "transfer_on_hold", "source", "dest", "amount", "", ""},
    {"Balances", "TransferAndHold", "transfer_and_hold", "source", "dest", "transferred", "", ""},
    {"Balances", "Locked", "lock", "who", "", "amount", "", ""},
    {"Balances", "Unlocked", "unlock", "", "who", "amount", "", ""},
    {"Balances", "Frozen", "freeze", "who", "", "amount", "", ""},
    {"Balances", "Thawed", "thaw", "", "who", "amount", "", ""},
    {"Balances", "Suspended", "suspend", "who", "", "amount", "", ""},
    {"Balances", "Restored", "restore", "", "who", "amount", "", ""},
    {"Balances", "Issued", "issue", "", "", "amount", "", ""},
    {"Balances", "MintedCredit", "issue", "", "", "amount", "", ""},
    {"Balances", "Rescinded", "rescind", "", "", "amount", "", ""},
    {"Balances", "BurnedDebt", "rescind", "", "", "amount", "", ""},
    {"Balances", "TotalIssuanceForced", "issuance_set", "", "", "new", "", ""},

    {all_assets, "Transferred", "transfer", "from", "to", "amount", "asset_id", ""},
    {all_assets, "Issued", "mint", "", "owner", "amount", "asset_id", ""},
    {all_assets, "Burned", "burn", "owner", "", "balance", "asset_id", ""},
    {all_assets, "Deposited", "deposit", "", "who", "amount", "asset_id", ""},
    {all_assets, "Withdrawn", "withdraw", "who", "", "amount", "asset_id", ""},
    {"AssetsFreezer", "Frozen", "freeze", "who", "", "amount", "asset_id", ""},
    {"AssetsFreezer", "Thawed", "thaw", "", "who", "amount", "asset_id", ""},

    {"Tokens", "Transfer", "transfer", "from", "to", "amount", "currency_id", ""},
    {"Tokens", "Deposited", "deposit", "", "who", "amount", "currency_id", ""},
    {"Tokens", "Withdrawn", "withdraw", "who", "", "amount", "currency_id", ""},
    {"Tokens", "Endowed", "endow", "", "who", "amount", "currency_id", ""},
    {"Tokens", "DustLost", "dust", "who", "", "amount", "currency_id", ""},
    {"Tokens", "BalanceSet", "set", "", "who", "free", "currency_id", ""},
    {"Tokens", "Slashed", "slash", "who", "", "free_amount+reserved_amount", "currency_id", ""},
    {"Tokens", "Reserved", "reserve", "who", "", "amount", "currency_id", ""},
    {"Tokens", "Unreserved", "unreserve", "", "who", "amount", "currency_id", ""},
    {"Tokens", "ReserveRepatriated", "repatriate", "from", "to", "amount", "currency_id", ""},
    {"Tokens", "Locked", "lock", "who", "", "amount", "currency_id", ""},
    {"Tokens", "Unlocked", "unlock", "", "who", "amount", "currency_id", ""},
    {"Tokens", "Issued", "issue", "", "", "amount", "currency_id", ""},
    {"Tokens", "Rescinded", "rescind", "", "", "amount", "currency_id", ""},
    {"Tokens", "TotalIssuanceSet", "issuance_set", "", "", "amount", "currency_id", ""},
    {"Currencies", "Transferred", "transfer", "from", "to", "amount", "currency_id", "transfer"},
    {"Currencies", "Deposited", "deposit", "", "who", "amount", "currency_id", "deposit mint"},
    {"Currencies", "Withdrawn", "withdraw", "who", "", "amount", "currency_id", "withdraw burn"},

    {"Staking", "Bonded", "stake", "stash|0", "", "amount|1", "", ""},
    {"Staking", "Unbonded", "unstake", "", "stash|0", "amount|1", "", ""},
    {"Staking", "CurrencyMigrated", "unstake", "", "stash", "force_withdraw", "", ""},
    {"Staking", "Withdrawn", "withdraw_unbonded", "", "stash|0", "amount|1", "", ""},
    {"Staking", "Slashed", "slash", "staker|0", "", "amount|1", "", ""},
    {"Staking", "Rewarded", "reward", "", "stash|0", "amount|1", "", ""},
    {"Staking", "PositionCreated", "stake", "who", "", "stake", "", ""},
    {"Staking", "StakeAdded", "stake", "who", "", "stake", "", ""},
    {"Staking", "Unstaked", "withdraw_unbonded", "", "who", "unlocked_stake", "", ""},
    {"Staking", "RewardsClaimed", "reward", "", "who", "paid_rewards", "", ""},
    {"NominationPools", "Bonded", "stake", "member", "", "bonded", "", ""},
    {"NominationPools", "Unbonded", "unstake", "", "member", "balance", "", ""},
    {"NominationPools", "Withdrawn", "withdraw_unbonded", "", "member", "balance", "", ""},
    {"NominationPools", "PaidOut", "reward", "", "member", "payout", "", ""},
    {"NominationPools", "PoolCommissionClaimed", "reward", "", "", "commission", "", ""},
    {"NominationPools", "PoolSlashed", "slash", "", "", "balance", "", ""},
    {"NominationPools", "UnbondingPoolSlashed", "slash", "", "", "balance", "", ""},

    {"SubtensorModule", "StakeAdded", "stake", "", "0", "1", "", ""},
    {"SubtensorModule", "StakeRemoved", "unstake", "0", "", "1", "", ""},
    {"SubtensorModule", "AllBalanceUnstakedAndTransferredToNewColdkey", "stake_move",
     "current_coldkey", "new_coldkey", "total_balance", "", ""},
    {"SubtensorModule", "ColdkeySwapped", "stake_move", "old_coldkey", "new_coldkey", "", "", ""},
    {"SubtensorModule", "Faucet", "mint", "", "0", "1", "", ""},

    {"MessageQueue", "Processed", "processed", "", "", "", "", ""},
    {"XcmpQueue", "Success", "processed", "", "", "", "", ""},
    {"DmpQueue", "ExecutedDownward", "processed", "", "", "", "", ""},
    {"Ump", "ExecutedUpward", "processed", "", "", "", "", ""},
    {"XcmPallet PolkadotXcm", "Attempted", "xcm", "", "", "", "", ""},
    {"XcmPallet PolkadotXcm", "Sent", "xcm", "", "", "", "", ""},
    {"XcmPallet PolkadotXcm", "AssetsTrapped", "xcm", "", "", "", "", ""},
    {"XcmPallet PolkadotXcm", "AssetsClaimed", "xcm", "", "", "", "", ""},
    {"XcmPallet PolkadotXcm", "FeesPaid", "xcm", "", "", "", "", ""},
    {"XTokens", "TransferredAssets", "xcm", "sender", "", "", "", ""},
    {"XTokens", "TransferredMultiAssets", "xcm", "sender", "", "", "", ""},
    {"UnknownTokens", "Deposited", "xcm", "", "", "", "", ""},
    {"UnknownTokens", "Withdrawn", "xcm", "", "", "", "", ""},

    {"Multisig", "NewMultisig", "multisig", "approving", "multisig", "", "", ""},
    {"Multisig", "MultisigApproval", "multisig", "approving", "multisig", "", "", ""},
    {"Multisig", "MultisigExecuted", "multisig", "approving", "multisig", "", "", ""},
    {"Multisig", "MultisigCancelled", "multisig", "cancelling", "multisig", "", "", ""},
    {"Proxy", "ProxyAdded", "proxy", "delegatee", "delegator", "", "", "", "Any"},
    {"Proxy", "PureCreated", "pure", "who", "pure", "", "", "", "Any"},
    {"Proxy", "AnonymousCreated", "pure", "who", "anonymous", "", "", "", "Any"},
};

// Events of the same pallets that move nothing, or always stand beside one that is told.
struct Silent {
    std::string_view pallets;
    std::string_view events;
};
inline constexpr Silent silent[] = {
    {"Balances", "Unexpected Upgraded"},
    {all_assets,
     "AccountsDestroyed ApprovalCancelled ApprovalsDestroyed ApprovedTransfer AssetFrozen "
     "AssetMinBalanceChanged AssetStatusChanged AssetThawed Blocked Created Destroyed "
     "DestructionStarted ForceCreated Frozen MetadataCleared MetadataSet OwnerChanged TeamChanged "
     "Thawed Touched TransferredApproved"},
    {"Tokens", "LockRemoved LockSet"},
    {"Currencies", "BalanceUpdated DustSwept"},
    {"Staking",
     "AccumulatedRpsUpdated Chilled ControllerBatchDeprecated EraPaid EraPruned ForceEra Kicked "
     "OffenceReported OffenceTooOld OldSlashingReportDiscarded PagedElectionProceeded "
     "PayoutStarted SessionRotated SlashCancelled SlashComputed SlashReported "
     "SnapshotTargetsSizeExceeded SnapshotVotersSizeExceeded StakerRemoved StakersElected "
     "StakingElectionFailed StakingInitialized Unexpected ValidatorPrefsSet"},
    {"NominationPools",
     "Created Destroyed GlobalParamsUpdated MemberClaimPermissionUpdated MemberRemoved "
     "MetadataUpdated MinBalanceDeficitAdjusted MinBalanceExcessAdjusted "
     "PoolCommissionChangeRateUpdated PoolCommissionClaimPermissionUpdated PoolCommissionUpdated "
     "PoolMaxCommissionUpdated PoolNominationMade PoolNominatorChilled RolesUpdated StateChanged"},
    {"MessageQueue", "OverweightEnqueued PageReaped ProcessingFailed"},
    {"Multisig", "DepositPoked"},
    {"Proxy", "Announced DepositPoked ProxyExecuted ProxyRemoved PureKilled"},
    {"XcmpQueue", "BadFormat BadVersion DeferredBucketDiscarded DeferredXcmDiscarded Fail "
                  "OverweightEnqueued OverweightServiced UpwardMessageSent XcmDeferred "
                  "XcmDeferredQueueFull XcmpMessageSent"},
    {"DmpQueue", "InvalidFormat MaxMessagesExhausted OverweightEnqueued OverweightServiced "
                 "UnsupportedVersion WeightExhausted"},
    {"Ump", "InvalidFormat OverweightEnqueued OverweightServiced UnsupportedVersion "
            "UpwardMessagesReceived WeightExhausted"},
    {"XcmPallet PolkadotXcm",
     "AliasAuthorizationRemoved AliasAuthorized AliasesAuthorizationsRemoved InvalidQuerier "
     "InvalidQuerierVersion InvalidResponder InvalidResponderVersion Notified NotifyDecodeFailed "
     "NotifyDispatchError NotifyOverweight NotifyTargetMigrationFail NotifyTargetSendFail "
     "ProcessXcmError ResponseReady ResponseTaken SendFailed SupportedVersionChanged "
     "UnexpectedResponse VersionChangeNotified VersionMigrationFinished VersionNotifyRequested "
     "VersionNotifyStarted VersionNotifyUnrequested"},
    {"SubtensorModule",
     "ActivityCutoffSet AdjustmentAlphaSet AdjustmentIntervalSet ArbitrationPeriodExtended "
     "AxonServed BatchCompletedWithErrors BatchWeightItemFailed BatchWeightsCompleted "
     "BondsMovingAverageSet BulkBalancesSet BulkNeuronsRegistered BurnSet CRV3WeightsCommitted "
     "ChainIdentitySet ChildKeyTakeSet ColdkeySwapScheduleDurationSet ColdkeySwapScheduled "
     "DefaultTakeSet DelegateAdded DifficultySet DissolveNetworkScheduleDurationSet "
     "DissolveNetworkScheduled EmissionValuesSet HotkeyEmissionTempoSet HotkeySwapped "
     "ImmunityPeriodSet KappaSet MaxAllowedUidsSet MaxAllowedValidatorsSet MaxBurnSet "
     "MaxChildKeyTakeSet MaxDelegateTakeSet MaxDifficultySet MaxRegistrationsPerBlockSet "
     "MaxWeightLimitSet MinAllowedWeightSet MinBurnSet MinChildKeyTakeSet MinDelegateTakeSet "
     "MinDifficultySet NetworkAdded NetworkImmunityPeriodSet NetworkLockCostReductionIntervalSet "
     "NetworkMaxStakeSet NetworkMinLockCostSet NetworkRateLimitSet NetworkRemoved "
     "NeuronRegistered PowRegistrationAllowed PrometheusServed RAORecycledForRegistrationSet "
     "RegistrationAllowed RegistrationPerIntervalSet RhoSet ScalingLawPowerSet SenateAdjusted "
     "SenateRequiredStakePercentSet ServingRateLimitSet SetChildren SetChildrenScheduled "
     "StakeThresholdSet SubnetIdentityRemoved SubnetIdentitySet SubnetLimitSet SubnetOwnerCutSet "
     "Sudid TakeDecreased TakeIncreased TargetStakesPerIntervalSet TempoSet "
     "TxChildKeyTakeRateLimitSet TxDelegateTakeRateLimitSet TxRateLimitSet ValidatorPruneLenSet "
     "WeightsBatchRevealed WeightsCommitted WeightsRevealed WeightsSet WeightsSetRateLimitSet "
     "WeightsVersionKeySet"},
};

// Rows that no runtime of the corpus has: tested with metadata made by hand (test_movements.cpp).
inline constexpr std::string_view made_by_hand[] = {
    "Balances.TransferWithMemo",
    "AssetsHolder.Held",
    "AssetsHolder.Released",
    "AssetsHolder.Burned",
    "ForeignAssetsFreezer.Frozen",
    "ForeignAssetsFreezer.Thawed",
    "ForeignAssetsHolder.Held",
    "ForeignAssetsHolder.Released",
    "ForeignAssetsHolder.Burned",
    "PoolAssetsFreezer.Frozen",
    "PoolAssetsFreezer.Thawed",
    "PoolAssetsHolder.Held",
    "PoolAssetsHolder.Released",
    "PoolAssetsHolder.Burned",
    "LocalAssets.Deposited",
    "LocalAssets.Withdrawn",
    "Tokens.RepatriatedReserve",
    "SubtensorModule.StakeMoved",
    "SubtensorModule.StakeTransferred",
    "SubtensorModule.StakeSwapped",
    "SubtensorModule.StakeAndHotkeyTransferred",
    "SubtensorModule.AutoStakeAdded",
    "SubtensorModule.RootClaimed",
    "SubtensorModule.AlphaRecycled",
    "SubtensorModule.AlphaBurned",
    "SubtensorModule.AddStakeBurn",
    "SubtensorModule.StakeLocked",
    "SubtensorModule.StakeUnlocked",
    "SubtensorModule.CollateralLocked",
    "SubtensorModule.TransactionFeePaidWithAlpha",
};

} // namespace tests
