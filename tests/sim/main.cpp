// The simulator: `sim` plays 200 seeds, `sim --seeds N --first K` those, `sim SEED` one with its
// whole log, `sim --minutes N` as many as it can. A seed that fails is made small and printed with
// its commit; the exit code is 1 then.
#include "commit.hpp"
#include "shrink.hpp"
#include "world.hpp"

#include "pipeline/clock.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <span>

namespace {

using sim::Outcome;
using sim::Scenario;

struct Options {
    std::optional<std::uint64_t> seed;
    std::uint64_t first = 1;
    std::uint64_t seeds = 200;
    double minutes = 0;
    unsigned twice_every = 10; // of these seeds one is played a second time, and must be the same
    unsigned shrink_runs = 150;
    std::vector<std::size_t> keep; // of one seed: play these events only
    std::uint32_t blocks = 0;      // of one seed
    bool quiet = false;
};

struct Totals {
    std::uint64_t seeds = 0, twice = 0, failed = 0;
    Outcome sums;
    std::array<std::uint64_t, sim::kinds> met{};

    void add(Outcome const& one) {
        ++seeds;
        sums.steps += one.steps;
        sums.blocks += one.blocks;
        sums.lines += one.lines;
        sums.alerts_told += one.alerts_told;
        sums.lives += one.lives;
        sums.part_deaths += one.part_deaths;
        sums.requests += one.requests;
        sums.answers += one.answers;
        sums.pairs += one.pairs;
        sums.turns_judged += one.turns_judged;
        sums.pins_judged += one.pins_judged;
        sums.patterns += one.patterns;
        for (std::size_t i = 0; i < sim::kinds; ++i) met[i] += one.met[i];
    }
    void print() const {
        fmt::print("{} seeds, {} of them twice, {} failed: {} steps, {} blocks, {} lines about {} "
                   "alerts, {} lives, {} deaths of parts, {} requests to Subscan, {} answers to "
                   "operators, {} pairs agreed, {} alerts whose turn it was, {} of them by a pin, "
                   "{} patterns\n",
                   seeds, twice, failed, sums.steps, sums.blocks, sums.lines, sums.alerts_told,
                   sums.lives, sums.part_deaths, sums.requests, sums.answers, sums.pairs,
                   sums.turns_judged, sums.pins_judged, sums.patterns);
        std::string coverage = "seeds that met each kind:";
        for (auto const& row : sim::kind_rows)
            coverage += fmt::format(" {} {},", row.name, met[static_cast<std::size_t>(row.kind)]);
        coverage.back() = '\n';
        fmt::print("{}", coverage);
    }
};

void print_line(Scenario const& scenario, Outcome const& one) {
    fmt::print("seed {}: {} events, {} steps, {} blocks, {} lines, {} alerts, {} lives, {} parts "
               "died, healed after {} ms{}\n",
               scenario.seed, scenario.events.size(), one.steps, one.blocks, one.lines,
               one.alerts_told, one.lives, one.part_deaths, one.healed_after_ms,
               one.wrong.empty() ? "" : ": FAILED");
}

void report(Scenario const& scenario, Outcome const& one, Options const& options) {
    fmt::print("\nseed {} fails at commit {}\n{}\n", scenario.seed, sim::built_from(), one.wrong);
    auto const fails = [](Scenario const& smaller) { return !sim::run(smaller).wrong.empty(); };
    Scenario const least = options.shrink_runs == 0 || one.wrong.starts_with("the same seed")
                             ? scenario
                             : sim::shrink(scenario, fails, options.shrink_runs);
    fmt::print("the least that fails:\n{}", sim::describe(least));
    Outcome const last = sim::run(least);
    fmt::print("{}\nits last words:\n", last.wrong);
    for (std::string const& line : last.log) fmt::print("  {}\n", line);
    std::fflush(stdout);
}

bool play(Scenario const& scenario, Options const& options, Totals& totals) {
    Outcome one = sim::run(scenario, {.verbose = options.seed && !options.quiet});
    if (one.wrong.empty() && (options.seed || scenario.seed % options.twice_every == 0)) {
        ++totals.twice;
        Outcome const again = sim::run(scenario);
        if (again.alerts != one.alerts)
            one.wrong =
                "the same seed gives other alerts" + sim::difference(one.alerts, again.alerts);
    }
    totals.add(one);
    if (!options.quiet || !one.wrong.empty()) print_line(scenario, one);
    if (one.wrong.empty()) return true;
    ++totals.failed;
    report(scenario, one, options);
    return false;
}

int play_one(Options const& options) {
    Scenario scenario = sim::draw(*options.seed);
    if (!options.keep.empty()) {
        std::vector<sim::Event> kept;
        for (std::size_t const index : options.keep)
            if (index < scenario.events.size()) kept.push_back(scenario.events[index]);
        scenario.events = std::move(kept);
    }
    if (options.blocks != 0) scenario.blocks = options.blocks;
    fmt::print("{}", sim::describe(scenario));
    std::fflush(stdout);
    Totals totals;
    return play(scenario, options, totals) ? 0 : 1;
}

int play_many(Options const& options) {
    Totals totals;
    pipeline::SystemClock const clock; // only to know when to stop
    auto const until = clock.monotonic() + static_cast<std::uint64_t>(options.minutes * 60 * 1e9);
    for (std::uint64_t seed = options.first;; ++seed) {
        bool const over = options.minutes > 0 ? clock.monotonic() >= until
                                              : seed >= options.first + options.seeds;
        if (over) break;
        if (!play(sim::draw(seed), options, totals)) break;
    }
    totals.print();
    return totals.failed == 0 ? 0 : 1;
}

std::vector<std::size_t> numbers(std::string_view list) {
    std::vector<std::size_t> all;
    while (!list.empty()) {
        all.push_back(std::strtoull(std::string(list).c_str(), nullptr, 10));
        std::size_t const comma = list.find(',');
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return all;
}

// False: that is no command line.
bool read(std::span<char* const> words, Options& options) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string const word = words[i];
        bool const is_number = word.find_first_not_of("0123456789") == std::string::npos;
        if (word == "--quiet") {
            options.quiet = true;
        } else if (is_number && !word.empty()) {
            options.seed = std::strtoull(word.c_str(), nullptr, 10);
        } else if (i + 1 < words.size()) {
            std::string const value = words[++i];
            std::uint64_t const number = std::strtoull(value.c_str(), nullptr, 10);
            if (word == "--seeds")
                options.seeds = number;
            else if (word == "--first")
                options.first = number;
            else if (word == "--minutes")
                options.minutes = std::strtod(value.c_str(), nullptr);
            else if (word == "--shrink")
                options.shrink_runs = static_cast<unsigned>(number);
            else if (word == "--keep")
                options.keep = numbers(value);
            else if (word == "--blocks")
                options.blocks = static_cast<std::uint32_t>(number);
            else
                return false;
        } else {
            return false;
        }
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    if (!read({argv + 1, static_cast<std::size_t>(argc - 1)}, options)) {
        fmt::print(stderr, "usage: sim [SEED [--keep 0,3,7] [--blocks N]] [--seeds N] [--first K] "
                           "[--minutes N] [--shrink RUNS] [--quiet]\n");
        return 2;
    }
    return options.seed ? play_one(options) : play_many(options);
}
