#include "stages/operator_sinks.hpp"

#include "pipeline/check.hpp"
#include "stages/alert_line.hpp"

#include <array>
#include <fmt/format.h>

namespace stages {

namespace {

constexpr std::array<std::string_view, 3> news_names{"open", "raised", "acknowledged"};

bool hears(std::uint8_t level, Incident const& incident, IncidentNews news) {
    return news == IncidentNews::raised ? level == incident.level : level <= incident.level;
}

} // namespace

std::string incident_line(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms) {
    return fmt::format(R"({{"incident":{},"news":"{}","level":{},"at":"{}","opened_at":"{}",)"
                       R"("acknowledged_by":{},"text":{}}})"
                       "\n",
                       incident.id, news_names[static_cast<std::size_t>(news)], incident.level,
                       utc_text(now_unix_ms), utc_text(incident.opened_at),
                       incident.acknowledged() ? quoted(incident.acknowledged_by) : "null",
                       quoted(incident.text));
}

void OperatorSinks::add(std::uint8_t level, std::unique_ptr<Sink> sink) {
    CHECK(level >= 1 && level <= Incidents::levels && sink);
    rows_.push_back({level, std::move(sink)});
}

void OperatorSinks::tell(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms) {
    std::string line;
    for (Row const& row : rows_) {
        if (!hears(row.level, incident, news)) continue;
        if (line.empty()) line = incident_line(incident, news, now_unix_ms);
        if (!row.sink->append(line)) ++left_out_;
    }
}

void OperatorSinks::advance() {
    for (Row const& row : rows_) row.sink->advance();
}

std::size_t OperatorSinks::pending() const {
    std::size_t bytes = 0;
    for (Row const& row : rows_) bytes += row.sink->pending();
    return bytes;
}

} // namespace stages
