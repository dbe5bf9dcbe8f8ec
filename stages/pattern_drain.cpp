#include "stages/pattern_drain.hpp"

#include "stages/pattern_share.hpp"

#include <fmt/format.h>

namespace stages {

namespace {

using decoders::MovementKind;

struct Outflows {
    u128 sum = 0;
    u128 largest = 0;
    u128 sent = 0; // that, and to accounts of the cluster; modulo 2^128
    EvidenceList list;
    MovedSeq since = 0; // the oldest movement looked at; 0: all of the window were
};

Outflows outflows_of(Accounts const& accounts, MovementLog const& log, Moved const& moved,
                     std::uint32_t since_s) {
    Outflows outflows;
    AccountIndex const cluster = accounts.cluster_of(moved.from);
    std::size_t steps = 0;
    log.sent(moved.seq, since_s, drain_steps_max, [&](Moved const& each) {
        if (++steps == drain_steps_max) outflows.since = each.seq;
        if (each.kind != MovementKind::transfer) return true;
        outflows.sent += each.amount;
        if (accounts.cluster_of(each.to) == cluster) return true;
        outflows.sum = sum_of(outflows.sum, each.amount);
        outflows.largest = std::max(outflows.largest, each.amount);
        outflows.list.add_older(each.seq);
        return true;
    });
    return outflows;
}

// Nothing: what came in is more than can be looked at. What it held may be 0: then what came in.
std::optional<u128> held_before(Accounts const& accounts, MovementLog const& log,
                                Moved const& moved, std::uint32_t since_s,
                                Outflows const& outflows) {
    AccountState const& state = accounts[moved.from];
    u128 received = 0; // modulo 2^128: the difference is a balance, so it is exact
    std::size_t steps = 0;
    log.received(state.received, since_s, drain_inflows_max, [&](Moved const& each) {
        if (each.seq < outflows.since) return false;
        ++steps;
        if (each.kind == MovementKind::transfer) received += each.amount;
        return true;
    });
    if (steps == drain_inflows_max) return std::nullopt;
    u128 const all = state.balance + outflows.sent;
    return all == received ? all : all - received;
}

// A mean part of what is left, where the share is just met and nothing came in.
Share part_of_rest(DrainOptions const& options) {
    double const share = std::min(options.balance_share, 1.0);
    return Share(share / (1 - share) / drain_steps_max);
}

} // namespace

std::optional<Claim> drain(DrainOptions const& options, Accounts const& accounts,
                           MovementLog const& log, Moved const& moved) {
    if (moved.kind != MovementKind::transfer || moved.from == no_account) return std::nullopt;
    if (moved.amount < options.min / drain_steps_max) return std::nullopt;
    AccountState const& state = accounts[moved.from];
    if (!state.balance_known || state.outs + std::uint64_t{1} < options.outflows)
        return std::nullopt;
    if (against_share(moved.amount, part_of_rest(options), state.balance) < 0) return std::nullopt;
    AccountIndex const cluster = accounts.cluster_of(moved.from);
    if (cluster == accounts.cluster_of(moved.to)) return std::nullopt;

    std::uint32_t const since_s = moved.time_s - std::min(moved.time_s, options.window_s);
    // The only one of the window, which its record knows without a look into the log.
    if (options.outflows > 1 && state.last_out_s < since_s) return std::nullopt;
    Outflows outflows = outflows_of(accounts, log, moved, since_s);
    if (outflows.list.all < options.outflows || outflows.sum < options.min) return std::nullopt;
    if (against_share(outflows.largest, Share(options.largest_share), outflows.sum) > 0)
        return std::nullopt;
    auto const before = held_before(accounts, log, moved, since_s, outflows);
    if (!before) return std::nullopt;
    u128 const held = *before;
    Share const share_needed(options.balance_share);
    if (against_share(outflows.sum, share_needed, held) < 0) return std::nullopt;
    u128 const less = held - std::min(held, state.balance);
    if (against_share(less, share_needed, held) < 0) return std::nullopt;

    Claim claim;
    claim.subject = cluster;
    claim.sum = outflows.sum;
    claim.severity = severity_by(outflows.sum, options.min);
    if (against_share(outflows.sum, Share(drain_severe_share), held) >= 0)
        claim.severity = one_up(claim.severity);
    claim.evidence = outflows.list;
    claim.evidence.oldest_first();
    double const share = held <= outflows.sum ? 1 : ratio_of(outflows.sum, held);
    char text[160];
    auto const end = fmt::format_to_n(
        text, sizeof text,
        R"("outflows":{},"largest_share":{:.4g},"balance_share":{:.4g},"window_s":{})",
        outflows.list.all, ratio_of(outflows.largest, outflows.sum), share, options.window_s);
    claim.details.assign({text, std::min(end.size, sizeof text)});
    return claim;
}

} // namespace stages
