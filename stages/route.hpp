// Decides which path speaks for a match and gives the alert its id. The regime is read once per
// turn.
//
// A chain without a legacy path is spoken for by its node, whatever the percentage says.
// One thread; one record out per record in.
#pragma once

#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/messages.hpp"

#include <string>
#include <vector>

namespace stages {

enum class RouteMetric { alerts };

inline constexpr std::array route_metrics{
    pipeline::MetricRow{"spyhop_route_alerts_total", pipeline::MetricKind::counter,
                        "Alerts a path was chosen for."},
};

// The first 16 bytes of BLAKE2b-256 over genesis, block number (u32 LE), event index (u32 LE),
// length and bytes of the from key, length and bytes of the to key, amount (u128 LE), rule name.
// The block's hash is no part of it: the same event at the same place on another fork is the same
// alert.
std::array<std::uint8_t, 16> alert_id(Hash const& genesis, Transfer const& transfer,
                                      std::string_view rule_name);

class Route : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;

    Route(std::vector<std::string> rule_names, std::size_t chains, pipeline::MetricsPage& metrics,
          pipeline::Out<Verdict> verdicts)
        : rule_names_(std::move(rule_names))
        , genesis_(chains)
        , metrics_(metrics)
        , verdicts_(verdicts) {}

    auto outputs() { return std::tie(verdicts_); }
    void on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn);

  private:
    std::vector<std::string> const rule_names_;
    std::vector<Hash> genesis_; // by chain
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Verdict> verdicts_;
};

} // namespace stages
