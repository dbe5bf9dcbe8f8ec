#include "decoders/error.hpp"

#include "pipeline/check.hpp"

#include <fmt/format.h>

namespace decoders {
namespace {

struct Row {
    Code code;
    std::string_view name;
    std::string_view sentence; // {0} offset, {1} detail
};

constexpr Row rows[] = {
    {Code::end_of_input, "end_of_input",
     "the bytes end inside a value, at byte {0}; it was cut short"},
    {Code::bad_hex_digit, "bad_hex_digit", "not a hex digit at byte {0}; expected 0-9, a-f or A-F"},
    {Code::odd_hex, "odd_hex",
     "an odd number of hex digits, at byte {0}; the last one is half a byte"},
    {Code::buffer_too_small, "buffer_too_small",
     "a value larger than the room for it, at byte {0}"},
    {Code::compact_redundant, "compact_redundant",
     "a compact integer in a longer form than it needs, at byte {0}; these are not valid bytes"},
    {Code::compact_too_wide, "compact_too_wide",
     "a compact integer too large for its type, at byte {0}; metadata and bytes may not belong "
     "together"},
    {Code::bad_bool, "bad_bool",
     "a bool that is neither 0 nor 1, at byte {0}; metadata and bytes may not belong together"},
    {Code::bad_variant, "bad_variant",
     "variant {1} does not exist, at byte {0}; metadata and bytes may not belong together"},
    {Code::bad_char, "bad_char", "not a Unicode character, at byte {0}"},
    {Code::bad_utf8, "bad_utf8", "text that is not UTF-8, at byte {0}"},
    {Code::no_values, "no_values", "a type that has no values, at byte {0}"},
    {Code::too_many_elements, "too_many_elements",
     "{1} elements claimed, more than the bytes left can hold, at byte {0}"},
    {Code::too_deep, "too_deep", "values nested too deeply, at byte {0}"},
    {Code::too_much_work, "too_much_work", "too many elements without bytes, at byte {0}"},
    {Code::trailing_bytes, "trailing_bytes",
     "{1} bytes left over after the last value, from byte {0}"},
    {Code::amount_too_large, "amount_too_large", "an amount above 2^128 - 1, at byte {0}"},
    {Code::not_metadata, "not_metadata",
     "not runtime metadata: byte {0} should begin \"meta\"; give what state_getMetadata returns"},
    {Code::metadata_version, "metadata_version",
     "metadata version {1} is not supported; versions 14, 15 and 16 are"},
    {Code::metadata_too_large, "metadata_too_large", "metadata beyond the limits, at byte {0}"},
    {Code::metadata_type_id, "metadata_type_id",
     "metadata refers to type {1}, which it does not have"},
    {Code::metadata_type_order, "metadata_type_order",
     "metadata lists type {1} out of order, at byte {0}"},
    {Code::metadata_enum, "metadata_enum", "metadata holds an unknown tag {1}, at byte {0}"},
    {Code::metadata_cyclic, "metadata_cyclic",
     "metadata type {1} contains itself without end, or is nested too deeply"},
    {Code::metadata_unsupported, "metadata_unsupported",
     "metadata type {1} is of a kind that cannot be decoded"},
    {Code::metadata_extension, "metadata_extension",
     "metadata refers to transaction extension {1}, which it does not have"},
    {Code::no_events, "no_events", "this metadata has no System.Events of the known shape"},
    {Code::no_extrinsics, "no_extrinsics",
     "this metadata does not say what an extrinsic of this kind consists of"},
    {Code::extrinsic_version, "extrinsic_version",
     "not an extrinsic: byte {0} is {1}; versions 4 (bare, signed) and 5 (bare, general) begin "
     "with 4, 132, 5 or 69"},
    {Code::extension_version, "extension_version",
     "version {1} of the transaction extensions, at byte {0}, is not known to this metadata"},
    {Code::json_syntax, "json_syntax", "not JSON, at byte {0}"},
    {Code::json_too_deep, "json_too_deep", "JSON nested too deeply, at byte {0}; the limit is 64"},
    {Code::json_too_large, "json_too_large", "a frame of {1} bytes, larger than allowed"},
    {Code::json_type, "json_type", "JSON of an unexpected kind, at byte {0}"},
    {Code::json_missing, "json_missing", "JSON without a member it must have, at byte {0}"},
    {Code::json_number, "json_number", "a JSON number out of range, at byte {0}"},
    {Code::json_utf8, "json_utf8", "JSON that is not UTF-8, at byte {0}"},
    {Code::too_long, "too_long", "a text longer than {1} bytes, at byte {0}"},
    {Code::bad_base58, "bad_base58",
     "not a base58 character at position {0} of the address (0, O, I and l are never used)"},
    {Code::ss58_checksum, "ss58_checksum",
     "the address's checksum does not match; a character is wrong or missing"},
    {Code::ss58_prefix, "ss58_prefix", "the address's network prefix is not a valid SS58 prefix"},
    {Code::ss58_length, "ss58_length",
     "the address holds {1} bytes, not a public key of 32 or 20 bytes with its checksum"},
    {Code::bad_key, "bad_key", "a public key of {1} bytes; it must have 32 or 20"},
    {Code::bad_amount, "bad_amount",
     "not a plain decimal amount, at character {0}; write it like 10000 or 0.5"},
    {Code::amount_decimals, "amount_decimals", "more decimals than the token has ({1})"},
    {Code::unknown_name, "unknown_name", "this runtime does not have that pallet, event or entry"},
};

constexpr bool complete() {
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        if (rows[i].code != static_cast<Code>(i)) return false;
    }
    return std::size(rows) == static_cast<std::size_t>(Code::unknown_name) + 1;
}
static_assert(complete(), "one row for each code, in the order of the enum");

Row const& row(Code code) {
    auto const at = static_cast<std::size_t>(code);
    CHECK(at < std::size(rows));
    return rows[at];
}

} // namespace

std::string_view code_name(Code code) { return row(code).name; }

std::string describe(Error const& error) {
    return fmt::format(fmt::runtime(row(error.code).sentence), error.offset, error.detail);
}

} // namespace decoders
