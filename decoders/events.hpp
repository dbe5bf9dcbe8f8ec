// The System.Events value of a block: the movements of value in it. (All of it as text:
// events_json.hpp.)
//
// Pure functions of runtime and bytes; any thread. Scanning allocates nothing, and its work is
// bounded by the size of the value.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"

#include <array>
#include <expected>
#include <optional>
#include <string>

namespace decoders {

enum class Phase : std::uint8_t { apply_extrinsic = 0, finalization = 1, initialization = 2 };

// What one event moved. Which roles it has is said by its MovementEvent; those it has not are
// empty, and an amount it has not is 0.
struct Movement {
    std::uint32_t event_index = 0;
    std::uint32_t extrinsic_index = 0; // meaningful in phase apply_extrinsic
    Phase phase{};
    std::uint16_t source = 0; // index into Runtime::movements(): pallet, event, kind, kind of asset
    Account from;
    Account to;
    pipeline::u128 amount = 0; // smallest unit
    Bytes asset;               // SCALE bytes of the asset id, inside the value; empty: native
};

struct ScanResult {
    std::uint32_t events = 0;
    std::uint32_t movements = 0; // told
};

struct EventsError {
    Error error;
    std::uint32_t event_index = 0; // the event that could not be read
    TypeId type = no_type;         // the type that could not be read, where known
    EventName event;               // views into the metadata; "" before they are known
};
// "…, at byte 1234, in event 17 (Balances.Transfer), type 4 (…)".
std::string describe(Runtime const& runtime, EventsError const& error);

// The newest movements that a repeat (MovementRow::repeats) may speak of. Each is spoken of once.
class ToldMovements {
  public:
    // A repeat follows its movement at once, with a few movements of hooks between them at most.
    static constexpr std::size_t told_max = 32;

    void add(MovementKind kind, Movement const& movement);
    // True: the movement was there, and is taken.
    bool take(MovementKinds kinds, Movement const& movement);

  private:
    struct Entry {
        Account from, to;
        pipeline::u128 amount = 0;
        std::uint32_t extrinsic_index = 0;
        Phase phase{};
        MovementKinds kind; // empty: taken, or nothing yet
    };
    std::array<Entry, told_max> ring_{};
    std::size_t next_ = 0;
};

// Walks the events of one value and stops at each movement of the kinds that are wanted; events of
// other kinds cost no more than events that move nothing. Hot.
class MovementScan {
  public:
    MovementScan(Runtime const& runtime, Bytes value, MovementKinds wanted);

    // True: `out` is the next movement (out.asset points into the value). False: end, or error.
    [[nodiscard]] bool next(Movement& out);

    // After next() returned false: what was seen, or what was wrong. Movements before the error
    // count.
    [[nodiscard]] std::expected<ScanResult, EventsError> result() const;
    ScanResult so_far() const { return seen_; }

  private:
    bool fail(Code code, std::uint8_t const* at, std::uint64_t detail = 0);
    bool fail_in_event(Walk const& walk, std::uint8_t const* event);
    bool unknown_event(std::uint8_t const* event);
    bool read(EventPlan const& event, Walk& walk, Movement& out);
    bool topics(Walk& walk);
    bool tells(Movement const& movement);

    Runtime const& runtime_;
    std::uint8_t const* begin_;
    std::uint8_t const* at_;
    std::uint8_t const* end_;
    MovementKinds wanted_;
    std::uint64_t read_; // bits of the kinds to read: the wanted ones, and what they may repeat
    std::uint32_t count_ = 0;
    std::uint32_t index_ = 0;
    ScanResult seen_{};
    EventsError error_{};
    bool failed_ = false;
    bool meant_ = true;                 // what was read last is told where its row says
    std::optional<ToldMovements> told_; // if a wanted kind has repeats in this runtime
};

// Calls visit(Movement const&) for each movement. An empty value (no bytes at all) is an error:
// the encoding of "no events" is one zero byte.
template <class Visitor>
[[nodiscard]] std::expected<ScanResult, EventsError>
scan_movements(Runtime const& runtime, Bytes value, MovementKinds wanted, Visitor&& visit) {
    MovementScan scan(runtime, value, wanted);
    Movement movement;
    while (scan.next(movement)) visit(static_cast<Movement const&>(movement));
    return scan.result();
}
template <class Visitor>
[[nodiscard]] std::expected<ScanResult, EventsError> scan_transfers(Runtime const& runtime,
                                                                    Bytes value, Visitor&& visit) {
    return scan_movements(runtime, value, MovementKind::transfer, visit);
}

} // namespace decoders
