// From JSON text to transfer records, and each part of the way alone. Data: real Polkadot blocks
// of the corpus ($SPYHOP_CORPUS or ../shared/corpus), joined to one busy block of 200 events in a
// state_storage notification.
//
//   bench_decode [--benchmark_filter=...]      the benchmarks
//   bench_decode --dump DIRECTORY              writes the same bytes for bench/peer
#include "bench/static_walk.hpp"
#include "decoders/events_json.hpp"
#include "decoders/hex.hpp"
#include "decoders/jsonrpc.hpp"
#include "decoders/samples.hpp"
#include "decoders/storage_key.hpp"
#include "decoders/value_json.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <simdjson.h>

namespace {

using namespace decoders;
namespace fs = std::filesystem;

constexpr std::size_t busy_events = 200;

struct Data {
    std::string metadata;
    std::unique_ptr<Runtime const> runtime;
    std::vector<std::uint8_t> value; // 200 events
    std::string frame;               // the notification that brings them
    std::string compile_metadata;    // Polkadot V15, 468 kB
};

std::string read(fs::path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
    std::vector<std::uint8_t> out(hex.size() / 2);
    out.resize(hex_decode(hex, out).value_or(0));
    return out;
}

// The records of real blocks one after the other, again from the first when they run out: about 50
// bytes an event.
std::vector<std::uint8_t> join_blocks(fs::path const& corpus, std::string const& metadata) {
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(corpus / "events"))
        files.push_back(entry.path());
    std::ranges::sort(files);
    std::vector<std::vector<std::uint8_t>> records;
    simdjson::dom::parser parser;
    for (auto const& path : files) {
        auto const block = parser.load(path.string()).value();
        if (std::string_view(block["metadata"]) != metadata) continue;
        auto const value = bytes_of(std::string_view(block["eventsHex"]));
        for (auto const event : block["expected"]) {
            auto const begin = static_cast<std::ptrdiff_t>(std::uint64_t(event["span"].at(0)));
            auto const end = static_cast<std::ptrdiff_t>(std::uint64_t(event["span"].at(1)));
            records.emplace_back(value.begin() + begin, value.begin() + end);
        }
    }
    std::vector<std::uint8_t> out;
    append_compact(busy_events, out);
    for (std::size_t i = 0; i < busy_events && !records.empty(); ++i) {
        auto const& record = records[i % records.size()];
        out.insert(out.end(), record.begin(), record.end());
    }
    return out;
}

std::string notification(std::vector<std::uint8_t> const& value) {
    auto frame = R"({"jsonrpc":"2.0","method":"state_storage","params":{"result":{"block":"0x)" +
                 std::string(64, '7') + R"(","changes":[[")" + hex_text(system_events_key()) +
                 R"(",")" + hex_text(value) + R"("]]},"subscription":"Jt5p0UcQyPzBWiZ6"}})";
    frame.reserve(frame.size() + pipeline::json_padding);
    return frame;
}

std::optional<Data> load() {
    auto const* set = std::getenv("SPYHOP_CORPUS");
    fs::path const corpus = set != nullptr ? set : "../shared/corpus";
    std::string const metadata = "metadata/asset-hub-polkadot-2000000.v15.scale";
    if (!fs::exists(corpus / metadata)) {
        std::cerr << "CORPUS ABSENT: " << corpus << " is not there; set SPYHOP_CORPUS\n";
        return {};
    }
    Data data;
    data.metadata = fs::absolute(corpus / metadata).string();
    auto runtime = compile(pipeline::as_bytes(read(data.metadata)));
    if (!runtime) return {};
    data.runtime = std::move(*runtime);
    data.value = join_blocks(corpus, metadata);
    data.frame = notification(data.value);
    data.compile_metadata = read(corpus / "metadata/polkadot-2000000.v15.scale");
    return data;
}

void rates(benchmark::State& state, std::size_t bytes, std::size_t events) {
    auto const rounds = static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(rounds * static_cast<double>(bytes)));
    if (events == 0) return;
    state.counters["events/s"] =
        benchmark::Counter(rounds * static_cast<double>(events), benchmark::Counter::kIsRate);
}

void busy_block(benchmark::State& state, Data const& data) {
    JsonRpc rpc(1u << 20);
    std::vector<std::uint8_t> value(1u << 19);
    auto const key = system_events_key();
    std::size_t events = 0;
    std::size_t transfers = 0;
    for (auto _ : state) {
        WantedChange wanted[] = {{.key = key}};
        auto const envelope = rpc.parse(data.frame);
        auto const changes = rpc.storage_changes(wanted);
        auto const size = hex_decode(wanted[0].value, value);
        transfers = 0;
        auto const scanned = scan_transfers(*data.runtime, Bytes(value).first(size.value_or(0)),
                                            [&](Movement const& transfer) {
                                                benchmark::DoNotOptimize(transfer);
                                                ++transfers;
                                            });
        if (!envelope || !changes || !scanned) return state.SkipWithError("does not decode");
        events = scanned->events;
    }
    rates(state, data.frame.size(), events);
    state.counters["transfers"] = static_cast<double>(transfers);
}

void scan_only(benchmark::State& state, Data const& data) {
    for (auto _ : state) {
        auto const scanned =
            scan_transfers(*data.runtime, data.value,
                           [](Movement const& transfer) { benchmark::DoNotOptimize(transfer); });
        if (!scanned) return state.SkipWithError("does not decode");
    }
    rates(state, data.value.size(), busy_events);
}

using StaticScan = bench::StaticWalk (*)(Bytes, std::span<Movement>);

void static_walk(benchmark::State& state, Data const& data, StaticScan scan) {
    std::vector<Movement> found(busy_events);
    for (auto _ : state) {
        auto const walked = scan(data.value, found);
        if (!walked.complete) return state.SkipWithError("does not decode");
        benchmark::DoNotOptimize(found.data());
        benchmark::ClobberMemory();
    }
    rates(state, data.value.size(), busy_events);
}

void scan_all_movements(benchmark::State& state, Data const& data) {
    std::size_t movements = 0;
    for (auto _ : state) {
        auto const scanned =
            scan_movements(*data.runtime, data.value, every_movement(),
                           [](Movement const& one) { benchmark::DoNotOptimize(one); });
        if (!scanned) return state.SkipWithError("does not decode");
        movements = scanned->movements;
    }
    rates(state, data.value.size(), busy_events);
    state.counters["movements"] = static_cast<double>(movements);
}

void canonical_json(benchmark::State& state, Data const& data) {
    EventsJson json(*data.runtime);
    LineSink const sink = [](std::string_view line) { benchmark::DoNotOptimize(line.data()); };
    for (auto _ : state) {
        auto const done = json.write(data.value, sink);
        if (!done) return state.SkipWithError("does not decode");
    }
    rates(state, data.value.size(), busy_events);
}

void canonical_json_walk(benchmark::State& state, Data const& data) {
    LineSink const sink = [](std::string_view line) { benchmark::DoNotOptimize(line.data()); };
    for (auto _ : state) {
        auto const done = walk_events_json(*data.runtime, data.value, sink);
        if (!done) return state.SkipWithError("does not decode");
    }
    rates(state, data.value.size(), busy_events);
}

void json_plans(benchmark::State& state, Data const& data) {
    for (auto _ : state) benchmark::DoNotOptimize(build_json_plans(*data.runtime));
}

void envelope(benchmark::State& state, Data const& data) {
    JsonRpc rpc(1u << 20);
    for (auto _ : state) {
        auto const parsed = rpc.parse(data.frame);
        if (!parsed) return state.SkipWithError("does not parse");
        benchmark::DoNotOptimize(parsed);
    }
    rates(state, data.frame.size(), 0);
}

void hex_and_json(benchmark::State& state, Data const& data) {
    JsonRpc rpc(1u << 20);
    std::vector<std::uint8_t> value(1u << 19);
    auto const key = system_events_key();
    for (auto _ : state) {
        WantedChange wanted[] = {{.key = key}};
        auto const envelope = rpc.parse(data.frame);
        auto const changes = rpc.storage_changes(wanted);
        auto const size = hex_decode(wanted[0].value, value);
        if (!envelope || !changes || !size) return state.SkipWithError("does not parse");
        benchmark::ClobberMemory();
    }
    rates(state, data.frame.size(), 0);
}

void hex(benchmark::State& state, Data const& data, std::string_view path) {
    auto const text = hex_text(data.value).substr(2);
    std::vector<std::uint8_t> out(text.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(hex_paths::decode(path, text, out.data()));
        benchmark::ClobberMemory();
    }
    rates(state, text.size(), 0);
}

void metadata(benchmark::State& state, Data const& data) {
    for (auto _ : state) {
        auto const runtime = compile(pipeline::as_bytes(data.compile_metadata));
        if (!runtime) return state.SkipWithError("does not compile");
        benchmark::DoNotOptimize(runtime->get());
    }
    rates(state, data.compile_metadata.size(), 0);
}

std::vector<Movement> scan_all(Data const& data, MovementKinds wanted) {
    std::vector<Movement> found;
    auto const scanned = scan_movements(*data.runtime, data.value, wanted,
                                        [&](Movement const& one) { found.push_back(one); });
    if (!scanned || scanned->events != busy_events) found.clear();
    return found;
}

// What the static walk finds is what the scan finds, field by field.
bool same(Data const& data, Movement const& ours, Movement const& walked) {
    auto const& event = data.runtime->movements()[ours.source];
    return (event.pallet_index << 8 | event.event_index) == walked.source &&
           ours.event_index == walked.event_index && ours.phase == walked.phase &&
           ours.extrinsic_index == walked.extrinsic_index && ours.from == walked.from &&
           ours.to == walked.to && ours.amount == walked.amount &&
           std::ranges::equal(ours.asset, walked.asset);
}

bool agree(Data const& data, MovementKinds wanted, StaticScan scan) {
    auto const ours = scan_all(data, wanted);
    std::vector<Movement> found(busy_events);
    auto const walked = scan(data.value, found);
    found.resize(walked.movements);
    auto const equal = [&](auto const& one, auto const& other) { return same(data, one, other); };
    auto const first = std::ranges::mismatch(ours, found, equal);
    bool const all = first.in1 == ours.end() && first.in2 == found.end();
    if (walked.complete && !ours.empty() && all) return true;
    std::cerr << "THE STATIC WALK DISAGREES: " << walked.events << " events, " << found.size()
              << " movements; the scan finds " << ours.size() << " in " << busy_events
              << "; equal up to the " << first.in1 - ours.begin() << "th\n";
    return false;
}

// What a peer has to find in the same bytes.
std::string expected(Data const& data) {
    pipeline::u128 amounts = 0;
    auto const found = scan_all(data, MovementKind::transfer);
    for (auto const& one : found) amounts += one.amount;
    return fmt::format(R"({{"events":{},"transfers":{},"amounts":"{}"}})", busy_events,
                       found.size(), amounts);
}

int dump(Data const& data, fs::path const& directory) {
    fs::create_directories(directory);
    std::ofstream(directory / "expected.json", std::ios::binary) << expected(data);
    std::ofstream(directory / "value.scale", std::ios::binary)
        .write(reinterpret_cast<char const*>(data.value.data()),
               static_cast<std::streamsize>(data.value.size()));
    std::ofstream(directory / "frame.json", std::ios::binary) << data.frame;
    std::ofstream(directory / "compile.scale", std::ios::binary) << data.compile_metadata;
    std::ofstream(directory / "metadata.scale", std::ios::binary) << read(data.metadata);
    return 0;
}

void announce(Data const& data) {
    using benchmark::RegisterBenchmark;
    auto const with = [&](auto function) {
        return [&data, function](benchmark::State& state) { function(state, data); };
    };
    RegisterBenchmark("decode/events/busy_block", with(busy_block));
    RegisterBenchmark("decode/events/scan", with(scan_only));
    RegisterBenchmark("decode/events/scan_all_movements", with(scan_all_movements));
    RegisterBenchmark("decode/events/static_walk", [&data](benchmark::State& state) {
        static_walk(state, data, bench::static_walk_transfers);
    });
    RegisterBenchmark("decode/events/static_walk_all_movements", [&data](benchmark::State& state) {
        static_walk(state, data, bench::static_walk_movements);
    });
    RegisterBenchmark("decode/events/canonical_json", with(canonical_json));
    RegisterBenchmark("decode/events/canonical_json_walk", with(canonical_json_walk));
    RegisterBenchmark("decode/json_plans/build", with(json_plans))->Unit(benchmark::kMillisecond);
    RegisterBenchmark("decode/json/envelope", with(envelope));
    RegisterBenchmark("decode/text/hex_and_json", with(hex_and_json));
    for (std::string_view const path : {"scalar", "ssse3", "avx2", "neon"}) {
        if (!hex_paths::available(path)) continue;
        RegisterBenchmark(("decode/hex/" + std::string(path)).c_str(),
                          [&data, path](benchmark::State& state) { hex(state, data, path); });
    }
    RegisterBenchmark("decode/metadata/polkadot_v15", with(metadata))
        ->Unit(benchmark::kMillisecond);
}

} // namespace

int main(int count, char** words) {
    auto const data = load();
    if (!data) return 0; // said above
    if (count == 3 && std::string_view(words[1]) == "--dump") return dump(*data, words[2]);
    if (!agree(*data, MovementKind::transfer, bench::static_walk_transfers) ||
        !agree(*data, every_movement(), bench::static_walk_movements)) {
        return 1;
    }
    announce(*data);
    benchmark::Initialize(&count, words);
    if (benchmark::ReportUnrecognizedArguments(count, words)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
