// The patterns of exchanges, levels, stakes, rates, the market and paths.
#include "tests/traffic/planting.hpp"

namespace traffic {

Truth plant_exchange_flow(Traffic& traffic, Plan const& plan, FlowShape const& shape) {
    constexpr std::uint32_t count = 10;
    Planting planting(PatternKind::exchange_flow, traffic, plan);
    AccountId const hot = traffic.exchanges()[shape.exchange].hot;
    u128 const part = scaled(plan.thresholds.flow_floor, plan.strength) / count;
    planting.subject(hot);
    if (shape.outward) {
        // In the first window of all, which is not whole: nobody learns from it.
        planting.before(traffic.options().start_s, MovementKind::mint, nobody, hot, part * count,
                        true);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        AccountId const party = shape.outward ? planting.fresh() : planting.funded(part);
        planting.subject(party);
        planting.move(planting.spread(shape.window_s, i, count), shape.outward ? hot : party,
                      shape.outward ? party : hot, part, MovementKind::transfer, shape.outward);
    }
    return planting.truth;
}

Truth plant_new_whale(Traffic& traffic, Plan const& plan, std::uint32_t leaves_after_s) {
    Planting planting(PatternKind::new_whale, traffic, plan);
    u128 const level = plan.thresholds.whale_level;
    u128 const last = scaled(level, plan.strength);
    u128 const first = std::min(level, last) / 10 * 4;
    u128 left = last - first;
    AccountId const whale = planting.funded(first);
    planting.subject(whale);
    auto const inflows = static_cast<std::uint32_t>((left + level / 2 - 1) / (level / 2));
    for (std::uint32_t i = 0; i < inflows; ++i) {
        u128 const part = left / (inflows - i); // the last takes what is left
        left -= part;
        planting.move(plan.start_s + i * traffic.options().slot_s, planting.funded(part), whale,
                      part);
    }
    if (leaves_after_s != 0) {
        planting.move(plan.start_s + leaves_after_s, whale, planting.fresh(), last / 2);
    }
    return planting.truth;
}

Truth plant_whale_exit(Traffic& traffic, Plan const& plan) {
    Thresholds const& limits = plan.thresholds;
    CHECK(plan.strength >= 0.4);
    Planting planting(PatternKind::whale_exit, traffic, plan);
    u128 const first = limits.whale_level / 2 * 3;
    u128 const mark = scaled(limits.whale_level, limits.whale_exit_share);
    u128 const last = plan.strength >= 2 ? 0 : scaled(mark, 2 - plan.strength);
    AccountId const whale = planting.funded(first);
    planting.subject(whale);
    planting.move(plan.start_s, whale, planting.fresh(), first - last);
    return planting.truth;
}

Truth plant_unbonding(Traffic& traffic, Plan const& plan, std::uint32_t follow_s) {
    Planting planting(PatternKind::unbonding, traffic, plan);
    u128 const amount = scaled(plan.thresholds.unbonding_min, plan.strength);
    AccountId const staker = planting.funded(2 * amount);
    planting.subject(staker);
    planting.before(plan.start_s - plan.lead_s / 2, MovementKind::stake, staker, nobody, amount);
    planting.move(plan.start_s, nobody, staker, amount, MovementKind::unstake);
    std::uint32_t const free_s = plan.start_s + traffic.options().unbond_s;
    planting.move(free_s, nobody, staker, amount, MovementKind::withdraw_unbonded);
    planting.move(free_s + follow_s, staker, planting.fresh(), amount);
    return planting.truth;
}

Truth plant_burst(Traffic& traffic, Plan const& plan, BurstShape const& shape) {
    CHECK(plan.strength > 0);
    Planting planting(PatternKind::burst, traffic, plan);
    Random random(mixed(traffic.options().seed ^ mixed(plan.start_s)));
    double const gap_s = shape.gap_s;
    std::vector<std::uint32_t> earlier;
    double time_s = plan.start_s;
    for (std::uint32_t i = 0; i < shape.outs_before; ++i) {
        time_s -= random.exponential(gap_s);
        earlier.push_back(static_cast<std::uint32_t>(time_s));
    }
    std::ranges::reverse(earlier);
    std::uint32_t const first_s = earlier.empty() ? plan.start_s : earlier.front();
    u128 const outs = shape.outs_before + shape.outs_in_burst;
    AccountId const busy = planting.funded(outs * shape.amount, first_s);
    planting.subject(busy);
    std::vector<AccountId> receivers;
    for (std::uint32_t i = 0; i < 5; ++i) receivers.push_back(planting.fresh());
    auto const receiver = [&] { return receivers[random.below(5)]; };
    for (auto const then_s : earlier) {
        planting.before(then_s, MovementKind::transfer, busy, receiver(), shape.amount);
    }
    time_s = plan.start_s;
    for (std::uint32_t i = 0; i < shape.outs_in_burst; ++i) {
        planting.move(static_cast<std::uint32_t>(time_s), busy, receiver(), shape.amount);
        time_s += random.exponential(gap_s / (plan.thresholds.burst_factor * plan.strength));
    }
    return planting.truth;
}

Truth plant_market_volume(Traffic& traffic, Plan const& plan, MarketShape const& shape) {
    Planting planting(PatternKind::market_volume, traffic, plan);
    u128 const part = scaled(plan.thresholds.market_volume, plan.strength) / shape.pairs;
    for (std::uint32_t i = 0; i < shape.pairs; ++i) {
        AccountId const from = planting.funded(part);
        planting.subject(from);
        planting.move(planting.spread(shape.window_s, i, shape.pairs), from, planting.fresh(),
                      part);
    }
    return planting.truth;
}

Truth plant_pass_through(Traffic& traffic, Plan const& plan, PassShape const& shape) {
    Thresholds const& limits = plan.thresholds;
    Planting planting(PatternKind::pass_through, traffic, plan);
    auto const hops = scaled_count(limits.pass_hops, plan.strength);
    std::vector<u128> amounts(hops, limits.pass_min);
    for (auto hop = hops - 1; hop > 0; --hop) amounts[hop - 1] = amounts[hop] / 19 * 20;
    AccountId const first = planting.funded(amounts[0]);
    AccountId at = first;
    planting.subject(first);
    for (std::uint32_t hop = 0; hop < hops; ++hop) {
        bool const back = shape.circular && hop + 1 == hops;
        AccountId const to = back ? first : planting.fresh();
        planting.move(plan.start_s + hop * shape.gap_s, at, to, amounts[hop]);
        if (!back) planting.subject(to);
        at = to;
    }
    return planting.truth;
}

Truth plant_test_then_large(Traffic& traffic, Plan const& plan, std::uint32_t gap_s) {
    Planting planting(PatternKind::test_then_large, traffic, plan);
    u128 const large = scaled(plan.thresholds.large, plan.strength);
    u128 const probe = scaled(large, plan.thresholds.probe_share);
    AccountId const sender = planting.funded(large + probe);
    AccountId const receiver = planting.fresh();
    planting.subject(sender);
    planting.subject(receiver);
    planting.move(plan.start_s, sender, receiver, probe);
    planting.move(plan.start_s + gap_s, sender, receiver, large);
    return planting.truth;
}

} // namespace traffic
