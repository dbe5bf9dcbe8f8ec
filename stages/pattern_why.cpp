#include "stages/pattern_why.hpp"

#include "stages/pattern_dormant.hpp"
#include "stages/pattern_drain.hpp"
#include "stages/pattern_gathering.hpp"
#include "stages/pattern_parts.hpp"
#include "stages/pattern_path.hpp"
#include "stages/pattern_probe.hpp"
#include "stages/pattern_share.hpp"
#include "stages/pattern_structuring.hpp"
#include "stages/pattern_why_impl.hpp"
#include "stages/surprise.hpp"

#include <cmath>
#include <map>

namespace stages {

namespace {

using decoders::MovementKind;

// ---- drain ----
struct Outflows {
    u128 sum = 0, largest = 0, held = 0; // by the sender when they began
    std::uint32_t count = 0;
};

Outflows outflows_of(Why const& why, std::uint32_t since_s) {
    Outflows found;
    AccountIndex const cluster = why.accounts.cluster_of(why.moved.from);
    u128 came = 0;
    MovedSeq oldest = 0, walked = 0; // the oldest, where the walk ended for want of steps
    why.log.sent(why.moved.seq, since_s, drain_steps_max, [&](Moved const& each) {
        if (++walked == drain_steps_max) oldest = each.seq;
        if (each.kind != MovementKind::transfer) return true;
        found.held += each.amount; // modulo 2^128
        if (why.accounts.cluster_of(each.to) == cluster) return true;
        found.sum = sum_of(found.sum, each.amount);
        found.largest = std::max(found.largest, each.amount);
        return ++found.count > 0;
    });
    AccountState const& state = why.accounts[why.moved.from];
    why.log.received(state.received, since_s, drain_inflows_max - 1, [&](Moved const& each) {
        if (each.seq < oldest || each.kind != MovementKind::transfer) return each.seq >= oldest;
        found.held -= each.amount;
        came += each.amount;
        return true;
    });
    if ((found.held += state.balance) == 0) found.held = came;
    return found;
}

void steps_of(DrainOptions const& of, Why& why) {
    bool const transfer = why.is_transfer();
    if (!why.account("sender", why.moved.from) || !transfer) return;
    AccountState const& state = why.accounts[why.moved.from];
    why.at_least(fmt::format("min / {} =", drain_steps_max), of.min / drain_steps_max);
    why.step(state.balance_known, "its balance is known (since it was endowed)");
    why.outs("outflows", of.outflows);
    if (state.balance_known) {
        double const share = std::min(of.balance_share, 1.0);
        Share const part(share / (1 - share) / drain_steps_max);
        why.step(against_share(why.moved.amount, part, state.balance) >= 0,
                 "amount {} >= {:.4g} of the {} that are left", why.tokens(why.moved.amount),
                 static_cast<double>(part.billionths) / 1e9, why.tokens(state.balance));
    }
    why.leaves_cluster();
    Outflows const found = outflows_of(why, why.since_s(of.window_s));
    why.step(found.count >= of.outflows, "outflows within {} s {} >= outflows {}", of.window_s,
             found.count, of.outflows);
    why.step(found.sum >= of.min, "their sum {} >= min {}", why.tokens(found.sum),
             why.tokens(of.min));
    why.step(against_share(found.largest, Share(of.largest_share), found.sum) <= 0,
             "the largest {:.4g} of the sum <= largest_share {:g}",
             ratio_of(found.largest, found.sum), of.largest_share);
    if (!state.balance_known) return;
    why.step(against_share(found.sum, Share(of.balance_share), found.held) >= 0,
             "the sum {:.4g} of the {} it held >= balance_share {:g}",
             ratio_of(found.sum, found.held), why.tokens(found.held), of.balance_share);
    u128 const less = found.held - std::min(found.held, state.balance);
    why.step(against_share(less, Share(of.balance_share), found.held) >= 0,
             "it holds {:.4g} of that less now >= balance_share {:g}", ratio_of(less, found.held),
             of.balance_share);
}

// ---- consolidation, dispersion ----
// exp(entropy) of the sums by cluster.
double effective_of(std::map<AccountIndex, double> const& sums) {
    double total = 0, entropy = 0;
    for (auto const& [cluster, sum] : sums) total += sum;
    for (auto const& [cluster, sum] : sums)
        if (sum > 0) entropy -= sum / total * std::log(sum / total);
    return total > 0 ? std::exp(entropy) : 0;
}

void steps_of(GatheringOptions const& of, Why& why) {
    constexpr double rounding = 1e-9; // as the family
    Moved const& moved = why.moved;
    bool const transfer = why.is_transfer();
    bool const sender = why.account("sender", moved.from);
    if (!why.account("receiver", moved.to) || !sender || !transfer) return;
    why.at_least(fmt::format("sum / {} =", gathering_steps_max), of.sum / gathering_steps_max);
    u128 const part = of.sum / std::max<u128>(of.counterparties, 1);
    why.step(moved.seq % gathering_sample == 0 || moved.amount >= part,
             "amount {} >= sum / counterparties = {}, or one of {} that are looked at all the same",
             why.tokens(moved.amount), why.tokens(part), gathering_sample);
    AccountIndex const one = of.outward ? moved.from : moved.to;
    why.step(!why.accounts[one].exchange || of.exchanges, "no exchange's, or exchanges = true");
    if (of.outward) why.outs("counterparties", of.counterparties);
    why.leaves_cluster();
    AccountIndex const cluster = why.accounts.cluster_of(one);
    std::map<AccountIndex, double> sums;
    u128 sum = 0;
    auto const count = [&](Moved const& each) {
        AccountIndex const party = of.outward ? each.to : each.from;
        if (each.kind != MovementKind::transfer || party == no_account) return true;
        AccountIndex const theirs = why.accounts.cluster_of(party);
        if (theirs == cluster) return true;
        sums[theirs] += as_double(each.amount);
        sum = sum_of(sum, each.amount);
        return true;
    };
    if (of.outward)
        why.log.sent(moved.seq, why.since_s(of.window_s), gathering_steps_max, count);
    else
        why.log.received(moved.seq, why.since_s(of.window_s), gathering_steps_max, count);
    why.step(sums.size() >= of.counterparties, "{} within {} s {} >= counterparties {}",
             of.outward ? "receivers" : "senders", of.window_s, sums.size(), of.counterparties);
    why.step(sum >= of.sum, "their sum {} >= sum {}", why.tokens(sum), why.tokens(of.sum));
    double const effective = effective_of(sums);
    why.step(effective * (1 + rounding) >= of.effective,
             "their effective number {:.4g} >= effective {:g}", effective, of.effective);
}

// ---- structuring ----
// Mean and squares about it (Welford 1962), as the family.
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

void side_of(StructuringOptions const& of, Why& why, bool sender) {
    Moved const& moved = why.moved;
    std::string_view const role = sender ? "sender" : "receiver";
    AccountIndex const one = sender ? moved.from : moved.to;
    if (!why.account(role, one)) return;
    if (sender) why.outs("parts", of.parts);
    why.leaves_cluster();
    AccountIndex const cluster = why.accounts.cluster_of(one);
    Share const from(of.part_from);
    u128 sum = 0;
    Spread spread;
    auto const count = [&](Moved const& each) {
        bool const part = each.kind == MovementKind::transfer && each.amount < of.level &&
                          against_share(each.amount, from, of.level) >= 0;
        if (!part || why.accounts.cluster_of(sender ? each.to : each.from) == cluster) return true;
        sum = sum_of(sum, each.amount);
        spread.add(as_double(each.amount));
        return true;
    };
    if (sender)
        why.log.sent(moved.seq, why.since_s(of.window_s), structuring_steps_max, count);
    else
        why.log.received(moved.seq, why.since_s(of.window_s), structuring_steps_max, count);
    why.step(spread.count >= of.parts, "parts of the {} within {} s {} >= parts {}", role,
             of.window_s, spread.count, of.parts);
    why.step(against_share(sum, Share(of.sum_levels), of.level) >= 0,
             "their sum {} >= {:g} levels of {}", why.tokens(sum), of.sum_levels,
             why.tokens(of.level));
    why.step(spread.variation() < of.variation, "their variation {:.4g} < {:g}", spread.variation(),
             of.variation);
}

std::size_t agreed(WhySteps const& steps) {
    std::size_t count = 0;
    while (count < steps.size() && steps[count].yes) ++count;
    return count;
}

// Either side will do: the sender's, unless the receiver's goes further.
void steps_of(StructuringOptions const& of, Why& why) {
    Moved const& moved = why.moved;
    bool const transfer = why.is_transfer();
    bool const below = why.step(moved.amount < of.level, "amount {} < level {}",
                                why.tokens(moved.amount), why.tokens(of.level));
    bool const above =
        why.step(against_share(moved.amount, Share(of.part_from), of.level) >= 0,
                 "amount {} >= {:g} of the level", why.tokens(moved.amount), of.part_from);
    if (!transfer || !below || !above) return;
    Why sent{why.accounts, why.log, moved, why.token};
    Why received{why.accounts, why.log, moved, why.token};
    side_of(of, sent, true);
    side_of(of, received, false);
    bool const claims = first_no(sent.list) == nullptr;
    // The receiver has a step less before the parts.
    bool const further =
        first_no(received.list) == nullptr || agreed(received.list) + 1 > agreed(sent.list);
    WhySteps& side = !claims && further ? received.list : sent.list;
    for (WhyStep& step : side) why.list.push_back(std::move(step));
}

// ---- dormant_awakening ----
void steps_of(DormantOptions const& of, Why& why) {
    Moved const& moved = why.moved;
    why.at_least("min", of.min);
    if (!why.account("sender", moved.from)) return;
    why.step(sending_kinds.has(moved.kind), "kind {} is sent of its own will", to_text(moved.kind));
    AccountState const& sender = why.accounts[moved.from];
    Awakening const found = awakening_of(of, why.accounts, why.log, moved);
    std::uint32_t const silence_s = found.until_s - std::min(found.until_s, found.since_s);
    why.step(found.known && !found.told,
             "it woke within a day, and this is the first to be enough");
    why.step(found.since_s <= found.until_s && silence_s >= of.silence_s,
             "silent since it was {} {} s >= silence {} s",
             found.outs > 0 ? "last heard to send" : "first seen", silence_s, of.silence_s);
    if (sender.balance_known) {
        u128 const before = plus_saturated(sender.balance, moved.amount);
        u128 const needed = share_rounded_up(before, of.share);
        why.step(moved.amount >= needed, "amount {} >= share {:g} of the {} it held",
                 why.tokens(moved.amount), of.share, why.tokens(before));
    }
    why.step(!within_cluster(why.accounts, moved), "sender and receiver are not one owner's");
    bool const spans = std::ranges::any_of(of.borders, [&](std::uint32_t border_s) {
        return found.since_s < border_s && border_s <= found.until_s;
    });
    why.step(!spans, "the silence spans no migration");
    if (found.outs < std::max(of.model_outs, 3u) || found.since_s <= sender.first_out_s)
        return; // it has no model of its own
    double const bits =
        silence_bits(found.outs - 2, double(found.since_s - sender.first_out_s), double(silence_s));
    why.step(bits >= of.model_bits, "surprise by its own rate {:.4g} bits >= {:g}", bits,
             of.model_bits);
}

// ---- test_then_large ----
// Calls `each` for transfers of the same pair before it, newest first in each of the two lists,
// until it answers false. Whether one of the lists was seen to its end.
template <class Each>
bool walk_pair(Why const& why, std::uint32_t since_s, Each each) {
    Moved const& moved = why.moved;
    AccountIndex const from = why.accounts.cluster_of(moved.from);
    AccountIndex const to = why.accounts.cluster_of(moved.to);
    std::size_t sent = 0, received = 0;
    bool goes_on = true;
    auto const look = [&](Moved const& one, AccountIndex party, AccountIndex cluster) {
        bool const same = one.seq < moved.seq && one.kind == MovementKind::transfer &&
                          party != no_account && why.accounts[party].first_s <= one.time_s &&
                          why.accounts.cluster_of(party) == cluster;
        if (same) goes_on = each(one);
        return goes_on;
    };
    why.log.sent(moved.seq, since_s, probe_steps_max, [&](Moved const& one) {
        ++sent;
        return look(one, one.to, to);
    });
    if (!goes_on) return false;
    why.log.received(moved.seq, since_s, probe_steps_max, [&](Moved const& one) {
        ++received;
        return look(one, one.from, from);
    });
    return goes_on && (sent < probe_steps_max || received < probe_steps_max);
}

void steps_of(TestThenLargeOptions const& of, Why& why) {
    Moved const& moved = why.moved;
    why.is_transfer();
    why.at_least("large", of.large);
    bool const sender = why.account("sender", moved.from);
    if (!why.account("receiver", moved.to) || !sender) return;
    why.leaves_cluster();
    Moved const* probe = nullptr;
    walk_pair(why, why.since_s(of.window_s), [&](Moved const& each) {
        if (probe == nullptr || each.seq < probe->seq) probe = &each;
        return true;
    });
    if (!why.step(probe != nullptr, "a transfer of the same two within {} s before", of.window_s))
        return;
    why.step(against_share(probe->amount, Share(of.probe_share), moved.amount) <= 0,
             "the first of them {}, {:.4g} of it <= probe_share {:g}", why.tokens(probe->amount),
             ratio_of(probe->amount, moved.amount), of.probe_share);
    why.step(why.log.reaches(probe->time_s, of.window_s), "{} s before it have been seen",
             of.window_s);
    bool const first = walk_pair(why, 0, [&](Moved const& each) { return each.seq >= probe->seq; });
    why.step(first, "nothing between the two before that, as far as can be seen");
}

// ---- pass_through ----
// The longest path that ends here, by the family's own bounds. A circle ends a path.
struct Hops {
    PassThroughOptions const& of;
    Why const& why;
    std::array<AccountIndex, path_hops_max + 1> clusters{};
    std::size_t longest = 1, steps = 0;

    void go_back(Moved const& next, std::size_t count, bool circular) {
        longest = std::max(longest, count);
        if (circular || count == path_hops_max) return;
        std::uint32_t const since_s = next.time_s - std::min(next.time_s, of.hop_s);
        Share const keep(of.keep);
        why.log.received(
            why.accounts[next.from].received, since_s, path_looks_max, [&](Moved const& each) {
                if (steps == path_steps_max) return false;
                ++steps;
                bool const carries = each.seq < next.seq && each.kind == MovementKind::transfer &&
                                     each.amount >= of.min && each.from != no_account &&
                                     against_share(next.amount, keep, each.amount) >= 0 &&
                                     against_share(each.amount, keep, next.amount) >= 0;
                if (carries) try_hop(each, count);
                return true;
            });
    }
    void try_hop(Moved const& each, std::size_t count) {
        AccountIndex const cluster = why.accounts.cluster_of(each.from);
        for (std::size_t i = 1; i <= count; ++i)
            if (clusters[i] == cluster) return;
        clusters[count + 1] = cluster;
        go_back(each, count + 1, cluster == clusters[0]);
    }
};

void steps_of(PassThroughOptions const& of, Why& why) {
    Moved const& moved = why.moved;
    why.is_transfer();
    why.at_least("min", of.min);
    bool const sender = why.account("sender", moved.from);
    if (!why.account("receiver", moved.to) || !sender) return;
    bool const apart = why.leaves_cluster();
    bool const got = why.step(of.hops <= 1 || why.accounts[moved.from].received != 0,
                              "its sender has received before");
    if (!apart || !got) return;
    Hops hops{of, why};
    hops.clusters[0] = why.accounts.cluster_of(moved.to);
    hops.clusters[1] = why.accounts.cluster_of(moved.from);
    hops.go_back(moved, 1, false);
    why.step(hops.longest >= of.hops,
             "hops of {:g} of the amount, within {} s each, that end here {} >= hops {}", of.keep,
             of.hop_s, hops.longest, of.hops);
}

// What is learned, and what a price says, is the engine's to know.
void steps_of(LargeOptions const& of, Why& why) {
    Moved const& moved = why.moved;
    if (!why.is_transfer() || !why.account("sender", moved.from) || !why.leaves_cluster()) return;
    if (!why.step(!of.levels.met(moved.amount), "no level meets it: then it is told at once"))
        return;
    if (!of.share || !why.at_least("floor", of.floor)) return;
    AccountState const& sender = why.accounts[moved.from];
    if (!why.step(sender.balance_known, "its sender's balance is known")) return;
    u128 const before = plus_saturated(sender.balance, moved.amount);
    why.step(moved.amount >= share_rounded_up(before, *of.share),
             "amount {} >= share {:g} of the balance before, {}", why.tokens(moved.amount),
             *of.share, why.tokens(before));
}

template <class Of>
void steps_of(Of const&, Why&) {}

} // namespace

WhySteps steps(PatternOptions const& options, Accounts const& accounts, MovementLog const& log,
               Moved const& moved, WhyToken const& token) {
    Why why{accounts, log, moved, token};
    std::visit([&](auto const& of) { steps_of(of, why); }, options); // others have none
    return std::move(why.list);
}

} // namespace stages
