// Both writers of canonical JSON on the same value: by plan, and by walking the types. They must
// agree on every line, or on the fault.
#pragma once

#include "decoders/events_json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tests {

struct Lines {
    std::vector<std::string> lines; // of the events before the fault
    std::optional<decoders::EventsError> fault;
};

// By plan; plans are kept per runtime for the whole run.
Lines by_plan(decoders::Runtime const& runtime, decoders::Bytes value);
Lines by_walk(decoders::Runtime const& runtime, decoders::Bytes value);

// The plan's answer, after a failure of the test where the walk says something else.
Lines events_json(decoders::Runtime const& runtime, decoders::Bytes value);

} // namespace tests
