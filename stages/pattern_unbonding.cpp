#include "stages/pattern_unbonding.hpp"

#include <algorithm>

namespace stages {

using decoders::MovementKind;

Unbondings::Unbondings(UnbondingOptions const& options, std::size_t followed_max)
    : options_(options)
    , part_min_(share_rounded_up(options.min, part_share))
    , followed_(followed_max) {}

std::optional<Claim> Unbondings::on(Accounts const& accounts, Moved const& moved) {
    if (moved.kind == MovementKind::unstake) return begin(accounts, moved);
    if (followed_.size() == 0 || moved.amount < part_min_ || moved.amount == 0) return std::nullopt;
    if (moved.kind == MovementKind::withdraw_unbonded)
        return follow(accounts, moved, moved.to != no_account ? moved.to : moved.from);
    if (sending_kinds.has(moved.kind)) return follow(accounts, moved, moved.from);
    return std::nullopt;
}

std::optional<Claim> Unbondings::begin(Accounts const& accounts, Moved const& moved) {
    AccountIndex const of = moved.to != no_account ? moved.to : moved.from;
    if (of == no_account || moved.amount < options_.min || moved.amount == 0) return std::nullopt;
    std::uint64_t const release_s = std::uint64_t{moved.time_s} + options_.unlock_s;
    Followed entry{.key = accounts[of].key, .amount = moved.amount, .seq = moved.seq};
    entry.release_s = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(release_s, std::numeric_limits<std::uint32_t>::max()));
    std::size_t others = 0;
    followed_.of(entry.key, [&](Followed&) { return ++others < of_one_max; });
    if (others == of_one_max)
        ++counters_.too_many;
    else
        followed_.push(entry);
    Claim claim;
    claim.subject = of;
    claim.severity = Severity::notable;
    claim.sum = moved.amount;
    claim.evidence.add_older(moved.seq);
    claim.details = details_text(R"("stage":"unbonding","min":"{}","unlock_s":{},"free_at":{})",
                                 options_.min, options_.unlock_s, release_s);
    return claim;
}

bool Unbondings::over(Followed const& entry, std::uint32_t now_s) const {
    return now_s > entry.release_s && now_s - entry.release_s > options_.follow_s;
}

std::optional<Claim> Unbondings::follow(Accounts const& accounts, Moved const& moved,
                                        AccountIndex of) {
    if (of == no_account) return std::nullopt;
    std::array<Followed*, of_one_max> released{};
    std::size_t count = 0;
    followed_.of(accounts[of].key, [&](Followed& entry) {
        if (entry.release_s <= moved.time_s && !over(entry, moved.time_s))
            released[count++] = &entry;
        return count < of_one_max;
    });
    bool const withdraws = moved.kind == MovementKind::withdraw_unbonded;
    if (count == 0 || (!withdraws && within_cluster(accounts, moved))) return std::nullopt;
    u128 rest = moved.amount;
    u128 done = 0;
    u128 moved_sum = 0;
    std::uint32_t done_count = 0;
    std::uint32_t first_release_s = 0;
    Claim claim;
    claim.evidence.add_older(moved.seq);
    for (std::size_t i = count; i-- > 0 && rest > 0;) { // they are newest first
        Followed& entry = *released[i];
        u128& part = withdraws ? entry.withdrawn : entry.sent;
        bool& told = withdraws ? entry.withdrawn_told : entry.sent_told;
        if (told) continue;
        u128 const taken = std::min(rest, entry.amount - part);
        part += taken;
        rest -= taken;
        if (part < share_rounded_up(entry.amount, filled)) continue;
        told = true;
        if (done_count++ == 0) first_release_s = entry.release_s;
        done = plus_saturated(done, entry.amount);
        moved_sum = plus_saturated(moved_sum, part);
        claim.evidence.add_older(entry.seq);
    }
    if (done_count == 0) return std::nullopt;
    std::sort(claim.evidence.seqs.begin(), claim.evidence.seqs.begin() + claim.evidence.kept);
    claim.subject = of;
    claim.severity = Severity::notable;
    claim.sum = done;
    claim.details = details_text(
        R"("stage":"{}","unbondings":{},"moved":"{}","after_release_s":{})",
        withdraws ? "withdrawn" : "sent", done_count, moved_sum, moved.time_s - first_release_s);
    return claim;
}

void Unbondings::at_block(std::uint32_t time_s) {
    while (Followed const* const oldest = followed_.oldest()) {
        bool const done = oldest->withdrawn_told && oldest->sent_told;
        if (!done && !over(*oldest, time_s)) return;
        followed_.drop_oldest();
    }
}

} // namespace stages
