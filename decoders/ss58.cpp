#include "decoders/ss58.hpp"

#include "decoders/hash.hpp"
#include "decoders/hex.hpp"
#include "pipeline/check.hpp"

#include <algorithm>
#include <cstring>

namespace decoders {
namespace {

constexpr std::string_view alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t checksum_bytes = 2; // for keys of 20 and 32 bytes
constexpr std::size_t max_payload = 2 + 32 + checksum_bytes;

constexpr auto digit_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return values;
}();

std::array<std::uint8_t, checksum_bytes> checksum(Bytes payload) {
    constexpr std::string_view salt = "SS58PRE";
    std::uint8_t text[salt.size() + max_payload];
    std::memcpy(text, salt.data(), salt.size());
    std::memcpy(text + salt.size(), payload.data(), payload.size());
    auto const hash = blake2b_512({text, salt.size() + payload.size()});
    return {hash[0], hash[1]};
}

// Prefixes up to 63 are one byte; up to 16383 two: 01aaaaaa bbcccccc for the bits ccccccaaaaaabb.
std::size_t write_prefix(std::uint16_t prefix, std::uint8_t* out) {
    if (prefix < 64) {
        out[0] = static_cast<std::uint8_t>(prefix);
        return 1;
    }
    out[0] = static_cast<std::uint8_t>(0x40 | ((prefix >> 2) & 0x3f));
    out[1] = static_cast<std::uint8_t>((prefix >> 8) | ((prefix & 3) << 6));
    return 2;
}

// The bytes behind base58 `text`, big-endian; size > max_payload means: too many.
struct Payload {
    std::uint8_t bytes[max_payload + 8] = {};
    std::size_t size = 0;
};
std::expected<Payload, Error> base58_decode(std::string_view text) {
    if (text.size() > max_ss58_chars) {
        return std::unexpected(Error{Code::too_long, 0, max_ss58_chars});
    }
    std::uint8_t little[max_payload + 8] = {};
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int carry = digit_values[static_cast<std::uint8_t>(text[i])];
        if (carry < 0) return std::unexpected(Error{Code::bad_base58, i});
        for (std::size_t j = 0; j < used; ++j) {
            carry += 58 * little[j];
            little[j] = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        if (carry > 0) little[used++] = static_cast<std::uint8_t>(carry);
        CHECK(used <= sizeof little); // 56 digits are at most 42 bytes
    }
    auto const zeros = std::min(text.find_first_not_of('1'), text.size());
    Payload payload;
    payload.size = zeros + used;
    if (payload.size > max_payload) {
        return std::unexpected(Error{Code::ss58_length, 0, payload.size});
    }
    std::reverse_copy(little, little + used, payload.bytes + zeros);
    return payload;
}

Ss58Text base58_encode(Bytes bytes) {
    std::uint8_t digits[64] = {};
    std::size_t used = 0;
    for (auto const byte : bytes) {
        unsigned carry = byte;
        for (std::size_t j = 0; j < used; ++j) {
            carry += unsigned{digits[j]} << 8;
            digits[j] = static_cast<std::uint8_t>(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58) digits[used++] = static_cast<std::uint8_t>(carry % 58);
    }
    char text[64];
    std::size_t size = 0;
    for (std::size_t i = 0; i < bytes.size() && bytes[i] == 0; ++i) text[size++] = alphabet[0];
    while (used > 0) text[size++] = alphabet[digits[--used]];
    return Ss58Text(std::string_view(text, size));
}

} // namespace

Ss58Text ss58_encode(Account const& account, std::uint16_t prefix) {
    CHECK(prefix <= max_ss58_prefix && (account.size == 32 || account.size == 20));
    std::uint8_t payload[max_payload];
    std::size_t size = write_prefix(prefix, payload);
    std::memcpy(payload + size, account.key, account.size);
    size += account.size;
    auto const sum = checksum({payload, size});
    std::memcpy(payload + size, sum.data(), sum.size());
    return base58_encode({payload, size + sum.size()});
}

std::expected<Address, Error> ss58_decode(std::string_view text) {
    auto const decoded = base58_decode(text);
    if (!decoded) return std::unexpected(decoded.error());
    auto const* bytes = decoded->bytes;
    auto const size = decoded->size;
    if (size < 1) return std::unexpected(Error{Code::ss58_length, 0, size});
    if (bytes[0] >= 128) return std::unexpected(Error{Code::ss58_prefix});
    std::size_t const prefix_bytes = bytes[0] < 64 ? 1 : 2;
    std::size_t const key = size - std::min(size, prefix_bytes + checksum_bytes);
    if (key != 32 && key != 20) return std::unexpected(Error{Code::ss58_length, 0, size});
    Address address;
    address.prefix = bytes[0];
    if (prefix_bytes == 2) {
        address.prefix = static_cast<std::uint16_t>(((bytes[0] & 0x3f) << 2) | (bytes[1] >> 6) |
                                                    ((bytes[1] & 0x3f) << 8));
    }
    auto const sum = checksum({bytes, prefix_bytes + key});
    if (std::memcmp(sum.data(), bytes + prefix_bytes + key, checksum_bytes) != 0) {
        return std::unexpected(Error{Code::ss58_checksum});
    }
    // A two-byte spelling of a prefix that fits in one byte would be a second address of the same
    // key.
    if (prefix_bytes == 2 && address.prefix < 64) return std::unexpected(Error{Code::ss58_prefix});
    address.account = account_of(bytes + prefix_bytes, static_cast<std::uint8_t>(key));
    return address;
}

std::expected<Address, Error> parse_address(std::string_view text) {
    if (!text.starts_with("0x") && !text.starts_with("0X")) return ss58_decode(text);
    std::uint8_t key[32];
    if (text.size() > 2 + 2 * sizeof key) {
        return std::unexpected(Error{Code::bad_key, 0, (text.size() - 2) / 2});
    }
    auto const size = hex_decode(text, key);
    if (!size) return std::unexpected(size.error());
    if (*size != 32 && *size != 20) return std::unexpected(Error{Code::bad_key, 0, *size});
    return Address{account_of(key, static_cast<std::uint8_t>(*size)), no_ss58_prefix};
}

} // namespace decoders
