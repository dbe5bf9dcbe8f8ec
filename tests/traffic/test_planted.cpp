// What is planted has the numbers it claims, recounted from the stream alone by the words of the
// detectors' definitions; at strength 1 it meets them, below it does not.
#include "tests/traffic/planted.hpp"

#include "tests/traffic/checks.hpp"
#include "tests/traffic/tools.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace traffic;

namespace {

// A movement in its place, with the balances of its parties after it.
struct Seen {
    Movement movement;
    std::uint32_t block = 0, time_s = 0;
    u128 from_after = 0, to_after = 0;
};

// The stream of a plan, and what it holds of what was planted.
struct Told {
    Truth truth;
    std::vector<Seen> planted; // all that was planted, in order
    std::vector<Seen> pattern; // what the truth names as the pattern
    std::size_t foreign = 0;   // ordinary movements that touch a subject
    std::size_t overdrawn = 0;
    std::size_t named = 0; // planted movements the truth names, once each

    Account const& subject(std::size_t i = 0) const { return truth.subjects.at(i); }
    std::vector<Seen> sent_by(Account const& account) const {
        return transfers([&](Movement const& one) { return one.from == account; });
    }
    std::vector<Seen> got_by(Account const& account) const {
        return transfers([&](Movement const& one) { return one.to == account; });
    }
    template <class Fits>
    std::vector<Seen> transfers(Fits const& fits) const {
        std::vector<Seen> all;
        for (Seen const& one : planted) {
            bool const transfer = one.movement.kind == MovementKind::transfer;
            if (transfer && fits(one.movement)) all.push_back(one);
        }
        return all;
    }
};

using Plant = std::function<Truth(Traffic&, Plan const&)>;

Told told(Plant const& plant, double strength, std::uint32_t start_day = 40) {
    Options options;
    options.seed = 21;
    options.users = 2'000;
    options.whales = 100;
    options.dormants = 100;
    options.acts_per_block = 0.1;
    options.unbond_s = 3 * day_s;
    Traffic traffic(options);
    Plan plan;
    plan.start_s = options.start_s + start_day * day_s + 10 * hour_s;
    plan.strength = strength;
    Told answer;
    answer.truth = plant(traffic, plan);
    std::set<MovementId> const pattern(answer.truth.movements.begin(),
                                       answer.truth.movements.end());
    std::set<MovementId> names(answer.truth.before.begin(), answer.truth.before.end());
    names.insert(pattern.begin(), pattern.end());
    std::set<std::string> subjects;
    for (Account const& account : answer.truth.subjects) subjects.insert(name_of(account));
    Ledger ledger(traffic.genesis());
    for (;;) {
        Block const& block = traffic.next();
        if (block.number > answer.truth.last_block + 10) break;
        for (Movement const& one : block.movements) {
            ledger.play(one);
            if (!one.planted) {
                answer.foreign += subjects.contains(name_of(one.from)) ? 1 : 0;
                answer.foreign += subjects.contains(name_of(one.to)) ? 1 : 0;
                continue;
            }
            MovementId const id{block.number, one.event};
            answer.named += names.erase(id);
            answer.planted.push_back(
                {one, block.number, block.time_s, ledger.of(one.from), ledger.of(one.to)});
            if (pattern.contains(id)) answer.pattern.push_back(answer.planted.back());
        }
    }
    answer.overdrawn = ledger.overdrawn;
    EXPECT_TRUE(names.empty()) << names.size() << " named movements are not in the stream";
    EXPECT_EQ(answer.named, answer.planted.size());
    return answer;
}

u128 sum_of(std::vector<Seen> const& movements) {
    u128 sum = 0;
    for (Seen const& one : movements) sum += one.movement.amount;
    return sum;
}
std::uint32_t span_s(std::vector<Seen> const& movements) {
    return movements.empty() ? 0 : movements.back().time_s - movements.front().time_s;
}
// exp of the entropy of the shares.
double effective_number(std::map<std::string, double> const& by_party) {
    double all = 0, entropy = 0;
    for (auto const& [party, amount] : by_party) all += amount;
    for (auto const& [party, amount] : by_party) entropy -= amount / all * std::log(amount / all);
    return std::exp(entropy);
}

bool watched(Told const& told) {
    auto const out = told.sent_by(told.subject());
    return !out.empty() && out.back().movement.amount >= tokens(1'000);
}
bool awoke(Told const& told) {
    auto const out = told.sent_by(told.subject());
    if (out.size() < 2) return false;
    Seen const& last = out.back();
    auto const silence_s = last.time_s - out[out.size() - 2].time_s;
    u128 const before = last.from_after + last.movement.amount;
    return silence_s >= 30 * day_s && last.movement.amount >= tokens(10'000) &&
           last.movement.amount * 20 >= before;
}
bool coordinated(Told const& told, SharedFactor factor) {
    std::set<std::string> senders, receivers, roots;
    u128 least = ~u128{0}, most = 0;
    for (Seen const& one : told.pattern) {
        senders.insert(name_of(one.movement.from));
        receivers.insert(name_of(one.movement.to));
        least = std::min(least, one.movement.amount);
        most = std::max(most, one.movement.amount);
        auto in = told.got_by(one.movement.from); // back to who was paid by nobody
        while (!in.empty()) {
            roots.insert(name_of(in.front().movement.from));
            in = told.got_by(in.front().movement.from);
        }
    }
    EXPECT_EQ(senders.size(), told.pattern.size());
    bool const same_amount = (most - least) * 100 <= most;
    bool const same_receiver = receivers.size() == 1;
    bool const same_root = !roots.empty();
    if (senders.size() > 1) { // exactly the factor that was asked for
        EXPECT_EQ(same_amount, factor == SharedFactor::amount);
        EXPECT_EQ(same_receiver, factor == SharedFactor::counterparty);
        EXPECT_EQ(same_root, factor == SharedFactor::funding_root);
    }
    return senders.size() >= 3 && least >= tokens(100'000) && span_s(told.pattern) <= 300;
}
bool gathered(Told const& told, bool outward) {
    auto const all = outward ? told.sent_by(told.subject()) : told.got_by(told.subject());
    std::map<std::string, double> by_party;
    for (Seen const& one : all) {
        by_party[name_of(outward ? one.movement.to : one.movement.from)] +=
            in_tokens(one.movement.amount);
    }
    EXPECT_GE(sum_of(all), tokens(100'000));
    return by_party.size() >= 20 && effective_number(by_party) >= 10 && span_s(all) <= day_s;
}
bool drained(Told const& told) {
    auto const out = told.sent_by(told.subject());
    u128 const sum = sum_of(out), first = out.front().from_after + out.front().movement.amount;
    u128 largest = 0;
    for (Seen const& one : out) largest = std::max(largest, one.movement.amount);
    EXPECT_TRUE(out.size() >= 5 && largest * 2 <= sum && span_s(out) <= day_s);
    return sum * 2 >= first && sum >= tokens(10'000);
}
bool structured(Told const& told) {
    auto const out = told.sent_by(told.subject());
    double mean = 0, square = 0;
    for (Seen const& one : out) {
        EXPECT_TRUE(one.movement.amount >= tokens(5'000) && one.movement.amount < tokens(10'000));
        mean += in_tokens(one.movement.amount) / static_cast<double>(out.size());
    }
    for (Seen const& one : out) {
        double const off = in_tokens(one.movement.amount) - mean;
        square += off * off / static_cast<double>(out.size());
    }
    EXPECT_LT(std::sqrt(square) / mean, 0.06);
    return out.size() >= 5 && sum_of(out) >= tokens(30'000) && span_s(out) <= day_s;
}
bool flowed(Told const& told, bool outward) {
    u128 net = 0;
    for (Seen const& one : told.pattern) {
        EXPECT_TRUE((outward ? one.movement.from : one.movement.to) == told.subject());
        net += one.movement.amount;
    }
    return net >= tokens(1'000'000) && span_s(told.pattern) <= 15 * minute_s;
}
bool became_whale(Told const& told) {
    auto const in = told.got_by(told.subject());
    u128 const first = in.front().to_after - in.front().movement.amount;
    EXPECT_LT(first, tokens(100'000));
    return in.back().to_after >= tokens(100'000);
}
bool left_whales(Told const& told) {
    auto const out = told.sent_by(told.subject());
    EXPECT_GE(out.front().from_after + out.front().movement.amount, tokens(100'000));
    return out.back().from_after <= tokens(90'000);
}
bool unbonded(Told const& told) {
    EXPECT_EQ(told.pattern.size(), 3U);
    auto const kind = [&](std::size_t i) { return told.pattern[i].movement.kind; };
    EXPECT_EQ(kind(0), MovementKind::unstake);
    EXPECT_EQ(kind(1), MovementKind::withdraw_unbonded);
    EXPECT_EQ(kind(2), MovementKind::transfer);
    EXPECT_NEAR(told.pattern[1].time_s - told.pattern[0].time_s, 3 * day_s, minute_s);
    EXPECT_NEAR(told.pattern[2].time_s - told.pattern[1].time_s, hour_s, minute_s);
    EXPECT_TRUE(told.pattern[0].movement.to == told.subject());
    return told.pattern[0].movement.amount >= tokens(10'000);
}
bool passed(Told const& told, bool circular) {
    std::size_t hops = 1;
    for (std::size_t i = 1; i < told.pattern.size(); ++i, ++hops) {
        Seen const &before = told.pattern[i - 1], &now = told.pattern[i];
        EXPECT_TRUE(now.movement.from == before.movement.to);
        EXPECT_LE(now.time_s - before.time_s, 30 * minute_s);
        EXPECT_TRUE(now.movement.amount * 10 >= before.movement.amount * 9);
    }
    EXPECT_GE(told.pattern.back().movement.amount, tokens(10'000));
    EXPECT_EQ(told.pattern.back().movement.to == told.pattern.front().movement.from, circular);
    return hops >= 3;
}
bool probed(Told const& told) {
    auto const out = told.sent_by(told.subject());
    EXPECT_EQ(out.size(), 2U);
    EXPECT_TRUE(out[0].movement.to == told.subject(1) && out[1].movement.to == told.subject(1));
    EXPECT_TRUE(out[0].movement.amount * 100 <= out[1].movement.amount);
    EXPECT_TRUE(out[0].movement.amount * 101 > out[1].movement.amount);
    EXPECT_LE(span_s(out), hour_s);
    EXPECT_EQ(told.got_by(told.subject(1)).size(), 2U); // never seen before
    return out[1].movement.amount >= tokens(100'000);
}

struct Case {
    char const* name;
    PatternKind kind;
    Plant plant;
    std::function<bool(Told const&)> holds;
    bool shared = false; // the subject has ordinary traffic too
    std::uint32_t start_day = 4;
};

std::vector<Case> cases() {
    using enum PatternKind;
    auto const coordination_by = [](SharedFactor factor) {
        return Case{
            "coordination", coordination,
            [=](auto& to, auto& plan) { return plant_coordination(to, plan, {.factor = factor}); },
            [=](auto& told) { return coordinated(told, factor); }};
    };
    auto const flow = [](bool outward) {
        return Case{"exchange_flow", exchange_flow,
                    [=](auto& to, auto& plan) {
                        return plant_exchange_flow(to, plan, {.exchange = 3, .outward = outward});
                    },
                    [=](auto& told) { return flowed(told, outward); }, true};
    };
    auto const pass = [](bool circular) {
        return Case{"pass_through", pass_through,
                    [=](auto& to, auto& plan) {
                        return plant_pass_through(to, plan, {.circular = circular});
                    },
                    [=](auto& told) { return passed(told, circular); }};
    };
    return {
        {"watch", watch, plant_watch, watched},
        {"dormant_awakening", dormant_awakening,
         [](auto& to, auto& plan) { return plant_dormant(to, plan); }, awoke, false, 36},
        coordination_by(SharedFactor::counterparty),
        coordination_by(SharedFactor::amount),
        coordination_by(SharedFactor::funding_root),
        {"consolidation", consolidation, plant_consolidation,
         [](auto& told) { return gathered(told, false); }},
        {"dispersion", dispersion, plant_dispersion,
         [](auto& told) { return gathered(told, true); }},
        {"drain", drain, plant_drain, drained},
        {"structuring", structuring, plant_structuring, structured},
        flow(false),
        flow(true),
        {"new_whale", new_whale, [](auto& to, auto& plan) { return plant_new_whale(to, plan); },
         became_whale},
        {"whale_exit", whale_exit, plant_whale_exit, left_whales},
        {"unbonding", unbonding, [](auto& to, auto& plan) { return plant_unbonding(to, plan); },
         unbonded},
        pass(false),
        pass(true),
        {"test_then_large", test_then_large,
         [](auto& to, auto& plan) { return plant_test_then_large(to, plan); }, probed},
    };
}

} // namespace

TEST(Planted, meets_its_definition_from_strength_1_on_and_misses_it_below) {
    for (Case const& one : cases()) {
        for (double const strength : {0.5, 0.9, 0.999, 1.0, 1.001, 2.0, 5.0}) {
            SCOPED_TRACE(testing::Message() << one.name << " at " << strength);
            auto const seen = told(one.plant, strength, one.start_day);
            ASSERT_FALSE(seen.pattern.empty());
            EXPECT_EQ(seen.truth.kind, one.kind);
            EXPECT_EQ(seen.truth.meets, strength >= 1);
            EXPECT_EQ(one.holds(seen), strength >= 1);
            EXPECT_EQ(seen.overdrawn, 0U);
            EXPECT_TRUE(one.shared || seen.foreign == 0);
            EXPECT_EQ(seen.pattern.size(), seen.truth.movements.size());
            EXPECT_TRUE(sum_of(seen.pattern) == seen.truth.sum);
            EXPECT_EQ(seen.pattern.front().block, seen.truth.first_block);
            EXPECT_EQ(seen.pattern.back().block, seen.truth.last_block);
            EXPECT_EQ(seen.pattern.front().time_s, seen.truth.first_s);
            EXPECT_EQ(seen.pattern.back().time_s, seen.truth.last_s);
        }
    }
}

TEST(Planted, sleeps_exactly_as_long_as_the_threshold) {
    auto const seen = told([](auto& to, auto& plan) { return plant_dormant(to, plan, 5); }, 1, 40);
    auto const out = seen.sent_by(seen.subject());
    ASSERT_EQ(out.size(), 6U);
    EXPECT_EQ(out[5].time_s - out[4].time_s, 30 * day_s);
    EXPECT_TRUE(out[5].from_after + out[5].movement.amount == tokens(1'000'000));
    EXPECT_TRUE(out[5].movement.amount == tokens(50'000)); // 5 % are more than 10,000
}

TEST(Planted, bursts_at_the_multiple_of_its_own_rate) {
    for (double const strength : {0.25, 1.0, 3.0}) {
        SCOPED_TRACE(strength);
        BurstShape const shape{.gap_s = hour_s, .outs_before = 400, .outs_in_burst = 400};
        auto const seen =
            told([&](auto& to, auto& plan) { return plant_burst(to, plan, shape); }, strength, 30);
        auto const out = seen.sent_by(seen.subject());
        ASSERT_EQ(out.size(), 800U);
        ASSERT_EQ(seen.pattern.size(), 400U);
        EXPECT_EQ(seen.foreign, 0U);
        double const before_s = out[400].time_s - out[0].time_s;
        double const burst_s = out[799].time_s - out[400].time_s;
        // Of 400 exponential gaps each: the quotient of the means is within 4 / sqrt(200).
        EXPECT_NEAR(std::log(before_s / burst_s), std::log(4 * strength), 4 / std::sqrt(200.0));
    }
}

TEST(Planted, raises_the_volume_of_the_market_by_its_sum) {
    for (double const strength : {0.9, 1.0, 2.0}) {
        auto const seen =
            told([](auto& to, auto& plan) { return plant_market_volume(to, plan); }, strength, 5);
        EXPECT_EQ(seen.pattern.size(), 40U);
        EXPECT_NEAR(in_tokens(sum_of(seen.pattern)), strength * 1e7, 1e-3);
        EXPECT_LE(span_s(seen.pattern), 300U);
        EXPECT_EQ(seen.foreign, 0U);
    }
    // A level that the traffic itself passes in few windows of five minutes.
    Options options;
    auto const usual = usual_volume(options, 300, 2'016);
    EXPECT_GT(usual.mad, 0);
    EXPECT_GT(usual.at(6), usual.at(0));
    EXPECT_TRUE(usual_net_flow(options, 0, hour_s, 168).mad > 0);
}

TEST(Planted, a_new_whale_may_leave_again) {
    auto const seen =
        told([](auto& to, auto& plan) { return plant_new_whale(to, plan, 99 * 6); }, 1, 5);
    EXPECT_TRUE(seen.pattern.back().from_after == tokens(50'000));
    EXPECT_LE(seen.truth.last_block - seen.truth.first_block, 100U);
}

TEST(Planted, leaves_the_ordinary_traffic_as_it_is) {
    auto const ordinary = [](bool planted) {
        Options options;
        Traffic traffic(options);
        if (planted) {
            Plan plan;
            plan.start_s = options.start_s + 4 * day_s;
            for (Case const& one : cases()) {
                if (!one.shared && one.start_day == 4) one.plant(traffic, plan);
            }
        }
        std::vector<std::string> all;
        for (int i = 0; i < 5 * 14'400; ++i) {
            Block const& block = traffic.next();
            for (Movement const& one : block.movements) {
                if (one.planted) continue;
                all.push_back(std::to_string(block.number) + name_of(one.from) + name_of(one.to) +
                              std::to_string(static_cast<std::uint64_t>(one.amount)));
            }
        }
        return all;
    };
    EXPECT_EQ(ordinary(true), ordinary(false));
}

TEST(Planted, scales_exactly_and_saturates) {
    EXPECT_TRUE(scaled(tokens(10'000), 1) == tokens(10'000));
    EXPECT_TRUE(scaled(tokens(10'000), 0.9) == tokens(9'000));
    EXPECT_TRUE(scaled(7, 0.999) == 6);
    EXPECT_TRUE(scaled(~u128{0}, 2) == ~u128{0} && scaled(~u128{0}, 0) == 0);
    EXPECT_EQ(scaled_count(20, 0.95), 19U);
    EXPECT_EQ(scaled_count(20, 1), 20U);
    EXPECT_EQ(scaled_count(3, 0.1), 1U);
}
