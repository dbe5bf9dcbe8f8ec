// Events made by hand, in metadata made for them, with the values that a scan must find.
#pragma once

#include "decoders/movements.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tests {

// A field of an event and, by the first letter of its role, what the scan must find in it.
struct Part {
    std::string_view name;
    std::uint32_t type;
    char role = ' '; // from, to, amount, id of the asset, both accounts, nothing
};
struct Case {
    std::string_view pallet;
    std::string_view event;
    decoders::MovementKind kind{};
    std::vector<Part> parts;
};

// Each case is told as its roles say. The cases stand in one block of one runtime, so their names
// must differ.
void expect_told(std::vector<Case> const& cases);

// The same, each in a runtime of its own: for spellings of one event.
void expect_each_told(std::vector<Case> const& cases);

// The role for which the event is blind, or "nothing".
std::string missing_in(Case const& one);

} // namespace tests
