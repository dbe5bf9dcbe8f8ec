// The System.Events value of a block: the transfers in it. (All of it as text: events_json.hpp.)
//
// Pure functions of runtime and bytes; any thread. Scanning allocates nothing, and its work is
// bounded by the size of the value.
#pragma once

#include "decoders/account.hpp"
#include "decoders/runtime.hpp"

#include <expected>
#include <string>

namespace decoders {

enum class Phase : std::uint8_t { apply_extrinsic = 0, finalization = 1, initialization = 2 };

struct Transfer {
    std::uint32_t event_index = 0;
    std::uint32_t extrinsic_index = 0; // meaningful in phase apply_extrinsic
    Phase phase{};
    std::uint16_t movement = 0; // index into Runtime::movements(): pallet, event, kind of asset
    Account from;
    Account to;
    pipeline::u128 amount = 0; // smallest unit
    Bytes asset;               // SCALE bytes of the asset id, inside the value; empty: native
};

struct ScanResult {
    std::uint32_t events = 0;
    std::uint32_t transfers = 0;
};

struct EventsError {
    Error error;
    std::uint32_t event_index = 0; // the event that could not be read
    TypeId type = no_type;         // the type that could not be read, where known
    EventName event;               // views into the metadata; "" before they are known
};
// "…, at byte 1234, in event 17 (Balances.Transfer), type 4 (…)".
std::string describe(Runtime const& runtime, EventsError const& error);

// Walks the events of one value and stops at each transfer. Hot.
class TransferScan {
  public:
    TransferScan(Runtime const& runtime, Bytes value);

    // True: `out` is the next transfer (out.asset points into the value). False: end, or error.
    [[nodiscard]] bool next(Transfer& out);

    // After next() returned false: what was seen, or what was wrong. Transfers before the error
    // count.
    [[nodiscard]] std::expected<ScanResult, EventsError> result() const;
    ScanResult so_far() const { return seen_; }

  private:
    bool fail(Code code, std::uint8_t const* at, std::uint64_t detail = 0);
    bool fail_in_event(Walk const& walk, std::uint8_t const* event);
    bool unknown_event(std::uint8_t const* event);
    bool movement(MovementPlan const& plan, EventPlan const& event, Walk& walk, Transfer& out);
    bool topics(Walk& walk);

    Runtime const& runtime_;
    std::uint8_t const* begin_;
    std::uint8_t const* at_;
    std::uint8_t const* end_;
    std::uint32_t count_ = 0;
    std::uint32_t index_ = 0;
    ScanResult seen_{};
    EventsError error_{};
    bool failed_ = false;
};

// Calls visit(Transfer const&) for each transfer. An empty value (no bytes at all) is an error:
// the encoding of "no events" is one zero byte.
template <class Visitor>
[[nodiscard]] std::expected<ScanResult, EventsError> scan_transfers(Runtime const& runtime,
                                                                    Bytes value, Visitor&& visit) {
    TransferScan scan(runtime, value);
    Transfer transfer;
    while (scan.next(transfer)) visit(static_cast<Transfer const&>(transfer));
    return scan.result();
}

} // namespace decoders
