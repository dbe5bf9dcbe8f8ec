// A set of accounts that is written once and asked often: sorted, without repeats. Pure; any
// thread.
#pragma once

#include "decoders/account.hpp"

#include <optional>
#include <vector>

namespace stages {

using AccountSet = std::vector<decoders::Account>;

AccountSet sorted_set(std::vector<decoders::Account> accounts);
// Only of a set that sorted_set() has made. A binary search.
bool holds(AccountSet const& set, decoders::Account const& account);
std::optional<std::size_t> place_in(AccountSet const& set, decoders::Account const& account);

} // namespace stages
