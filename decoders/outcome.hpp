// What became of the extrinsics of a block, from its System.Events value: whether each was
// dispatched, and which calls inside it failed although it was (an item of a batch, a proxied call,
// a multisig's, sudo's). A table of names (outcome.cpp) says which events tell so and in which
// field; it is resolved against a runtime when the object is made.
//
// Scanning is pure, allocates nothing and keeps nothing. Any thread, after construction.
#pragma once

#include "decoders/events.hpp"

#include <expected>
#include <functional>
#include <optional>
#include <vector>

namespace decoders {

enum class Told : std::uint8_t {
    dispatched,   // System.ExtrinsicSuccess
    failed,       // System.ExtrinsicFailed
    inner_failed, // a call inside it failed
};

struct OutcomeEvent {
    Told told{};
    std::uint32_t extrinsic_index = 0;
    std::uint32_t event_index = 0;
    EventName event;
    std::optional<std::uint32_t> item; // of a batch, where the event names it
    Bytes error;                       // SCALE bytes of it, inside the value; empty: not told
    TypeId error_type = no_type;
};
using OutcomeVisitor = std::function<void(OutcomeEvent const&)>;

struct OutcomeRow; // of the table, in outcome.cpp

class Outcomes {
  public:
    explicit Outcomes(Runtime const& runtime);

    // Visits what is told of extrinsics, in the order of events; successes of inner calls are not.
    // Returns the number of events. What was told before an error counts.
    [[nodiscard]] std::expected<std::uint32_t, EventsError> scan(Bytes events,
                                                                 OutcomeVisitor const& visit) const;

  private:
    // A row as the runtime has it.
    struct Resolved {
        OutcomeRow const* row = nullptr;
        EventName name;
        std::uint8_t pallet = 0;
        std::uint8_t event = 0;
        std::span<Field const> fields; // of the event
        // Places among them; absent: fields.size().
        std::size_t error = 0;
        std::size_t item = 0;
    };
    void resolve(Variant const& pallet);
    bool told(Resolved const& event, Bytes fields, OutcomeEvent& out) const;
    Resolved const* find(std::uint8_t pallet, std::uint8_t event) const;

    Runtime const& runtime_;
    std::vector<Resolved> events_;
};

} // namespace decoders
