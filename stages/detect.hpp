// Runs the rules over the ordered stream of facts. Kind `large_transfer`: a movement is large when
// its amount meets a level of the rule, exactly, in whole tokens of its asset.
//
// What it has heard of chains and assets it keeps, and says again to a reader that was started
// again (another generation of its process), before anything else. A block that was being told then
// has no end: what the reader's predecessor had of it is lost, so the ledger must not count it.
//
// Pure but for its output: chain time only, no clock. One thread. Per transfer the work is one
// look-up of the asset and a comparison per rule that covers it; nothing is allocated.
#pragma once

#include "pipeline/board.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/rules.hpp"

#include <optional>

namespace stages {

enum class DetectMetric { transfers, matches, unjudged, repeated };

inline constexpr std::array detect_metrics{
    pipeline::MetricRow{"spyhop_detect_transfers_total", pipeline::MetricKind::counter,
                        "Transfers the rules have looked at."},
    pipeline::MetricRow{"spyhop_detect_matches_total", pipeline::MetricKind::counter,
                        "Rules met by transfers."},
    pipeline::MetricRow{"spyhop_detect_unjudged_total", pipeline::MetricKind::counter,
                        "Transfers no level could be compared with: decimals unknown."},
    pipeline::MetricRow{"spyhop_detect_repeated_facts_total", pipeline::MetricKind::counter,
                        "Facts of chains and assets said again to a reader that was restarted."},
};

// Where stages are in several processes.
struct DetectProcesses {
    std::uint32_t run = 0;         // of its own
    pipeline::Generation reader{}; // of its reader's
};

class Detect : pipeline::Pinned {
  public:
    // A transfer may meet every rule.
    static constexpr std::uint32_t max_burst = 256;
    static constexpr std::size_t rules_max = max_burst;

    Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
           pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates,
           DetectProcesses processes = {});

    auto outputs() { return std::tie(candidates_); }
    void on(pipeline::Part<Fact> const& part, pipeline::Turn const& turn);
    bool accepting() const { return reader_ == processes_.reader.load() && !repeating_; }
    bool tick(pipeline::Turn const& turn);

  private:
    // One rule's levels for one asset.
    struct Bound {
        std::uint16_t rule = 0;
        Levels levels;
    };
    struct Asset {
        std::vector<Bound> bounds;
        bool blind = false; // covered by a rule, but its decimals are unknown
    };
    struct Chain {
        std::string name;
        std::vector<Asset> assets; // by slot; 0 is the native token
        // Facts of the chain, then of its assets by slot; the latest of each.
        std::vector<std::optional<Candidate>> said{};
    };

    void learn(Chain& chain, std::uint16_t index, ChainFacts const& facts);
    void learn(Chain& chain, std::uint16_t index, AssetFacts const& facts);
    void keep(Candidate const& candidate);
    void judge(Fact const& fact, Chain const& chain, Transfer const& transfer);

    std::vector<Rule> const rules_;
    std::vector<Chain> chains_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Candidate> candidates_;
    DetectProcesses const processes_;
    std::uint32_t reader_; // the generation that has heard everything, or is hearing it
    bool repeating_ = false;
    std::size_t chain_ = 0; // where the repetition is
    std::size_t said_ = 0;  // the same, in that chain
    bool in_block_ = false; // a block has begun and not ended
    bool headless_ = false; // a reader came in the middle of it
};

} // namespace stages
