// Which events move value from one account to another, as data. A row names a pallet, an event
// and, by role, the names a field had in any runtime. The rows are resolved against each runtime's
// metadata when it is loaded; a runtime whose event is there but cannot be read is reported as
// blind.
#pragma once

#include "decoders/metadata.hpp"

#include <span>
#include <string_view>

namespace decoders {

enum class AssetKind : std::uint8_t { native, by_id };

struct MovementRow {
    std::string_view pallet;
    std::string_view event;
    // Names separated by '|', the first that exists counts; unnamed fields are taken by type and
    // place.
    std::string_view from;
    std::string_view to;
    std::string_view amount;
    std::string_view asset; // empty: the native token
    bool doubles = false;   // another row's event reports the same movement: known, never reported
};

std::span<MovementRow const> movement_rows();

// A row as one runtime has it.
struct Movement {
    std::string_view pallet; // views into the row
    std::string_view event;
    AssetKind asset{};
    TypeId asset_type = no_type; // by_id: the type of Transfer::asset
    std::uint8_t pallet_index = 0;
    std::uint8_t event_index = 0;
};

// An event of the table that this runtime has and that cannot be read.
struct Blind {
    std::string_view pallet;
    std::string_view event;
    std::string_view missing; // the role: "from", "to", "amount", "asset"
};

} // namespace decoders
