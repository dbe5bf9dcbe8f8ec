#include "stages/pattern_watch.hpp"

namespace stages {

namespace {

using decoders::MovementKind;

// Kinds that say nothing new about an account: another movement has said it, or there is no amount.
constexpr decoders::MovementKinds silent_kinds =
    decoders::MovementKinds(MovementKind::endow) | MovementKind::issue | MovementKind::rescind |
    MovementKind::issuance_set | MovementKind::processed | MovementKind::xcm |
    MovementKind::multisig | MovementKind::proxy | MovementKind::pure;

char const* mark_name(bool low, bool high) {
    if (low && high) return "both";
    if (low) return "low";
    return high ? "high" : "none";
}

} // namespace

Watch::Watch(WatchOptions const& options, std::size_t accounts_max)
    : options_(options)
    , armed_(accounts_max) {
    if (options_.low)
        low_again_ =
            plus_saturated(*options_.low, share_rounded_up(*options_.low, options_.hysteresis));
    if (options_.high)
        high_again_ = *options_.high - share_rounded_up(*options_.high, options_.hysteresis);
}

Watch::Crossed Watch::judge_marks(AccountState const& account, Moved const& moved, bool sends) {
    if ((!options_.low && !options_.high) || !account.balance_known) return {};
    u128 const balance = account.balance;
    Armed* armed = nullptr;
    armed_.of(account.key, [&](Armed& entry) { return armed = &entry, false; });
    if (armed == nullptr) {
        u128 before = balance;
        if (sends && leaving_kinds.has(moved.kind)) before = plus_saturated(balance, moved.amount);
        if (!sends && entering_kinds.has(moved.kind))
            before = balance > moved.amount ? balance - moved.amount : 0;
        Armed first{.key = account.key};
        first.low = options_.low && before > *options_.low;
        first.high = options_.high && before < *options_.high;
        if (!armed_.push(first)) return {};
        armed_.of(account.key, [&](Armed& entry) { return armed = &entry, false; });
    }
    Crossed crossed;
    if (options_.low) {
        crossed.low = armed->low && balance <= *options_.low;
        armed->low = (armed->low && !crossed.low) || balance >= low_again_;
    }
    if (options_.high) {
        crossed.high = armed->high && balance >= *options_.high;
        armed->high = (armed->high && !crossed.high) || balance <= high_again_;
    }
    return crossed;
}

std::optional<Claim> Watch::on(Accounts const& accounts, Moved const& moved, AccountIndex watched) {
    if (watched == no_account) return std::nullopt;
    AccountState const& account = accounts[watched];
    bool const sends = watched == moved.from;
    bool const to_itself = moved.from == moved.to;
    Crossed crossed;
    if (!to_itself) crossed = judge_marks(account, moved, sends);
    bool const enough = moved.amount >= options_.min && !silent_kinds.has(moved.kind) &&
                        !within_cluster(accounts, moved);
    if (!enough && !crossed.low && !crossed.high) return std::nullopt;
    Claim claim;
    claim.subject = watched;
    claim.severity = Severity::notable;
    claim.sum = moved.amount;
    claim.evidence.add_older(moved.seq);
    claim.details = details_text(
        R"("direction":"{}","moved":{},"min":"{}","mark":"{}","balance":"{}")",
        sends ? "out" : "in", enough, options_.min, mark_name(crossed.low, crossed.high),
        account.balance_known ? account.balance : 0);
    return claim;
}

} // namespace stages
