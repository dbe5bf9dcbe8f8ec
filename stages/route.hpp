// Decides which path speaks for a match (routing.hpp) and gives the alert its id. The regime is
// read once per turn; exactly one path speaks for an event, whatever happens to the regime between
// the two paths' bringing it (handover.hpp).
//
// The subject is the watched account if exactly one of both is watched, otherwise `from` (where
// there is none, `to`). A path that should speak and is silent past its deadline is stood in for by
// the other one, and the alert says so; hybrid stands in only for accounts that it might be given.
//
// Legacy's final matches that it may not say are passed on as not speaking: they confirm what
// legacy said in an earlier run. Those of alerts that hybrid has said are passed on as speaking
// after a minute: if hybrid has died meanwhile, they settle its alerts; if not, the journal keeps
// them silent.
//
// Patterns are judged by the node's path alone: where it speaks for the subject they are said, else
// nobody says them; neither handed over nor compared. What is said of a chain's health is no
// account's: the node's path says it as soon as it has any share.
//
// Paths that contradict each other about which chain this is (genesis) would give one event two
// ids: the one that came second is not believed, and it is an incident.
//
// What a path says of a chain before it has named it (ChainFacts) was meant for a run of this
// process that has ended: it ends here, and the ledger, which lacks those blocks, orders them
// again.
//
// One thread; at most two records out per record in. Tells the switchboard which epoch it obeys.
#pragma once

#include "pipeline/clock.hpp"
#include "pipeline/log.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/stage.hpp"
#include "stages/handover.hpp"
#include "stages/notes.hpp"
#include "stages/routing.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <vector>

namespace stages {

enum class RouteMetric {
    alerts,
    legacy,
    withheld,
    foreign,
    unheard,
    held,
    fallbacks,
    let_go,
    late,
    epoch
};

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
    pipeline::MetricRow{"spyhop_route_held_matches", pipeline::MetricKind::gauge,
                        "Matches held until the path that may speak has said them."},
    pipeline::MetricRow{"spyhop_route_fallbacks_total", pipeline::MetricKind::counter,
                        "Alerts said by one path because the other stayed silent too long."},
    pipeline::MetricRow{"spyhop_route_let_go_total", pipeline::MetricKind::counter,
                        "Matches of hybrid that legacy did not bring and hybrid may not say."},
    pipeline::MetricRow{"spyhop_route_handed_over_total", pipeline::MetricKind::counter,
                        "Matches said late because the regime had changed between the two paths."},
    pipeline::MetricRow{"spyhop_route_epoch", pipeline::MetricKind::gauge,
                        "Epoch of the regime that is obeyed."},
};

// The first 16 bytes of BLAKE2b-256 over genesis, block number (u32 LE), event index (u32 LE),
// length and bytes of the from key, length and bytes of the to key, amount (u128 LE), rule name.
// The block's hash is no part of it: the same event at the same place on another fork is the same
// alert.
AlertId alert_id(Hash const& genesis, Transfer const& transfer, std::string_view rule_name);

struct RouteOptions {
    struct Chain {
        std::string name;
        bool legacy = false; // it has a legacy path
        bool hybrid = true;
    };
    std::vector<Chain> chains;
    std::vector<std::string> rule_names;
    struct Watched {
        decoders::Account account;
        std::uint8_t tier = 0; // canary tier; 0: none
    };
    std::vector<Watched> watched;
    struct Pinned {
        decoders::Account account;
        Pin pin{};
        std::uint64_t until_unix_ms = 0; // 0: for ever
    };
    std::vector<Pinned> pins; // as they are stored
    HandoverOptions handover{};
    static constexpr std::size_t pins_max = 4'096;
};

// Chains that have their nodes only.
RouteOptions nodes_only(std::vector<std::string> const& chains, std::vector<std::string> rules);

class Route : pipeline::Pinned {
  public:
    static constexpr std::uint32_t max_burst = 2;

    struct Needs {
        pipeline::Log& log;
        pipeline::MetricsPage& metrics;
        pipeline::Clock const& clock;                 // only to say when a new epoch is obeyed
        pipeline::Switchboard* switchboard = nullptr; // null: nobody wants to know
    };

    // twins: to the comparator, if there is one.
    Route(RouteOptions options, Needs needs, pipeline::Out<Verdict> verdicts,
          pipeline::Outs<Twin> twins = pipeline::Outs<Twin>({}));

    auto outputs() { return std::tie(verdicts_, twins_); }
    void on(pipeline::Part<Candidate> const& part, pipeline::Turn const& turn);
    void on(pipeline::Part<Steer> const& part, pipeline::Turn const& turn);
    bool accepting() const { return handover_.room(); }
    bool tick(pipeline::Turn const& turn);
    void upkeep(pipeline::Turn const& turn);
    Nanoseconds next_deadline() const { return handover_.next_deadline(); }

  private:
    struct KeyHash {
        std::size_t operator()(decoders::Account const& account) const {
            std::size_t first = 0; // public keys are uniform enough for a table
            std::memcpy(&first, account.key, sizeof first);
            return first;
        }
    };
    struct Account { // of which something is known
        bool watched = false;
        std::uint8_t tier = 0;
        Pin pin{};
        std::uint64_t until_unix_ms = 0;
    };
    struct Known { // of a chain
        Hash genesis{};
        std::array<bool, paths> foreign{};
        std::array<std::uint32_t, paths> final_below{}; // each path has told what lies below
        bool held = false;                              // on legacy
        std::optional<std::uint32_t> settled{};         // legacy's cursor, waiting for what is held
        std::optional<std::uint32_t> passed{};          // how far it has been passed on
        Nanoseconds settled_received = 0;
        std::array<bool, paths> heard{};        // this path has named its chain
        std::array<std::uint32_t, paths> run{}; // of the process that named it
    };

    bool heard(Candidate const& candidate);
    bool believed(Candidate const& candidate);
    decoders::Account const& subject_of(Transfer const& transfer) const;
    RouteSubject facts_of(decoders::Account const& subject, pipeline::Turn const& turn) const;
    RouteWays ways(std::uint16_t chain) const;
    bool may_speak(Candidate const& match, pipeline::Turn const& turn) const;
    void judge(Candidate const& candidate, Match const& match, pipeline::Turn const& turn);
    void judge_pattern(Candidate const& candidate, Match const& match, pipeline::Turn const& turn);
    void follow(Candidate const& candidate);
    bool settle(std::uint16_t chain);
    bool settle_any();
    void tell_comparator(Candidate const& candidate, pipeline::Turn const& turn);
    // held: it comes out of the hand-over, later than it came; fallback: for a silent path.
    struct How {
        bool speaks = true;
        bool held = false;
        bool fallback = false;
    };
    void pass(Candidate const& candidate, AlertId const& id, pipeline::Turn const& turn, How how);
    AlertId id_of(Candidate const& candidate, Match const& match) const;

    RouteOptions const options_;
    boost::unordered_flat_map<decoders::Account, Account, KeyHash> accounts_;
    std::vector<Known> known_; // by chain
    Needs const needs_;
    pipeline::Out<Verdict> verdicts_;
    pipeline::Outs<Twin> twins_;
    Handover handover_;
    std::size_t pins_ = 0;
    std::size_t unsettled_ = 0;   // chains whose cursor waits
    std::uint64_t finalized_ = 0; // blocks of hybrid
    std::uint64_t looked_at_ = 0; // releases of the hand-over and the above, when cursors were seen
    std::uint32_t obeyed_ = 0;    // epoch
    std::uint32_t judged_by_ = 0; // epoch under which what is held was last judged
};

} // namespace stages
