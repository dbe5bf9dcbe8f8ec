// Addresses as people write them: SS58 (docs.substrate.io "SS58 address format"), or 0x public
// keys. Any thread; encode and decode allocate nothing.
#pragma once

#include "decoders/account.hpp"
#include "decoders/error.hpp"

#include <expected>
#include <string_view>

namespace decoders {

inline constexpr std::uint16_t max_ss58_prefix = 16'383;
inline constexpr std::size_t max_ss58_chars = 56; // 36 bytes in base58, with room

using Ss58Text = pipeline::FixedText<64>;

struct Address {
    Account account;
    std::uint16_t prefix = 0;
};

// CHECKs that prefix <= max_ss58_prefix and that the account is not empty.
Ss58Text ss58_encode(Account const& account, std::uint16_t prefix);

// Keys of 32 and 20 bytes, any prefix; the checksum is verified.
[[nodiscard]] std::expected<Address, Error> ss58_decode(std::string_view text);

// What a person may write into a configuration: SS58 of any prefix, or a 0x key of 20 or 32 bytes
// (`prefix` is then 0xffff: none was given).
inline constexpr std::uint16_t no_ss58_prefix = 0xffff;
[[nodiscard]] std::expected<Address, Error> parse_address(std::string_view text);

} // namespace decoders
