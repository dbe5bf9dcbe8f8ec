#include "decoders/amount.hpp"

#include "pipeline/check.hpp"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>

namespace decoders {

using pipeline::u128;
namespace {

constexpr u128 greatest = ~u128{0};

struct Digits {
    char text[40];
    std::size_t size = 0;
};

Digits digits_of(u128 value) {
    Digits reversed;
    do {
        reversed.text[reversed.size++] = static_cast<char>('0' + static_cast<int>(value % 10));
        value /= 10;
    } while (value != 0);
    std::reverse(reversed.text, reversed.text + reversed.size);
    return reversed;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// value * 10 + digit, or false on overflow.
bool push(u128& value, unsigned digit) {
    if (value > (greatest - digit) / 10) return false;
    value = value * 10 + digit;
    return true;
}

// The shortest decimal of digits of which the last `decimals` stand behind the point.
AmountText with_point(std::string_view digits, std::uint8_t decimals) {
    char text[192];
    std::size_t size = 0;
    std::size_t const whole = digits.size() > decimals ? digits.size() - decimals : 0;
    if (whole == 0) text[size++] = '0';
    for (std::size_t i = 0; i < whole; ++i) text[size++] = digits[i];
    std::size_t used = digits.size();
    while (used > whole && digits[used - 1] == '0') --used;
    if (used > whole) {
        text[size++] = '.';
        for (std::size_t i = digits.size(); i < decimals; ++i) text[size++] = '0';
        for (std::size_t i = whole; i < used; ++i) text[size++] = digits[i];
    }
    return AmountText(std::string_view(text, size));
}

} // namespace

AmountText u128_text(u128 value) {
    auto const digits = digits_of(value);
    return AmountText(std::string_view(digits.text, digits.size));
}

std::expected<u128, Error> parse_u128(std::string_view text) { return parse_tokens(text, 0); }

std::expected<u128, Error> parse_tokens(std::string_view text, std::uint8_t decimals) {
    auto const point = text.find('.');
    auto const whole = text.substr(0, point);
    auto fraction = point == text.npos ? std::string_view{} : text.substr(point + 1);
    if (whole.empty() || (point != text.npos && fraction.empty())) {
        return std::unexpected(Error{Code::bad_amount, whole.empty() ? 0 : text.size()});
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i != point && !is_digit(text[i])) return std::unexpected(Error{Code::bad_amount, i});
    }
    while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
    if (fraction.size() > decimals) {
        return std::unexpected(Error{Code::amount_decimals, point + 1 + decimals, decimals});
    }
    u128 value = 0;
    bool fits = true;
    for (char const c : whole) fits = fits && push(value, static_cast<unsigned>(c - '0'));
    for (std::size_t i = 0; i < decimals && fits; ++i) {
        if (value == 0 && i >= fraction.size()) break; // zero stays zero
        fits = push(value, i < fraction.size() ? static_cast<unsigned>(fraction[i] - '0') : 0u);
    }
    if (!fits) return std::unexpected(Error{Code::amount_too_large, 0});
    return value;
}

AmountText tokens_text(u128 value, std::uint8_t decimals) {
    CHECK(decimals <= max_decimals);
    auto const digits = digits_of(value);
    return with_point({digits.text, digits.size}, decimals);
}

std::optional<AmountText> product_text(u128 amount, std::uint8_t decimals, std::string_view price) {
    using Wide = boost::multiprecision::uint256_t; // 2^128 x 10^38 has room
    constexpr std::size_t price_digits_max = 38;
    constexpr std::size_t decimals_max = 100; // with 78 digits the text has room
    if (price.size() > price_digits_max + 1) return std::nullopt;
    std::size_t const point = std::min(price.find('.'), price.size());
    auto const scale = static_cast<std::uint8_t>(price.size() - std::min(point + 1, price.size()));
    auto const scaled = parse_tokens(price, scale);
    if (!scaled || std::size_t{decimals} + scale > decimals_max) return std::nullopt;
    std::string const digits = Wide(Wide(amount) * Wide(*scaled)).str();
    return with_point(digits, static_cast<std::uint8_t>(decimals + scale));
}

} // namespace decoders
