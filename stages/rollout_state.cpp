// The rollout's state as text. Steps go by name, so that a plan may grow; what does not fit the
// plan is refused rather than guessed.
#include "stages/rollout.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::uint64_t unix_ms_max = 10'000'000'000'000; // the year 2286
constexpr std::size_t text_max = 4'096;

struct NumberKey {
    std::string_view name;
    std::uint64_t RolloutState::* field;
};
constexpr NumberKey number_keys[] = {{"entered_at", &RolloutState::entered_at},
                                     {"counted_to", &RolloutState::counted_to},
                                     {"baked_ms", &RolloutState::baked_ms},
                                     {"passed_ms", &RolloutState::passed_ms},
                                     {"cooldown_left_ms", &RolloutState::cooldown_left_ms}};

using Status = std::expected<void, std::string>;

Status number(std::string_view text, std::uint64_t most, std::uint64_t& out) {
    auto const* const end = text.data() + text.size();
    auto const [stop, failure] = std::from_chars(text.data(), end, out);
    bool const plain = text == "0" || (!text.empty() && text.front() != '0');
    if (failure != std::errc{} || stop != end || out > most || !plain)
        return std::unexpected(fmt::format("\"{}\" is no number from 0 to {}", text, most));
    return {};
}

std::expected<std::string_view, std::string> unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"')
        return std::unexpected("a text in quotes is needed");
    return text.substr(1, text.size() - 2);
}

Status take_verdicts(std::string_view text, RolloutState& out) {
    while (!text.empty()) {
        std::size_t const blank = std::min(text.find(' '), text.size());
        std::string_view const word = text.substr(0, blank);
        text.remove_prefix(std::min(blank + 1, text.size()));
        std::size_t const equals = std::min(word.find('='), word.size());
        auto const gate = rollout_gate_named(word.substr(0, equals));
        std::string_view const verdict = word.substr(std::min(equals + 1, word.size()));
        if (!gate || (verdict != "pass" && verdict != "fail"))
            return std::unexpected(fmt::format("\"{}\" is no gate's verdict", word));
        out.verdicts[static_cast<std::size_t>(*gate)] =
            verdict == "pass" ? GateVerdict::pass : GateVerdict::fail;
    }
    return {};
}

Status take_word(RolloutPlan const& plan, std::string_view key, std::string_view value,
                 RolloutState& out) {
    auto const word = unquoted(value);
    if (!word) return std::unexpected(word.error());
    if (key == "verdicts") return take_verdicts(*word, out);
    if (key == "step") {
        for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
            if (plan.steps[i].name != *word) continue;
            out.step = i;
            return {};
        }
        return std::unexpected(fmt::format("the plan has no step \"{}\"", *word));
    }
    for (std::size_t i = 0; i <= static_cast<std::size_t>(RolloutPhase::done); ++i) {
        if (to_text(static_cast<RolloutPhase>(i)) != *word) continue;
        out.phase = static_cast<RolloutPhase>(i);
        return {};
    }
    return std::unexpected(fmt::format("\"{}\" is no phase", *word));
}

Status take(RolloutPlan const& plan, std::string_view key, std::string_view value,
            RolloutState& out) {
    if (key == "phase" || key == "step" || key == "verdicts")
        return take_word(plan, key, value, out);
    for (NumberKey const& known : number_keys)
        if (known.name == key) return number(value, unix_ms_max, out.*known.field);
    std::uint64_t small = 0;
    std::uint64_t const most = key == "tiers" ? rollout_tiers_all : key == "version" ? 1 : 10'000;
    if (auto const read = number(value, most, small); !read) return read;
    if (key == "tiers")
        out.tiers = static_cast<std::uint8_t>(small);
    else if (key == "buckets")
        out.buckets = static_cast<std::uint16_t>(small);
    else if (key == "strikes")
        out.strikes = static_cast<std::uint32_t>(small);
    else if (key != "version" || small != 1)
        return std::unexpected(key == "version" ? "written by another version" : "unknown key");
    return {};
}

// What the machine could never have reached.
Status fits(RolloutPlan const& plan, RolloutState const& state) {
    bool known = state.buckets == 0 || std::find(plan.ladder.begin(), plan.ladder.end(),
                                                 state.buckets) != plan.ladder.end();
    for (PlanStep const& step : plan.steps) known = known || step.buckets == state.buckets;
    if (!known)
        return std::unexpected(fmt::format("{} is neither a step of the plan nor a rung of its "
                                           "ladder",
                                           percent_text(state.buckets)));
    bool const silent = state.phase == RolloutPhase::idle || state.phase == RolloutPhase::locked;
    if (silent && (state.buckets != 0 || state.tiers != 0))
        return std::unexpected(fmt::format("{} with traffic on hybrid", to_text(state.phase)));
    if (state.tiers > 4 && state.tiers != rollout_tiers_all)
        return std::unexpected("tiers are 0 to 4, or 15 for all");
    PlanStep const& step = plan.steps[state.step];
    if (!silent && (step.buckets > state.buckets || state.tiers > step.tiers))
        return std::unexpected(fmt::format("step \"{}\" does not go with tiers {} and {}",
                                           step.name, tiers_text(state.tiers),
                                           percent_text(state.buckets)));
    return {};
}

} // namespace

std::string rollout_state_text(RolloutPlan const& plan, RolloutState const& state) {
    std::string text = fmt::format(
        "version = 1\nphase = \"{}\"\nstep = \"{}\"\ntiers = {}\nbuckets = {}\nstrikes = {}\n",
        to_text(state.phase), plan.steps[state.step].name, state.tiers, state.buckets,
        state.strikes);
    for (NumberKey const& key : number_keys)
        text += fmt::format("{} = {}\n", key.name, state.*key.field);
    std::string verdicts;
    for (RolloutGateRow const& row : rollout_gate_rows()) {
        GateVerdict const verdict = state.verdicts[static_cast<std::size_t>(row.gate)];
        if (verdict == GateVerdict::inconclusive) continue;
        verdicts += fmt::format("{}{}={}", verdicts.empty() ? "" : " ", row.name, to_text(verdict));
    }
    return text + fmt::format("verdicts = \"{}\"\n", verdicts);
}

std::expected<RolloutState, std::string> parse_rollout_state(RolloutPlan const& plan,
                                                             std::string_view text) {
    if (text.size() > text_max) return std::unexpected("the rollout's state is far too long");
    constexpr std::string_view keys[] = {
        "version",    "phase",      "step",     "tiers",     "buckets",          "strikes",
        "entered_at", "counted_to", "baked_ms", "passed_ms", "cooldown_left_ms", "verdicts"};
    RolloutState state;
    std::size_t line_number = 0;
    while (!text.empty()) {
        std::size_t const end = text.find('\n');
        if (end == std::string_view::npos)
            return std::unexpected("the rollout's state is cut off in its last line");
        std::string_view const line = text.substr(0, end);
        text.remove_prefix(end + 1);
        std::size_t const equals = line.find(" = ");
        std::string_view const key = line.substr(0, std::min(equals, line.size()));
        // The order is fixed, so that nothing can be missing or said twice.
        if (line_number == std::size(keys) || equals == std::string_view::npos ||
            key != keys[line_number])
            return std::unexpected(
                fmt::format("line {} of the rollout's state: `{}` is expected", line_number + 1,
                            line_number == std::size(keys) ? "the end" : keys[line_number]));
        ++line_number;
        if (auto const read = take(plan, key, line.substr(equals + 3), state); !read)
            return std::unexpected(fmt::format("line {} of the rollout's state, `{}`: {}",
                                               line_number, key, read.error()));
    }
    if (line_number != std::size(keys)) return std::unexpected("the rollout's state is cut off");
    if (auto const good = fits(plan, state); !good)
        return std::unexpected("the rollout's state does not fit its plan: " + good.error());
    return state;
}

} // namespace stages
