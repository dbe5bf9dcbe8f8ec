// The detectors on traffic: what is planted is found, by whom it was; what misses its threshold is
// not; ordinary traffic is nearly silent; how accounts are numbered or named changes nothing.
// Small, with fixed seeds; bench/patterns.cpp does the same at length.
#include "tests/traffic/proof.hpp"
#include "tests/traffic/tools.hpp"

#include <gtest/gtest.h>
#include <set>

using namespace traffic;

namespace {

// Few people, who do little: models warm by days, not by movements.
Options small_traffic(std::uint64_t seed) {
    Options options;
    options.seed = seed;
    options.users = 2'000;
    options.whales = 100;
    options.dormants = 100;
    options.deposits_per_exchange = 50;
    options.exchanges = 3;
    options.acts_per_block = 0.25;
    return options;
}

struct Planted {
    Shape shape;
    double strength = 0;
    Truth truth;
};

using Wanted = bool (*)(Shape const& shape);

// A quarter of what is documented for a model is the largest that is ordinary; but not of a sum
// that many bring together, for nothing that large is ordinary of many.
double weak_of(Shape const& shape) {
    bool const sum = shape.kind == RuleKind::exchange_flow ||
                     std::string_view(shape.name) == "market_volume/sum";
    return sum ? 0.001 : 0.25;
}

// Of every shape that is wanted one of each strength, the modelled ones at hours where nothing else
// is.
std::vector<Planted> plant_all(
    Traffic& stream, Marks const& marks, std::uint32_t modelled_day = 16,
    Wanted wanted = [](Shape const&) { return true; }) {
    std::vector<Planted> plants;
    std::uint32_t number = 0;
    for (Shape const& shape : shapes())
        for (double const strength : {1.5, 0.5}) {
            if (!wanted(shape)) continue;
            Plan plan;
            std::uint32_t const day =
                std::max(shape.first_day, shape.modelled ? modelled_day : 16U) + number % 4;
            plan.start_s = stream.options().start_s + day * day_s + number / 4 * 2 * hour_s;
            plan.strength = !shape.modelled ? strength : strength > 1 ? 6 : weak_of(shape);
            plan.thresholds = thresholds_of(shape, marks, plan.start_s, number);
            plants.push_back({shape, strength, shape.plant(stream, plan, number)});
            ++number;
        }
    return plants;
}

struct Told {
    std::uint32_t block = 0, event = 0;
    RuleKind kind{};
    stages::Severity severity{};
    bool ongoing = false;
    auto operator<=>(Told const&) const = default;
};
std::multiset<Told> told_by(Driven const& driven) {
    std::multiset<Told> all;
    for (Claimed const& claim : driven.claims()) {
        auto const& found = claim.found;
        all.insert({claim.block, found.transfer.event_index, claim.kind, found.severity,
                    found.facts.ongoing});
    }
    return all;
}

std::vector<Account> watched_of(std::vector<Planted> const& plants) {
    std::vector<Account> watched;
    for (Planted const& one : plants)
        if (one.shape.kind == RuleKind::watch) watched.push_back(one.truth.subjects[0]);
    return watched;
}

// Of ten days.
double most_a_day(RuleKind kind) {
    switch (kind) {
    case RuleKind::exchange_flow:
    case RuleKind::market_volume:
    case RuleKind::coordination:
    case RuleKind::burst: return 0.5;
    case RuleKind::unbonding: return 10; // of these: stake, and whales that pay
    case RuleKind::new_whale:
    case RuleKind::whale_exit:
    case RuleKind::drain: return 4;
    default: return 0.5;
    }
}

} // namespace

// A shape with a model is planted at four times as much as that and after four weeks, where neither
// chance nor how little is known decides (half: at what is ordinary), and
// each in traffic of its own: what one plants would be what another one learns is usual.
TEST(Proof, what_is_planted_is_found_and_what_is_half_of_it_is_not) {
    auto const options = small_traffic(31);
    auto const marks = marks_of(options, 3);
    constexpr Wanted groups[] = {
        [](Shape const& shape) { return !shape.modelled; },
        [](Shape const& shape) { return shape.kind == RuleKind::coordination; },
        [](Shape const& shape) { return shape.kind == RuleKind::exchange_flow; },
        [](Shape const& shape) { return shape.modelled && shape.kind == RuleKind::burst; },
        [](Shape const& shape) { return shape.kind == RuleKind::market_volume; },
    };
    std::size_t planted = 0;
    for (Wanted const wanted : groups) {
        Traffic stream(options);
        auto const plants = plant_all(stream, marks, 28, wanted);
        planted += plants.size();
        DrivenOptions driving;
        driving.budget = 0; // their own thresholds
        driving.watched = watched_of(plants);
        Driven driven(stream, driving);
        for (;;) {
            Block const& block = stream.next();
            if (block.time_s >= options.start_s + 50 * day_s) break;
            driven.take(block);
        }
        for (Planted const& one : plants) {
            SCOPED_TRACE(testing::Message()
                         << one.shape.name << " at " << one.strength << " on day "
                         << (one.truth.first_s - options.start_s) / day_s);
            std::size_t found = 0;
            for (Claimed const& claim : driven.claims()) {
                if (!is_of(claim, one.shape, one.truth)) continue;
                ++found;
                EXPECT_TRUE(driven.right_subject(claim, one.truth));
            }
            EXPECT_EQ(found > 0, one.strength > 1);
        }
    }
    EXPECT_GE(planted, 2 * shapes().size());
}

TEST(Proof, ordinary_traffic_is_nearly_silent) {
    Options options;
    options.seed = 5;
    Traffic stream(options);
    Driven driven(stream, {});
    std::size_t movements = 0;
    std::uint32_t now_s = 0;
    while (movements < 100'000) {
        Block const& block = stream.next();
        movements += block.movements.size();
        now_s = block.time_s;
        driven.take(block);
    }
    double const days = double(now_s - options.start_s) / day_s;
    EXPECT_EQ(driven.engine().accounts().refused(), 0U);
    EXPECT_EQ(driven.engine().blocks().lost(), 0U);
    std::map<RuleKind, double> a_day;
    for (Claimed const& claim : driven.claims())
        if (!claim.found.facts.ongoing) a_day[claim.kind] += 1 / days;
    for (auto const& [kind, rate] : a_day) {
        SCOPED_TRACE(stages::to_text(kind));
        EXPECT_LE(rate, most_a_day(kind));
    }
}

// Each model bounds by itself how often it speaks; a budget is for whoever asks for one.
TEST(Proof, no_kind_has_a_budget_by_default) {
    for (RuleKind const kind : pattern_kinds()) {
        stages::Rule rule;
        rule.kind = kind;
        EXPECT_FALSE(stages::budget(rule)) << stages::to_text(kind);
        rule.settings.budget = 2;
        EXPECT_EQ(stages::budget(rule).value_or(0), 2);
    }
}

TEST(Proof, numbers_and_names_of_accounts_change_nothing) {
    constexpr std::uint64_t names = 77;
    auto const options = small_traffic(32);
    auto const marks = marks_of(options, 3);
    Traffic stream(options);
    auto const plants = plant_all(stream, marks);
    DrivenOptions plain;
    plain.budget = 0; // more is told
    plain.watched = watched_of(plants);
    Driven first(stream, plain);
    std::vector<Block> blocks; // those without a movement, too: a block waits for those before it
    while (blocks.empty() || blocks.back().time_s < options.start_s + 24 * day_s)
        blocks.push_back(stream.next());

    DrivenOptions other_numbers = plain;
    other_numbers.entered = permuted_accounts(blocks, 3);
    other_numbers.seed = 99;
    Driven second(stream, other_numbers);
    DrivenOptions other_names = plain;
    other_names.renamed_by = names;
    for (Account& key : other_names.watched) key = renamed(key, names);
    Driven third(stream, other_names);
    for (Block const& block : blocks) {
        first.take(block);
        second.take(block);
    }
    for (Block const& block : renamed(blocks, names)) third.take(block);
    auto const told = told_by(first);
    std::set<RuleKind> kinds;
    for (Told const& one : told) kinds.insert(one.kind);
    EXPECT_GE(kinds.size(), 13U);
    EXPECT_TRUE(told == told_by(second));
    EXPECT_TRUE(told == told_by(third));
}
