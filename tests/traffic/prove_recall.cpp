// Recall by strength, and precision on traffic into which every kind is planted.
#include "tests/traffic/prove.hpp"
#include "tests/traffic/prove_words.hpp"

#include <fmt/format.h>
#include <mutex>
#include <ranges>

namespace bench {

namespace {

using stages::RuleKind;
using traffic::day_s;
using traffic::Shape;

constexpr std::array strengths{0.5, 0.8, 1.0, 1.5, 2.0, 4.0};
// Before the border of a migration (stages/rule_options.hpp), which a silence may not span.
constexpr std::uint32_t last_day = 80;
constexpr std::uint32_t marks_weeks = 6; // of what is ordinary
constexpr double promised = 0.99, promised_precision = 0.95;

struct Planted {
    std::uint32_t shape = 0;
    std::uint32_t strength = 0;
    traffic::Truth truth;
};
struct Cell {
    std::uint32_t planted = 0, found = 0, wrong = 0; // wrong: found with another subject
};
using Cells = std::vector<std::array<Cell, strengths.size()>>; // by shape

// A model of what an exchange, or the chain, is used to learns from everything, also from what it
// has told: each plant has traffic of its own.
bool alone(Shape const& shape) {
    return shape.kind == RuleKind::exchange_flow || shape.kind == RuleKind::market_volume;
}

// Shapes that may share their traffic: of none of them is a model changed by the others.
std::uint32_t group_of(Shape const& shape) {
    return !shape.modelled && shape.kind != RuleKind::coordination ? 0 : 1;
}

// When the n-th of this shape is planted: `a_day` of them, not all at the same time of the day,
// those of one kind apart from each other. In whole windows, where it is windows that are judged.
std::uint32_t start_of(std::uint32_t shape_number, std::uint32_t n, double a_day,
                       std::uint32_t start_s) {
    auto const all = traffic::shapes();
    Shape const& shape = all[shape_number];
    std::uint32_t of_kind = 0, before = 0;
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        of_kind += all[i].kind == shape.kind;
        before += all[i].kind == shape.kind && i < shape_number;
    }
    auto const step_s = static_cast<std::uint32_t>(day_s / a_day);
    std::uint64_t const drawn = traffic::mixed(traffic::mixed(n) + unsigned(shape.kind));
    std::uint32_t const off_s = static_cast<std::uint32_t>(
        (std::uint64_t{step_s} * before + drawn % (step_s / 2)) / of_kind);
    return start_s + shape.first_day * day_s + n * step_s + off_s / 900 * 900;
}

std::vector<Planted> plant(traffic::Traffic& stream, traffic::Marks const& marks,
                           std::uint32_t shape_number, double a_day, std::size_t first_strength,
                           std::uint32_t number) {
    Shape const shape = traffic::shapes()[shape_number];
    std::vector<Planted> all;
    std::uint32_t const begin_s = stream.options().start_s;
    for (std::uint32_t n = 0;; ++n) {
        traffic::Plan plan;
        plan.start_s = start_of(shape_number, n, a_day, begin_s);
        if (plan.start_s >= begin_s + last_day * day_s) return all;
        auto const strength = static_cast<std::uint32_t>(
            first_strength + (n + number) % (strengths.size() - first_strength));
        plan.strength = strengths[strength];
        // Every strength of every exchange, one after the other.
        auto const variant =
            static_cast<std::uint32_t>(n / strengths.size() + n + number / strengths.size());
        plan.thresholds = traffic::thresholds_of(shape, marks, plan.start_s, variant);
        if (shape.kind == RuleKind::coordination) // not always the same amount
            plan.thresholds.coordination_min += traffic::tokens(3'700) * (variant % 40);
        all.push_back({shape_number, strength, shape.plant(stream, plan, variant)});
    }
}

std::vector<traffic::Account> watched_of(std::vector<Planted> const& plants) {
    std::vector<traffic::Account> watched;
    for (Planted const& one : plants)
        if (traffic::shapes()[one.shape].kind == RuleKind::watch)
            watched.push_back(one.truth.subjects[0]);
    return watched;
}

void play(traffic::Traffic& stream, traffic::Driven& driven, std::uint32_t end_s,
          std::function<void(traffic::Block const&)> const& taken,
          std::function<void(std::size_t)> const& claimed) {
    std::size_t judged = 0;
    for (;;) {
        auto const& block = stream.next();
        if (block.time_s >= end_s) return;
        taken(block);
        driven.take(block);
        for (; judged < driven.claims().size(); ++judged) claimed(judged);
    }
}

std::uint32_t end_of(traffic::Options const& options) {
    return options.start_s + (last_day + 6) * day_s;
}

// Which of these are told in this traffic, played until then.
void hold(traffic::Traffic& stream, std::vector<Planted> const& plants, std::uint32_t end_s,
          Cells& cells) {
    auto const all = traffic::shapes();
    traffic::DrivenOptions options;
    options.kinds.clear();
    options.budget = 0; // their own thresholds
    for (Planted const& one : plants)
        if (std::ranges::count(options.kinds, all[one.shape].kind) == 0)
            options.kinds.push_back(all[one.shape].kind);
    options.watched = watched_of(plants);
    traffic::Driven driven(stream, options);
    play(stream, driven, end_s, [](auto const&) {}, [](std::size_t) {});
    std::map<RuleKind, std::vector<traffic::Claimed const*>> claims;
    for (auto const& claim : driven.claims()) claims[claim.kind].push_back(&claim);
    for (Planted const& one : plants) {
        Cell& cell = cells[one.shape][one.strength];
        ++cell.planted;
        bool found = false, right = false;
        for (auto const* claim : claims[all[one.shape].kind]) {
            if (!traffic::is_of(*claim, all[one.shape], one.truth)) continue;
            found = true;
            right = right || driven.right_subject(*claim, one.truth);
        }
        cell.found += found && right;
        cell.wrong += found && !right;
    }
}

// One traffic with the shapes of a group.
Cells run(std::uint32_t group, std::vector<std::uint32_t> const& shapes, std::uint32_t number) {
    auto const ordinary = traffic_of(10'000 * (group + 1) + number);
    traffic::Traffic stream(ordinary);
    std::vector<Planted> plants;
    for (auto const shape : shapes) {
        auto more = plant(stream, {}, shape, traffic::shapes()[shape].a_day, 0, number);
        plants.insert(plants.end(), more.begin(), more.end());
    }
    Cells cells(traffic::shapes().size());
    hold(stream, plants, end_of(ordinary), cells);
    return cells;
}

// The same traffic once for each strength, into which one is planted, at the same time: the only
// thing in it that is not ordinary.
Cells run_alone(std::uint32_t shape_number, std::uint32_t number) {
    Shape const shape = traffic::shapes()[shape_number];
    auto const ordinary = traffic_of(30'000 + 1'000 * shape_number + number);
    auto const marks = traffic::marks_of(ordinary, marks_weeks);
    std::uint64_t const drawn = traffic::mixed(ordinary.seed);
    auto const begin_s = static_cast<std::uint32_t>(drawn % ((last_day - shape.first_day) * day_s));
    Cells cells(traffic::shapes().size());
    for (std::uint32_t i = 0; i < strengths.size(); ++i) {
        traffic::Traffic stream(ordinary);
        traffic::Plan plan;
        plan.start_s = ordinary.start_s + shape.first_day * day_s + begin_s / 900 * 900;
        plan.strength = strengths[i];
        plan.thresholds = traffic::thresholds_of(shape, marks, plan.start_s, number);
        std::vector<Planted> const one{{shape_number, i, shape.plant(stream, plan, number)}};
        hold(stream, one, one[0].truth.last_s + shape.tail_s + 60, cells);
    }
    return cells;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    return fmt::format("{:.1f}", 100.0 * double(part) / double(whole));
}

int print(Options const& options, Cells const& cells) {
    auto const all = traffic::shapes();
    Table const table(options, "recall in %, by strength (1: the documented threshold)",
                      {{"kind", -21},
                       {"0.5", 6},
                       {"0.8", 6},
                       {"1", 6},
                       {"1.5", 6},
                       {"2", 6},
                       {"4", 6},
                       {"a cell", 7},
                       {"subject", 8},
                       {"99 % at", 8},
                       {"verdict", -8}});
    int missed = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::vector<std::string> row{all[i].name};
        std::uint32_t least = ~0U, wrong = 0;
        std::string from = "never";
        bool below = false; // a fixed rule that speaks below its threshold
        for (std::size_t s = strengths.size(); s-- > 0;) {
            Cell const& cell = cells[i][s];
            least = std::min(least, cell.planted);
            wrong += cell.wrong;
            if (cell.found < promised * cell.planted) break;
            from = fmt::format("{:g}", strengths[s]);
        }
        if (least == 0 || cells[i][0].planted == 0) continue;
        least = ~0U;
        for (std::size_t s = 0; s < strengths.size(); ++s) {
            Cell const& cell = cells[i][s];
            least = std::min(least, cell.planted);
            row.push_back(percent(cell.found, cell.planted));
            below = below || (!all[i].modelled && strengths[s] < 1 && cell.found > 0);
        }
        bool good = !below && wrong == 0;
        for (std::size_t s = 0; s < strengths.size(); ++s)
            if (strengths[s] >= 1)
                good = good && cells[i][s].found >= promised * cells[i][s].planted;
        missed += !good;
        for (auto const& text :
             {fmt::format("{}", least), std::string(wrong == 0 ? "right" : "WRONG"), from,
              std::string(good ? "ok" : "MISSED")})
            row.push_back(text);
        table.row(row);
    }
    return missed;
}

// ---- precision ----------------------------------------------------------------------------------

struct Precision {
    std::uint64_t claims = 0, own = 0, other = 0, true_words = 0;
};

// market_volume names the largest movements, most of them small: what it says is true of plants if
// without the three largest half of the sum is planted.
bool volume_of(traffic::Claimed const& claim,
               std::map<traffic::MovementId, std::uint32_t> const& planted,
               std::map<traffic::MovementId, double> const& amounts) {
    if (claim.kind != RuleKind::market_volume) return false;
    auto const& facts = claim.found.facts;
    std::vector<std::pair<double, bool>> named;
    for (std::uint32_t i = 0; i < facts.kept; ++i) {
        traffic::MovementId const id{facts.evidence[i].block, facts.evidence[i].event};
        named.emplace_back(amounts.at(id), planted.contains(id));
    }
    std::ranges::sort(named, std::greater<>());
    double all = 0, of_plants = 0;
    for (auto const& [amount, is_planted] : named | std::views::drop(stages::MarketVolume::lone)) {
        all += amount;
        of_plants += is_planted ? amount : 0;
    }
    return of_plants > 0 && 2 * of_plants >= all;
}

std::map<RuleKind, Precision> mixed(Options const& options, std::uint32_t number) {
    constexpr double a_day = 0.25;
    constexpr std::size_t from_one = 2;
    auto const all = traffic::shapes();
    auto const ordinary = traffic_of(5'000 + number);
    traffic::Traffic stream(ordinary);
    auto const marks = traffic::marks_of(ordinary, marks_weeks);
    std::vector<Planted> plants;
    for (std::uint32_t shape = 0; shape < all.size(); ++shape) {
        auto more = plant(stream, marks, shape, a_day, from_one, number);
        plants.insert(plants.end(), more.begin(), more.end());
    }
    std::map<traffic::MovementId, std::uint32_t> by; // plant, also of what made it possible
    for (std::uint32_t i = 0; i < plants.size(); ++i) {
        for (auto const& id : plants[i].truth.movements) by[id] = i;
        for (auto const& id : plants[i].truth.before) by[id] = i;
    }
    traffic::DrivenOptions driving;
    driving.kinds = kinds_of(options);
    driving.watched = watched_of(plants);
    traffic::Driven driven(stream, driving);
    Words words(stream);
    std::map<RuleKind, Precision> seen;
    std::map<traffic::MovementId, double> amounts;
    auto const taken = [&](traffic::Block const& block) {
        words.take(block);
        for (auto const& one : block.movements)
            amounts[{block.number, one.event}] = static_cast<double>(one.amount);
    };
    play(stream, driven, end_of(ordinary), taken, [&](std::size_t at) {
        traffic::Claimed const& claim = driven.claims()[at];
        if (claim.found.facts.ongoing) return;
        Precision& one = seen[claim.kind];
        ++one.claims;
        std::uint32_t hits = 0;
        bool own = false;
        auto const& facts = claim.found.facts;
        for (std::uint32_t i = 0; i < facts.kept; ++i) {
            auto const found = by.find({facts.evidence[i].block, facts.evidence[i].event});
            if (found == by.end()) continue;
            ++hits;
            Planted const& plant = plants[found->second];
            own = own || traffic::is_of(claim, all[plant.shape], plant.truth);
        }
        if (own)
            ++one.own;
        else if (2 * hits >= facts.kept || volume_of(claim, by, amounts))
            ++one.other;
        else if (Words::judges(claim.kind) && words.hold(claim))
            ++one.true_words;
    });
    return seen;
}

} // namespace

int recall(Options const& options) {
    auto const all = traffic::shapes();
    struct Task {
        std::uint32_t group, number;
        std::vector<std::uint32_t> shapes; // of a group; one: alone
        bool alone = false;
    };
    auto const wanted = [&](Shape const& shape) {
        return options.only.empty() || stages::to_text(shape.kind) == options.only;
    };
    std::vector<Task> tasks;
    for (std::uint32_t group = 0; group < 2; ++group) {
        // Each shape is in as many runs as it needs.
        for (std::uint32_t number = 0;; ++number) {
            Task task{group, number, {}};
            for (std::uint32_t i = 0; i < all.size(); ++i) {
                double const a_run = all[i].a_day * (last_day - all[i].first_day);
                if (wanted(all[i]) && !alone(all[i]) && group_of(all[i]) == group &&
                    number * a_run < strengths.size() * options.plants)
                    task.shapes.push_back(i);
            }
            if (task.shapes.empty()) break;
            tasks.push_back(task);
        }
    }
    for (std::uint32_t i = 0; i < all.size(); ++i)
        for (std::uint32_t number = 0; number < options.plants; ++number)
            if (wanted(all[i]) && alone(all[i])) tasks.push_back({0, number, {i}, true});
    Cells cells(all.size());
    std::mutex mutex;
    for_each_task(static_cast<std::uint32_t>(tasks.size()), options.jobs, [&](std::uint32_t i) {
        Task const& task = tasks[i];
        Cells const one = task.alone ? run_alone(task.shapes[0], task.number)
                                     : run(task.group, task.shapes, task.number);
        std::lock_guard const lock(mutex);
        for (std::size_t shape = 0; shape < one.size(); ++shape)
            for (std::size_t s = 0; s < strengths.size(); ++s) {
                cells[shape][s].planted += one[shape][s].planted;
                cells[shape][s].found += one[shape][s].found;
                cells[shape][s].wrong += one[shape][s].wrong;
            }
    });
    return print(options, cells);
}

int precision(Options const& options) {
    std::map<RuleKind, Precision> all;
    std::mutex mutex;
    for_each_task((options.seeds + 3) / 4, options.jobs, [&](std::uint32_t task) {
        auto const one = mixed(options, options.first + task);
        std::lock_guard const lock(mutex);
        for (auto const& [kind, seen] : one) {
            all[kind].claims += seen.claims;
            all[kind].own += seen.own;
            all[kind].other += seen.other;
            all[kind].true_words += seen.true_words;
        }
    });
    Table const table(options, "precision on mixed traffic: alerts that are true",
                      {{"kind", -18},
                       {"alerts", 7},
                       {"planted", 8},
                       {"of another", 11},
                       {"by words", 9},
                       {"chance", 7},
                       {"precision", 10},
                       {"verdict", -8}});
    int missed = 0;
    Precision sum;
    auto const print = [&](std::string const& name, Precision const& one) {
        std::uint64_t const good = one.own + one.other + one.true_words;
        bool const kept = double(good) >= promised_precision * double(one.claims);
        table.row({name, fmt::format("{}", one.claims), fmt::format("{}", one.own),
                   fmt::format("{}", one.other), fmt::format("{}", one.true_words),
                   fmt::format("{}", one.claims - good), percent(good, one.claims),
                   kept ? "ok" : "MISSED"});
        return kept;
    };
    for (auto const& [kind, one] : all) {
        missed += !print(std::string(stages::to_text(kind)), one);
        sum.claims += one.claims;
        sum.own += one.own;
        sum.other += one.other;
        sum.true_words += one.true_words;
    }
    missed += !print("all", sum);
    return missed;
}

} // namespace bench
