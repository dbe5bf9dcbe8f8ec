#include "stages/incidents.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stages {

Incidents::Incidents(IncidentOptions const& options)
    : options_(options) {
    CHECK(options_.most > 0);
    list_.reserve(options_.most);
}

std::uint64_t Incidents::open(std::string_view text, std::uint64_t now_unix_ms,
                              std::uint8_t level) {
    CHECK(level >= 1 && level <= levels);
    for (Incident& incident : list_) {
        if (incident.acknowledged() || incident.text != text) continue;
        ++incident.times;
        if (level > incident.level) {
            incident.level = level;
            incident.raised_at = now_unix_ms;
        }
        return incident.id;
    }
    if (list_.size() == options_.most) {
        auto out = std::find_if(list_.begin(), list_.end(),
                                [](Incident const& incident) { return incident.acknowledged(); });
        if (out == list_.end()) {
            out = list_.begin();
            ++forgotten_;
        }
        list_.erase(out);
    }
    list_.push_back({.id = next_id_++,
                     .opened_at = now_unix_ms,
                     .raised_at = now_unix_ms,
                     .level = level,
                     .text = std::string(text)});
    return list_.back().id;
}

std::expected<void, std::string> Incidents::acknowledge(std::uint64_t id, std::string_view who,
                                                        std::uint64_t now_unix_ms) {
    if (who.empty()) return std::unexpected("say who acknowledges it");
    auto const found = std::find_if(list_.begin(), list_.end(),
                                    [&](Incident const& incident) { return incident.id == id; });
    if (found == list_.end()) return std::unexpected(fmt::format("there is no incident {}", id));
    if (found->acknowledged())
        return std::unexpected(
            fmt::format("incident {} is acknowledged by {} already", id, found->acknowledged_by));
    found->acknowledged_by = who;
    found->acknowledged_at = now_unix_ms;
    return {};
}

void Incidents::escalate(std::uint64_t now_unix_ms, std::vector<Incident>& raised) {
    for (Incident& incident : list_) {
        if (incident.acknowledged() || incident.level >= levels) continue;
        std::uint64_t const after = options_.after_ms[incident.level - 1U];
        if (now_unix_ms < incident.raised_at || now_unix_ms - incident.raised_at < after) continue;
        // One level at a time: who was to be asked first gets the same time after a pause.
        ++incident.level;
        incident.raised_at = now_unix_ms;
        raised.push_back(incident);
    }
}

std::size_t Incidents::unacknowledged() const {
    return static_cast<std::size_t>(
        std::count_if(list_.begin(), list_.end(),
                      [](Incident const& incident) { return !incident.acknowledged(); }));
}

} // namespace stages
