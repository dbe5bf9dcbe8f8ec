#include "config/rollout_plan.hpp"

#include "config/embedded.hpp"

#include "config/reader.hpp"
#include "io/files.hpp"
#include "stages/threshold.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace config {

namespace {

constexpr std::size_t steps_max = 64;
constexpr std::size_t rungs_max = 32;
constexpr std::size_t name_bytes_max = 64;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_bytes_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
           });
}

bool read_name(Reader& in, std::string_view key, std::string& out) {
    in.required(key);
    if (!in.text(key, out)) return false;
    if (is_name(out)) return true;
    in.complain(key, "a name is 1 to 64 small letters, digits, \"-\" and \"_\"");
    return false;
}

void read_milliseconds(Reader& in, std::string_view key, std::uint64_t& out) {
    Nanoseconds value = 0;
    if (in.duration(key, value)) out = value / pipeline::millisecond;
}

// A percentage with at most two decimals, as buckets of 10,000.
std::optional<std::uint16_t> buckets_of(toml::node const& node) {
    auto const value = node.value<double>();
    if (!value || !(*value >= 0 && *value <= 100)) return std::nullopt;
    double const buckets = std::round(*value * 100);
    if (std::abs(*value * 100 - buckets) > 1e-6) return std::nullopt;
    return static_cast<std::uint16_t>(buckets);
}

constexpr std::string_view percent_wanted = "a number from 0 to 100 with at most two decimals is "
                                            "needed";

void read_percent(Reader& in, std::uint16_t& out) {
    in.required("percent");
    toml::node const* const node = in.take("percent");
    if (!node) return;
    if (auto const buckets = buckets_of(*node))
        out = *buckets;
    else
        in.complain("percent", std::string(percent_wanted));
}

void read_tiers(Reader& in, std::uint8_t& out) {
    in.required("tiers");
    toml::node const* const node = in.take("tiers");
    if (!node) return;
    auto const number = node->value_exact<std::int64_t>();
    if (number && *number >= 0 && *number <= 4)
        out = static_cast<std::uint8_t>(*number);
    else if (node->value_exact<std::string>() == "all")
        out = stages::rollout_tiers_all;
    else
        in.complain("tiers", "0 (none) to 4, or \"all\", is needed");
}

void read_gate(Reader& in, stages::RolloutGateRow const& row, stages::PlanGate& out) {
    constexpr std::string_view on_fail[] = {"hold", "step_down"};
    std::string_view const key = row.at_least ? "at_least" : "at_most";
    std::string_view const other = row.at_least ? "at_most" : "at_least";
    out.gate = row.gate;
    out.steps_down = row.steps_down;
    if (in.take(other))
        in.complain(other, fmt::format("{} is limited by `{}`", row.name, key));
    else
        in.required(key);
    stages::LimitUnit const unit = row.share ? stages::LimitUnit::share : stages::LimitUnit::factor;
    if (toml::node const* const node = in.take(key)) {
        auto const limit = limit_of(*node, unit);
        if (limit)
            out.limit = *limit;
        else
            in.complain(key, limit.error());
    }
    std::size_t index = 0;
    if (in.choice("on_fail", on_fail, index)) out.steps_down = index == 1;
    in.boolean("dry_run", out.dry_run);
}

struct Placed {
    std::vector<Where> steps;
    std::vector<Problem>& problems;

    void complain(std::size_t step, std::string text, bool warning = false) {
        problems.push_back({steps[step], std::move(text), warning});
    }
};

void read_step(Reader& in, stages::PlanStep& out, Placed& placed) {
    constexpr std::string_view on_deadline[] = {"hold", "step_down"};
    placed.steps.push_back(in.where());
    read_name(in, "name", out.name);
    read_name(in, "phase", out.phase);
    read_tiers(in, out.tiers);
    read_percent(in, out.buckets);
    read_milliseconds(in, "bake", out.bake_ms);
    std::int64_t samples = 0;
    if (in.integer("samples", 0, 1'000'000'000'000, samples))
        out.samples = static_cast<std::uint64_t>(samples);
    read_milliseconds(in, "deadline", out.deadline_ms);
    std::size_t index = 0;
    if (in.choice("on_deadline", on_deadline, index))
        out.on_deadline = static_cast<stages::OnDeadline>(index);
    in.boolean("confirm", out.confirm);
    in.table("gates", [&](Reader& gates) {
        for (stages::RolloutGateRow const& row : stages::rollout_gate_rows())
            gates.table(row.name,
                        [&](Reader& gate) { read_gate(gate, row, out.gates.emplace_back()); });
    });
    if (out.deadline_ms != 0 && out.deadline_ms < out.bake_ms)
        in.complain("deadline", "shorter than `bake`: the step could never be passed");
    if (in.has("on_deadline") && out.deadline_ms == 0)
        in.complain("on_deadline", "without a `deadline` nothing ever happens");
}

void read_ladder(Reader& in, std::vector<std::uint16_t>& out) {
    in.required("ladder");
    toml::node const* const node = in.take("ladder");
    if (!node) return;
    toml::array const* const list = node->as_array();
    bool good = list != nullptr && !list->empty() && list->size() <= rungs_max;
    for (std::size_t i = 0; good && i < list->size(); ++i) {
        auto const rung = buckets_of((*list)[i]);
        good = rung && (out.empty() || *rung < out.back());
        if (good) out.push_back(*rung);
    }
    if (!good || out.back() != 0)
        in.complain("ladder", "falling percentages that end with 0 are needed: [35, 15, 5, 1, 0]");
}

// "08:00-18:00" as minutes of the day.
bool parse_hours(std::string_view text, std::uint16_t& from, std::uint16_t& to) {
    auto const minutes = [](std::string_view at) -> int {
        for (std::size_t i : {0, 1, 3, 4})
            if (at[i] < '0' || at[i] > '9') return -1;
        int const hour = (at[0] - '0') * 10 + at[1] - '0';
        int const minute = (at[3] - '0') * 10 + at[4] - '0';
        return at[2] == ':' && minute < 60 ? hour * 60 + minute : -1;
    };
    constexpr int day = 1'440;
    if (text.size() != 11 || text[5] != '-') return false;
    int const first = minutes(text.substr(0, 5));
    int const last = minutes(text.substr(6));
    if (first < 0 || first >= day || last < 0 || last > day || first == last) return false;
    from = static_cast<std::uint16_t>(first);
    to = static_cast<std::uint16_t>(last);
    return true;
}

// What no single step can see.
void check_whole(stages::RolloutPlan const& plan, Placed& placed) {
    if (plan.steps.empty() || plan.steps.size() > steps_max) {
        placed.problems.push_back({{}, fmt::format("1 to {} [[step]] are needed", steps_max)});
        return;
    }
    if (plan.steps[0].buckets != 0)
        placed.complain(0, "the first step has to have percent = 0: both paths are compared "
                           "before anything is moved");
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        stages::PlanStep const& step = plan.steps[i];
        if (!names.insert(step.name).second && !step.name.empty())
            placed.complain(i, fmt::format("two steps are called \"{}\"", step.name));
        bool const moves =
            step.buckets > 0 || (i + 1 < plan.steps.size() && plan.steps[i + 1].buckets > 0);
        bool const watched =
            std::any_of(step.gates.begin(), step.gates.end(),
                        [](stages::PlanGate const& gate) { return !gate.dry_run; });
        if (moves && !watched)
            placed.complain(i,
                            fmt::format("\"{}\" has no gate that counts: it is left after its "
                                        "bake, whatever was measured",
                                        step.name),
                            true);
        if (i == 0) continue;
        stages::PlanStep const& before = plan.steps[i - 1];
        if (step.buckets < before.buckets)
            placed.complain(i, fmt::format("\"{}\" has a smaller percentage than \"{}\" before "
                                           "it; the way down is the ladder's",
                                           step.name, before.name));
        if (step.tiers < before.tiers)
            placed.complain(i, fmt::format("\"{}\" admits fewer tiers than \"{}\" before it",
                                           step.name, before.name));
    }
}

} // namespace

LoadedPlan load_rollout_plan_text(std::string_view text, std::string const& name) {
    LoadedPlan loaded{.file = name, .plan = {}, .problems = {}};
    auto const document = parse_toml(text, name, loaded.problems);
    if (!document) return loaded;
    Placed placed{{}, loaded.problems};
    stages::RolloutPlan& plan = loaded.plan;
    Reader root(*document, "", loaded.problems);
    read_milliseconds(root, "cooldown", plan.cooldown_ms);
    read_milliseconds(root, "hold", plan.hold_ms);
    read_ladder(root, plan.ladder);
    std::string hours;
    if (root.text("allowed_hours", hours) && !parse_hours(hours, plan.hours_from, plan.hours_to))
        root.complain("allowed_hours", "two times of the UTC day are needed: \"08:00-18:00\"");
    root.tables("step", [&](Reader& in) { read_step(in, plan.steps.emplace_back(), placed); });
    root.finish();
    check_whole(plan, placed);
    std::sort(loaded.problems.begin(), loaded.problems.end(),
              [](Problem const& left, Problem const& right) {
                  return std::tie(left.where.line, left.where.column, left.text) <
                         std::tie(right.where.line, right.where.column, right.text);
              });
    return loaded;
}

LoadedPlan load_rollout_plan(std::string const& path) {
    constexpr std::size_t plan_bytes_max = 1 << 20;
    auto const text = io::read_file(path, plan_bytes_max);
    if (text) return load_rollout_plan_text(*text, path);
    return {.file = {}, .plan = {}, .problems = {{{}, io::describe(text.error()), false}}};
}

bool LoadedPlan::usable() const {
    return std::all_of(problems.begin(), problems.end(),
                       [](Problem const& problem) { return problem.warning; });
}

LoadedPlan rollout_plan_of(Config const& config) {
    if (config.rollout.plan.empty())
        return load_rollout_plan_text(default_rollout_plan(), "rollout.toml");
    return load_rollout_plan(config.rollout.plan);
}

} // namespace config
