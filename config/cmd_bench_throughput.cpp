// `spyhop bench throughput`: how much one machine carries, and how the cost of it grows: a table of
// cases, each with a load and a service of its own, one after the other.
#include "config/cmd_bench.hpp"

#include "config/bench_scene.hpp"
#include "config/exit_codes.hpp"
#include "config/signals.hpp"
#include "config/temporary_folder.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace config {

namespace {

using pipeline::millisecond;
using pipeline::Nanoseconds;
using pipeline::second;

struct ScaleCase {
    std::string group;
    std::string what;
    std::uint32_t blocks = 0;     // each chain
    Nanoseconds block_time = 0;   // 0: back to back
    std::uint32_t events = 200;   // a block
    std::uint32_t different = 64; // lists of them
    double alerts = 3;            // a block
    std::uint32_t chains = 1;
    std::uint32_t watched = 0; // [[watch]] tables
    std::uint32_t labels = 0;  // rows of CSV files
};

struct ScaleRow {
    ScaleCase of;
    double events_per_s = 0; // back to back only
    Nanoseconds startup = 0;
    TreeUsage used;
    double cpu_share = 0; // of one core, while it played
    ContestFigures figures;
};

constexpr std::uint32_t warm_up = 2;           // blocks, where they have a cadence
constexpr double sustained_wanted = 3'000'000; // events a second

std::vector<ScaleCase> all_cases(BenchThroughputOptions const& options) {
    bool const quick = options.quick;
    std::uint32_t const few = quick ? 4 : 40;
    Nanoseconds const often = quick ? 100 * millisecond : 250 * millisecond;
    Nanoseconds const calm = quick ? 200 * millisecond : second;
    std::uint32_t const many = quick ? 100 : options.blocks;
    std::uint32_t const burst_blocks = quick ? 2 : 10;
    std::vector<ScaleCase> cases{
        {"sustained", "an alert in 64 blocks", many, 0, options.events, 64, 1.0 / 64},
        {"sustained", "3 alerts a block", many, 0, options.events, 64, 3},
    };
    auto const watched = [&](std::string what, std::uint32_t tables, std::uint32_t rows) {
        ScaleCase one{"watched", std::move(what), few, often};
        one.watched = tables;
        one.labels = rows;
        cases.push_back(one);
    };
    watched("0", 0, 0);
    watched("1,000 in [[watch]]", 1'000, 0);
    if (!quick) {
        // Near what a configuration file may hold: 4 MiB.
        watched("30,000 in [[watch]]", 30'000, 0);
        watched("100,000 in a label file", 0, 100'000);
        watched("1,000,000 in label files", 0, 1'000'000);
    }
    for (std::uint32_t const chains : {1U, 2U, 4U, 8U, 16U, 32U}) {
        if (quick && chains > 2) break;
        ScaleCase one{"chains", fmt::format("{}", chains), few / 2, calm};
        one.chains = chains;
        cases.push_back(one);
    }
    cases.push_back({"bursts", "50 alerts in a block", burst_blocks, 2 * calm, 600, 4, 50});
    if (!quick)
        cases.push_back(
            {"bursts", "10,000 alerts in a block", burst_blocks, 3 * calm, 80'000, 2, 10'000});
    if (!options.only.empty())
        std::erase_if(cases, [&](ScaleCase const& one) {
            return std::ranges::find(options.only, one.group) == options.only.end();
        });
    return cases;
}

// Accounts nobody trades with: what is measured is how many there are.
std::string made_up_key(std::uint32_t number) {
    return fmt::format("0x{:08x}{:056x}", number * 2'654'435'761U, number);
}

std::expected<std::string, std::string> further_tables(ScaleCase const& of,
                                                       std::string const& folder) {
    std::string tables;
    for (std::uint32_t i = 0; i < of.watched; ++i)
        fmt::format_to(std::back_inserter(tables), "[[watch]]\naddress = \"{}\"\nlabel = \"w{}\"\n",
                       made_up_key(i), i);
    if (of.labels == 0) return tables;
    constexpr std::uint32_t rows_of_file = 250'000; // files have a largest size
    std::string names;
    for (std::uint32_t from = 0; from < of.labels; from += rows_of_file) {
        std::string const path = fmt::format("{}/labels-{}.csv", folder, from);
        std::string rows = "address,label\n";
        for (std::uint32_t i = from; i < std::min(of.labels, from + rows_of_file); ++i)
            fmt::format_to(std::back_inserter(rows), "{},w{}\n", made_up_key(i), i);
        if (auto const written = io::write_file(path, rows); !written)
            return std::unexpected(io::describe(written.error()));
        names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", path);
    }
    return tables + "[labels]\nfiles = [" + names + "]\n";
}

std::expected<SceneWanted, std::string> scene_of(ScaleCase const& of, BenchBlocks const& blocks,
                                                 std::string const& folder) {
    SceneWanted scene;
    scene.blocks = &blocks;
    double const alerts = of.alerts * static_cast<double>(blocks.lists.size());
    // A burst is as large as it says in every block; elsewhere it is an average.
    scene.level = of.group == "bursts"
                    ? blocks.lists[0].level_for(static_cast<std::uint64_t>(of.alerts))
                    : blocks.level_for(static_cast<std::uint64_t>(alerts));
    scene.load.chains.resize(of.chains);
    scene.load.block_time = of.block_time;
    scene.load.offset = of.block_time / of.chains;
    scene.warm_up = of.block_time == 0 ? 0 : warm_up;
    scene.load.blocks_each = of.blocks + scene.warm_up;
    // The end of a run back to back is the alert of its last block.
    while (of.block_time == 0 && scene.load.blocks_each > 1 &&
           blocks.at(scene.load.blocks_each).told_at(scene.level) == 0)
        --scene.load.blocks_each;
    // None is forgotten before the service has asked what it has to.
    if (of.block_time == 0) scene.load.history_blocks += scene.load.blocks_each;
    scene.folder = folder;
    auto tables = further_tables(of, folder);
    if (!tables) return std::unexpected(tables.error());
    scene.more = std::move(*tables);
    return scene;
}

std::expected<ScaleRow, std::string> measure(ScaleCase const& of, std::string const& under) {
    TemporaryFolder const folder("bench", under);
    if (folder.path().empty()) return std::unexpected(folder.trouble());
    auto const blocks = make_blocks({.different = of.different, .events = of.events});
    if (!blocks) return std::unexpected(blocks.error());
    auto wanted = scene_of(of, *blocks, folder.path());
    if (!wanted) return std::unexpected(wanted.error());
    pipeline::SystemClock const clock;
    BenchScene scene(std::move(*wanted), clock);
    if (auto const opened = scene.open(); !opened) return std::unexpected(opened.error());
    if (auto const begun = scene.begin(); !begun) return std::unexpected(begun.error());
    std::uint64_t const cpu_before = scene.cpu_ns();
    Nanoseconds const before = clock.monotonic();
    LoadPlan const& plan = scene.plan();
    Nanoseconds const last = plan.due(scene.run().start(), of.chains - 1, plan.blocks_each);
    constexpr Nanoseconds grace = 60 * second;
    auto const came = scene.play(last + grace, [&] {
        return scene.run().finished() != 0 && scene.lines_seen() >= scene.expected();
    });
    if (!came) return std::unexpected(came.error());
    ScaleRow row;
    row.of = of;
    auto const worked = static_cast<double>(scene.cpu_ns() - cpu_before);
    auto const length = static_cast<double>(clock.monotonic() - before);
    row.cpu_share = worked / length;
    row.used = scene.usage();
    row.startup = scene.startup();
    Nanoseconds const end = scene.last_line();
    if (auto const closed = scene.close(); !closed) return std::unexpected(closed.error());
    row.figures = scene.figures();
    if (of.block_time == 0) {
        std::uint64_t events = 0;
        for (std::uint64_t place = 1; place <= plan.blocks_each; ++place)
            events += blocks->at(place).events;
        Nanoseconds const first = scene.run().sent()[0].at(0);
        auto const poured = static_cast<double>(end - first);
        row.events_per_s = static_cast<double>(events) * 1e9 / poured;
        row.cpu_share = worked / poured;
    }
    return row;
}

// ---- what was found ----------------------------------------------------------------------------

std::vector<BenchVerdict> verdicts_of(std::vector<ScaleRow> const& rows) {
    std::vector<BenchVerdict> verdicts;
    for (ScaleRow const& row : rows) {
        ContestFigures const& found = row.figures;
        std::string const name = row.of.group + ": " + row.of.what;
        if (row.of.group == "sustained")
            verdicts.push_back({name + ", events/s", count_text(sustained_wanted),
                                count_text(row.events_per_s), row.events_per_s >= sustained_wanted,
                                ""});
        if (!found.complete())
            verdicts.push_back(
                {name + ", every alert once", count_text(static_cast<double>(found.expected)),
                 count_text(static_cast<double>(found.expected - found.missing)), false,
                 fmt::format("{} doubled, {} unmeant", found.doubled, found.foreign)});
    }
    return verdicts;
}

std::string text_of(std::vector<ScaleRow> const& rows) {
    BenchTable table({"", "", "events/s", "start-up", "p50", "p99", "max", "PSS", "RSS", "core",
                      "alerts", "missing"},
                     2);
    for (ScaleRow const& row : rows) {
        Quantiles const& due = row.figures.from_due;
        bool const paced = row.of.block_time != 0;
        auto const time = [&](double ns) { return paced ? time_text(ns) : std::string("-"); };
        table.add({row.of.group, row.of.what, paced ? "-" : count_text(row.events_per_s),
                   time_text(static_cast<double>(row.startup)), time(due.p50), time(due.p99),
                   time(due.max), bytes_text(static_cast<double>(row.used.pss_bytes)),
                   bytes_text(static_cast<double>(row.used.rss_bytes)),
                   fmt::format("{:.1f} %", 100 * row.cpu_share),
                   count_text(static_cast<double>(row.figures.expected)),
                   count_text(static_cast<double>(row.figures.missing))});
    }
    return table.text() +
           "\np50, p99, max: from the time a block was due to its alert in the sink. PSS, RSS, "
           "core: all processes of the service.\n\n" +
           verdicts_text(verdicts_of(rows));
}

std::string json_of(std::vector<ScaleRow> const& rows) {
    std::string list;
    for (ScaleRow const& row : rows)
        list += fmt::format(
            R"({}{{{},{},"chains":{},"watched":{},"labels":{},"events_per_s":{:.0f},)"
            R"("startup_ns":{},"due_to_seen_ns":{},"pss_bytes":{},"rss_bytes":{},)"
            R"("core_share":{:.4f},"expected":{},"missing":{},"doubled":{},"foreign":{}}})",
            list.empty() ? "" : ",", json_member("group", row.of.group),
            json_member("what", row.of.what), row.of.chains, row.of.watched, row.of.labels,
            row.events_per_s, row.startup, quantiles_json(row.figures.from_due), row.used.pss_bytes,
            row.used.rss_bytes, row.cpu_share, row.figures.expected, row.figures.missing,
            row.figures.doubled, row.figures.foreign);
    auto const verdicts = verdicts_of(rows);
    return fmt::format("{{\"ok\":{},\"command\":\"throughput\",\"rows\":[{}],\"verdicts\":{}}}\n",
                       all_kept(verdicts), list, verdicts_json(verdicts));
}

} // namespace

int cmd_bench_throughput(Common const& common, BenchThroughputOptions const& options) {
    block_signals();
    std::vector<ScaleRow> rows;
    for (ScaleCase const& one : all_cases(options)) {
        if (!common.quiet) fmt::print(stderr, "bench: {}: {}\n", one.group, one.what);
        auto row = measure(one, options.folder);
        if (!row) {
            fmt::print(stderr, "spyhop bench: {}: {}: {}\n", one.group, one.what, row.error());
            return exit_failed;
        }
        rows.push_back(std::move(*row));
    }
    fmt::print("{}", common.output == Output::table ? text_of(rows) : json_of(rows));
    std::fflush(stdout);
    return all_kept(verdicts_of(rows)) ? exit_ok : exit_unhealthy;
}

} // namespace config
