// What tests of stages make movements of: people by number, and rows of pallet_balances by event.
#pragma once

#include "decoders/account.hpp"
#include "decoders/movements.hpp"

namespace scripted {

inline decoders::Account person(std::uint8_t name) {
    decoders::Account one;
    one.size = 32;
    one.key[0] = name;
    return one;
}

// Only of an event that the table has.
inline std::uint16_t row_of_event(std::string_view event) {
    auto const rows = decoders::movement_rows();
    std::uint16_t row = 0;
    while (rows[row].pallet != "Balances" || rows[row].event != event) ++row;
    return row;
}

} // namespace scripted
