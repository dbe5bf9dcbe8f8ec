#include "stages/pattern_structuring.hpp"

#include "stages/pattern_share.hpp"

#include <cmath>
#include <fmt/format.h>

namespace stages {

namespace {

bool is_part(StructuringOptions const& options, Share from, Moved const& moved) {
    return moved.kind == decoders::MovementKind::transfer && moved.amount < options.level &&
           against_share(moved.amount, from, options.level) >= 0;
}

// Mean and squares about it, one amount at a time (Welford 1962): parts that are equal have no
// spread at all.
struct Spread {
    double mean = 0, squares = 0;
    std::uint32_t count = 0;

    void add(double value) {
        double const off = value - mean;
        mean += off / ++count;
        squares += off * (value - mean);
    }
    double variation() const { return mean > 0 ? std::sqrt(squares / count) / mean : 0; }
};

std::optional<Claim> judge_side(StructuringOptions const& options, Accounts const& accounts,
                                MovementLog const& log, Moved const& moved, bool sender) {
    AccountIndex const one = sender ? moved.from : moved.to;
    if (one == no_account) return std::nullopt;
    if (sender && accounts[one].outs + std::uint64_t{1} < options.parts) return std::nullopt;
    AccountIndex const cluster = accounts.cluster_of(one);
    if (cluster == accounts.cluster_of(sender ? moved.to : moved.from)) return std::nullopt;

    Share const from(options.part_from);
    u128 sum = 0;
    Spread spread;
    EvidenceList parts;
    auto const count = [&](Moved const& each) {
        if (!is_part(options, from, each)) return true;
        if (accounts.cluster_of(sender ? each.to : each.from) == cluster) return true;
        sum = sum_of(sum, each.amount);
        spread.add(as_double(each.amount));
        parts.add_older(each.seq);
        return true;
    };
    std::uint32_t const since_s = moved.time_s - std::min(moved.time_s, options.window_s);
    if (sender)
        log.sent(moved.seq, since_s, structuring_steps_max, count);
    else
        log.received(moved.seq, since_s, structuring_steps_max, count);
    if (parts.all < options.parts) return std::nullopt;
    if (against_share(sum, Share(options.sum_levels), options.level) < 0) return std::nullopt;
    double const variation = spread.variation();
    if (!(variation < options.variation)) return std::nullopt;

    Claim claim;
    claim.subject = cluster;
    claim.sum = sum;
    for (double const more : {10.0, 100.0})
        if (against_share(sum, Share(options.sum_levels * more), options.level) >= 0)
            claim.severity = one_up(claim.severity);
    claim.evidence = parts;
    claim.evidence.oldest_first();
    char text[160];
    auto const end = fmt::format_to_n(
        text, sizeof text,
        R"("side":"{}","parts":{},"sum_levels":{:.4g},"variation":{:.4g},"window_s":{})",
        sender ? "sender" : "receiver", parts.all, ratio_of(sum, options.level), variation,
        options.window_s);
    claim.details.assign({text, std::min(end.size, sizeof text)});
    return claim;
}

} // namespace

std::optional<Claim> structuring(StructuringOptions const& options, Accounts const& accounts,
                                 MovementLog const& log, Moved const& moved) {
    if (!is_part(options, Share(options.part_from), moved)) return std::nullopt;
    if (auto claim = judge_side(options, accounts, log, moved, true)) return claim;
    return judge_side(options, accounts, log, moved, false);
}

} // namespace stages
