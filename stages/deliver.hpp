// Speaks: turns verdicts into lines and hands them to the sinks. Text is made here and nowhere
// before.
//
// While a sink has no room for another line the stage takes nothing from its link, and the wait
// reaches back to the node's socket. One thread.
#pragma once

#include "pipeline/clock.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/alert_line.hpp"

#include <functional>
#include <memory>

namespace stages {

enum class DeliverMetric { lines, alerts_open, forgotten, blocks, incomplete, sink_bytes_pending };

inline constexpr std::array deliver_metrics{
    pipeline::MetricRow{"spyhop_deliver_lines_total", pipeline::MetricKind::counter,
                        "Alert lines handed to the sinks."},
    pipeline::MetricRow{"spyhop_deliver_open_alerts", pipeline::MetricKind::gauge,
                        "Alerts that wait for finality."},
    pipeline::MetricRow{"spyhop_deliver_forgotten_total", pipeline::MetricKind::counter,
                        "Alerts whose finality will not be told, for want of room."},
    pipeline::MetricRow{"spyhop_deliver_blocks_total", pipeline::MetricKind::counter,
                        "Blocks that have passed the whole pipeline."},
    pipeline::MetricRow{"spyhop_deliver_incomplete_blocks_total", pipeline::MetricKind::counter,
                        "Of those, blocks with events that could not be read."},
    pipeline::MetricRow{"spyhop_deliver_sink_pending_bytes", pipeline::MetricKind::gauge,
                        "Bytes the slowest sink has not written yet."},
};

// Where lines go. Implemented over io::AppendFile by the composition root.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual bool append(std::string_view line) = 0; // false: no room now
    virtual std::size_t pending() const = 0;        // bytes taken and not yet written
    virtual std::size_t room() const = 0;           // bytes append() would take
    virtual void advance() = 0;                     // call each turn
    virtual pipeline::Nanoseconds next_deadline() const = 0;
};

struct Label {
    decoders::Account account;
    std::string text;
};

struct DeliverOptions {
    std::vector<std::string> chains; // names
    struct RuleName {
        std::string name;
        RuleKind kind{};
    };
    std::vector<RuleName> rules;
    std::vector<Label> labels;
    std::size_t open_alerts_max = 65'536;
};

class Deliver : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 0;
    static constexpr std::size_t line_bytes_max = 16 * 1024; // far above what a line can be

    Deliver(DeliverOptions options, std::vector<std::unique_ptr<Sink>> sinks,
            pipeline::Clock const& clock, pipeline::MetricsPage& metrics);

    auto outputs() { return std::tie(); }
    bool on(pipeline::Part<Verdict> const& part, pipeline::Turn const& turn);
    bool accepting() const;
    void upkeep(pipeline::Turn const& turn);
    pipeline::Nanoseconds next_deadline() const;

  private:
    struct Chain {
        std::string name;
        ChainFacts facts;
        std::vector<AssetFacts> assets; // by slot
    };
    struct KeyHash {
        std::size_t operator()(decoders::Account const& account) const;
    };

    void learn(Verdict const& verdict);
    void speak(AlertLine const& line, Verdict const& cause);
    std::string_view label_of(decoders::Account const& account) const;

    std::vector<Chain> chains_;
    std::vector<DeliverOptions::RuleName> const rules_;
    boost::unordered_flat_map<decoders::Account, std::string, KeyHash> labels_;
    std::vector<std::unique_ptr<Sink>> const sinks_;
    pipeline::Clock const& clock_;
    pipeline::MetricsPage& metrics_;
    Lifecycle lifecycle_;
    bool begun_ = false; // the verdict at the front has been given to lifecycle_
    std::string line_;
};

} // namespace stages
