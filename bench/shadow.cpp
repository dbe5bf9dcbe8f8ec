// What the shadow comparator costs a pair: both twins, their block's end, its finality and its
// settling through on(), on one core. The target is a million pairs a second.
//
//   shadow/pairs/agree     64 pairs a block, hybrid 4 blocks ahead of legacy, nothing wrong
//   shadow/pairs/drafts    the same where legacy says each row twice: first, and as final
//   shadow/pairs/dispute   one pair in 64 differs and is settled by reading the block again
//   shadow/note            the bounds of a report, from a chain's counts
#include "stages/shadow.hpp"
#include "stages/shadow_figures.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace stages;

constexpr std::uint32_t pairs_a_block = 64;
constexpr std::uint32_t lag = 4; // blocks
constexpr std::uint32_t blocks = 64;

struct Shape {
    bool drafts = false;
    bool disputes = false;
};

Hash hash_of(std::uint32_t number) {
    Hash hash{};
    std::memcpy(hash.data(), &number, sizeof number);
    return hash;
}

Twin twin_of(Path path, TwinKind kind, std::uint32_t number) {
    Twin twin;
    twin.path = path;
    twin.kind = kind;
    twin.number = number;
    twin.hash = hash_of(number);
    return twin;
}

Twin match_of(Path path, std::uint32_t number, std::uint32_t event, bool final_row) {
    Twin twin = twin_of(path, TwinKind::match, number);
    Transfer& transfer = twin.match.transfer;
    transfer.block = {hash_of(number), number, final_row, 1'700'000'000'000, true};
    transfer.amount = 1'000'000 + event;
    transfer.from = decoders::account_of(hash_of(event).data(), 32);
    transfer.to = decoders::account_of(hash_of(event + 1).data(), 32);
    transfer.event_index = event;
    return twin;
}

// Everything both paths say in `blocks` steps of one block each, the first above `base`.
std::vector<Twin> stream(Shape shape) {
    std::vector<Twin> all;
    for (std::uint32_t number = 1; number <= blocks; ++number) {
        for (std::uint32_t i = 0; i < pairs_a_block; ++i)
            all.push_back(match_of(Path::hybrid, number + lag, i, false));
        all.push_back(twin_of(Path::hybrid, TwinKind::block_end, number + lag));
        all.push_back(twin_of(Path::hybrid, TwinKind::finalized, number + lag));
        for (std::uint32_t i = 0; i < pairs_a_block; ++i) {
            if (shape.drafts) all.push_back(match_of(Path::legacy, number, i, false));
            all.push_back(match_of(Path::legacy, number, i, true));
        }
        if (shape.disputes) all.back().match.transfer.amount += 1;
        all.push_back(twin_of(Path::legacy, TwinKind::settled, number));
        if (!shape.disputes) continue;
        for (std::uint32_t i = 0; i < pairs_a_block; ++i) {
            all.push_back(match_of(Path::hybrid, number, i, true));
            all.back().recheck = true;
        }
        all.push_back(twin_of(Path::hybrid, TwinKind::recheck_end, number));
        all.back().recheck = true;
    }
    return all;
}

void pairs(benchmark::State& state, Shape shape) {
    pipeline::LinkOptions const drop{.depth = 64, .when_full = pipeline::WhenFull::drop};
    pipeline::Link<Want> wants("wants", drop);
    pipeline::Link<ShadowNote> notes("notes", drop);
    pipeline::Link<ShadowMismatch> mismatches("mismatches", drop);
    pipeline::MetricsPage page("", shadow_metrics);
    Shadow shadow({.chains = {{"one", true, {}}}}, page, pipeline::Outs<Want>({&wants}), notes,
                  mismatches);
    std::vector<Twin> twins = stream(shape);
    pipeline::Turn turn;
    turn.now = pipeline::second;
    turn.unix_ms = 1'700'000'010'000;
    std::uint64_t sequence = 0;
    for (auto _ : state) {
        for (Twin& twin : twins) {
            twin.header.sequence = sequence++;
            shadow.on({twin, {}}, turn);
            // The same twins again, so many blocks further on.
            twin.number += blocks;
            twin.match.transfer.block.number += blocks;
        }
        turn.now += pipeline::millisecond;
        shadow.tick(turn);
    }
    auto const judged = pairs_of(shadow.tally(0));
    state.counters["pairs_per_second"] =
        benchmark::Counter(static_cast<double>(judged), benchmark::Counter::kIsRate);
    auto const disputed = ruled(shadow.tally(0), Ruling::legacy_wrong);
    if (judged == 0 || shadow.void_now(0) || (disputed > 0) != shape.disputes)
        state.SkipWithError("the stream was not judged as it is meant to be");
}
BENCHMARK_CAPTURE(pairs, agree, Shape{})->Name("shadow/pairs/agree");
BENCHMARK_CAPTURE(pairs, drafts, Shape{.drafts = true})->Name("shadow/pairs/drafts");
BENCHMARK_CAPTURE(pairs, dispute, Shape{.disputes = true})->Name("shadow/pairs/dispute");

void note(benchmark::State& state) {
    ShadowTally tally;
    tally.classes = {100'000, 20, 300, 200, 10, 5, 1, 7, 400};
    for (int i = 0; i < 1'000; ++i) tally.latency.add(latency_sample(30'000, 2'000));
    for (auto _ : state) benchmark::DoNotOptimize(figures_of(tally, false));
}
BENCHMARK(note)->Name("shadow/note");

} // namespace

BENCHMARK_MAIN();
