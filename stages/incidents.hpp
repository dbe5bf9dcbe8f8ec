// Incidents and who has to hear of them: one that nobody acknowledges in its time goes to the next
// of four levels (development team, technical lead, stakeholders, business impact).
//
// Pure but for its bounded list; time is unix milliseconds from outside, and a clock set back only
// delays. Full, it forgets the oldest acknowledged incident, or, where there is none, the oldest.
// One thread: control. Source of the levels: the rollout plan's contact escalation.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

struct Incident {
    std::uint64_t id = 0;
    std::uint64_t opened_at = 0; // unix ms
    std::uint64_t raised_at = 0; // to its level
    std::uint8_t level = 1;      // 1..4
    std::uint64_t times = 1;     // the same text again while it was open
    std::uint64_t acknowledged_at = 0;
    std::string acknowledged_by{}; // empty: nobody yet
    std::string text{};

    bool acknowledged() const { return !acknowledged_by.empty(); }
};

struct IncidentOptions {
    // Unacknowledged for this long at level 1, 2, 3: on to the next.
    std::array<std::uint64_t, 3> after_ms{15 * 60'000, 30 * 60'000, 60 * 60'000};
    std::size_t most = 256;
};

class Incidents {
  public:
    static constexpr std::uint8_t levels = 4;

    explicit Incidents(IncidentOptions const& options);

    // The id. The same text while it is open and unacknowledged is the same incident.
    std::uint64_t open(std::string_view text, std::uint64_t now_unix_ms, std::uint8_t level = 1);
    // The error is a sentence (exit code 4).
    [[nodiscard]] std::expected<void, std::string>
    acknowledge(std::uint64_t id, std::string_view who, std::uint64_t now_unix_ms);
    // Appends those that have just gone up a level, to be told to its sinks. Copies.
    void escalate(std::uint64_t now_unix_ms, std::vector<Incident>& raised);

    std::span<Incident const> list() const { return list_; } // oldest first
    std::size_t unacknowledged() const;
    std::uint64_t forgotten() const { return forgotten_; } // without having been acknowledged

  private:
    IncidentOptions const options_;
    std::vector<Incident> list_;
    std::uint64_t next_id_ = 1;
    std::uint64_t forgotten_ = 0;
};

} // namespace stages
