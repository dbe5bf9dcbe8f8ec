// One instance of each pattern of the detectors, planted into traffic that is to come, and the
// truth about it. `strength` is what the claim turns on, as a multiple of its documented threshold:
// 1 meets it exactly, 0.9 just misses it, 2 is twice as much. All other conditions of the claim are
// met with room to spare, whatever the strength is; which one it scales is said at each function.
//
// Accounts are made for it, endowed and paid `Plan::lead_s` before out of nothing (endow, mint) and
// touched by nothing else, so the numbers are exact; where an exchange or the market takes part,
// ordinary traffic is on top of them. Places are whole blocks: times are those of the next block.
// What has been given out cannot be planted into: start_s - lead_s (and before it the silence, the
// earlier activity, half a lead_s more of a funding root) must be to come. CHECKs that. One thread,
// the traffic's.
#pragma once

#include "tests/traffic/traffic.hpp"

namespace traffic {

enum class PatternKind : std::uint8_t {
    watch,
    dormant_awakening,
    coordination,
    consolidation,
    dispersion,
    drain,
    structuring,
    exchange_flow,
    new_whale,
    whale_exit,
    unbonding,
    burst,
    market_volume,
    pass_through,
    test_then_large,
};

// The documented thresholds, amounts in planck. A test of a rule with others changes them here.
struct Thresholds {
    u128 watch_min = tokens(1'000);
    u128 dormant_min = tokens(10'000);
    double dormant_share = 0.05; // of the balance
    std::uint32_t dormant_silence_s = 30 * day_s;
    u128 coordination_min = tokens(100'000); // each cluster
    std::uint32_t coordination_clusters = 3;
    std::uint32_t gathering_parties = 20;
    u128 gathering_sum = tokens(100'000);
    std::uint32_t gathering_window_s = day_s;
    std::uint32_t drain_outflows = 5;
    double drain_share = 0.5; // of the balance, and the largest outflow's of the sum
    u128 drain_min = tokens(10'000);
    std::uint32_t drain_window_s = day_s;
    u128 structuring_level = tokens(10'000);
    std::uint32_t structuring_parts = 5;
    std::uint32_t structuring_levels = 3; // the sum
    std::uint32_t structuring_window_s = day_s;
    u128 flow_floor = tokens(1'000'000); // net, of an exchange
    u128 whale_level = tokens(100'000);
    double whale_exit_share = 0.9;
    u128 unbonding_min = tokens(10'000);
    double burst_factor = 4;                 // of the own rate
    u128 market_volume = tokens(10'000'000); // in the window; of a traffic: tools.hpp
    u128 pass_min = tokens(10'000);
    std::uint32_t pass_hops = 3;
    u128 large = tokens(100'000);
    double probe_share = 0.01; // of the large one
};

struct Plan {
    std::uint32_t start_s = 0; // of the pattern's first movement
    double strength = 1;
    Thresholds thresholds{};
    std::uint32_t lead_s = 2 * day_s; // before anything of it: the accounts are paid
};

struct Truth {
    PatternKind kind{};
    bool meets = false; // strength >= 1
    double strength = 0;
    std::vector<Account> subjects; // the first is whose pattern it is; who else acts in it
    std::uint32_t first_block = 0, last_block = 0;
    std::uint32_t first_s = 0, last_s = 0;
    u128 sum = 0;                      // of `movements`
    std::vector<MovementId> movements; // the pattern, in order
    std::vector<MovementId> before;    // what made it possible, in no order
};

// A movement of exactly strength x watch_min out of an account.
Truth plant_watch(Traffic& traffic, Plan const& plan);

// After `outs` small transfers, one a day, an account is silent for exactly the threshold and sends
// strength x max(min, share of the balance); the balance is 100 x min, so the share counts.
Truth plant_dormant(Traffic& traffic, Plan const& plan, std::uint32_t outs = 2);

// floor(strength x clusters) accounts send within 0.8 of window_s, each at least the least amount.
// They share one factor and no other: the receiver (amounts are 5 % apart); the amount (of all, to
// different receivers); who funded them, directly or over one account between (both differ).
enum class SharedFactor : std::uint8_t { counterparty, amount, funding_root };
struct CoordinationShape {
    SharedFactor factor = SharedFactor::counterparty;
    std::uint32_t window_s = 5 * minute_s;
};
Truth plant_coordination(Traffic& traffic, Plan const& plan, CoordinationShape const& shape = {});

// floor(strength x parties) parties, equal parts (so the effective number is theirs), the sum
// exactly max(1, strength) x the threshold, rounded up to equal parts; over 0.8 of the window.
Truth plant_consolidation(Traffic& traffic, Plan const& plan);
Truth plant_dispersion(Traffic& traffic, Plan const& plan);

// The least number of equal outflows, of strength x half of the balance in sum (all of it from 2
// on); the balance is such that the share and the least sum are met together. Over 0.8 of W.
Truth plant_drain(Traffic& traffic, Plan const& plan);

// floor(strength x parts) parts around max(sum / parts, 0.6 level), alternately 5 % more and less
// (variation below 0.06), each in [0.5, 1) of the level. At 1 the sum is exactly the threshold.
Truth plant_structuring(Traffic& traffic, Plan const& plan);

// Ten accounts send together strength x floor to the exchange's hot wallet within window_s; or,
// outward, the hot wallet sends it to them.
struct FlowShape {
    std::uint32_t exchange = 0; // of traffic.exchanges()
    bool outward = false;
    std::uint32_t window_s = 15 * minute_s;
};
Truth plant_exchange_flow(Traffic& traffic, Plan const& plan, FlowShape const& shape = {});

// From 0.4 x min(1, strength) x level inflows of at most half a level, in consecutive blocks, bring
// the balance to exactly strength x level; it stays, or after `leaves_after_s` half of it goes.
Truth plant_new_whale(Traffic& traffic, Plan const& plan, std::uint32_t leaves_after_s = 0);

// From 1.5 levels one outflow brings the balance to (2 - strength) x the exit mark, at least 0: at
// 1 the mark exactly. Strength at least 0.4.
Truth plant_whale_exit(Traffic& traffic, Plan const& plan);

// strength x min is unstaked, unbond_s later withdrawn and `follow_s` after that sent away.
Truth plant_unbonding(Traffic& traffic, Plan const& plan, std::uint32_t follow_s = hour_s);

// An account sends `outs_before` times as a Poisson process with this mean gap, then
// `outs_in_burst` times at strength x factor its rate. No sharp edge: 1 / factor is the null.
struct BurstShape {
    std::uint32_t gap_s = 6 * hour_s;
    std::uint32_t outs_before = 30, outs_in_burst = 20;
    u128 amount = tokens(100);
};
Truth plant_burst(Traffic& traffic, Plan const& plan, BurstShape const& shape = {});

// `pairs` transfers between fresh accounts, strength x market_volume in sum, within window_s.
struct MarketShape {
    std::uint32_t pairs = 40;
    std::uint32_t window_s = 5 * minute_s;
};
Truth plant_market_volume(Traffic& traffic, Plan const& plan, MarketShape const& shape = {});

// floor(strength x hops) hops `gap_s` apart, each passing on 0.95 of the amount; the last hop is of
// the least amount. circular: the last one goes back to the first account.
struct PassShape {
    bool circular = false;
    std::uint32_t gap_s = 10 * minute_s;
};
Truth plant_pass_through(Traffic& traffic, Plan const& plan, PassShape const& shape = {});

// A probe of exactly probe_share of the large transfer, `gap_s` before it, to an account never
// seen; the large one is strength x large.
Truth plant_test_then_large(Traffic& traffic, Plan const& plan, std::uint32_t gap_s = hour_s / 2);

// Strength in millionths times the amount, exact and rounded down; saturates.
u128 scaled(u128 amount, double strength);
// How many of a least number: floor(strength x least), at least 1.
std::uint32_t scaled_count(std::uint32_t least, double strength);

} // namespace traffic
