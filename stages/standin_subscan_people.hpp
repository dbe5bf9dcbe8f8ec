// Who the stand-in Subscan says an account is, and what a token costs: invented from the public
// key and a seed, the same on every machine and at every time of asking. No name is a real one.
//
// Pure; any thread.
#pragma once

#include "decoders/account.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace stages {

struct MadePerson {
    std::string display; // "" : nobody knows
    std::string parent;  // of a sub-identity: its parent's display
    std::string sub;
    std::string_view judgement;               // "": none
    bool identity = false;                    // the display name is an on-chain identity
    std::string_view tag_name, tag_type;      // of an exchange; "": none
    std::string_view tag_subtype, tag_wallet; //
};

// Accounts that hardly ever move are nobody: an identity needs this many transfers.
inline constexpr std::uint64_t busy_transfers = 2;

MadePerson made_person(decoders::Account const& account, std::uint64_t activity);

// In the smallest unit, between 1 and 10,000,000 tokens.
pipeline::u128 made_balance(decoders::Account const& account, std::uint8_t decimals);

// Millionths of a US dollar per token: between 0.1 and 100 dollars, a walk of at most 4 % an hour.
// A dollar for tokens whose symbol begins with "USD".
std::uint64_t made_price(std::string_view symbol, std::uint64_t unix_s, std::uint64_t seed);

} // namespace stages
