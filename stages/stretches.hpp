// Sets of block numbers as lists of stretches (both ends included). Pure functions, any thread; the
// largest number there is may be an end.
#pragma once

#include "stages/messages.hpp"

#include <span>
#include <vector>

namespace stages {

// Ascending, disjoint, as few as can be; stretches that end before they begin are left out.
std::vector<Stretch> tidied(std::span<Stretch const> stretches);
// `from` is tidy, and stays so.
void subtract(std::vector<Stretch>& from, Stretch const& what);
bool contains(std::span<Stretch const> stretches, std::uint32_t number);
std::uint64_t blocks_in(std::span<Stretch const> stretches); // of a tidy list

} // namespace stages
