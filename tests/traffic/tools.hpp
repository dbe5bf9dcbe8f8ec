// What a proof does with traffic: takes it whole, takes it in another order or under other names,
// asks what is usual in it. Pure functions; any thread.
#pragma once

#include "tests/traffic/traffic.hpp"

namespace traffic {

// The next `movements` or a few more, in whole blocks; those without movements are left out.
std::vector<Block> taken(Traffic& traffic, std::size_t movements);

// The movements of each block in another order. Of those that share an account the order matters
// and is kept; every other order may come. A movement keeps its number (Movement::event), so that
// evidence and truth stay comparable.
std::vector<Block> permuted_order(std::vector<Block> stream, std::uint64_t seed);

// Every key under another name (all the same bits of it turned): other hashes, other order. Twice
// is the stream itself. The truth's subjects: renamed(key, seed).
std::vector<Block> renamed(std::vector<Block> stream, std::uint64_t seed);
Account renamed(Account key, std::uint64_t seed);

// Each of the stream's keys once, in a random order: entered beforehand in this order, accounts
// have other numbers than by their first movement.
std::vector<Account> permuted_accounts(std::vector<Block> const& stream, std::uint64_t seed);

// Median and median absolute deviation of something by window, in tokens.
struct Usual {
    double median = 0;
    double mad = 0;
    // What is `z` robust deviations above the median: 1.4826 mad is one (of a normal).
    u128 at(double z) const { return planck_of(median + z * 1.4826 * mad); }
};
// Of all transfers of the traffic.
Usual usual_volume(Options const& options, std::uint32_t window_s, std::uint32_t windows);
// Of what comes to an exchange's accounts less what leaves them.
Usual usual_net_flow(Options const& options, std::uint32_t exchange, std::uint32_t window_s,
                     std::uint32_t windows);

} // namespace traffic
