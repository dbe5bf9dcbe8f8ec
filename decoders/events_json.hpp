// The System.Events value of a block as canonical JSON, one line an event (interface.md section 6).
//
// EventsJson writes by plan: for every event of a block, as fast as text can be made. The functions
// below it walk the type registry value by value instead: slow, simple, an opinion of its own that
// tests and fuzzers hold against the plans. Both accept exactly the bytes that scanning accepts,
// but for text beyond json_limit(), which is too_much_work. Pure; one thread an object.
#pragma once

#include "decoders/events.hpp"
#include "decoders/json_run.hpp"

#include <expected>
#include <functional>
#include <string_view>

namespace decoders {

// One call per event; no newline at the line's end, which is valid during the call.
using LineSink = std::function<void(std::string_view line)>;

class EventsJson {
  public:
    // Builds the plans, which takes milliseconds. `runtime` must outlive it.
    explicit EventsJson(Runtime const& runtime);

    // The number of events. Lines before an error have been told.
    [[nodiscard]] std::expected<std::uint32_t, EventsError> write(Bytes value,
                                                                  LineSink const& sink);

  private:
    bool event(std::uint32_t index);
    bool unknown(std::uint8_t const* at);

    Runtime const& runtime_;
    JsonPlans plans_;
    JsonRun run_;
    std::uint32_t phase_ = 0; // first steps of the record's other fields
    std::uint32_t topics_ = 0;
    EventName name_; // of the event being read, as soon as it is known
};

[[nodiscard]] std::expected<std::uint32_t, EventsError>
walk_events_json(Runtime const& runtime, Bytes value, LineSink const& sink);

// One call per event with its byte range [begin, end) in the value.
using SpanSink = std::function<void(std::uint32_t index, std::size_t begin, std::size_t end)>;
[[nodiscard]] std::expected<std::uint32_t, EventsError>
walk_event_spans(Runtime const& runtime, Bytes value, SpanSink const& sink);

} // namespace decoders
