#include "config/health_load.hpp"

#include "stages/duration.hpp"

#include <fmt/format.h>

namespace config {

namespace {

// "none, investigate, …" as far as they can be done about this check.
bool fits(stages::Remedy remedy, stages::HealthRow const& row) {
    if (remedy == stages::Remedy::subscan_only) return row.scope == stages::HealthScope::chain;
    if (remedy == stages::Remedy::restart) return row.scope == stages::HealthScope::process;
    return true;
}

std::string fitting(stages::HealthRow const& row) {
    std::string text;
    for (std::size_t i = 0; i < stages::remedies; ++i) {
        auto const remedy = static_cast<stages::Remedy>(i);
        if (!fits(remedy, row)) continue;
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", stages::to_text(remedy));
    }
    return text;
}

void read_action(Reader& in, std::string_view key, stages::HealthRow const& row,
                 stages::Remedy& out) {
    std::string name;
    if (!in.text(key, name)) return;
    auto const remedy = stages::remedy_named(name);
    if (remedy && fits(*remedy, row))
        out = *remedy;
    else
        in.complain(key, fmt::format("\"{}\" {}; it is one of {}", name,
                                     remedy ? fmt::format("cannot be done about {}", row.name)
                                            : "is no action",
                                     fitting(row)));
}

void read_threshold(Reader& in, stages::HealthRow const& row, double& out) {
    toml::node const* const node = in.take("threshold");
    if (!node) return;
    auto const limit = limit_of(*node, row.unit);
    bool const share = row.unit == stages::LimitUnit::share;
    if (!limit)
        in.complain("threshold", limit.error());
    else if (*limit == 0 || (share && *limit >= 1))
        in.complain("threshold", "a percentage above 0 and below 100 is needed");
    else
        out = *limit;
}

void read_seconds(Reader& in, std::string_view key, std::uint32_t& out) {
    Nanoseconds value = 0;
    if (!in.duration(key, value)) return;
    if (value < pipeline::second || value % pipeline::second != 0 ||
        value > stages::health_window_max_s * pipeline::second)
        in.complain(key, "whole seconds are needed, from \"1s\" to \"24h\"");
    else
        out = static_cast<std::uint32_t>(value / pipeline::second);
}

void read_check(Reader& in, stages::HealthRow const& row, stages::HealthRule& out) {
    read_threshold(in, row, out.threshold);
    read_action(in, "action", row, out.action);
    read_action(in, "severe_action", row, out.severe_action);
    in.boolean("dry_run", out.dry_run);
    read_seconds(in, "window", out.window_s);
    read_seconds(in, "cooldown", out.cooldown_s);
    std::int64_t minimum = 0;
    if (in.integer("minimum", 1, 1'000'000'000, minimum))
        out.minimum = static_cast<std::uint64_t>(minimum);
}

} // namespace

void read_health(Reader& in, HealthConfig& out) {
    for (stages::HealthRow const& row : stages::health_rows())
        in.table(row.name, [&](Reader& check) {
            read_check(check, row, out.rules[static_cast<std::size_t>(row.check)]);
        });
    std::vector<std::string> times;
    if (!in.texts("escalate_after", times)) return;
    bool good = times.size() == out.escalate_after_ms.size();
    for (std::size_t i = 0; good && i < times.size(); ++i) {
        auto const time = stages::parse_duration(times[i]);
        good = time && *time >= pipeline::second;
        if (good) out.escalate_after_ms[i] = *time / pipeline::millisecond;
    }
    if (!good)
        in.complain("escalate_after", "three durations are needed, for levels 1, 2 and 3: "
                                      "[\"15m\", \"30m\", \"60m\"]");
}

} // namespace config
