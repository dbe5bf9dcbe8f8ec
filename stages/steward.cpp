#include "stages/steward.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::uint64_t keep_every_s = 60;

Bounds complement(Bounds const& bounds) {
    return {1 - bounds.estimate, 1 - bounds.upper, 1 - bounds.lower, bounds.samples};
}

double seconds_since(std::uint64_t unix_ms, std::uint64_t now_ms) {
    return unix_ms == 0 || now_ms < unix_ms ? 0.0 : static_cast<double>(now_ms - unix_ms) / 1000.0;
}

} // namespace

Steward::Steward(RolloutPlan plan, std::string const& state, HealthOptions health,
                 IncidentOptions incidents, Needs needs)
    : plan_(std::move(plan))
    , health_(health)
    , incidents_(incidents)
    , needs_(std::move(needs)) {
    was_locked_ = needs_.governor.state().locked;
    if (state.empty()) return;
    auto const read = parse_rollout_state(plan_, state);
    if (read)
        state_ = *read;
    else
        bad_state_ = read.error();
}

void Steward::open_incident(std::string const& text) {
    auto const id = incidents_.open(text, inputs_.now_unix_ms);
    auto const list = incidents_.list();
    auto const found =
        std::find_if(list.begin(), list.end(), [&](Incident const& one) { return one.id == id; });
    // One that goes on is counted, not told every second.
    if (found == list.end() || found->times != 1) return;
    needs_.log.write(pipeline::Level::error, "control", "incident: " + text);
    tell(*found, IncidentNews::open, inputs_.now_unix_ms);
}

void Steward::tell(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms) {
    std::uint64_t const before = needs_.sinks.left_out();
    needs_.sinks.tell(incident, news, now_unix_ms);
    if (needs_.sinks.left_out() != before)
        needs_.log.write(pipeline::Level::error, "control",
                         fmt::format("incident {}: a sink of operators takes no line any more, so "
                                     "this one is only here and in: spyhop incidents",
                                     incident.id));
}

void Steward::escalate(std::uint64_t now_unix_ms) {
    std::vector<Incident> raised;
    incidents_.escalate(now_unix_ms, raised);
    for (Incident const& one : raised) {
        needs_.log.write(pipeline::Level::error, "control",
                         fmt::format("incident {} goes to level {}, nobody has acknowledged it: {}",
                                     one.id, one.level, one.text));
        tell(one, IncidentNews::raised, now_unix_ms);
    }
}

std::expected<void, std::string> Steward::acknowledge(std::uint64_t id, std::string_view who,
                                                      std::uint64_t now_unix_ms) {
    auto const done = incidents_.acknowledge(id, who, now_unix_ms);
    if (!done) return done;
    for (Incident const& one : incidents_.list())
        if (one.id == id) tell(one, IncidentNews::acknowledged, now_unix_ms);
    return done;
}

bool Steward::flush() {
    needs_.sinks.advance();
    return needs_.sinks.pending() > 0;
}

void Steward::look(Glance const& glance) {
    now_s_ = glance.now_s;
    inputs_.now_unix_ms = glance.unix_ms;
    if (!looked_) last_ = glance;
    if (!bad_state_.empty())
        open_incident("the state of the rollout cannot be read and begins anew: " +
                      std::exchange(bad_state_, {}));
    tally_ = {};
    for (ShadowNote const& note : glance.comparisons) tally_ += note.tally;
    if (!std::exchange(looked_, true)) begin_step();
    feed(glance);
    measure(glance);
    std::vector<HealthAction> actions;
    health_.evaluate(now_s_, actions);
    for (HealthAction const& action : actions) act(action);
    follow_lock();
    advance();
    escalate(glance.unix_ms);
    flush();
    last_ = glance;
}

// ---- what is measured --------------------------------------------------------------------------

void Steward::feed(Glance const& glance) {
    auto const grown = [](std::uint64_t now, std::uint64_t before) {
        return now > before ? now - before : 0; // a process that was restarted counts anew
    };
    std::uint64_t const errors = grown(glance.errors, last_.errors);
    std::uint64_t const operations = grown(glance.operations, last_.operations);
    if (errors + operations > 0)
        health_.count(HealthCheck::error_rate, 0, errors, errors + operations, now_s_);
    if (auto const lines = grown(glance.latency_lines, last_.latency_lines); lines > 0) {
        double const mean = static_cast<double>(grown(glance.latency_ms, last_.latency_ms)) /
                            static_cast<double>(lines) / 1000.0;
        health_.add(HealthCheck::latency, 0, mean, now_s_);
    }
    for (std::uint64_t i = grown(glance.deaths, last_.deaths); i > 0; --i)
        health_.add(HealthCheck::crash, 0, 1, now_s_);
    ShadowFigures const figures = figures_of(tally_, false);
    if (figures.pairs > 0) {
        health_.prove(HealthCheck::alert_mismatch, 0, figures.hybrid_wrong, now_s_);
        health_.prove(HealthCheck::quality, 0, complement(figures.hybrid_wrong), now_s_);
        if (figures.latency_ratio.estimate > 0)
            health_.add(HealthCheck::latency_regression, 0, 1 / figures.latency_ratio.estimate,
                        now_s_);
    }
    for (std::size_t i = 0; i < glance.chains.size(); ++i) {
        auto const& chain = glance.chains[i];
        auto const index = static_cast<std::uint32_t>(i);
        if (!chain.node_wanted) continue;
        double const since = seconds_since(chain.head_unix_ms, glance.unix_ms);
        health_.add(HealthCheck::rpc_lost, index, chain.following ? 0 : since, now_s_);
        health_.add(HealthCheck::block_progress, index, chain.following ? since : 0, now_s_);
    }
    health_.add(HealthCheck::queue_depth, 0, glance.queue_fill, now_s_);
    if (glance.quota_used) health_.add(HealthCheck::quota, 0, *glance.quota_used, now_s_);
    for (std::size_t i = 0; i < glance.memory.size(); ++i)
        if (glance.memory[i])
            health_.add(HealthCheck::memory, static_cast<std::uint32_t>(i), *glance.memory[i],
                        now_s_);
}

// Gates look at what came since the step began.
void Steward::measure(Glance const& glance) {
    ShadowFigures const figures = figures_of(since(tally_, tally_at_step_), false);
    auto const of = [&](RolloutGate gate) -> Bounds& {
        return inputs_.measured[static_cast<std::size_t>(gate)];
    };
    inputs_.pairs = figures.pairs;
    of(RolloutGate::accuracy) = figures.accuracy;
    of(RolloutGate::false_positives) = figures.false_positives;
    of(RolloutGate::coverage_gained) = figures.coverage_gained;
    of(RolloutGate::latency_ratio) = figures.latency_ratio;
    std::uint64_t const errors = glance.errors - std::min(glance.errors, errors_at_step_);
    std::uint64_t const all =
        errors + glance.operations - std::min(glance.operations, operations_at_step_);
    of(RolloutGate::error_rate) = all == 0 ? Bounds{} : rate_bounds(all, errors);
    of(RolloutGate::resource_ratio) = glance.resource_ratio
                                        ? Bounds{*glance.resource_ratio, *glance.resource_ratio,
                                                 *glance.resource_ratio, seconds_ + 1}
                                        : Bounds{};
    bool const works =
        std::all_of(glance.chains.begin(), glance.chains.end(),
                    [](auto const& chain) { return !chain.node_wanted || chain.following; });
    std::uint64_t const passed = now_s_ > last_.now_s ? now_s_ - last_.now_s : 0;
    seconds_ += passed;
    good_seconds_ += works ? passed : 0;
    of(RolloutGate::stability) = seconds_ == 0 ? Bounds{} : rate_bounds(seconds_, good_seconds_);
    inputs_.healthy = health_.healthy();
    inputs_.legacy = needs_.governor.has_legacy();
    inputs_.frozen = needs_.governor.state().mode == pipeline::Mode::frozen;
}

void Steward::begin_step() {
    tally_at_step_ = tally_;
    errors_at_step_ = last_.errors;
    operations_at_step_ = last_.operations;
    seconds_ = good_seconds_ = 0;
    inputs_.measured = {};
    inputs_.pairs = 0;
}

// ---- what is done ------------------------------------------------------------------------------

void Steward::act(HealthAction const& action) {
    std::string const check(row_of(action.check).name);
    Who const who{"health: " + check, action.sentence};
    std::string const what(to_text(action.action));
    if (action.dry_run) {
        needs_.governor.note(who, "dry run of " + what, "", "");
        return;
    }
    auto const chain = static_cast<std::uint16_t>(action.subject.value_or(0));
    if (action.cleared) {
        if (action.action == Remedy::subscan_only && needs_.hold) needs_.hold(chain, false);
        if (action.action == Remedy::high_speed) (void)needs_.governor.set_high_speed(false, who);
        needs_.governor.note(who, what + " is over", "", "");
        return;
    }
    open_incident(action.sentence);
    switch (action.action) {
    case Remedy::none:
    case Remedy::investigate: break;
    case Remedy::reduce_traffic: return retreat_from(action, Retreat::rung);
    case Remedy::halve_traffic: return retreat_from(action, Retreat::half);
    case Remedy::rollback:
    case Remedy::immediate_rollback: {
        auto const done = needs_.governor.rollback(who, what);
        if (!done) open_incident(fmt::format("{} by {}: {}", what, who.actor, done.error()));
        return;
    }
    case Remedy::high_speed: (void)needs_.governor.set_high_speed(true, who); return;
    case Remedy::subscan_only:
        if (needs_.hold && needs_.governor.has_legacy()) needs_.hold(chain, true);
        break;
    case Remedy::restart:
        if (needs_.restart) needs_.restart(action.subject.value_or(0));
        break;
    }
    needs_.governor.note(who, what, "", "");
}

// A rollout that does not run leaves the share to the flags: those are lowered then.
void Steward::retreat_from(HealthAction const& action, Retreat how) {
    Who const who{fmt::format("health: {}", row_of(action.check).name), action.sentence};
    auto const decision = retreat(plan_, state_, inputs_, how, action.sentence);
    if (decision.action != RolloutAction::hold) {
        (void)apply(decision, who);
        return;
    }
    FlagState const& flags = needs_.governor.state();
    std::uint16_t const share = flags.of(FlagName::hybrid_traffic_percent).value;
    if (share == 0) return needs_.governor.note(who, "nothing to reduce", "0", "0");
    std::uint16_t lower = how == Retreat::half ? share / 2 : 0;
    if (how == Retreat::rung)
        for (std::uint16_t const rung : plan_.ladder)
            if (rung < share) {
                lower = rung;
                break;
            }
    auto const tier = static_cast<std::uint8_t>(flags.of(FlagName::canary_tier).value);
    auto const done = needs_.governor.set_share(tier, lower, who, to_text(action.action));
    if (!done) open_incident(fmt::format("the share cannot be lowered: {}", done.error()));
}

// A lock or an unlock by whatever means is the rollout's, too.
void Steward::follow_lock() {
    bool const locked = needs_.governor.state().locked;
    if (locked == was_locked_) return;
    was_locked_ = locked;
    auto const decision = command_rollout(plan_, state_, inputs_,
                                          locked ? RolloutCommand::lock : RolloutCommand::unlock);
    if (decision) state_ = decision->next;
    if (!locked) let_go();
    begin_step();
    keep(true);
}

// A person has looked: every breach is judged anew, and what the old ones had done is undone.
void Steward::let_go() {
    health_.rearm();
    for (std::size_t i = 0; needs_.hold && i < last_.chains.size(); ++i)
        needs_.hold(static_cast<std::uint16_t>(i), false);
    if (needs_.governor.state().high_speed)
        (void)needs_.governor.set_high_speed(false, {"unlock", "breaches are judged anew"});
}

void Steward::advance() {
    if (plan_.steps.empty()) return;
    auto const decision = decide(plan_, state_, inputs_);
    if (decision.action == RolloutAction::hold) {
        state_ = decision.next;
        return keep(false);
    }
    (void)apply(decision, {"rollout", decision.reason});
}

// Into the regime first; the machine goes on only if that was possible.
bool Steward::apply(RolloutDecision const& decision, Who const& who) {
    bool const back = decision.action == RolloutAction::rollback;
    auto const done =
        back ? needs_.governor.rollback(who, "rollback")
             : needs_.governor.set_share(decision.next.tiers, decision.next.buckets, who,
                                         fmt::format("rollout: {}", to_text(decision.action)));
    if (!done) {
        open_incident(fmt::format("the rollout cannot go on: {}", done.error()));
        return false;
    }
    state_ = decision.next;
    if (back) was_locked_ = true;
    if (back || decision.action == RolloutAction::step_down) open_incident(decision.reason);
    begin_step();
    keep(true);
    return true;
}

std::expected<std::string, std::string> Steward::command(RolloutCommand command, bool force,
                                                         Who const& who) {
    if (plan_.steps.empty()) return std::unexpected("there is no rollout plan");
    auto const decision = command_rollout(plan_, state_, inputs_, command, force);
    if (!decision) return std::unexpected(decision.error());
    bool const moves = command == RolloutCommand::start ||
                       decision->next.buckets != state_.buckets ||
                       decision->next.tiers != state_.tiers;
    if (moves) {
        auto const done =
            needs_.governor.set_share(decision->next.tiers, decision->next.buckets, who,
                                      fmt::format("rollout {}", to_text(command)));
        if (!done) return std::unexpected(done.error());
        begin_step();
    } else {
        needs_.governor.note(who, fmt::format("rollout {}", to_text(command)),
                             to_text(state_.phase), to_text(decision->next.phase));
    }
    state_ = decision->next;
    keep(true);
    return decision->reason;
}

void Steward::keep(bool now) {
    if (!needs_.store || (!now && now_s_ < kept_at_s_ + keep_every_s)) return;
    kept_at_s_ = now_s_;
    if (auto const done = needs_.store(rollout_state_text(plan_, state_)); !done)
        needs_.log.write(pipeline::Level::error, "control",
                         "the state of the rollout cannot be kept: " + done.error());
}

} // namespace stages
