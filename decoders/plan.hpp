// Decode plans: for every type a flat run of steps, so that passing over a value costs an addition
// where its size is fixed and a small loop where it is not. Plans check what the bytes can be
// wrong about (bools, enum tags, compacts, text), so passing over a value and decoding it accept
// the same bytes. Built by compile(), then immutable.
//
//   struct { u32, Compact<u128>, Vec<[u8; 32]>, Option<u64> }
//     -> skip 4 | compact 16 | sequence of 32 | variant { 0: 0 bytes, 1: 8 bytes } | end
#pragma once

#include "decoders/metadata.hpp"

#include <array>
#include <expected>
#include <vector>

namespace decoders {

enum class Op : std::uint8_t {
    end,
    skip,      // a bytes
    compact,   // width: bytes of the widest value allowed
    boolean,   // 0 or 1
    tag,       // one byte below a: an enum whose variants have no fields
    text,      // length, UTF-8
    character, // u32, Unicode scalar value
    sequence,  // count, then elements: b bytes each, or (b == variable_size) the run at a
    bits,      // count of bits, then whole stores of a bytes
    variant,   // one byte, then branches[a + byte]; valid below b
    call,      // the run at a
    repeat,    // b times the run at a
    never,     // no value exists
};

inline constexpr std::size_t max_value_depth = 128; // enums and lists inside each other
inline constexpr std::uint32_t max_empty_elements =
    65'536; // of a list whose elements have no bytes

inline constexpr std::uint32_t no_such = 0xffff'ffff;       // no such branch or event
inline constexpr std::uint32_t variable_size = 0xffff'fffe; // follow the steps
inline constexpr std::uint32_t huge_size = 0xffff'fff0; // larger than any value: fails as too short

struct Step {
    Op op = Op::end;
    std::uint8_t width = 0;
    TypeId type = no_type; // whose step this is, for messages
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};
// What a type, a variant or an event costs: a fixed number of bytes, or the steps from `first`.
struct Run {
    std::uint32_t size = no_such;
    std::uint32_t first = 0;
};

// How one role of a movement is read.
enum class Read : std::uint8_t { nothing, account, address, little_endian, compact, whole };
inline constexpr std::uint8_t no_field = 0xff;
struct RolePlan {
    Read read{};            // nothing: the event has no such role
    std::uint8_t width = 0; // account: 20 or 32; little_endian: bytes; compact: bytes of the widest
    std::uint8_t field = no_field; // index among the event's fields
    std::uint32_t offset = 0;      // from the first field, if everything before has a fixed size
    std::uint32_t size = 0;        // whole, fixed: bytes
    std::array<std::uint8_t, 8>
        tag_sizes{}; // address: key size behind each tag, 0 where there is no key
};
inline constexpr std::size_t max_movement_fields = 16;
struct MovementPlan {
    bool fixed = false; // all roles are read at their offsets
    std::uint8_t fields = 0;
    RolePlan from, to, amount, asset;
    RolePlan more; // a second part of the amount, to be added to it
    RolePlan only; // an enum; told only where its tag is this
    std::uint8_t only_tag = 0;
    std::array<Run, max_movement_fields> runs{};
};

inline constexpr std::uint8_t no_movement = 63; // a bit that MovementKinds never has

struct EventPlan {
    Run run;
    std::uint16_t movement = 0xffff; // index into movements; 0xffff: none
    std::uint8_t kind = no_movement; // its MovementKind, a bit of MovementKinds
};

struct Plans {
    std::vector<Run> types; // by type id
    std::vector<Step> steps;
    std::vector<Run> branches;
    std::array<std::uint16_t, 256> pages{}; // pallet index -> page of 256 events; 0: none
    std::vector<EventPlan> events;          // pages of 256; page 0 is empty
    std::vector<MovementPlan> movements;    // parallel to Runtime::movements()
    std::uint64_t repeats = 0;              // MovementKinds of the movements that may repeat others
    std::uint64_t repeated = 0;             // and of those they may repeat
    TypeId record = no_type;                // EventRecord, the element of System.Events
    std::uint32_t topic_size = 32;

    EventPlan const& event(std::uint8_t pallet, std::uint8_t event) const {
        return events[std::size_t{pages[pallet]} * 256 + event];
    }
};

// The plans of every type and of every event of `metadata` (movements are resolved separately).
// no_events if System.Events has not the shape { phase, event, topics }.
[[nodiscard]] std::expected<Plans, Error> build_plans(Metadata const& metadata);

// Passing over values.
struct Walk {
    std::uint8_t const* at = nullptr;
    std::uint8_t const* end = nullptr;
    Code code{};           // after a failure
    TypeId type = no_type; // whose step failed, where known
};
// True: walk.at is behind the value. False: walk.code says why, walk.at where.
[[nodiscard]] bool pass(Plans const& plans, Run run, Walk& walk);

} // namespace decoders
