#include "tests/traffic/proof.hpp"

#include "pipeline/check.hpp"
#include "tests/traffic/tools.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace traffic {

using stages::BlockRef;
using stages::Transfer;

std::vector<RuleKind> pattern_kinds() {
    std::vector<RuleKind> kinds;
    for (auto const& row : stages::rule_kind_rows())
        if (row.kind != RuleKind::large_transfer && row.kind != RuleKind::chain_health)
            kinds.push_back(row.kind);
    return kinds;
}

// ---- the engine ---------------------------------------------------------------------------------

namespace {

std::uint16_t row_of(MovementKind kind) {
    auto const rows = decoders::movement_rows();
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].kind == kind && rows[i].asset.empty()) return static_cast<std::uint16_t>(i);
    CHECK(false);
    return 0;
}

std::vector<stages::Rule> rules_of(DrivenOptions const& options) {
    std::vector<stages::Rule> rules;
    for (RuleKind const kind : options.kinds) {
        stages::Rule& rule = rules.emplace_back();
        rule.name = std::string(stages::to_text(kind));
        rule.kind = kind;
        rule.chains = {true};
        rule.settings.budget = options.budget;
        rule.settings.cooldown_s = options.cooldown_s;
        if (kind == RuleKind::watch) rule.settings.low = std::to_string(watch_mark);
    }
    return rules;
}

} // namespace

BlockRef block_ref(std::uint32_t number, std::uint32_t time_s) {
    BlockRef ref;
    ref.number = number;
    ref.timestamp_ms = std::uint64_t{time_s} * 1'000;
    std::memcpy(ref.hash.data(), &number, sizeof number);
    return ref;
}

Transfer transfer_of(BlockRef const& block, Movement const& movement) {
    static auto const rows = [] {
        std::array<std::uint16_t, decoders::movement_kinds> all{};
        for (auto const kind :
             {MovementKind::transfer, MovementKind::withdraw, MovementKind::mint,
              MovementKind::endow, MovementKind::set, MovementKind::stake, MovementKind::unstake,
              MovementKind::withdraw_unbonded, MovementKind::reward})
            all[static_cast<std::size_t>(kind)] = row_of(kind);
        return all;
    }();
    Transfer transfer;
    transfer.block = block;
    transfer.amount = movement.amount;
    transfer.from = movement.from;
    transfer.to = movement.to;
    transfer.event_index = movement.event;
    transfer.movement = rows[static_cast<std::size_t>(movement.kind)];
    return transfer;
}

ToldBlock told(Block const& block) {
    ToldBlock told{block_ref(block.number, block.time_s), {}};
    told.transfers.reserve(block.movements.size());
    for (Movement const& one : block.movements)
        told.transfers.push_back(transfer_of(told.ref, one));
    return told;
}

Driven::Driven(Traffic const& traffic, DrivenOptions const& options)
    : rules_(rules_of(options)) {
    // A stem of its own for each, or they would be one cluster.
    constexpr std::string_view names[] = {"Acme",    "Birch",  "Cedar", "Dune", "Elm",  "Fjord",
                                          "Granite", "Harbor", "Iris",  "Juno", "Kelp", "Lark"};
    CHECK(traffic.exchanges().size() <= std::size(names));
    std::vector<stages::ClusterLabel> labels;
    for (std::size_t i = 0; i < traffic.exchanges().size(); ++i) {
        Account key = traffic.key(traffic.exchanges()[i].hot);
        if (options.renamed_by != 0) key = renamed(key, options.renamed_by);
        labels.push_back({key, names[i], "exchange"});
    }
    stages::PatternsOptions engine;
    engine.accounts_max = options.accounts_max;
    engine.longest_window_s = stages::longest_window_s(rules_, 0);
    engine.seed = options.seed;
    engine_ = std::make_unique<stages::Patterns>(engine, labels);
    engine_->set_rules(stages::pattern_rules(rules_, 0, traffic_decimals, labels, options.watched,
                                             [](std::string_view) { CHECK(false); }));
    if (options.balances) set_balances(traffic, options);
}

// In blocks before the first one. Whoever is to be entered first is, in that order.
void Driven::set_balances(Traffic const& traffic, DrivenOptions const& options) {
    constexpr std::size_t a_block = 1'000;
    std::map<std::vector<std::uint8_t>, u128> holdings;
    std::vector<Account> order = options.entered;
    auto const name = [](Account const& key) {
        return std::vector<std::uint8_t>(key.key, key.key + key.size);
    };
    for (Holding const& one : traffic.genesis()) {
        Account const key =
            options.renamed_by != 0 ? renamed(one.key, options.renamed_by) : one.key;
        if (one.total == 0) continue;
        holdings[name(key)] = one.total;
        if (options.entered.empty()) order.push_back(key);
    }
    std::erase_if(order, [&](Account const& key) { return !holdings.contains(name(key)); });
    auto const blocks = static_cast<std::uint32_t>(order.size() / a_block + 1);
    for (std::uint32_t b = 0; b < blocks; ++b) {
        std::uint32_t const before = blocks - b;
        auto const block = block_ref(traffic.options().first_block - before,
                                     traffic.options().start_s - before * 6);
        Movement movement;
        movement.kind = MovementKind::set;
        for (std::size_t i = b * a_block; i < std::min(order.size(), (b + 1) * a_block); ++i) {
            movement.to = order[i];
            movement.amount = holdings[name(order[i])];
            engine_->movement(transfer_of(block, movement));
            ++movement.event;
        }
        judge(block);
    }
}

void Driven::take(Block const& block) {
    auto const ref = block_ref(block.number, block.time_s);
    for (Movement const& one : block.movements) {
        engine_->movement(transfer_of(ref, one));
        if (one.planted) planted_[{block.number, one.event}] = {one.from, one.to};
    }
    judge(ref);
}

void Driven::take(ToldBlock const& block) {
    for (Transfer const& one : block.transfers) engine_->movement(one);
    judge(block.ref);
}

void Driven::judge(BlockRef const& block) {
    engine_->end(block);
    engine_->finalized(block.hash, block.number);
    auto const time_s = static_cast<std::uint32_t>(block.timestamp_ms / 1'000);
    std::size_t steps = ~std::size_t{0};
    while (auto const found = engine_->next(steps))
        claims_.push_back({rules_[found->rule].kind, block.number, time_s, *found});
    CHECK(engine_->idle());
}

// ---- shapes -------------------------------------------------------------------------------------

// Exchanges whose flows are planted: those that Marks knows.
std::uint32_t flows_of(Traffic const& traffic) {
    return std::min(Marks::flows_max, static_cast<std::uint32_t>(traffic.exchanges().size()));
}

std::vector<Shape> shapes() {
    using enum RuleKind;
    using T = Traffic;
    using P = Plan;
    using N = std::uint32_t;
    constexpr std::uint32_t week = 7 * day_s;
    auto const by = [](Traffic& traffic, Plan const& plan, SharedFactor factor) {
        return plant_coordination(traffic, plan, {.factor = factor});
    };
    static auto const coordinated = by;
    return {
        {"watch", watch, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_whale_exit(to, plan); }},
        {"dormant_awakening", dormant_awakening, false, 24, 42, hour_s,
         [](T& to, P const& plan, N n) { return plant_dormant(to, plan, n % 2 == 0 ? 2 : 6); }},
        {"coordination/receiver", coordination, false, 0.25, 8, hour_s,
         [](T& to, P const& plan, N) { return coordinated(to, plan, SharedFactor::counterparty); }},
        {"coordination/amount", coordination, false, 0.25, 8, hour_s,
         [](T& to, P const& plan, N) { return coordinated(to, plan, SharedFactor::amount); }},
        {"coordination/root", coordination, false, 0.25, 8, hour_s,
         [](T& to, P const& plan, N) { return coordinated(to, plan, SharedFactor::funding_root); }},
        {"consolidation", consolidation, false, 12, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_consolidation(to, plan); }},
        {"dispersion", dispersion, false, 12, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_dispersion(to, plan); }},
        {"drain", drain, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_drain(to, plan); }},
        {"structuring", structuring, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_structuring(to, plan); }},
        {"exchange_flow/in", exchange_flow, true, 0.05, 15, 2 * hour_s,
         [](T& to, P const& plan, N n) {
             return plant_exchange_flow(to, plan, {.exchange = n % flows_of(to)});
         }},
        {"exchange_flow/out", exchange_flow, true, 0.05, 15, 2 * hour_s,
         [](T& to, P const& plan, N n) {
             return plant_exchange_flow(to, plan, {.exchange = n % flows_of(to), .outward = true});
         }},
        {"new_whale", new_whale, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_new_whale(to, plan); }},
        {"whale_exit", whale_exit, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_whale_exit(to, plan); }},
        {"unbonding", unbonding, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_unbonding(to, plan); }},
        {"burst", burst, true, 6, 26, week,
         [](T& to, P const& plan, N) {
             return plant_burst(to, plan, {.outs_before = 60, .outs_in_burst = 60});
         }},
        {"market_volume/sum", market_volume, true, 0.1, 15, hour_s,
         [](T& to, P const& plan, N) { return plant_market_volume(to, plan, {.pairs = 12}); }},
        {"market_volume/count", market_volume, true, 0.1, 15, hour_s,
         [](T& to, P const& plan, N) {
             // What thresholds_of() says is their number. Each is more than most, so that it is
             // named, but all together are not enough for the sum to be unusual.
             auto const pairs = static_cast<std::uint32_t>(
                 scaled(plan.thresholds.market_volume, plan.strength) / tokens(1));
             Plan of_fifty = plan;
             of_fifty.thresholds.market_volume *= 50;
             return plant_market_volume(to, of_fifty, {.pairs = std::max(pairs, 1U)});
         }},
        {"pass_through", pass_through, false, 24, 4, hour_s,
         [](T& to, P const& plan, N n) {
             return plant_pass_through(to, plan, {.circular = n % 2 == 1});
         }},
        {"test_then_large", test_then_large, false, 24, 4, hour_s,
         [](T& to, P const& plan, N) { return plant_test_then_large(to, plan); }},
    };
}

// ---- what is usual ------------------------------------------------------------------------------

namespace {

// Strength 1, as README.md documents it.
constexpr double market_strength = 2; // times the largest ordinary window
constexpr double count_strength = 6;  // z
constexpr double flow_strength = 4;   // times the largest ordinary flow of its exchange

double median(std::vector<double>& values) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

// Values by hour of the week, each with its neighbours.
Marks::Week levels(std::vector<std::array<double, 2>> const& windows, double mad_floor) {
    Marks::Week week;
    for (std::uint32_t hour = 0; hour < 168; ++hour) {
        std::vector<double> pool;
        for (auto const& [of, value] : windows) {
            auto const apart = (static_cast<std::uint32_t>(of) + 168 - hour) % 168;
            if (apart <= 1 || apart == 167) pool.push_back(value);
        }
        week[hour].median = median(pool);
        for (double& value : pool) value = std::abs(value - week[hour].median);
        week[hour].mad = std::max(mad_floor, median(pool));
    }
    return week;
}

} // namespace

Marks marks_of(Options const& options, std::uint32_t weeks) {
    constexpr std::uint32_t window_s = 300, flow_s = 900;
    Traffic traffic(options);
    std::array<Account, Marks::flows_max> hot;
    std::uint32_t const exchanges = std::min(Marks::flows_max, options.exchanges);
    for (std::size_t i = 0; i < exchanges; ++i) hot[i] = traffic.key(traffic.exchanges()[i].hot);
    Marks marks;
    marks.flows = exchanges;
    std::vector<std::array<double, 2>> counts;
    double sum = 0, largest = 0, count = 0;
    std::array<double, Marks::flows_max> net{};
    std::uint32_t at_s = options.start_s, flow_at_s = options.start_s;
    while (at_s < options.start_s + weeks * 7 * day_s) {
        Block const& block = traffic.next();
        while (block.time_s >= at_s + window_s) {
            counts.push_back({double(at_s / hour_s % 168), 2 * std::sqrt(count + 0.375)});
            marks.rest_most = std::max(marks.rest_most, sum - largest);
            sum = largest = count = 0;
            at_s += window_s;
        }
        while (block.time_s >= flow_at_s + flow_s) {
            for (std::size_t i = 0; i < exchanges; ++i)
                marks.flow_most[i] = std::max(marks.flow_most[i], std::abs(net[i]));
            net = {};
            flow_at_s += flow_s;
        }
        for (std::size_t at = 0; at < block.movements.size(); ++at) {
            Movement const& one = block.movements[at];
            if (one.kind != MovementKind::transfer) continue;
            auto const amount = static_cast<double>(one.amount);
            sum += amount;
            largest = std::max(largest, amount);
            count += std::ranges::none_of(
                std::span(block.movements).first(at), [&](Movement const& other) {
                    return other.kind == MovementKind::transfer && other.from == one.from;
                });
            for (std::size_t i = 0; i < exchanges; ++i)
                net[i] += one.to == hot[i] ? amount : one.from == hot[i] ? -amount : 0;
        }
    }
    marks.count = levels(counts, 0.6745);
    return marks;
}

Thresholds thresholds_of(Shape const& shape, Marks const& marks, std::uint32_t start_s,
                         std::uint32_t number) {
    Thresholds limits;
    std::uint32_t const hour = start_s / hour_s % 168;
    std::string_view const name = shape.name;
    // The rule says "below"; strength 1 is the mark itself, or now a little less.
    if (shape.kind == RuleKind::whale_exit) limits.whale_level -= 10;
    if (name == "market_volume/sum") // of twelve equal ones, eleven are the rest
        limits.market_volume = static_cast<u128>(market_strength * marks.rest_most * 12 / 11);
    if (name == "market_volume/count") {
        auto const& level = marks.count[hour];
        double const root = level.median + count_strength * level.mad / 0.6745;
        double const more = (root * root - level.median * level.median) / 4;
        limits.market_volume = tokens(static_cast<std::uint64_t>(std::ceil(more)));
    }
    if (shape.kind == RuleKind::exchange_flow)
        limits.flow_floor =
            static_cast<u128>(flow_strength * marks.flow_most[number % marks.flows]);
    return limits;
}

// ---- claims and truth ---------------------------------------------------------------------------

bool is_of(Claimed const& claim, Shape const& shape, Truth const& truth) {
    if (claim.kind != shape.kind) return false;
    if (claim.time_s < truth.first_s || claim.time_s > truth.last_s + shape.tail_s) return false;
    auto const& facts = claim.found.facts;
    std::size_t hits = 0;
    for (std::uint32_t i = 0; i < facts.kept; ++i) {
        MovementId const id{facts.evidence[i].block, facts.evidence[i].event};
        hits += static_cast<std::size_t>(std::ranges::count(truth.movements, id));
    }
    return hits > 0 && 2 * hits >= std::min<std::size_t>(facts.kept, truth.movements.size());
}

bool Driven::right_subject(Claimed const& claim, Truth const& truth) const {
    Account const& subject = claim.found.facts.subject;
    if (claim.kind == RuleKind::market_volume) return subject.size == 0;
    if (claim.kind != RuleKind::coordination) return subject == truth.subjects.at(0);
    for (auto const* part : {&truth.before, &truth.movements})
        for (MovementId const& id : *part)
            if (auto const found = planted_.find(id); found != planted_.end())
                if (found->second[0] == subject || found->second[1] == subject) return true;
    return false;
}

} // namespace traffic
