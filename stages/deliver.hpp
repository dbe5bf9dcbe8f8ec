// Speaks: turns verdicts into lines, commits them to the journal, and only then hands them to the
// sinks. Text is made here and nowhere before.
//
//   Verdict ──▶ Lifecycle ──▶ journal (a turn) ──▶ commit ──▶ sinks
//                  └── Custody: ledger, what an earlier run said, what is wanted ──Want──▶ history
//
// Each path has a Lifecycle of its own: what one path says of a block is no news of the other's. An
// alert that both have said is said once, because the journal knows its id.
//
// Exactly once: see journal.hpp. What was committed and not yet written when the last run ended is
// written first (Outlet::after). While the journal or a sink has no room the stage takes nothing
// from its link, and the wait reaches back to the node's socket.
//
// A checkpoint of the journal waits for the disk longer than a commit does, so it is made when no
// line waits: between blocks, or where there is no such time, before the log grows too long.
//
// A turn that only moves the ledger waits a little for others (ledger_patience): a block without
// alerts costs no fsync of its own while a chain catches up. One thread; blocks on the disk.
#pragma once

#include "pipeline/clock.hpp"
#include "pipeline/stage.hpp"
#include "stages/alert_line.hpp"
#include "stages/custody.hpp"
#include "stages/sink.hpp"
#include "stages/stream_tail.hpp"

#include <functional>
#include <memory>

namespace stages {

enum class DeliverMetric {
    lines,
    alerts_open,
    forgotten,
    blocks,
    incomplete,
    bytes_pending,
    silenced,
    commits,
    commits_failed,
    commit_nanoseconds,
    checkpoints,
    checkpoints_failed,
    latency_milliseconds,
    latency_lines,
};

inline constexpr std::array deliver_metrics{
    pipeline::MetricRow{"spyhop_deliver_lines_total", pipeline::MetricKind::counter,
                        "Alert lines journaled and handed to the sinks."},
    pipeline::MetricRow{"spyhop_deliver_open_alerts", pipeline::MetricKind::gauge,
                        "Alerts of this run that wait for finality."},
    pipeline::MetricRow{"spyhop_deliver_forgotten_total", pipeline::MetricKind::counter,
                        "Alerts let go for want of room; the journal says their last state."},
    pipeline::MetricRow{"spyhop_deliver_blocks_total", pipeline::MetricKind::counter,
                        "Blocks that have passed the whole pipeline."},
    pipeline::MetricRow{"spyhop_deliver_incomplete_blocks_total", pipeline::MetricKind::counter,
                        "Of those, blocks with events that could not be read."},
    pipeline::MetricRow{"spyhop_deliver_sink_pending_bytes", pipeline::MetricKind::gauge,
                        "Bytes of lines not committed yet, or not written by the slowest sink."},
    pipeline::MetricRow{"spyhop_deliver_silenced_total", pipeline::MetricKind::counter,
                        "States left out because they had been said before."},
    pipeline::MetricRow{"spyhop_deliver_commits_total", pipeline::MetricKind::counter,
                        "Turns committed to the journal."},
    pipeline::MetricRow{"spyhop_deliver_commits_failed_total", pipeline::MetricKind::counter,
                        "Commits that failed and are tried again."},
    pipeline::MetricRow{"spyhop_deliver_commit_nanoseconds_total", pipeline::MetricKind::counter,
                        "Time spent in commits."},
    pipeline::MetricRow{"spyhop_deliver_checkpoints_total", pipeline::MetricKind::counter,
                        "Times the journal's log was brought to its file."},
    pipeline::MetricRow{"spyhop_deliver_checkpoints_failed_total", pipeline::MetricKind::counter,
                        "Checkpoints that failed and are tried again."},
    pipeline::MetricRow{"spyhop_deliver_hybrid_latency_milliseconds_total",
                        pipeline::MetricKind::counter,
                        "From a block's timestamp to the first line of an alert of it, hybrid's."},
    pipeline::MetricRow{"spyhop_deliver_hybrid_latency_lines_total", pipeline::MetricKind::counter,
                        "Lines in that sum."},
};

// A sink, under the name the journal keeps its mark by, and the last row it has.
struct Outlet {
    std::string name;
    std::unique_ptr<Sink> sink;
    std::int64_t after = 0;
};

struct DeliverOptions {
    std::vector<std::string> chains; // names
    struct RuleName {
        std::string name;
        RuleKind kind{};
    };
    std::vector<RuleName> rules;
    std::size_t open_alerts_max = 65'536;
};

class Deliver : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0; // wants go over links that may drop
    static constexpr int messages_a_turn = 256;   // a turn costs an fsync, and pages many share
    static constexpr std::size_t line_bytes_max = Journal::line_bytes_max;
    static constexpr Nanoseconds ledger_patience = 20 * pipeline::millisecond;
    static constexpr Nanoseconds mark_patience = pipeline::second;
    static constexpr Nanoseconds commit_pause = pipeline::second; // after one that failed
    static constexpr std::size_t checkpoint_pages = 1'000;        // when no line waits
    static constexpr std::size_t checkpoint_pages_max = 16'000;   // however many wait

    struct Needs {
        pipeline::Clock const& clock;
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;
        pipeline::MetricsPage& custody_metrics;
    };

    // starts: the first wanted block of each chain, where one is configured; by chain.
    Deliver(DeliverOptions options, std::unique_ptr<Journal> journal,
            std::vector<std::optional<std::uint32_t>> const& starts, std::vector<Outlet> outlets,
            Needs needs, pipeline::Outs<Want> wants);

    auto outputs() { return std::tie(wants_); }
    bool on(pipeline::Part<Verdict> const& part, pipeline::Turn const& turn);
    bool accepting() const;
    bool tick(pipeline::Turn const& turn);
    void upkeep(pipeline::Turn const& turn);
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Side { // what a path says of a chain
        ChainFacts facts;
        std::vector<AssetFacts> assets; // by slot
    };
    struct Chain {
        std::string name;
        std::array<Side, paths> sides;
        Side& of(Path path) { return sides[static_cast<std::size_t>(path)]; }
    };

    void begin(Verdict const& verdict, pipeline::Turn const& turn);
    void learn(Verdict const& verdict, pipeline::Turn const& turn);
    void finish(Verdict const& verdict, pipeline::Turn const& turn);
    Lifecycle& lifecycle(Path path) { return lifecycles_[static_cast<std::size_t>(path)]; }
    std::optional<AlertLine> amended(Alert const& alert, std::uint16_t chain);
    void speak(AlertLine const& line, Verdict const& cause, bool amendment = false);
    void restate(Custody::Stranger const& stranger, Verdict const& cause);
    void write_backlog();
    void commit(pipeline::Turn const& turn, Journal::Marks marks);
    void checkpoint(pipeline::Turn const& turn);
    void hand_over();
    void mark_written(Nanoseconds now);
    Journal& journal() { return custody_.journal(); }

    std::vector<Chain> chains_;
    std::vector<DeliverOptions::RuleName> const rules_;
    std::vector<Outlet> outlets_;
    Needs const needs_;
    pipeline::Outs<Want> wants_;
    Custody custody_;
    std::array<Lifecycle, paths> lifecycles_;
    bool begun_ = false; // the verdict at the front has been taken up; its lines may be left
    std::optional<AlertLine> amendment_;      // of that verdict
    bool caught_up_ = false;                  // every sink has what earlier runs committed
    bool failing_ = false;                    // the last commit did
    Nanoseconds commit_at_ = pipeline::never; // of a turn that can wait
    Nanoseconds checkpoint_at_ = 0;           // not before
    Nanoseconds marks_at_ = pipeline::never;  // when marks go to disk by themselves
    std::string line_;
};

} // namespace stages
