// The limit: the events of the busy block read by code written for one runtime, the way a program
// would do it that never has to learn another. Pallets, events, sizes and shapes of
// asset-hub-polkadot 2000000 stand in the code; no metadata is looked at. It accepts what our scan
// accepts, as far as the busy block goes; any other event, variant or topic ends it.
//
// Pure functions of the bytes; any thread.
#pragma once

#include "decoders/events.hpp"

#include <span>

namespace bench {

struct StaticWalk {
    bool complete = false;       // false: something it was not written for, or `found` is too short
    std::uint32_t events = 0;    // whole events before the end
    std::uint32_t movements = 0; // written to `found`
};

// Balances.Transfer and ForeignAssets.Transferred. Movement::source is here the pallet's index
// times 256 plus the event's.
StaticWalk static_walk_transfers(decoders::Bytes value, std::span<decoders::Movement> found);

// Every movement of the table in decoders/movements.hpp.
StaticWalk static_walk_movements(decoders::Bytes value, std::span<decoders::Movement> found);

} // namespace bench
