// The rollout, health and incidents on the admin socket, and what the steward is shown each second.
#include "stages/control.hpp"

#include "stages/control_words.hpp"
#include "stages/health_view.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

// What goes wrong between us and the nodes, against what goes right. A refused method is no error:
// there is another way, and every node refuses some.
constexpr std::string_view error_rows[] = {
    "spyhop_source_malformed_total", "spyhop_source_silent_total",
    "spyhop_source_disconnects_total", "spyhop_source_finality_conflicts_total",
    "spyhop_decode_incomplete_blocks_total"};
constexpr std::string_view operation_rows[] = {"spyhop_decode_blocks_total"};

std::uint64_t sum(pipeline::MetricsBook const& book, std::span<std::string_view const> rows) {
    std::uint64_t total = 0;
    for (std::string_view const row : rows) total += book.sum(row);
    return total;
}

} // namespace

// ---- once a second -----------------------------------------------------------------------------

Glance Control::glance(pipeline::Turn const& turn) const {
    Glance glance;
    glance.unix_ms = turn.unix_ms;
    glance.now_s = turn.now / pipeline::second;
    bool const hybrid_on = (turn.regime.flags & pipeline::Flag::hybrid_rpc) != 0;
    for (std::size_t i = 0; i < options_.chains.size(); ++i) {
        auto const& chain = options_.chains[i];
        glance.chains.push_back({!chain.subscan.empty() && chain.hybrid, hybrid_on && chain.hybrid,
                                 notes_[i].state == SourceState::following,
                                 notes_[i].head_unix_ms});
    }
    glance.comparisons = comparisons_;
    glance.errors = sum(needs_.metrics, error_rows);
    glance.operations = sum(needs_.metrics, operation_rows);
    glance.latency_ms = needs_.metrics.sum("spyhop_deliver_hybrid_latency_milliseconds_total");
    glance.latency_lines = needs_.metrics.sum("spyhop_deliver_hybrid_latency_lines_total");
    if (needs_.processes)
        for (ProcessStatus const& process : needs_.processes())
            if (process.name == "hybrid") glance.deaths = process.deaths;
    if (needs_.queue_fill) glance.queue_fill = needs_.queue_fill();
    if (needs_.memory_shares) glance.memory = needs_.memory_shares();
    glance.resource_ratio = resource_ratio();
    if (LegacyNote const* const key = any_legacy(); key != nullptr && key->quota_day != 0)
        glance.quota_used = static_cast<double>(key->quota_used) / key->quota_day;
    return glance;
}

void Control::look_around(pipeline::Turn const& turn) {
    if (!needs_.steward || turn.now < look_at_ || turn.draining) return;
    look_at_ = turn.now + pipeline::second;
    needs_.steward->look(glance(turn));
}

// ---- rollout -----------------------------------------------------------------------------------

Control::Answer Control::rollout_status(AdminRequest const&, pipeline::Turn const& turn) {
    if (!needs_.steward) return {exit_failed, "this service has no rollout", {}};
    Steward const& steward = *needs_.steward;
    std::string text = rollout_status_table(steward.plan(), steward.state(), steward.inputs());
    std::uint16_t const in_force = turn.regime.hybrid_buckets;
    if (in_force != steward.state().buckets)
        text += fmt::format("in force is hybrid {}, set by hand and not by the rollout\n",
                            percent_text(in_force));
    return {0, text,
            rollout_status_json(steward.plan(), steward.state(), steward.inputs()) +
                fmt::format(R"(,"in_force_percent":{:g})", in_force / 100.0)};
}

Control::Answer Control::rollout_plan(AdminRequest const&, pipeline::Turn const& turn) {
    if (!needs_.steward) return {exit_failed, "this service has no rollout", {}};
    Steward const& steward = *needs_.steward;
    return {0, rollout_plan_table(steward.plan(), steward.state(), turn.unix_ms),
            rollout_plan_json(steward.plan(), steward.state(), turn.unix_ms)};
}

Control::Answer Control::steer_rollout(RolloutCommand command, AdminRequest const& request,
                                       pipeline::Turn const&) {
    if (!needs_.steward) return {exit_failed, "this service has no rollout", {}};
    auto const done =
        needs_.steward->command(command, request.args.contains("force"), who(request));
    if (!done) return {exit_refused, done.error(), {}};
    RolloutState const& state = needs_.steward->state();
    return {0, *done,
            fmt::format(R"(,"phase":"{}","step":{},"hybrid_traffic_percent":{:g},"epoch":{})",
                        to_text(state.phase), state.step, state.buckets / 100.0,
                        needs_.switchboard.load().epoch)};
}

Control::Answer Control::rollout_start(AdminRequest const& r, pipeline::Turn const& turn) {
    return steer_rollout(RolloutCommand::start, r, turn);
}
Control::Answer Control::rollout_pause(AdminRequest const& r, pipeline::Turn const& turn) {
    return steer_rollout(RolloutCommand::pause, r, turn);
}
Control::Answer Control::rollout_resume(AdminRequest const& r, pipeline::Turn const& turn) {
    return steer_rollout(RolloutCommand::resume, r, turn);
}
Control::Answer Control::rollout_promote(AdminRequest const& r, pipeline::Turn const& turn) {
    return steer_rollout(RolloutCommand::promote, r, turn);
}
Control::Answer Control::rollout_step_down(AdminRequest const& r, pipeline::Turn const& turn) {
    return steer_rollout(RolloutCommand::step_down, r, turn);
}

// ---- go or no-go, health, incidents ------------------------------------------------------------

Control::Answer Control::go_or_no_go(AdminRequest const&, pipeline::Turn const&) {
    if (!needs_.steward) return {exit_failed, "this service has no rollout", {}};
    Steward const& steward = *needs_.steward;
    auto const items = ready_items(steward.plan(), steward.state(), steward.inputs());
    Answer answer{0, ready_table(items), ready_json(items)};
    answer.verdict = ready_code(items);
    return answer;
}

Control::Answer Control::health(AdminRequest const&, pipeline::Turn const&) {
    if (!needs_.steward) return {exit_failed, "this service watches over nothing", {}};
    Steward& steward = *needs_.steward;
    HealthNames names;
    for (auto const& chain : options_.chains) names.chains.push_back(chain.name);
    names.processes = {"control", "legacy", "hybrid"};
    auto const statuses = steward.health().statuses(steward.now_s());
    auto const& rules = steward.health().options().rules;
    Answer answer{0, health_table(rules, statuses, names, steward.now_s()),
                  health_json(rules, statuses, names, steward.now_s())};
    // What has not been measured yet is nobody's fault: only a breach is unhealthy.
    answer.verdict = health_code(rules, statuses) == 6 ? 6 : 0;
    return answer;
}

Control::Answer Control::incidents(AdminRequest const&, pipeline::Turn const&) {
    if (!needs_.steward) return {exit_failed, "this service watches over nothing", {}};
    auto const list = needs_.steward->incidents().list();
    return {0, incidents_table(list), incidents_json(list)};
}

Control::Answer Control::acknowledge(AdminRequest const& request, pipeline::Turn const& turn) {
    if (!needs_.steward) return {exit_failed, "this service watches over nothing", {}};
    std::string const text = request.words.size() == 3 ? request.words[2] : std::string();
    auto const id = whole_number(text);
    if (!id) return {exit_usage, "incident ack ID; spyhop incidents lists them", {}};
    Who const by = who(request);
    auto const done = needs_.steward->acknowledge(*id, by.actor, turn.unix_ms);
    if (!done) return {exit_refused, done.error(), {}};
    needs_.governor->note(by, fmt::format("acknowledge incident {}", *id), "", "");
    return {0, fmt::format("incident {} is acknowledged", *id), fmt::format(R"(,"id":{})", *id)};
}

} // namespace stages
