// Random valid SCALE values for any type of a runtime, and events with chosen fields: for
// generators of traffic, demos and tests. Deterministic: the same seed gives the same bytes. Not
// for the data plane.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"

#include <expected>
#include <functional>
#include <string_view>
#include <vector>

namespace decoders {

// splitmix64: small, good enough for samples, the same everywhere.
class SampleRandom {
  public:
    explicit SampleRandom(std::uint64_t seed)
        : state_(seed) {}
    std::uint64_t next();
    std::uint64_t below(std::uint64_t bound); // bound > 0

  private:
    std::uint64_t state_;
};

// Called for each field of an event (or struct) before it is sampled: writes the field's whole
// value to `out` and returns true, or returns false to have it sampled. `name` is "" for unnamed
// fields.
using FieldOverride = std::function<bool(std::string_view name, std::size_t position, TypeId type,
                                         std::vector<std::uint8_t>& out)>;

// Appends a random value. Fails (no_values) for types without values.
[[nodiscard]] std::expected<void, Error> sample_value(Runtime const& runtime, TypeId type,
                                                      SampleRandom& random,
                                                      std::vector<std::uint8_t>& out,
                                                      FieldOverride const& overrides = {});

// Appends pallet index, event index and fields of one event (no phase, no topics). unknown_name if
// the runtime has no such event.
[[nodiscard]] std::expected<void, Error> encode_event(Runtime const& runtime,
                                                      std::string_view pallet,
                                                      std::string_view event, SampleRandom& random,
                                                      std::vector<std::uint8_t>& out,
                                                      FieldOverride const& overrides = {});

// An event of the movement table by its roles: `movement` is an index into Runtime::movements().
// Roles the event has not are not looked at. `asset` (SCALE bytes) is used for by_id movements;
// empty: sampled.
[[nodiscard]] std::expected<void, Error> encode_movement(Runtime const& runtime,
                                                         std::size_t movement, Account const& from,
                                                         Account const& to, pipeline::u128 amount,
                                                         Bytes asset, SampleRandom& random,
                                                         std::vector<std::uint8_t>& out);

// An event record: phase, event bytes, no topics. extrinsic < 0: -1 initialization, -2
// finalization.
void append_record(std::int64_t extrinsic, Bytes event, std::vector<std::uint8_t>& out);
// A compact integer, as SCALE writes it.
void append_compact(pipeline::u128 value, std::vector<std::uint8_t>& out);

} // namespace decoders
