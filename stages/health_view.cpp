#include "stages/health_view.hpp"

#include "stages/alert_line.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

namespace {

HealthRule const& rule_of(HealthRules const& rules, HealthCheck check) {
    return rules[static_cast<std::size_t>(check)];
}

std::string subject_text(HealthStatus const& status, HealthNames const& names) {
    if (!status.subject) return "-";
    bool const chain = row_of(status.check).scope == HealthScope::chain;
    auto const& list = chain ? names.chains : names.processes;
    return *status.subject < list.size()
             ? std::string(list[*status.subject])
             : fmt::format("{} {}", chain ? "chain" : "process", *status.subject);
}

std::string state_text(HealthStatus const& status) {
    return fmt::format("{}{}", to_text(status.verdict), status.severe ? " (severe)" : "");
}

std::string limit_text(HealthCheck check, HealthRule const& rule) {
    HealthRow const& row = row_of(check);
    std::string_view const sign = row.floor ? ">=" : row.at_equality ? "<" : "<=";
    return fmt::format("{} {}", sign, health_value_text(check, rule.threshold));
}

std::string remedy_text(HealthRule const& rule) {
    std::string text(to_text(rule.action));
    if (rule.severe_action != Remedy::none)
        text += fmt::format(", then {}", to_text(rule.severe_action));
    return text + (rule.dry_run ? " (dry run)" : "");
}

std::uint64_t ago(std::uint64_t since_s, std::uint64_t now_s) {
    return now_s > since_s ? now_s - since_s : 0;
}

} // namespace

std::string health_table(HealthRules const& rules, std::vector<HealthStatus> const& statuses,
                         HealthNames const& names, std::uint64_t now_s) {
    std::size_t width = 7;
    for (HealthStatus const& status : statuses)
        width = std::max(width, subject_text(status, names).size());
    constexpr std::string_view row = "{:<18}  {:<{}}  {:<17}  {:>11}  {:>11}  {:>8}  {:>9}  {}\n";
    std::string text = fmt::format(fmt::runtime(row), "CHECK", "SUBJECT", width, "STATE",
                                   "MEASURED", "LIMIT", "SAMPLES", "SINCE", "ACTION");
    for (HealthStatus const& status : statuses) {
        HealthRule const& rule = rule_of(rules, status.check);
        text += fmt::format(fmt::runtime(row), row_of(status.check).name,
                            subject_text(status, names), width, state_text(status),
                            status.known ? health_value_text(status.check, status.measured) : "-",
                            limit_text(status.check, rule), status.samples,
                            fmt::format("{} s", ago(status.since_s, now_s)), remedy_text(rule));
    }
    return text;
}

std::string health_json(HealthRules const& rules, std::vector<HealthStatus> const& statuses,
                        HealthNames const& names, std::uint64_t now_s) {
    int const code = health_code(rules, statuses);
    std::string json = fmt::format(R"(,"health":"{}","checks":[)", code == 0   ? "ok"
                                                                   : code == 6 ? "breached"
                                                                               : "inconclusive");
    constexpr std::string_view units[] = {"share", "seconds", "count", "factor"};
    for (HealthStatus const& status : statuses) {
        HealthRow const& row = row_of(status.check);
        HealthRule const& rule = rule_of(rules, status.check);
        bool const number = status.known && std::isfinite(status.measured);
        json += fmt::format(
            R"({}{{"check":"{}","what":"{}","subject":{},"state":"{}","severe":{},)"
            R"("measured":{},"limit":{},"unit":"{}","samples":{},"minimum":{},"window_s":{},)"
            R"("action":"{}","severe_action":"{}","dry_run":{},"since_s":{}}})",
            json.ends_with('[') ? "" : ",", row.name, row.what,
            status.subject ? quoted(subject_text(status, names)) : "null", to_text(status.verdict),
            status.severe, number ? fmt::format("{}", status.measured) : "null", rule.threshold,
            units[static_cast<std::size_t>(row.unit)], status.samples, rule.minimum, rule.window_s,
            to_text(rule.action), to_text(rule.severe_action), rule.dry_run,
            ago(status.since_s, now_s));
    }
    return json + ']';
}

int health_code(HealthRules const& rules, std::vector<HealthStatus> const& statuses) {
    int code = 0;
    for (HealthStatus const& status : statuses) {
        if (rule_of(rules, status.check).dry_run || status.verdict == HealthVerdict::ok) continue;
        if (status.verdict == HealthVerdict::breached) return 6;
        code = 7;
    }
    return code;
}

std::string incidents_table(std::span<Incident const> incidents) {
    if (incidents.empty()) return "no incidents\n";
    std::string text = fmt::format("{:>6}  {:>5}  {:<24}  {:>5}  {:<16}  {}\n", "ID", "LEVEL",
                                   "OPENED", "TIMES", "ACKNOWLEDGED BY", "WHAT");
    for (Incident const& incident : incidents)
        text += fmt::format("{:>6}  {:>5}  {:<24}  {:>5}  {:<16}  {}\n", incident.id,
                            incident.level, utc_text(incident.opened_at), incident.times,
                            incident.acknowledged() ? incident.acknowledged_by : "nobody",
                            incident.text);
    return text;
}

std::string incidents_json(std::span<Incident const> incidents) {
    std::string json = R"(,"incidents":[)";
    for (Incident const& incident : incidents)
        json += fmt::format(
            R"({}{{"id":{},"level":{},"opened_at":"{}","times":{},"acknowledged_by":{},)"
            R"("acknowledged_at":{},"text":{}}})",
            json.ends_with('[') ? "" : ",", incident.id, incident.level,
            utc_text(incident.opened_at), incident.times,
            incident.acknowledged() ? quoted(incident.acknowledged_by) : "null",
            incident.acknowledged() ? quoted(utc_text(incident.acknowledged_at)) : "null",
            quoted(incident.text));
    return json + ']';
}

} // namespace stages
