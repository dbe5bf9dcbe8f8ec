// What a change of the regime costs, and what routing does.
//
//   regime/obeyed/...    from the store of a new regime to the routing stage's obeying it, while a
//                        producer keeps it busy without a pause: parked threads as in `compact`,
//                        spinning ones as in `dedicated`; counters p50, p99 and max in us
//   route/...            one record through the routing stage: what is no match; a match of which
//                        hybrid speaks and the twin of it that legacy brings afterwards
#include "pipeline/sleeper.hpp"
#include "pipeline/topology.hpp"
#include "stages/route.hpp"
#include "stages/swallow.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>

namespace {

using namespace stages;

RouteOptions both_paths() {
    RouteOptions options;
    options.chains = {{"dot", true, true}};
    options.rule_names = {"rule"};
    return options;
}

Candidate match_of(std::uint32_t number, Path path) {
    Match match;
    std::uint8_t key[32] = {};
    std::memcpy(key, &number, sizeof number);
    match.transfer.from = decoders::account_of(key, 32);
    match.transfer.block.number = number;
    match.transfer.amount = number;
    Candidate candidate;
    candidate.path = path;
    candidate.body = match;
    return candidate;
}

Candidate facts_of(Path path) {
    Candidate candidate;
    candidate.path = path;
    candidate.body = ChainFacts{};
    return candidate;
}

// Matches of both paths, as fast as they are taken.
struct Flood : pipeline::Pinned {
    static constexpr std::uint32_t max_burst = 64;
    pipeline::Out<Candidate> candidates;
    std::uint32_t told = 0;
    explicit Flood(pipeline::Out<Candidate> out)
        : candidates(out) {}
    auto outputs() { return std::tie(candidates); }
    bool tick(pipeline::Turn const&) {
        if (told == 0)
            for (Path const path : {Path::legacy, Path::hybrid}) candidates.emit(facts_of(path));
        for (int i = 0; i < 31; ++i) {
            candidates.emit(match_of(++told, Path::hybrid));
            candidates.emit(match_of(told, Path::legacy));
        }
        return true;
    }
};

void obeyed(benchmark::State& state, pipeline::Idle idle) {
    pipeline::SystemClock const clock;
    pipeline::NoLog log;
    pipeline::Switchboard board({.hybrid_buckets = 5'000, .flags = pipeline::Flag::hybrid_rpc});
    pipeline::Topology topology(clock, board, idle, [&](std::string const&) {
        return std::make_unique<pipeline::Sleeper>(clock);
    });
    auto& candidates = topology.link<Candidate>("candidates", {.depth = 1'024});
    auto& verdicts = topology.link<Verdict>("verdicts", {.depth = 1'024});
    pipeline::MetricsPage page("", route_metrics);
    topology.stage({"flood", pipeline::Process::hybrid, "data"},
                   std::make_unique<Flood>(candidates));
    topology.stage(
        {"route", pipeline::Process::legacy, "route"},
        std::make_unique<Route>(both_paths(), Route::Needs{log, page, clock, &board}, verdicts),
        candidates);
    topology.stage({"end", pipeline::Process::legacy, "route"},
                   std::make_unique<Swallow<Verdict>>(), verdicts);
    if (!topology.finish()) return state.SkipWithError("the wiring is wrong");
    topology.start();
    std::vector<double> times;
    bool to_legacy = false;
    for (auto _ : state) {
        auto const before = board.load();
        auto next = before;
        next.mode = (to_legacy = !to_legacy) ? pipeline::Mode::legacy_only : pipeline::Mode::normal;
        pipeline::Nanoseconds const stored = clock.monotonic();
        if (!board.change(before, next)) continue;
        topology.wake();
        while (board.obeyed().epoch < before.epoch + 1) {}
        auto const at = board.obeyed().at;
        times.push_back(at > stored ? static_cast<double>(at - stored) / 1'000.0 : 0.0);
    }
    std::uint64_t const matches = page.read(RouteMetric::alerts) + page.read(RouteMetric::withheld);
    topology.stop();
    std::sort(times.begin(), times.end());
    state.counters["p50_us"] = times[times.size() / 2];
    state.counters["p99_us"] = times[times.size() * 99 / 100];
    state.counters["max_us"] = times.back();
    state.counters["matches"] =
        benchmark::Counter(static_cast<double>(matches), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(obeyed, compact, pipeline::Idle::park)
    ->Name("regime/obeyed/compact")
    ->Iterations(10'000)
    ->UseRealTime();
BENCHMARK_CAPTURE(obeyed, dedicated, pipeline::Idle::spin)
    ->Name("regime/obeyed/dedicated")
    ->Iterations(10'000)
    ->UseRealTime();

struct Desk {
    pipeline::SystemClock clock;
    pipeline::NoLog log;
    pipeline::MetricsPage page{"", route_metrics};
    pipeline::Link<Verdict> verdicts{"verdicts", {.depth = 64}};
    Route route{both_paths(), {log, page, clock, nullptr}, verdicts};
    pipeline::Turn turn{.regime = {.hybrid_buckets = 10'000, .flags = pipeline::Flag::hybrid_rpc}};

    Desk() {
        for (Path const path : {Path::legacy, Path::hybrid}) say(facts_of(path));
    }
    void say(Candidate const& candidate) {
        route.on({candidate, {}}, turn);
        while (verdicts.front() != nullptr) verdicts.pop();
    }
};

void no_match(benchmark::State& state) {
    Desk desk;
    Candidate candidate;
    candidate.body = BlockEnd{};
    for (auto _ : state) desk.say(candidate);
}
BENCHMARK(no_match)->Name("route/no_match");

void match_and_twin(benchmark::State& state) {
    Desk desk;
    std::uint32_t number = 0;
    for (auto _ : state) {
        desk.say(match_of(++number, Path::hybrid));
        desk.say(match_of(number, Path::legacy));
    }
    state.SetItemsProcessed(2 * static_cast<std::int64_t>(number));
}
BENCHMARK(match_and_twin)->Name("route/match_and_twin");

} // namespace

BENCHMARK_MAIN();
