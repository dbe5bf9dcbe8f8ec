// Any text as an address or an amount: what is accepted is written back as the same text or value.
#include "decoders/amount.hpp"
#include "decoders/ss58.hpp"
#include "pipeline/check.hpp"

using namespace decoders;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    if (auto const address = ss58_decode(text)) {
        CHECK(ss58_encode(address->account, address->prefix).view() == text);
    }
    static_cast<void>(parse_address(text));
    auto const decimals = static_cast<std::uint8_t>(size % (max_decimals + 1u));
    if (auto const amount = parse_tokens(text, decimals)) {
        CHECK(parse_tokens(tokens_text(*amount, decimals).view(), decimals).value() == *amount);
    }
    return 0;
}
