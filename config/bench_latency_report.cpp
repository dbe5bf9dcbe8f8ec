#include "config/bench_latency_report.hpp"

#include "config/bench_plot.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {

namespace {

using Row = LatencyReport::Row;

constexpr double us = 1e3, ms = 1e6, s = 1e9;
constexpr double target = 5 * s;
constexpr double thousandth = 5 * ms;

// Between having the text and the alert in the sink, by p50s: what the whole took less what the
// socket alone takes.
double beyond_floor(LatencyReport const& report, double of) {
    Row const* const floor = report.row("floor");
    return std::max(of - (floor != nullptr ? floor->figures.from_sent.p50 : 0), 0.0);
}

struct Hop {
    std::string name;
    double p50 = 0;
    std::string how;
};

// Where the median alert's time went. What can be measured is; the rest is what is left over, and
// says so.
std::vector<Hop> hops_of(LatencyReport const& report) {
    Row const* const hybrid = report.row("hybrid");
    Row const* const floor = report.row("floor");
    if (hybrid == nullptr || floor == nullptr || report.hops.empty()) return {};
    std::vector<Hop> hops;
    hops.push_back({"socket", floor->figures.from_sent.p50, "run: what the bare reader needs"});
    double before = 0, inside = 0;
    for (HopRun const& run : report.hops) {
        if (run.up_to.starts_with("deliver")) continue;
        inside = run.from_text.p50;
        hops.push_back({run.up_to, inside - before, "one thread: " + run.adds});
        before = inside;
    }
    // Where the same service has its journal in memory, the difference is what fsync costs.
    Row const* const memory = report.row("hybrid_memory");
    Row const& quick = memory != nullptr ? *memory : *hybrid;
    double const own = quick.figures.own.p50;
    double const commit = quick.mean_commit_ns();
    double const whole = quick.figures.from_sent.p50;
    hops.push_back(
        {"queue, line", own - inside, "rest: hand-overs between processes, the line of JSON"});
    hops.push_back({"journal", commit,
                    memory != nullptr ? "run: SQLite in memory, mean of all commits"
                                      : "run: SQLite and fsync, mean of all commits"});
    if (memory != nullptr)
        hops.push_back({"fsync", hybrid->figures.from_sent.p50 - whole,
                        "run: journal on the disk less journal in memory"});
    hops.push_back({"sink", whole - floor->figures.from_sent.p50 - own - commit,
                    "rest: the pipe, and waking who reads it"});
    return hops;
}

void judge_limit(std::vector<BenchVerdict>& to, std::string what, double limit, double found,
                 std::string note = {}) {
    to.push_back(
        {std::move(what), time_text(limit), time_text(found), found <= limit, std::move(note)});
}

void judge_peer(LatencyReport const& report, std::vector<BenchVerdict>& to) {
    Row const* const peer = report.row("peer");
    Row const* const hybrid = report.row("hybrid");
    if (peer == nullptr || hybrid == nullptr) return;
    constexpr double wanted = 100;
    auto const ratio = [](double theirs, double ours) { return ours > 0 ? theirs / ours : 0; };
    double const theirs = peer->figures.from_sent.p50;
    double const ours = hybrid->figures.from_sent.p50;
    Row const* const memory = report.row("hybrid_memory");
    double const fastest = memory != nullptr ? memory->figures.from_sent.p50 : ours;
    double const own = hybrid->figures.own.p50;
    double const work = beyond_floor(report, theirs);
    to.push_back({"times as fast as the peer, p50", fmt::format("{:.0f}", wanted),
                  fmt::format("{:.1f}", ratio(theirs, ours)), ratio(theirs, ours) >= wanted,
                  fmt::format("without fsync {:.1f}; without socket and fsync {:.1f}; its work to "
                              "our received-to-emitted {:.1f}",
                              ratio(theirs, fastest), ratio(work, beyond_floor(report, fastest)),
                              ratio(work, own))});
}

std::string header(LatencyReport const& report) {
    return fmt::format("{} blocks of {} events on average, one every {}, {}; {}; every contestant "
                       "has the same blocks on a chain of its own, one after the other",
                       report.blocks, report.events,
                       time_text(static_cast<double>(report.block_time)),
                       report.tls ? "wss on loopback" : "ws on loopback", report.service);
}

// The two ways to count, under one head.
void add_quantiles(BenchTable& table, std::string const& title, Quantiles const& of,
                   std::string const& last) {
    table.add({title, time_text(of.p50), time_text(of.p90), time_text(of.p99), time_text(of.p999),
               time_text(of.max), count_text(static_cast<double>(of.count)), last});
}

std::string completeness(ContestFigures const& found) {
    if (found.complete()) return "each once";
    return fmt::format("{} missing, {} doubled, {} unmeant", found.missing, found.doubled,
                       found.foreign);
}

std::vector<BenchTable> tables(LatencyReport const& report) {
    std::vector<std::string> const quantiles{"p50", "p90", "p99", "p99.9", "max", "samples", ""};
    auto const with = [&](std::string first) {
        std::vector<std::string> heads{std::move(first)};
        heads.insert(heads.end(), quantiles.begin(), quantiles.end());
        return BenchTable(heads, 1, true);
    };
    BenchTable due = with("block due to alert in the sink");
    BenchTable sent = with("block sent to alert in the sink");
    BenchTable own = with("as the service says: received to emitted");
    for (Row const& row : report.rows) {
        std::string const& title = row.contestant.title;
        add_quantiles(due, title, row.figures.from_due, completeness(row.figures));
        add_quantiles(sent, title, row.figures.from_sent, "");
        if (row.figures.own.count != 0) add_quantiles(own, title, row.figures.own, "");
    }
    if (report.obeyed.count != 0)
        add_quantiles(own, "rollback: command to obeyed", report.obeyed, "");
    BenchTable hops({"where the median goes", "p50", "how it is known"}, 1, true);
    for (Hop const& hop : hops_of(report)) hops.add({hop.name, time_text(hop.p50), hop.how});
    BenchTable runs({"in one thread, from the text to", "p50", "p99", "max", "samples"});
    for (HopRun const& run : report.hops)
        runs.add({run.up_to, time_text(run.from_text.p50), time_text(run.from_text.p99),
                  time_text(run.from_text.max),
                  count_text(static_cast<double>(run.from_text.count))});
    return {due, sent, own, hops, runs};
}

constexpr std::string_view words =
    "Due: the time at which a block had to be sent, fixed before the run, so that a pause is felt "
    "by every block it held up (coordinated omission). What never came counts until the end of "
    "the run. p99.9 of fewer than 1,000 samples is their maximum.";

} // namespace

Row const* LatencyReport::row(std::string_view key) const {
    auto const found =
        std::ranges::find_if(rows, [&](Row const& row) { return row.contestant.key == key; });
    return found == rows.end() ? nullptr : &*found;
}

std::vector<BenchVerdict> latency_verdicts(LatencyReport const& report) {
    std::vector<BenchVerdict> verdicts;
    Row const* const hybrid = report.row("hybrid");
    if (hybrid == nullptr) return verdicts;
    Quantiles const& due = hybrid->figures.from_due;
    judge_limit(verdicts, "block to alert, p99.9", target, due.p999);
    judge_limit(verdicts, "block to alert, p99.9, a thousandth of it", thousandth, due.p999);
    std::string const synced = report.synced ? "" : "the journal lies in memory: no real fsync";
    Quantiles const& sent = hybrid->figures.from_sent;
    judge_limit(verdicts, "received to emitted with fsync, p50", 150 * us,
                beyond_floor(report, sent.p50), synced);
    judge_limit(verdicts, "received to emitted with fsync, p99", 500 * us,
                beyond_floor(report, sent.p99), synced);
    if (Row const* const memory = report.row("hybrid_memory"))
        judge_limit(verdicts, "received to emitted without fsync, p50", 50 * us,
                    beyond_floor(report, memory->figures.from_sent.p50),
                    "to the line made: " + time_text(memory->figures.own.p50));
    judge_peer(report, verdicts);
    for (Row const& row : report.rows)
        if (row.contestant.key != "peer" && row.contestant.says == Says::alerts)
            verdicts.push_back(
                {row.contestant.title + ": every alert, once",
                 count_text(static_cast<double>(row.figures.expected)),
                 count_text(static_cast<double>(row.figures.expected - row.figures.missing)),
                 row.figures.complete(), completeness(row.figures)});
    return verdicts;
}

std::string latency_text(LatencyReport const& report) {
    std::string text = header(report) + "\n\n";
    for (BenchTable const& table : tables(report)) text += table.text() + '\n';
    return text + verdicts_text(latency_verdicts(report)) + '\n' + std::string(words) + '\n';
}

std::string latency_json(LatencyReport const& report) {
    std::string rows, hops, runs;
    for (Row const& row : report.rows) {
        ContestFigures const& found = row.figures;
        rows +=
            fmt::format(R"({}{{{},{},"expected":{},"missing":{},"doubled":{},"foreign":{},)"
                        R"("due_to_seen_ns":{},"sent_to_seen_ns":{},"received_to_emitted_ns":{},)"
                        R"("commits":{:.0f},"mean_commit_ns":{:.0f}}})",
                        rows.empty() ? "" : ",", json_member("name", row.contestant.key),
                        json_member("title", row.contestant.title), found.expected, found.missing,
                        found.doubled, found.foreign, quantiles_json(found.from_due),
                        quantiles_json(found.from_sent), quantiles_json(found.own), row.commits,
                        row.mean_commit_ns());
    }
    for (Hop const& hop : hops_of(report))
        hops += fmt::format(R"({}{{{},"p50_ns":{:.0f},{}}})", hops.empty() ? "" : ",",
                            json_member("name", hop.name), hop.p50, json_member("how", hop.how));
    for (HopRun const& run : report.hops)
        runs += fmt::format(R"({}{{{},"from_text_ns":{}}})", runs.empty() ? "" : ",",
                            json_member("up_to", run.up_to), quantiles_json(run.from_text));
    auto const verdicts = latency_verdicts(report);
    return fmt::format(
        R"({{"ok":{},"command":"latency","blocks":{},"block_time_ns":{},"events_a_block":{},)"
        R"("tls":{},"service":"{}","legacy_poll_ns":{},"fsync":{},"contestants":[{}],"hops":[{}],)"
        R"("one_thread":[{}],"command_to_obeyed_ns":{},"verdicts":{}}})"
        "\n",
        all_kept(verdicts), report.blocks, report.block_time, report.events, report.tls,
        report.service, report.legacy_poll, report.synced, rows, hops, runs,
        quantiles_json(report.obeyed), verdicts_json(verdicts));
}

std::string latency_picture(LatencyReport const& report) {
    std::vector<PlotCurve> curves;
    for (Row const& row : report.rows)
        curves.push_back({row.contestant.title, row.figures.sorted_from_due});
    return latency_svg("From the time a block was due to its alert in the sink", curves,
                       {{"target: 5 s", target}, {"a thousandth of it", thousandth}});
}

std::string latency_html(LatencyReport const& report) {
    std::string body;
    for (BenchTable const& table : tables(report)) {
        body += "<table>\n";
        bool head = true;
        for (auto const& row : table.rows()) {
            body += "<tr>";
            for (std::string const& cell : row)
                body += fmt::format("<{0}>{1}</{0}>", head ? "th" : "td", markup_escaped(cell));
            body += "</tr>\n";
            head = false;
        }
        body += "</table>\n";
    }
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>spyhop bench latency"
        "</title>\n<style>body{{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
        "1rem}}table{{border-collapse:collapse;margin:1.5rem 0;font-size:.9rem}}th,td{{padding:"
        ".25rem .7rem;text-align:right;border-bottom:1px solid #ddd}}th:first-child,td:first-child,"
        "td:last-child,th:last-child{{text-align:left}}svg{{max-width:100%;height:auto}}pre{{"
        "overflow-x:auto}}</style>\n<h1>spyhop bench latency</h1>\n<p>{}.</p>\n{}\n<pre>{}</pre>\n"
        "{}<p>{}</p>\n</html>\n",
        markup_escaped(header(report)), latency_picture(report),
        markup_escaped(verdicts_text(latency_verdicts(report))), body, words);
}

} // namespace config
