// False alarms: traffic in which nothing is planted, with every rule at its defaults, and again
// with a budget of one alert a day each.
#include "tests/traffic/prove.hpp"
#include "tests/traffic/prove_words.hpp"

#include <boost/math/distributions/poisson.hpp>
#include <cmath>
#include <fmt/format.h>
#include <mutex>

namespace bench {

namespace {

using stages::RuleKind;

constexpr double once_in = 1e-3; // a test that is missed by chance as rarely

// Alerts a day that the rule's own text allows; nothing: it has no null model.
std::optional<double> stated_a_day(RuleKind kind) {
    switch (kind) {
    case RuleKind::coordination:
        return double(stages::day_s) / stages::CoordinationOptions().once_in_s;
    case RuleKind::exchange_flow:
        return double(stages::day_s) / stages::ExchangeFlowOptions().once_in_s;
    case RuleKind::market_volume:
        return double(stages::day_s) / stages::MarketVolumeOptions().once_in_s;
    case RuleKind::burst: return double(stages::day_s) / stages::BurstOptions().run_s;
    default: return std::nullopt;
    }
}
// Its own threshold is off where it has a budget: there is always something to choose from.
bool chooses(RuleKind kind) { return kind == RuleKind::exchange_flow; }
constexpr double budget_warm_days = 14;
constexpr double budget_within = 0.2;

struct Seen {
    std::uint64_t alerts = 0, updates = 0, untrue = 0;
    std::uint64_t budgeted = 0;   // after its warm-up
    std::uint64_t candidates = 0; // alerts without a budget in the same time
    double days = 0, budget_days = 0;
};
using ByKind = std::map<RuleKind, Seen>;

ByKind run(Options const& options, std::uint32_t seed) {
    traffic::Traffic stream(traffic_of(seed));
    traffic::DrivenOptions plain;
    plain.kinds = kinds_of(options);
    for (traffic::AccountId whale = 0; whale < 100; ++whale)
        plain.watched.push_back(stream.key(whale));
    plain.budget = 0; // their thresholds alone
    traffic::DrivenOptions budgeted = plain;
    budgeted.budget = 1;
    traffic::Driven free(stream, plain), bound(stream, budgeted);
    Words words(stream);
    ByKind seen;
    std::size_t judged = 0;
    std::uint64_t movements = 0;
    std::uint32_t now_s = 0;
    while (movements < options.movements) {
        auto const& block = stream.next();
        movements += block.movements.size();
        now_s = block.time_s;
        words.take(block);
        free.take(block);
        bound.take(block);
        for (; judged < free.claims().size(); ++judged) {
            auto const& claim = free.claims()[judged];
            if (words.judges(claim.kind) && !words.hold(claim)) ++seen[claim.kind].untrue;
        }
    }
    double const days = double(now_s - stream.options().start_s) / traffic::day_s;
    auto const late = [&](traffic::Claimed const& claim) {
        return claim.time_s >= stream.options().start_s + budget_warm_days * traffic::day_s;
    };
    for (auto const kind : plain.kinds) {
        seen[kind].days = days;
        seen[kind].budget_days = days - budget_warm_days;
    }
    for (auto const* driven : {&free, &bound})
        for (auto const& claim : driven->claims()) {
            Seen& one = seen[claim.kind];
            bool const update = claim.found.facts.ongoing;
            if (driven == &free) ++(update ? one.updates : one.alerts);
            if (update || !late(claim)) continue;
            ++(driven == &free ? one.candidates : one.budgeted);
        }
    return seen;
}

// P(at least so many).
double tail(std::uint64_t seen, double expected) {
    if (seen == 0) return 1;
    boost::math::poisson const law(expected);
    return boost::math::cdf(boost::math::complement(law, double(seen) - 1));
}

int print(Options const& options, ByKind const& all) {
    int missed = 0;
    Table const table(options, "null traffic, defaults: alerts a day",
                      {{"kind", -18},
                       {"days", 7},
                       {"alerts", 7},
                       {"a day", 8},
                       {"updates", 8},
                       {"stated", 8},
                       {"p", 9},
                       {"untrue", 7},
                       {"verdict", -8}});
    for (auto const& [kind, one] : all) {
        auto const stated = stated_a_day(kind);
        double const p = stated ? tail(one.alerts, *stated * one.days) : 1;
        bool const good = p >= once_in && one.untrue == 0;
        missed += !good;
        table.row({std::string(stages::to_text(kind)), fmt::format("{:.0f}", one.days),
                   fmt::format("{}", one.alerts),
                   fmt::format("{:.4f}", double(one.alerts) / one.days),
                   fmt::format("{}", one.updates), stated ? fmt::format("{:.4f}", *stated) : "-",
                   stated ? fmt::format("{:.2g}", p) : "-",
                   stated ? "-" : fmt::format("{}", one.untrue), good ? "ok" : "MISSED"});
    }
    Table const budgets(options, "null traffic, budget of 1 alert a day, after 14 days",
                        {{"kind", -18},
                         {"without", 9},
                         {"alerts", 7},
                         {"a day", 8},
                         {"p(>=)", 9},
                         {"verdict", -24}});
    for (auto const& [kind, one] : all) {
        double const a_day = double(one.budgeted) / one.budget_days;
        double const without = double(one.candidates) / one.budget_days;
        bool const enough = without >= 1.5 || chooses(kind); // else there is nothing to hold back
        double const within =
            std::max(budget_within, 3 / std::sqrt(one.budget_days)); // of few days, chance
        bool const good = a_day <= 1 + within && (!enough || a_day >= 1 - within);
        missed += !good;
        budgets.row({std::string(stages::to_text(kind)), fmt::format("{:.3f}", without),
                     fmt::format("{}", one.budgeted), fmt::format("{:.3f}", a_day),
                     fmt::format("{:.2g}", tail(one.budgeted, one.budget_days)),
                     !good    ? "MISSED"
                     : enough ? "ok (0.8 to 1.2)"
                              : "ok (at most 1.2)"});
    }
    return missed;
}

} // namespace

int null_traffic(Options const& options) {
    ByKind all;
    std::mutex mutex;
    for_each_task(options.seeds, options.jobs, [&](std::uint32_t task) {
        ByKind const one = run(options, options.first + task);
        std::lock_guard const lock(mutex);
        for (auto const& [kind, seen] : one) {
            Seen& sum = all[kind];
            sum.alerts += seen.alerts;
            sum.updates += seen.updates;
            sum.untrue += seen.untrue;
            sum.budgeted += seen.budgeted;
            sum.candidates += seen.candidates;
            sum.days += seen.days;
            sum.budget_days += seen.budget_days;
        }
    });
    return print(options, all);
}

} // namespace bench
