// `spyhop bench idle`: what watching costs when little happens: threads that park, a block every
// few seconds.
#include "config/cmd_bench.hpp"

#include "config/bench_scene.hpp"
#include "config/exit_codes.hpp"
#include "config/signals.hpp"
#include "config/temporary_folder.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace config {

namespace {

using pipeline::Nanoseconds;
using pipeline::second;

struct IdleRow {
    std::uint32_t chains = 0;
    double core_share = 0;
    TreeUsage used;
    ContestFigures figures;
};

// What was promised for so many chains; rows for other numbers only inform.
struct IdleLimit {
    std::uint32_t chains;
    double core_share;
    double rss_bytes; // 0: nothing was promised
};
constexpr IdleLimit limits[] = {{1, 0.005, 64.0 * 1024 * 1024}, {8, 0.02, 0}};

std::expected<IdleRow, std::string> measure(std::uint32_t chains, BenchIdleOptions const& options,
                                            std::string const& under) {
    TemporaryFolder const folder("bench", under);
    if (folder.path().empty()) return std::unexpected(folder.trouble());
    auto const blocks = make_blocks({});
    if (!blocks) return std::unexpected(blocks.error());
    SceneWanted wanted;
    wanted.blocks = &*blocks;
    wanted.level = blocks->level_for(blocks->lists.size()); // an alert a block
    wanted.load.chains.resize(chains);
    wanted.load.block_time = options.block_time;
    wanted.load.offset = options.block_time / chains;
    wanted.load.blocks_each = options.length / options.block_time + 1;
    wanted.folder = folder.path();
    wanted.service = "idle = \"park\"\n";
    pipeline::SystemClock const clock;
    BenchScene scene(std::move(wanted), clock);
    if (auto const opened = scene.open(); !opened) return std::unexpected(opened.error());
    if (auto const begun = scene.begin(); !begun) return std::unexpected(begun.error());
    // What a start costs is over by now; the first blocks are still on their way.
    Nanoseconds const from = clock.monotonic();
    std::uint64_t const cpu_before = scene.cpu_ns();
    auto const played = scene.play(from + options.length, [] { return false; });
    if (!played) return std::unexpected(played.error());
    IdleRow row;
    row.chains = chains;
    row.core_share = static_cast<double>(scene.cpu_ns() - cpu_before) /
                     static_cast<double>(clock.monotonic() - from);
    row.used = scene.usage();
    // The last blocks of the plan may be due after the end: they are waited for, not measured.
    LoadPlan const& plan = scene.plan();
    Nanoseconds const last = plan.due(scene.run().start(), chains - 1, plan.blocks_each);
    auto const rest = scene.play(last + 5 * second, [&] {
        return scene.run().finished() != 0 && scene.lines_seen() >= scene.expected();
    });
    if (!rest) return std::unexpected(rest.error());
    if (auto const closed = scene.close(); !closed) return std::unexpected(closed.error());
    row.figures = scene.figures();
    return row;
}

std::vector<BenchVerdict> verdicts_of(std::vector<IdleRow> const& rows) {
    std::vector<BenchVerdict> verdicts;
    for (IdleRow const& row : rows)
        for (IdleLimit const& limit : limits) {
            if (limit.chains != row.chains) continue;
            auto const percent = [](double share) { return fmt::format("{:.2f} %", 100 * share); };
            verdicts.push_back(
                {fmt::format("{} chain{}, of a core", row.chains, row.chains == 1 ? "" : "s"),
                 percent(limit.core_share), percent(row.core_share),
                 row.core_share <= limit.core_share, ""});
            auto const rss = static_cast<double>(row.used.rss_bytes);
            if (limit.rss_bytes > 0)
                verdicts.push_back({"RSS over all processes", bytes_text(limit.rss_bytes),
                                    bytes_text(rss), rss <= limit.rss_bytes,
                                    "shared pages counted once (PSS): " +
                                        bytes_text(static_cast<double>(row.used.pss_bytes))});
        }
    return verdicts;
}

std::string text_of(std::vector<IdleRow> const& rows, BenchIdleOptions const& options) {
    BenchTable table({"chains", "core", "PSS", "RSS", "processes", "threads", "descriptors",
                      "alerts", "missing"});
    for (IdleRow const& row : rows)
        table.add({fmt::format("{}", row.chains), fmt::format("{:.2f} %", 100 * row.core_share),
                   bytes_text(static_cast<double>(row.used.pss_bytes)),
                   bytes_text(static_cast<double>(row.used.rss_bytes)),
                   fmt::format("{}", row.used.processes), fmt::format("{}", row.used.threads),
                   fmt::format("{}", row.used.descriptors),
                   count_text(static_cast<double>(row.figures.expected)),
                   count_text(static_cast<double>(row.figures.missing))});
    return fmt::format("a block of 200 events every {} on each chain, idle = \"park\", {} each\n\n",
                       time_text(static_cast<double>(options.block_time)),
                       time_text(static_cast<double>(options.length))) +
           table.text() + '\n' + verdicts_text(verdicts_of(rows));
}

std::string json_of(std::vector<IdleRow> const& rows) {
    std::string list;
    for (IdleRow const& row : rows)
        list += fmt::format(R"({}{{"chains":{},"core_share":{:.5f},"pss_bytes":{},"rss_bytes":{},)"
                            R"("processes":{},"threads":{},"descriptors":{},"expected":{},)"
                            R"("missing":{}}})",
                            list.empty() ? "" : ",", row.chains, row.core_share, row.used.pss_bytes,
                            row.used.rss_bytes, row.used.processes, row.used.threads,
                            row.used.descriptors, row.figures.expected, row.figures.missing);
    auto const verdicts = verdicts_of(rows);
    return fmt::format("{{\"ok\":{},\"command\":\"idle\",\"rows\":[{}],\"verdicts\":{}}}\n",
                       all_kept(verdicts), list, verdicts_json(verdicts));
}

} // namespace

int cmd_bench_idle(Common const& common, BenchIdleOptions const& options) {
    block_signals();
    std::vector<IdleRow> rows;
    for (std::uint32_t const chains : options.chains) {
        if (!common.quiet) fmt::print(stderr, "bench: {} chains\n", chains);
        auto row = measure(chains, options, options.folder);
        if (!row) {
            fmt::print(stderr, "spyhop bench: {} chains: {}\n", chains, row.error());
            return exit_failed;
        }
        rows.push_back(std::move(*row));
    }
    fmt::print("{}", common.output == Output::table ? text_of(rows, options) : json_of(rows));
    std::fflush(stdout);
    return all_kept(verdicts_of(rows)) ? exit_ok : exit_unhealthy;
}

} // namespace config
