// `spyhop bench soak`: hours of traffic, as they are or faster, undisturbed or under one of the
// four stress scenarios of the rollout plan (section 4.3). Judged by drift: what still grows after
// the first fifth of the way, and what becomes slower.
#include "config/cmd_bench.hpp"

#include "config/bench_scene.hpp"
#include "config/exit_codes.hpp"
#include "config/signals.hpp"
#include "config/temporary_folder.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <simdjson.h>

namespace config {

namespace {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

constexpr Nanoseconds real_block_time = 6 * second;
constexpr std::uint32_t usual_events = 200;
constexpr std::uint32_t usual_alerts = 3; // a block

// What a scenario changes of the usual traffic.
struct Scenario {
    std::string_view name;
    std::string_view what;
    std::uint32_t events = usual_events; // a block
    std::uint32_t burst_alerts = 0;      // in every 64th block
    bool every_transfer = false;         // is an alert
    bool subscan = false;                // beside the nodes, and both fail now and then
    std::uint32_t finality_lag = 2;      // blocks
    std::uint32_t accounts = 500;
};

constexpr Scenario scenarios[] = {
    {"", "undisturbed traffic"},
    {"coordination", "50 whales at once in every 64th block", usual_events, 50},
    {"congestion", "ten times as many events in every block", 10 * usual_events},
    {"api-failures", "Subscan and nodes refuse, limit, fall silent, break off, by turns",
     usual_events, 0, false, true},
    {"memory-pressure",
     "every transfer an alert of 100,000 accounts, finality 400 blocks behind: all that waits, "
     "waits long",
     usual_events, 0, true, false, 400, 100'000},
};

struct Sample {
    double hours = 0; // of the chains' time
    TreeUsage used;
    double queue_fill = 0; // of the fullest link, 0 to 1
    double open_alerts = 0;
    double journal_bytes = 0;
    double told = 0;
    Quantiles latency; // of what was told since the last sample
};

struct SoakResult {
    Scenario const& scenario;
    BenchSoakOptions const& options;
    std::vector<Sample> samples;
    ContestFigures figures;
    double restarts = 0;
};

// ---- the load ----------------------------------------------------------------------------------

// By turns, in each round of this many blocks; a service that is thrown out has time to come back.
constexpr std::uint64_t round_blocks = 1'000;

std::vector<stages::Fault> node_faults(std::uint64_t blocks) {
    constexpr stages::Fault in_a_round[] = {
        {100, stages::FaultKind::reset, 1},          {250, stages::FaultKind::error_reply, 5},
        {400, stages::FaultKind::rate_limit, 5},     {550, stages::FaultKind::close, 1},
        {700, stages::FaultKind::malformed_json, 1}, {850, stages::FaultKind::skip_finality, 3},
    };
    std::vector<stages::Fault> faults;
    for (std::uint64_t from = 0; from < blocks; from += round_blocks)
        for (stages::Fault fault : in_a_round) {
            fault.at_block += from;
            if (fault.at_block + round_blocks / 4 < blocks) faults.push_back(fault);
        }
    return faults;
}

stages::SubscanScenario subscan_faults() {
    using enum stages::StandinFaultKind;
    constexpr stages::StandinFaultKind by_turns[] = {limited,    server_error,  timeout,      reset,
                                                     garbage,    not_json,      error_in_200, slow,
                                                     short_page, duplicate_rows};
    constexpr std::uint64_t apart = 40, in_a_row = 4; // requests
    stages::SubscanScenario scenario;
    scenario.quota_per_second = 0;
    scenario.quota_per_day = 0;
    for (std::size_t i = 0; i < stages::subscan_faults_max / 2; ++i)
        scenario.faults.push_back({.at_request = (i + 1) * apart,
                                   .kind = by_turns[i % std::size(by_turns)],
                                   .count = in_a_row,
                                   .endpoint = {}});
    return scenario;
}

std::expected<BenchBlocks, std::string> blocks_of(Scenario const& scenario) {
    auto blocks = make_blocks({.events = scenario.events, .accounts = scenario.accounts});
    if (!blocks || scenario.burst_alerts == 0) return blocks;
    // At the level of the others, so many transfers are large in a list so long.
    std::uint32_t const events = usual_events * scenario.burst_alerts / usual_alerts;
    auto burst = make_blocks({.different = 1, .events = events, .seed = 2});
    if (!burst) return burst;
    blocks->lists.back() = std::move(burst->lists[0]);
    return blocks;
}

SceneWanted scene_of(Scenario const& scenario, BenchSoakOptions const& options,
                     BenchBlocks const& blocks, std::string const& folder) {
    SceneWanted wanted;
    wanted.blocks = &blocks;
    std::uint64_t const usual = std::uint64_t{usual_alerts} * blocks.lists.size();
    wanted.level = scenario.every_transfer ? 1 : blocks.level_for(usual + scenario.burst_alerts);
    LoadPlan& load = wanted.load;
    load.chains.resize(options.chains, {.subscan = scenario.subscan});
    auto const faster = [&](Nanoseconds time) {
        return static_cast<Nanoseconds>(static_cast<double>(time) / options.speed);
    };
    load.block_time = faster(real_block_time);
    load.offset = load.block_time / options.chains;
    load.blocks_each =
        static_cast<std::uint64_t>(options.hours * 3'600 * static_cast<double>(second) /
                                   static_cast<double>(real_block_time)) +
        1;
    load.finality_lag_blocks = scenario.finality_lag;
    constexpr std::size_t kept = 4'096; // so that what was missed can be read again
    load.history_blocks = kept;
    if (scenario.subscan) {
        load.faults = node_faults(load.blocks_each);
        load.subscan = subscan_faults();
        constexpr Nanoseconds least = 200, real = 30'000; // milliseconds
        wanted.legacy_poll = fmt::format("{}ms", std::max(faster(real), least));
        wanted.flags = "hybrid_traffic_percent = 100\n";
        wanted.more = "[enrich]\naccounts = true\nprices = true\n";
    }
    wanted.warm_up = 1;
    wanted.folder = folder;
    return wanted;
}

// ---- samples -----------------------------------------------------------------------------------

double queue_fill_of(BenchService const& service) {
    auto const answer = service.ask(R"({"command":["health"],"args":{}})");
    simdjson::dom::parser parser;
    simdjson::dom::array checks;
    if (!answer || parser.parse(*answer)["checks"].get(checks)) return 0;
    for (simdjson::dom::element const check : checks) {
        std::string_view name;
        double value = 0;
        if (!check["check"].get(name) && name == "queue_depth" && !check["measured"].get(value))
            return value;
    }
    return 0;
}

double restarts_of(BenchService const& service) {
    auto const answer = service.ask(R"({"command":["status"],"args":{}})");
    simdjson::dom::parser parser;
    simdjson::dom::array processes;
    double restarts = 0;
    if (!answer || parser.parse(*answer)["processes"].get(processes)) return restarts;
    for (simdjson::dom::element const process : processes) {
        double of_one = 0;
        if (!process["restarts"].get(of_one)) restarts += of_one;
    }
    return restarts;
}

Sample sample(BenchScene& scene, double hours) {
    Sample taken;
    taken.hours = hours;
    taken.used = scene.usage();
    auto const metrics = scene.service().metrics();
    taken.open_alerts = metric_sum(metrics, "spyhop_deliver_open_alerts");
    taken.queue_fill = queue_fill_of(scene.service());
    for (char const* const end : {"/alerts.db", "/alerts.db-wal"}) {
        auto const size = io::file_size(scene.service().plan().state_dir + end);
        if (size) taken.journal_bytes += static_cast<double>(*size);
    }
    scene.digest();
    auto fresh = scene.take_fresh();
    taken.latency = quantiles_of(fresh);
    taken.told = static_cast<double>(scene.told());
    return taken;
}

std::expected<SoakResult, std::string> measure(Scenario const& scenario,
                                               BenchSoakOptions const& options,
                                               std::string const& under, bool quiet) {
    TemporaryFolder const folder("bench", under);
    if (folder.path().empty()) return std::unexpected(folder.trouble());
    auto const blocks = blocks_of(scenario);
    if (!blocks) return std::unexpected(blocks.error());
    pipeline::SystemClock const clock;
    BenchScene scene(scene_of(scenario, options, *blocks, folder.path()), clock);
    if (auto const opened = scene.open(); !opened) return std::unexpected(opened.error());
    if (auto const begun = scene.begin(); !begun) return std::unexpected(begun.error());
    LoadPlan const& plan = scene.plan();
    Nanoseconds const start = scene.run().start();
    Nanoseconds const length = plan.blocks_each * plan.block_time;
    SoakResult result{scenario, options, {}, {}, 0};
    for (std::uint32_t i = 1; i <= options.samples; ++i) {
        double const share = static_cast<double>(i) / options.samples;
        auto const until = start + static_cast<Nanoseconds>(share * static_cast<double>(length));
        // A little is read whenever something came, so that nothing piles up until the sample.
        constexpr std::size_t lines = 32;
        auto const read_some = [&] {
            scene.digest(lines);
            return false;
        };
        if (auto const played = scene.play(until, read_some); !played)
            return std::unexpected(played.error());
        result.samples.push_back(sample(scene, share * options.hours));
        if (!quiet)
            fmt::print(stderr, "bench: {:.1f} of {:.1f} h, {} alerts, {}, p99 {}\n",
                       share * options.hours, options.hours, count_text(result.samples.back().told),
                       bytes_text(static_cast<double>(result.samples.back().used.pss_bytes)),
                       time_text(result.samples.back().latency.p99));
    }
    // What faults held up is made good.
    constexpr Nanoseconds grace = 60 * second, often = 200 * millisecond;
    Nanoseconds const end = clock.monotonic() + grace;
    while (clock.monotonic() < end && scene.told() < scene.expected()) {
        if (auto const played = scene.play(clock.monotonic() + often, [] { return false; });
            !played)
            return std::unexpected(played.error());
        scene.digest();
    }
    result.restarts = restarts_of(scene.service());
    if (auto const closed = scene.close(); !closed) return std::unexpected(closed.error());
    result.figures = scene.figures();
    return result;
}

// ---- drift -------------------------------------------------------------------------------------

// What a figure has grown by over the run, at the pace it had after the first fifth of the way: a
// start fills caches and pools.
struct Drift {
    double growth = 0;
    double median = 0;
    double most = 0;
};

Drift drift_of(SoakResult const& result, std::function<double(Sample const&)> const& figure) {
    std::vector<Point> points;
    std::vector<double> values;
    for (std::size_t i = result.samples.size() / 5; i < result.samples.size(); ++i) {
        Sample const& one = result.samples[i];
        points.push_back({one.hours, figure(one)});
        values.push_back(figure(one));
    }
    Quantiles const of = quantiles_of(values);
    double const slope = theil_sen_slope(points).value_or(0);
    return {slope * result.options.hours, of.p50, of.max};
}

std::vector<BenchVerdict> verdicts_of(SoakResult const& result) {
    std::vector<BenchVerdict> verdicts;
    ContestFigures const& found = result.figures;
    verdicts.push_back({"every alert, once", count_text(static_cast<double>(found.expected)),
                        count_text(static_cast<double>(found.expected - found.missing)),
                        found.complete(),
                        fmt::format("{} doubled, {} unmeant", found.doubled, found.foreign)});
    constexpr double memory_growth_max = 0.1, latency_growth_max = 0.5, fill_max = 0.8;
    constexpr double latency_noise = 1e6; // nanoseconds: less is no drift
    Drift const memory =
        drift_of(result, [](Sample const& one) { return static_cast<double>(one.used.pss_bytes); });
    verdicts.push_back({"memory, growth over the run",
                        bytes_text(memory_growth_max * memory.median), bytes_text(memory.growth),
                        memory.growth <= memory_growth_max * memory.median,
                        "median " + bytes_text(memory.median)});
    Drift const descriptors = drift_of(
        result, [](Sample const& one) { return static_cast<double>(one.used.descriptors); });
    verdicts.push_back({"descriptors, growth over the run", "less than 1",
                        fmt::format("{:.2f}", descriptors.growth), descriptors.growth < 1,
                        fmt::format("median {:.0f}", descriptors.median)});
    Drift const latency = drift_of(result, [](Sample const& one) { return one.latency.p50; });
    double const may = std::max(latency_growth_max * latency.median, latency_noise);
    verdicts.push_back({"latency p50, growth over the run", time_text(may),
                        time_text(latency.growth), latency.growth <= may,
                        "median " + time_text(latency.median)});
    Drift const fill = drift_of(result, [](Sample const& one) { return one.queue_fill; });
    verdicts.push_back({"fullest queue, at any sample", fmt::format("{:.0f} %", 100 * fill_max),
                        fmt::format("{:.0f} %", 100 * fill.most), fill.most <= fill_max, ""});
    verdicts.push_back({"processes started again", "0", fmt::format("{:.0f}", result.restarts),
                        result.restarts == 0, ""});
    return verdicts;
}

std::string text_of(SoakResult const& result) {
    BenchTable table(
        {"hours", "PSS", "RSS", "fds", "queue", "open", "journal", "told", "p50", "p99", "max"}, 0);
    constexpr std::size_t shown = 12; // lines; all samples are in the JSON
    std::size_t const count = result.samples.size();
    for (std::size_t i = 0; i < std::min(shown, count); ++i) {
        Sample const& one = result.samples[(i + 1) * count / std::min(shown, count) - 1];
        table.add(
            {fmt::format("{:.1f}", one.hours), bytes_text(static_cast<double>(one.used.pss_bytes)),
             bytes_text(static_cast<double>(one.used.rss_bytes)),
             fmt::format("{}", one.used.descriptors), fmt::format("{:.0f} %", 100 * one.queue_fill),
             count_text(one.open_alerts), bytes_text(one.journal_bytes), count_text(one.told),
             time_text(one.latency.p50), time_text(one.latency.p99), time_text(one.latency.max)});
    }
    return fmt::format("{}: {}; {} chains, {:g} h at {:g} times their pace\n\n",
                       result.scenario.name.empty() ? "soak" : result.scenario.name,
                       result.scenario.what, result.options.chains, result.options.hours,
                       result.options.speed) +
           table.text() + '\n' + verdicts_text(verdicts_of(result));
}

std::string json_of(SoakResult const& result) {
    std::string list;
    for (Sample const& one : result.samples)
        list +=
            fmt::format(R"({}{{"hours":{:.4f},"pss_bytes":{},"rss_bytes":{},"descriptors":{},)"
                        R"("threads":{},"queue_fill":{:.4f},"open_alerts":{:.0f},)"
                        R"("journal_bytes":{:.0f},"told":{:.0f},"due_to_seen_ns":{}}})",
                        list.empty() ? "" : ",", one.hours, one.used.pss_bytes, one.used.rss_bytes,
                        one.used.descriptors, one.used.threads, one.queue_fill, one.open_alerts,
                        one.journal_bytes, one.told, quantiles_json(one.latency));
    auto const verdicts = verdicts_of(result);
    return fmt::format(
        R"({{"ok":{},"command":"soak",{},"hours":{},"speed":{},"chains":{},"expected":{},)"
        R"("missing":{},"doubled":{},"foreign":{},"restarts":{:.0f},"due_to_seen_ns":{},)"
        R"("samples":[{}],"verdicts":{}}})"
        "\n",
        all_kept(verdicts), json_member("scenario", result.scenario.name), result.options.hours,
        result.options.speed, result.options.chains, result.figures.expected,
        result.figures.missing, result.figures.doubled, result.figures.foreign, result.restarts,
        quantiles_json(result.figures.from_due), list, verdicts_json(verdicts));
}

} // namespace

int cmd_bench_soak(Common const& common, BenchSoakOptions const& options) {
    block_signals();
    auto const* const scenario = std::ranges::find(scenarios, options.scenario, &Scenario::name);
    auto const result = measure(*scenario, options, options.folder, common.quiet);
    if (!result) {
        fmt::print(stderr, "spyhop bench: {}\n", result.error());
        return exit_failed;
    }
    fmt::print("{}", common.output == Output::table ? text_of(*result) : json_of(*result));
    std::fflush(stdout);
    return all_kept(verdicts_of(*result)) ? exit_ok : exit_unhealthy;
}

} // namespace config
