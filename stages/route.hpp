// Decides which path speaks for a match and gives the alert its id. The regime is read once per
// turn.
//
//   only one path is there    ▶ that one
//   mode legacy / hybrid-only ▶ legacy / hybrid
//   bucket of the subject account below hybrid's share ▶ hybrid, else legacy
//
// The subject is the watched account if exactly one of both is watched, otherwise `from` (where
// there is none, `to`). Both paths see the same event and the same regime, so exactly one speaks.
// What a path may not say is counted and ends here, but for legacy's final matches, which are
// passed on as not speaking: they confirm what legacy said in an earlier run.
//
// Paths that contradict each other about which chain this is (genesis) would give one event two
// ids: the one that came second is not believed, and it is an incident.
//
// What a path says of a chain before it has named it (ChainFacts) was meant for a run of this
// process that has ended: it ends here, and the ledger, which lacks those blocks, orders them
// again.
//
// One thread; at most one record out per record in.
#pragma once

#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/messages.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <string>
#include <vector>

namespace stages {

enum class RouteMetric { alerts, legacy, withheld, foreign, unheard };

inline constexpr std::array route_metrics{
    pipeline::MetricRow{"spyhop_route_alerts_total", pipeline::MetricKind::counter,
                        "Matches a path was allowed to speak for."},
    pipeline::MetricRow{"spyhop_route_legacy_alerts_total", pipeline::MetricKind::counter,
                        "Of those, matches of the legacy path."},
    pipeline::MetricRow{"spyhop_route_withheld_total", pipeline::MetricKind::counter,
                        "Matches left to the other path."},
    pipeline::MetricRow{"spyhop_route_foreign_total", pipeline::MetricKind::counter,
                        "Records of a path that serves another chain than the other path."},
    pipeline::MetricRow{"spyhop_route_unheard_total", pipeline::MetricKind::counter,
                        "Records meant for a run that has ended: their blocks are read again."},
};

// The first 16 bytes of BLAKE2b-256 over genesis, block number (u32 LE), event index (u32 LE),
// length and bytes of the from key, length and bytes of the to key, amount (u128 LE), rule name.
// The block's hash is no part of it: the same event at the same place on another fork is the same
// alert.
std::array<std::uint8_t, 16> alert_id(Hash const& genesis, Transfer const& transfer,
                                      std::string_view rule_name);

struct RouteOptions {
    struct Chain {
        std::string name;
        bool legacy = false; // it has a legacy path
        bool hybrid = true;
    };
    std::vector<Chain> chains;
    std::vector<std::string> rule_names;
    std::vector<decoders::Account> watched;
};

// Chains that have their nodes only.
RouteOptions nodes_only(std::vector<std::string> const& chains, std::vector<std::string> rules);

class Route : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 1;

    Route(RouteOptions options, pipeline::Log& log, pipeline::MetricsPage& metrics,
          pipeline::Out<Verdict> verdicts);

    auto outputs() { return std::tie(verdicts_); }
    void on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn);

  private:
    struct KeyHash {
        std::size_t operator()(decoders::Account const& account) const {
            std::size_t first = 0; // public keys are uniform enough for a table
            std::memcpy(&first, account.key, sizeof first);
            return first;
        }
    };
    struct Known { // of a chain
        Hash genesis{};
        std::array<bool, paths> foreign{};
        std::array<bool, paths> heard{}; // this path has named its chain
    };

    bool heard(Candidate const& candidate);
    bool believed(Candidate const& candidate);
    Path speaker(std::uint16_t chain, Transfer const& transfer,
                 pipeline::Regime const& regime) const;
    decoders::Account const& subject(Transfer const& transfer) const;
    bool judge(Candidate const& candidate, Match const& match, pipeline::Regime const& regime,
               Verdict& verdict);

    RouteOptions const options_;
    boost::unordered_flat_set<decoders::Account, KeyHash> watched_;
    std::vector<Known> known_; // by chain
    pipeline::Log& log_;
    pipeline::MetricsPage& metrics_;
    pipeline::Out<Verdict> verdicts_;
};

} // namespace stages
