#include "tests/traffic/planted.hpp"

#include "tests/traffic/planting.hpp"

namespace traffic {

u128 scaled(u128 amount, double strength) {
    auto const parts = millionths(strength);
    if (parts != 0 && amount > ~u128{0} / parts) return ~u128{0};
    return amount * parts / million;
}

std::uint32_t scaled_count(std::uint32_t least, double strength) {
    return std::max(1U, static_cast<std::uint32_t>(least * millionths(strength) / million));
}

Truth plant_watch(Traffic& traffic, Plan const& plan) {
    Planting planting(PatternKind::watch, traffic, plan);
    u128 const amount = scaled(plan.thresholds.watch_min, plan.strength);
    AccountId const watched = planting.funded(amount + tokens(100));
    planting.subject(watched);
    planting.move(plan.start_s, watched, planting.fresh(), amount);
    return planting.truth;
}

Truth plant_dormant(Traffic& traffic, Plan const& plan, std::uint32_t outs) {
    Thresholds const& limits = plan.thresholds;
    CHECK(outs > 0);
    // Both ends of the silence must have a block of exactly their time.
    std::uint32_t wake_s = traffic.place(plan.start_s).time_s;
    auto const has_block = [&](std::uint32_t time_s) {
        return traffic.place(time_s).time_s == time_s;
    };
    while (!has_block(wake_s) || !has_block(wake_s - limits.dormant_silence_s)) {
        wake_s += traffic.options().slot_s;
    }
    Planting planting(PatternKind::dormant_awakening, traffic, plan);
    std::uint32_t const last_s = wake_s - limits.dormant_silence_s;
    std::uint32_t const first_s = last_s - (outs - 1) * day_s;
    u128 const balance = 100 * limits.dormant_min;
    u128 const least = std::max(limits.dormant_min, scaled(balance, limits.dormant_share));
    u128 const amount = scaled(least, plan.strength);
    CHECK(amount <= balance);
    AccountId const sleeper = planting.funded(balance + outs * tokens(1), first_s);
    planting.subject(sleeper);
    AccountId const friend_of_it = planting.fresh();
    for (std::uint32_t i = 0; i < outs; ++i) {
        planting.before(first_s + i * day_s, MovementKind::transfer, sleeper, friend_of_it,
                        tokens(1));
    }
    planting.move(wake_s, sleeper, planting.fresh(), amount);
    return planting.truth;
}

Truth plant_coordination(Traffic& traffic, Plan const& plan, CoordinationShape const& shape) {
    Thresholds const& limits = plan.thresholds;
    Planting planting(PatternKind::coordination, traffic, plan);
    auto const count = scaled_count(limits.coordination_clusters, plan.strength);
    auto const amount_of = [&](std::uint32_t i) {
        u128 const more = shape.factor == SharedFactor::amount ? 0 : i;
        return limits.coordination_min + limits.coordination_min / 20 * more;
    };
    std::vector<AccountId> senders;
    if (shape.factor == SharedFactor::funding_root) {
        u128 all = tokens(100);
        for (std::uint32_t i = 0; i < count; ++i) all += amount_of(i) + tokens(1);
        AccountId const root = planting.funded(all, plan.start_s - plan.lead_s / 2);
        for (std::uint32_t i = 0; i < count; ++i) {
            u128 const amount = amount_of(i) + tokens(1);
            std::uint32_t const then_s = plan.start_s - plan.lead_s / 2 + i * 10 * minute_s;
            AccountId const first = planting.fresh();
            planting.before(then_s, MovementKind::transfer, root, first, amount);
            senders.push_back(first);
            if (i % 2 == 0) continue;
            senders.back() = planting.fresh(); // the first is the one between
            planting.before(then_s + hour_s, MovementKind::transfer, first, senders.back(), amount);
        }
    } else {
        for (std::uint32_t i = 0; i < count; ++i) senders.push_back(planting.funded(amount_of(i)));
    }
    AccountId const common = planting.fresh();
    for (std::uint32_t i = 0; i < count; ++i) {
        planting.subject(senders[i]);
        bool const shared = shape.factor == SharedFactor::counterparty;
        planting.move(planting.spread(shape.window_s, i, count), senders[i],
                      shared ? common : planting.fresh(), amount_of(i));
    }
    return planting.truth;
}

namespace {
Truth plant_gathering(Traffic& traffic, Plan const& plan, bool outward) {
    Thresholds const& limits = plan.thresholds;
    Planting planting(outward ? PatternKind::dispersion : PatternKind::consolidation, traffic,
                      plan);
    auto const count = scaled_count(limits.gathering_parties, plan.strength);
    u128 const part =
        (scaled(limits.gathering_sum, std::max(1.0, plan.strength)) + count - 1) / count;
    AccountId const centre = outward ? planting.funded(part * count) : planting.fresh();
    planting.subject(centre);
    for (std::uint32_t i = 0; i < count; ++i) {
        AccountId const party = outward ? planting.fresh() : planting.funded(part);
        planting.subject(party);
        planting.move(planting.spread(limits.gathering_window_s, i, count),
                      outward ? centre : party, outward ? party : centre, part);
    }
    return planting.truth;
}
} // namespace

Truth plant_consolidation(Traffic& traffic, Plan const& plan) {
    return plant_gathering(traffic, plan, false);
}
Truth plant_dispersion(Traffic& traffic, Plan const& plan) {
    return plant_gathering(traffic, plan, true);
}

Truth plant_drain(Traffic& traffic, Plan const& plan) {
    Thresholds const& limits = plan.thresholds;
    Planting planting(PatternKind::drain, traffic, plan);
    u128 const balance = limits.drain_min * million / millionths(limits.drain_share);
    u128 const sum = std::min(balance, scaled(limits.drain_min, plan.strength));
    AccountId const drained = planting.funded(balance);
    planting.subject(drained);
    for (std::uint32_t i = 0; i < limits.drain_outflows; ++i) {
        planting.move(planting.spread(limits.drain_window_s, i, limits.drain_outflows), drained,
                      planting.fresh(), sum / limits.drain_outflows);
    }
    return planting.truth;
}

Truth plant_structuring(Traffic& traffic, Plan const& plan) {
    Thresholds const& limits = plan.thresholds;
    Planting planting(PatternKind::structuring, traffic, plan);
    auto const count = scaled_count(limits.structuring_parts, plan.strength);
    u128 const level = limits.structuring_level;
    u128 const wanted = limits.structuring_levels * level / count;
    u128 const part = std::clamp(wanted, level * 6 / 10, level * 9 / 10);
    AccountId const sender = planting.funded(level * count);
    AccountId const receiver = planting.fresh();
    planting.subject(sender);
    planting.subject(receiver);
    for (std::uint32_t i = 0; i < count; ++i) {
        bool const last_odd = count % 2 == 1 && i + 1 == count;
        u128 const off = last_odd ? 0 : part / 20;
        planting.move(planting.spread(limits.structuring_window_s, i, count), sender, receiver,
                      i % 2 == 0 ? part + off : part - off);
    }
    return planting.truth;
}

} // namespace traffic
