#include "stages/account_set.hpp"

#include <algorithm>
#include <cstring>

namespace stages {

namespace {
bool before(decoders::Account const& a, decoders::Account const& b) {
    int const order = std::memcmp(a.key, b.key, sizeof a.key);
    return order != 0 ? order < 0 : a.size < b.size;
}
} // namespace

AccountSet sorted_set(std::vector<decoders::Account> accounts) {
    std::ranges::sort(accounts, before);
    auto const twice = std::ranges::unique(accounts);
    accounts.erase(twice.begin(), twice.end());
    return accounts;
}

bool holds(AccountSet const& set, decoders::Account const& account) {
    return std::binary_search(set.begin(), set.end(), account, before);
}

std::optional<std::size_t> place_in(AccountSet const& set, decoders::Account const& account) {
    auto const found = std::ranges::lower_bound(set, account, before);
    if (found == set.end() || *found != account) return std::nullopt;
    return static_cast<std::size_t>(found - set.begin());
}

} // namespace stages
