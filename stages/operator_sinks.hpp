// Where operators hear of incidents: sinks that carry a level, 1 to 4. Each hears what has come to
// its level, once, and afterwards who acknowledged it; nothing below it.
//
//   level        1    2    3    4
//   open at 1    x                     every sink up to the incident's level
//   raised to 2       x                the sinks of just that level
//   acknowledged x    x                every sink that has heard of it
//
// One line each, NDJSON: {"incident":7,"news":"raised","level":2,"at":"...","opened_at":"...",
// "acknowledged_by":null,"text":"..."}. A line that finds no room is left out and counted: the list
// (`spyhop incidents`) and the audit trail have it. One thread: control. Owns the sinks.
#pragma once

#include "stages/incidents.hpp"
#include "stages/sink.hpp"

#include <memory>
#include <vector>

namespace stages {

enum class IncidentNews : std::uint8_t { open, raised, acknowledged };

// With its newline. now: unix milliseconds.
std::string incident_line(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms);

class OperatorSinks {
  public:
    // level: 1..Incidents::levels.
    void add(std::uint8_t level, std::unique_ptr<Sink> sink);
    void tell(Incident const& incident, IncidentNews news, std::uint64_t now_unix_ms);
    // Retries what a sink could not write; call about once a second.
    void advance();
    std::size_t pending() const; // bytes
    std::uint64_t left_out() const { return left_out_; }

  private:
    struct Row {
        std::uint8_t level;
        std::unique_ptr<Sink> sink;
    };
    std::vector<Row> rows_;
    std::uint64_t left_out_ = 0;
};

} // namespace stages
