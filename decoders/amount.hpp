// Amounts (u128) and their decimal texts; exact in both directions, nothing is ever
// rounded. Any thread; no allocation.
#pragma once

#include "decoders/error.hpp"
#include "pipeline/types.hpp"

#include <expected>
#include <optional>
#include <string_view>

namespace decoders {

inline constexpr std::uint8_t max_decimals = 128; // of a token; chains hold a u8, more is nonsense
using AmountText = pipeline::FixedText<192>;

// "340282366920938463463374607431768211455"
AmountText u128_text(pipeline::u128 value);
[[nodiscard]] std::expected<pipeline::u128, Error> parse_u128(std::string_view text);

// Whole tokens, "10000" or "0.5", times 10^decimals. Refused: signs, exponents, blanks, empty
// parts, more decimals than the token has (zeros at the end do not count), overflow.
[[nodiscard]] std::expected<pipeline::u128, Error> parse_tokens(std::string_view text,
                                                                std::uint8_t decimals);

// The shortest exact decimal: no zeros at the end, no point if nothing follows it. decimals <=
// max_decimals.
AmountText tokens_text(pipeline::u128 value, std::uint8_t decimals);

// An amount in the smallest unit of a token, times a price per whole token (a plain decimal): the
// shortest exact decimal. Nothing where the price is no plain decimal of at most 38 digits, or the
// product has no room.
std::optional<AmountText> product_text(pipeline::u128 amount, std::uint8_t decimals,
                                       std::string_view price);

} // namespace decoders
