// Runs the rules over the ordered stream of facts. Kind `large_transfer`: a movement is large when
// its amount meets a level of the rule, exactly, in whole tokens of its asset.
//
// Pure but for its output: chain time only, no clock. One thread. Per transfer the work is one
// look-up of the asset and a comparison per rule that covers it; nothing is allocated.
#pragma once

#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/rules.hpp"

namespace stages {

enum class DetectMetric { transfers, matches, unjudged };

inline constexpr std::array detect_metrics{
    pipeline::MetricRow{"spyhop_detect_transfers_total", pipeline::MetricKind::counter,
                        "Transfers the rules have looked at."},
    pipeline::MetricRow{"spyhop_detect_matches_total", pipeline::MetricKind::counter,
                        "Rules met by transfers."},
    pipeline::MetricRow{"spyhop_detect_unjudged_total", pipeline::MetricKind::counter,
                        "Transfers no level could be compared with: decimals unknown."},
};

class Detect : pipeline::Pinned {
  public:
    // A transfer may meet every rule.
    static constexpr std::uint32_t max_burst = 256;
    static constexpr std::size_t rules_max = max_burst;

    Detect(std::vector<Rule> rules, std::vector<std::string> chains, pipeline::Log& log,
           pipeline::MetricsPage& metrics, pipeline::Out<Candidate> candidates);

    auto outputs() { return std::tie(candidates_); }
    void on(pipeline::Part<Fact> const& part, pipeline::Turn const& turn);

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
    };

    void learn(Chain& chain, std::uint16_t index, ChainFacts const& facts);
    void learn(Chain& chain, std::uint16_t index, AssetFacts const& facts);
    void judge(Candidate& candidate, Chain const& chain, Transfer const& transfer);

    std::vector<Rule> const rules_;
    std::vector<Chain> chains_;
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Candidate> candidates_;
};

} // namespace stages
