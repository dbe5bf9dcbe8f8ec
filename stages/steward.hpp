// Watches over the service for control: feeds the health checks with what is measured, does what
// they and the rollout plan decide, and keeps the incidents that a person has to hear of.
//
//   metrics, notes, comparison ──▶ Health ──HealthAction──┐
//                              └─▶ rollout: decide ───────┼──▶ Governor (regime), Steer, restart
//                                                         └──▶ incidents, audit trail, log
//
// Every action is in the audit trail with the values that caused it, and so is every one that a dry
// run only told. What lasts (a chain held on legacy, high speed) is undone when its check clears.
//
// The comparison is judged from where the current step began: each change of the step starts its
// figures anew. They live in memory; a restart begins them anew as well, the bake time does not.
//
// One thread, control's, about once a second; blocks on the disk when something changes.
#pragma once

#include "stages/governor.hpp"
#include "stages/health.hpp"
#include "stages/operator_sinks.hpp"
#include "stages/rollout.hpp"
#include "stages/rollout_view.hpp"
#include "stages/shadow_figures.hpp"

#include <functional>
#include <optional>

namespace stages {

// What control knows at this moment. Counters only grow.
struct Glance {
    std::uint64_t unix_ms = 0;
    std::uint64_t now_s = 0; // monotonic
    struct Chain {
        bool two_paths = false;
        bool node_wanted = false; // hybrid is on and the chain has nodes
        bool following = false;   // a node is
        std::uint64_t head_unix_ms = 0;
    };
    std::vector<Chain> chains;
    std::span<ShadowNote const> comparisons;
    std::uint64_t errors = 0, operations = 0;        // of hybrid
    std::uint64_t latency_ms = 0, latency_lines = 0; // block to alert, of hybrid
    std::uint64_t deaths = 0;                        // of hybrid's process
    double queue_fill = 0;                           // 0..1
    std::optional<double> quota_used{};              // 0..1
    std::optional<double> resource_ratio{};          // hybrid's use over legacy's
    std::vector<std::optional<double>> memory{};     // share of its limit, by process
};

class Steward {
  public:
    struct Needs {
        Governor& governor;
        pipeline::Log& log;
        // Keeps the rollout's state; the error is a sentence.
        std::function<std::expected<void, std::string>(std::string const&)> store{};
        std::function<void(std::uint32_t process)> restart{};
        std::function<void(std::uint16_t chain, bool hold)> hold{};
        OperatorSinks sinks{};
    };
    // state: as it was stored; empty: none.
    Steward(RolloutPlan plan, std::string const& state, HealthOptions health,
            IncidentOptions incidents, Needs needs);

    void look(Glance const& glance);
    // The error says why not (exit code 4).
    std::expected<std::string, std::string> command(RolloutCommand command, bool force,
                                                    Who const& who);
    void drilled(std::uint64_t took_us) { inputs_.drill_us = took_us; }

    RolloutPlan const& plan() const { return plan_; }
    RolloutState const& state() const { return state_; }
    RolloutInputs const& inputs() const { return inputs_; }
    Health const& health() const { return health_; }
    Incidents const& incidents() const { return incidents_; }
    // The error is a sentence (exit code 4).
    std::expected<void, std::string> acknowledge(std::uint64_t id, std::string_view who,
                                                 std::uint64_t now_unix_ms);
    // Retries what an operator's sink could not write; true while anything is on its way.
    bool flush();
    std::uint64_t now_s() const { return now_s_; }

  private:
    void feed(Glance const& glance);
    void measure(Glance const& glance);
    void act(HealthAction const& action);
    void retreat_from(HealthAction const& action, Retreat how);
    void advance();
    bool apply(RolloutDecision const& decision, Who const& who);
    void follow_lock();
    void let_go();
    void keep(bool now);
    void begin_step();
    void open_incident(std::string const& text);
    void tell(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms);
    void escalate(std::uint64_t now_unix_ms);

    RolloutPlan const plan_;
    RolloutState state_;
    RolloutInputs inputs_{};
    Health health_;
    Incidents incidents_;
    Needs needs_;
    std::string bad_state_; // why the stored state is not gone on with, until it has been told
    Glance last_{};
    bool looked_ = false;
    ShadowTally tally_{}, tally_at_step_{}; // of all chains
    std::uint64_t errors_at_step_ = 0, operations_at_step_ = 0;
    std::uint64_t seconds_ = 0, good_seconds_ = 0; // of the step
    std::uint64_t now_s_ = 0;
    std::uint64_t kept_at_s_ = 0;
    bool was_locked_ = false;
};

} // namespace stages
