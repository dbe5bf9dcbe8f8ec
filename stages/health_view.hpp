// Health as people and programs see it (spyhop health): every check with its subjects, and the
// incidents that are open.
//
// Pure, any thread. Tables are for people; JSON comes as members of an object, each with a comma
// before it, as the admin socket's answers are put together. Seconds are of the clock of `Health`.
#pragma once

#include "stages/health.hpp"
#include "stages/incidents.hpp"

namespace stages {

// Subjects by name; one without a name goes by its number.
struct HealthNames {
    std::vector<std::string_view> chains{};
    std::vector<std::string_view> processes{};
};

std::string health_table(HealthRules const& rules, std::vector<HealthStatus> const& statuses,
                         HealthNames const& names, std::uint64_t now_s);
std::string health_json(HealthRules const& rules, std::vector<HealthStatus> const& statuses,
                        HealthNames const& names, std::uint64_t now_s);

// 0 nothing is breached and all is known, 6 something is breached, 7 otherwise. Dry runs do not
// count.
int health_code(HealthRules const& rules, std::vector<HealthStatus> const& statuses);

std::string incidents_table(std::span<Incident const> incidents);
std::string incidents_json(std::span<Incident const> incidents);

} // namespace stages
