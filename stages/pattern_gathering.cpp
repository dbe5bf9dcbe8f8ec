#include "stages/pattern_gathering.hpp"

#include "stages/pattern_share.hpp"

#include <cmath>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::size_t slot_bits = 8;
static_assert((std::size_t{1} << slot_bits) >= 2 * gathering_steps_max);

// Sums by cluster, in the order in which the clusters were met: so their statistics do not depend
// on how accounts are numbered.
struct Tally {
    std::array<std::uint16_t, std::size_t{1} << slot_bits> slots{}; // place + 1; 0: free
    std::array<AccountIndex, gathering_steps_max> clusters;
    std::array<double, gathering_steps_max> sums;
    std::size_t count = 0;

    void add(AccountIndex cluster, double amount) {
        std::size_t slot = (cluster * std::uint32_t{0x9E3779B9}) >> (32 - slot_bits);
        while (slots[slot] != 0 && clusters[slots[slot] - std::size_t{1}] != cluster)
            slot = (slot + 1) % slots.size();
        if (slots[slot] == 0) {
            clusters[count] = cluster;
            sums[count] = 0;
            slots[slot] = static_cast<std::uint16_t>(++count);
        }
        sums[slots[slot] - std::size_t{1}] += amount;
    }

    double effective() const {
        double total = 0;
        for (std::size_t i = 0; i < count; ++i) total += sums[i];
        if (total <= 0) return 0;
        double entropy = 0;
        for (std::size_t i = 0; i < count; ++i) {
            double const share = sums[i] / total;
            if (share > 0) entropy -= share * std::log(share);
        }
        return std::exp(entropy);
    }
};

// What exp and log round away: equal sums of ten count as ten.
constexpr double rounding = 1e-9;

bool is_judged(GatheringOptions const& options, Moved const& moved) {
    if (moved.kind != decoders::MovementKind::transfer) return false;
    if (moved.amount < options.sum / gathering_steps_max) return false;
    return moved.seq % gathering_sample == 0 ||
           moved.amount >= options.sum / std::max<u128>(options.counterparties, 1);
}

} // namespace

std::optional<Claim> gathering(GatheringOptions const& options, Accounts const& accounts,
                               MovementLog const& log, Moved const& moved) {
    if (!is_judged(options, moved)) return std::nullopt;
    AccountIndex const one = options.outward ? moved.from : moved.to;
    AccountIndex const other = options.outward ? moved.to : moved.from;
    if (one == no_account || other == no_account) return std::nullopt;
    AccountState const& state = accounts[one];
    if (state.exchange && !options.exchanges) return std::nullopt;
    if (options.outward && state.outs + std::uint64_t{1} < options.counterparties)
        return std::nullopt;
    AccountIndex const cluster = accounts.cluster_of(one);
    if (cluster == accounts.cluster_of(other)) return std::nullopt;

    Tally tally;
    Claim claim;
    auto const count = [&](Moved const& each) {
        AccountIndex const party = options.outward ? each.to : each.from;
        if (each.kind != decoders::MovementKind::transfer || party == no_account) return true;
        AccountIndex const theirs = accounts.cluster_of(party);
        if (theirs == cluster) return true;
        tally.add(theirs, as_double(each.amount));
        claim.sum = sum_of(claim.sum, each.amount);
        claim.evidence.add_older(each.seq);
        return true;
    };
    std::uint32_t const since_s = moved.time_s - std::min(moved.time_s, options.window_s);
    if (options.outward)
        log.sent(moved.seq, since_s, gathering_steps_max, count);
    else
        log.received(moved.seq, since_s, gathering_steps_max, count);
    if (tally.count < options.counterparties || claim.sum < options.sum) return std::nullopt;
    double const effective = tally.effective();
    if (effective * (1 + rounding) < options.effective) return std::nullopt;

    claim.subject = cluster;
    claim.severity = severity_by(claim.sum, options.sum);
    claim.evidence.oldest_first();
    char text[160];
    auto const end = fmt::format_to_n(
        text, sizeof text, R"("{}":{},"effective":{:.4g},"window_s":{})",
        options.outward ? "destinations" : "sources", tally.count, effective, options.window_s);
    claim.details.assign({text, std::min(end.size, sizeof text)});
    return claim;
}

} // namespace stages
